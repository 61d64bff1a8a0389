"""What a person does in the sandbox, over HTTP: for tests, benchmarks and scripts.

    driver = Driver("http://127.0.0.1:8090")
    driver.wait_for_bot()
    driver.command("1OU19ANx4fg")                          # /similar 1OU19ANx4fg, as Ada in #sounds
    reply = driver.wait_ephemeral()
    question = driver.upload(path=Path("piano.wav"))
    answer = driver.wait_reply(question, lambda m: "sounds like" in text_of(m).lower())
    driver.click(answer, "next_ten")

Messages, views and traffic entries are the dictionaries that Slack sends; `sandbox.client.reading` reads them.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox.client.reading import element_of, offers_of, text_of
from sandbox.client.watcher import REQUEST_TIMEOUT_SECONDS, DriverError, Watcher
from sandbox.names import BOT, direct_message

Json = dict[str, Any]

__all__ = ["Driver", "DriverError", "direct_message", "text_of"]


class Driver(Watcher):
    """A person at the sandbox; `user` and `channel` are the defaults of every method. Not for several threads."""

    def command(
        self,
        text: str = "",
        *,
        command: str = "/similar",
        channel: str | None = None,
        user: str | None = None,
        thread_ts: str | None = None,
    ) -> Json:
        """Type a slash command; returns, once acknowledged or timed out, `acked`, `ms` (until the ack), `response`
        (what the ack carried), `error` (what Slack would show), `trigger_id` and `response_url`."""
        return self._post("command", command=command, text=text, thread_ts=thread_ts, **self._place(channel, user))

    def say(
        self,
        channel: str | None = None,
        text: str = "",
        files: Sequence[Path] = (),
        *,
        thread_ts: str | None = None,
        user: str | None = None,
        voice: bool = False,
        **more: Any,
    ) -> Json:
        """Post a message, with files or none; returns the message. voice: recorded in Slack, `slack_audio`; more:
        `blocks`, `attachments` as a client of Slack makes them, `forward` a message to forward."""
        payload = {"text": text, "thread_ts": thread_ts, "voice": voice, **self._place(channel, user), **more}
        parts: list[tuple[str, tuple[str, bytes, str]]] = [
            ("file", (path.name, path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream"))
            for path in files
        ]
        answer = self._http.post(
            f"{self.url}/sandbox/say",
            data={"payload": json.dumps(payload)},
            files=parts or [("none", ("", b"", "text/plain"))],
            timeout=REQUEST_TIMEOUT_SECONDS,
        )
        message: Json = self._checked(answer)["message"]
        return message

    def upload(
        self,
        channel: str | None = None,
        path: Path | None = None,
        comment: str = "",
        thread_ts: str | None = None,
        *,
        user: str | None = None,
        voice: bool = False,
    ) -> Json:
        """Drop one file into a channel; returns the message that shares it. channel, user: those of `say` where None;
        thread_ts: of the thread that it goes into; voice: as a voice clip. Raises `DriverError`."""
        if path is None:
            raise DriverError("upload needs a path")
        return self.say(channel, comment, [path], thread_ts=thread_ts, user=user, voice=voice)

    def mention(
        self,
        channel: str | None = None,
        text: str = "",
        files: Sequence[Path] = (),
        *,
        thread_ts: str | None = None,
        user: str | None = None,
    ) -> Json:
        """Post a message that mentions the bot, with files; returns the message. See `upload` for the rest."""
        return self.say(channel, f"<@{BOT}> {text}".strip(), files, thread_ts=thread_ts, user=user)

    def click(self, surface: Json, action_id: str, user: str | None = None, *, value: str | None = None) -> Json:
        """Press a button of a message or a view, the one with `value` where several share the id; answers as
        `command`."""
        block, element = element_of(surface, action_id, value)
        return self._act(surface, block, element, None, user)

    def select(self, surface: Json, action_id: str, choice: Any, user: str | None = None) -> Json:
        """Choose in a select, an overflow menu, radio buttons or checkboxes: an option's value (or several, or whole
        options for external selects), a date, a user id; answers as `command`."""
        block, element = element_of(surface, action_id)
        return self._act(surface, block, element, choice, user)

    def choose(self, surface: Json, text: str, user: str | None = None, *, place: int = 0) -> Json:
        """Choose an option by its text in the first overflow menu that has it, or in a later one; answers as
        `command`."""
        block, element, value = offers_of(surface, text)[place]
        return self._act(surface, block, element, value, user)

    def options(self, surface: Json, action_id: str, typed: str, user: str | None = None) -> list[Json]:
        """Type into the external select of a message or view that has this action id; returns what the bot offers."""
        block, element = element_of(surface, action_id)
        where = {"container": _container(surface), "block_id": block["block_id"], "action_id": element["action_id"]}
        answer = self._post("options", user=user or self._reader(surface), value=typed, **where)
        return list(answer["options"])

    def submit(self, view: Json, values: dict[str, Any] | None = None, user: str | None = None) -> Json:
        """Submit a modal. values: by action id; a string, an option's value or a whole option, a list of them, or Paths
        for a file input. Answers as `command`; `response` has the bot's errors or next view."""
        state = {key: self._upload_inputs(value, user or self._reader(view)) for key, value in (values or {}).items()}
        return self._post("submit", view_id=view["id"], values=state, user=user or self._reader(view))

    def close(self, view: Json, user: str | None = None) -> Json:
        """Close a modal by its cross."""
        return self._post("close", view_id=view["id"], user=user or self._reader(view))

    def shortcut(self, callback_id: str, message: Json | None = None, user: str | None = None) -> Json:
        """Run a message shortcut on a message, or a global shortcut without one; answers as `command`."""
        where = {"channel": message["channel"], "ts": message["ts"]} if message else {}
        return self._post("shortcut", callback_id=callback_id, user=user or self.user, **where)

    def open_home(self, user: str | None = None) -> Json:
        """Open the bot's App Home, which sends `app_home_opened`."""
        return self._post("home", user=user or self.user, tab="home")

    def open_messages(self, user: str | None = None) -> Json:
        """Open the direct message with the bot, which sends `app_home_opened` for the messages tab."""
        return self._post("home", user=user or self.user, tab="messages")

    def edit(self, message: Json, text: str) -> Json:
        """Edit a message, which sends `message_changed` where the bot may see it."""
        return self._post("edit", channel=message["channel"], ts=message["ts"], text=text)

    def react(self, message: Json, name: str, user: str | None = None) -> Json:
        """Click on a reaction of a message, or take it back."""
        where = {"channel": message["channel"], "ts": message["ts"]}
        return self._post("react", name=name, user=user or self.user, **where)

    def delete(self, message: Json) -> Json:
        """Delete a message and its files."""
        return self._post("delete", channel=message["channel"], ts=message["ts"])

    def delete_file(self, file_id: str) -> Json:
        """Delete a file, which leaves a tombstone."""
        return self._post("delete", file=file_id)

    def send_event(self, event: Json, *, twice: bool = False) -> Json:
        """Send a raw event to the bot, twice under one event id where asked."""
        return self._post("event", event=event, twice=twice)

    # The workspace and its faults

    def faults(self, **switches: Any) -> Json:
        """Switch faults on or off and return all switches; `sandbox.faults.Faults` says what each does."""
        return dict(self._post("faults", **switches)["faults"])

    def fail(self, method: str, error: str = "ratelimited", times: int | None = 1, retry_after: int = 1) -> Json:
        """Let the next `times` calls (None: all) of a Web API method fail: `ratelimited` is a 429 with Retry-After,
        `internal_error` a 500, `connection_closed` and `answer_cut` none or half of one, anything else an `ok: false`;
        method `*` means every method."""
        return self._post("fail", method=method, error=error, times=times, retry_after=retry_after)

    def clear_faults(self) -> Json:
        """Switch all faults off."""
        return self._post("clear_faults")

    def configure(self, **settings: Any) -> Json:
        """Change the app: `scopes`, `events`, `commands`, `shortcuts` (lists), `request_url` (HTTP mode, checked by
        url_verification; empty for Socket Mode), `options_url`, `org` (installed for a whole organisation); returns the
        app's configuration."""
        return dict(self._post("app", **settings)["app"])

    def add_user(self, user: str, name: str = "", team: str = "") -> Json:
        """Add a person of a workspace; their direct message with the bot comes with them."""
        return dict(self._post("users", user=user, name=name or user.lower(), team=team))

    def add_channel(
        self,
        channel: str,
        name: str = "",
        *,
        bot: bool = True,
        kind: str = "public",
        refuses: str = "",
        connected: bool = False,
    ) -> Json:
        """Add a channel of a kind (public, private, mpim), or change whether the bot is in it and may write there:
        refuses is Slack's code for what it posts; connected: another workspace shares it."""
        settings = {"name": name or channel.lower(), "bot": bot, "kind": kind, "refuses": refuses}
        return dict(self._post("channels", channel=channel, connected=connected, **settings))

    def add_workspace(self, team: str, name: str = "", *, enterprise: str = "", ending: str = "") -> None:
        """Add a workspace, of an organisation or none, whose ids have an ending; `Driver(url, team=…)` goes there."""
        self._post("workspaces", team=team, name=name or team, enterprise=enterprise, ending=ending)

    def withhold(self, team: str, withheld: bool = True) -> None:
        """Let the app of an organisation into one of its workspaces no more, or again."""
        self._post("workspaces", team=team, withheld=withheld)

    def uninstall(self, code: str = "account_inactive") -> Json:
        """Remove the app from the workspace; with `token_revoked` its token alone is revoked."""
        return self._post("uninstall", code=code)

    def expire_tokens(self) -> Json:
        """Let all tokens that rotate end now."""
        return self._post("expire_tokens")

    def connections(self) -> int:
        """How many sockets the bot has open."""
        return int(self.state()["sockets"])

    def drop_sockets(self) -> Json:
        """Cut every socket at once, without a word."""
        return self._post("drop_sockets")

    def expire_response_urls(self) -> Json:
        """Let all response_urls be thirty minutes old."""
        return self._post("expire_response_urls")

    def reset(self) -> Json:
        """Empty the workspace: messages, files, views, traffic, faults; sockets stay connected."""
        return self._post("reset")

    # Inside

    def _place(self, channel: str | None, user: str | None) -> Json:
        return {"channel": channel or self.channel, "user": user or self.user}

    def _reader(self, surface: Json) -> str:
        """Whoever sees a surface that only one person sees, else the driver's user."""
        return str(surface.get("_user") or self.user)

    def _act(self, surface: Json, block: Json, element: Json, choice: Any, user: str | None) -> Json:
        return self._post(
            "action",
            container=_container(surface),
            block_id=block["block_id"],
            action_id=element["action_id"],
            value=element.get("value"),
            choice=choice,
            user=user or self._reader(surface),
        )

    def _upload_inputs(self, value: Any, user: str) -> Any:
        paths = [v for v in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(v, Path)]
        if not paths:
            return value
        parts = [("file", (path.name, path.read_bytes(), mimetypes.guess_type(path.name)[0] or "")) for path in paths]
        answer = self._http.post(
            f"{self.url}/sandbox/files",
            data={"payload": json.dumps({"user": user})},
            files=parts,
            timeout=REQUEST_TIMEOUT_SECONDS,
        )
        return list(self._checked(answer)["files"])


def _container(surface: Json) -> Json:
    if "ts" in surface:
        return {"type": "message", "channel": surface["channel"], "ts": surface["ts"]}
    return {"type": "view", "view_id": surface["id"]}
