"""What a person sees in the sandbox, and waiting for it: the half of the driver that changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests

from sandbox.names import ADA, SOUNDS, TEAM

Json = dict[str, Any]
T = TypeVar("T")

DEFAULT_TIMEOUT_SECONDS = 15.0
REQUEST_TIMEOUT_SECONDS = 60.0


class DriverError(Exception):
    """The sandbox refused what the driver asked of it."""


class Watcher:
    """A person who looks, in one workspace; `user` and `channel` are the defaults of every method. Not for several
    threads at once."""

    def __init__(self, url: str, user: str = ADA, channel: str = SOUNDS, team: str = TEAM) -> None:
        self.url = url.rstrip("/")
        self.user = user
        self.channel = channel
        self.team = team
        self._http = requests.Session()
        self._http.headers["X-Sandbox-Team"] = team

    def messages(self, channel: str | None = None, thread_ts: str | None = None, after: str = "") -> list[Json]:
        """Messages of a channel newer than ts `after`, oldest first: all, or one thread's with its first message."""
        query = {"channel": channel or self.channel, "thread_ts": thread_ts or "", "after": after}
        return list(self._get("messages", **query)["messages"])

    def message(self, ts: str, channel: str | None = None) -> Json:
        """One message as it is now; raises LookupError."""
        for message in self.messages(channel):
            if message["ts"] == ts:
                return message
        raise LookupError(f"no message {ts} in {channel or self.channel}")

    def replies(self, message: Json) -> list[Json]:
        """Replies in a message's thread, oldest first, without the message."""
        thread = message.get("thread_ts") or message["ts"]
        return [m for m in self.messages(message["channel"], thread) if m["ts"] != thread]

    def ephemerals(self, user: str | None = None, channel: str | None = None) -> list[Json]:
        """Messages that only this person sees, oldest first."""
        query = {"user": user or self.user, "channel": channel or ""}
        return list(self._get("ephemerals", **query)["messages"])

    def views(self, user: str | None = None) -> list[Json]:
        """Modals that a person has open, the topmost last."""
        return list(self._get("views", user=user or self.user)["views"])

    def home(self, user: str | None = None) -> Json | None:
        """What the App Home shows a person, if the bot published it."""
        home: Json | None = self._get("home", user=user or self.user)["view"]
        return home

    def file(self, file_id: str) -> Json:
        """A file as the sandbox knows it; raises DriverError."""
        file: Json = self._get("file", file=file_id)["file"]
        return file

    def traffic(self, since: int = 0, kind: str = "", name: str = "") -> list[Json]:
        """What passed between sandbox and bot, oldest first, from entry `since` on. Entries: `id`, `time` (s), `kind`
        (event, command, interactive, api, download, response_url, socket, refusal), `name`, `ok`, `ms`, `error`,
        `attempt`, `request`, `answer`."""
        return list(self._get("traffic", since=str(since), kind=kind, name=name)["traffic"])

    def refusals(self) -> list[Json]:
        """All that the sandbox refused or that broke Slack's rules: what a clean run has none of."""
        return [entry for entry in self.traffic() if not entry["ok"]]

    def calls(self, method: str, since: int = 0) -> list[Json]:
        """Successful and refused calls of one Web API method."""
        return self.traffic(since, "api", method)

    def state(self) -> Json:
        """Users, channels, the app's configuration, `sockets` (how many are connected) and `revision`."""
        return self._get("state")

    # Waiting

    def wait_for(
        self,
        predicate: Callable[[], T],
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        what: str = "it",
        every: float = 1.0,
    ) -> T:
        """Ask again at every change of the workspace, and after `every` seconds without one, until the predicate
        returns something true, and return that; raises TimeoutError with the last traffic."""
        deadline = time.monotonic() + timeout
        revision = -1
        while True:
            found = predicate()
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"waited {timeout:g} s for {what}; the last traffic was:\n{self._last_traffic()}")
            pause = f"{min(left, every):.3f}"
            revision = int(self._get("changes", since=str(revision), timeout=pause)["revision"])

    def wait_for_bot(self, sockets: int = 1, timeout: float = 30.0) -> None:
        """Wait until the bot has so many sockets open."""
        self.wait_for(lambda: int(self.state()["sockets"]) >= sockets, timeout, f"{sockets} socket(s)")

    def wait_message(
        self,
        predicate: Callable[[Json], Any] = bool,
        channel: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        after: str = "",
    ) -> Json:
        """Wait for a message in a channel or its threads, newer than ts `after`; returns the first that fits."""
        return self._wait_first(lambda: self.messages(channel, after=after), predicate, timeout, "a message", after)

    def wait_reply(
        self, message: Json, predicate: Callable[[Json], Any] = bool, timeout: float = DEFAULT_TIMEOUT_SECONDS
    ) -> Json:
        """Wait for a reply in a message's thread that fits, as it is or as it is edited."""
        return self._wait_first(lambda: self.replies(message), predicate, timeout, "a reply", "")

    def wait_ephemeral(
        self,
        predicate: Callable[[Json], Any] = bool,
        user: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        after: str = "",
    ) -> Json:
        """Wait for a message that only this person sees, newer than ts `after`."""
        return self._wait_first(lambda: self.ephemerals(user), predicate, timeout, "an ephemeral message", after)

    def wait_view(
        self,
        predicate: Callable[[Json], Any] = bool,
        user: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Json:
        """Wait until the topmost modal of a person fits."""
        return self._wait_first(lambda: self.views(user)[-1:], predicate, timeout, "a view", "")

    def wait_home(
        self,
        predicate: Callable[[Json], Any] = bool,
        user: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Json:
        """Wait until a person's App Home fits."""
        return self._wait_first(
            lambda: [home for home in [self.home(user)] if home], predicate, timeout, "the App Home", ""
        )

    def wait_traffic(
        self,
        predicate: Callable[[Json], Any] = bool,
        since: int = 0,
        kind: str = "",
        name: str = "",
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Json:
        """Wait for a traffic entry that fits, of a kind and a name where they are named, behind the first `since`."""
        return self.wait_for(
            lambda: next((e for e in self.traffic(since, kind, name) if predicate(e)), {}), timeout, "traffic"
        )

    def wait_quiet(self, seconds: float = 0.5, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        """Wait until nothing has passed between sandbox and bot for some seconds and no ack is awaited."""
        self.wait_for(lambda: float(self.state()["quiet_seconds"]) >= seconds, timeout, "quiet", every=seconds / 4)

    # Inside

    def _wait_first(
        self,
        look: Callable[[], list[Json]],
        predicate: Callable[[Json], Any],
        timeout: float,
        what: str,
        after: str,
    ) -> Json:
        def first() -> Json:
            return next((m for m in look() if (not after or m["ts"] > after) and predicate(m)), {})

        return self.wait_for(first, timeout, what)

    def _last_traffic(self, lines: int = 12) -> str:
        return "\n".join(_line(entry) for entry in self.traffic()[-lines:]) or "(none)"

    def _get(self, path: str, **query: str) -> Json:
        return self._checked(
            self._http.get(f"{self.url}/sandbox/{path}", params=query, timeout=REQUEST_TIMEOUT_SECONDS)
        )

    def _post(self, path: str, **body: Any) -> Json:
        return self._checked(self._http.post(f"{self.url}/sandbox/{path}", json=body, timeout=REQUEST_TIMEOUT_SECONDS))

    @staticmethod
    def _checked(answer: requests.Response) -> Json:
        if answer.status_code != requests.codes.ok:
            raise DriverError(f"{answer.request.path_url}: {answer.status_code} {answer.text.strip()[:500]}")
        data: Json = answer.json()
        return data


def _line(entry: Json) -> str:
    mark = "" if entry["ok"] else f"  REFUSED {entry.get('error')}"
    return f"  {entry['kind']:<12} {entry['name']:<28} {entry.get('ms') or '':>8}{mark}"
