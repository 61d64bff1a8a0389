"""The workspace: people, channels, messages, views. All of it in memory, touched by one event loop alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox import names
from sandbox.app_config import AppConfig
from sandbox.clock import Clock, Ids
from sandbox.errors import PersonRefusal, SlackRefusal
from sandbox.faults import Failures, Faults
from sandbox.grants import Grants
from sandbox.traffic import Traffic

Json = dict[str, Any]
Listener = Callable[[str, Json], None]


@dataclass
class Channel:
    """A channel or a direct message with its messages, oldest first.

    person: who shares the direct message with the bot; last_post: when the bot last posted, on the monotonic clock;
    kind: public, private, mpim (a group message) or im; refuses: Slack's code for every message of the bot, if any;
    connected: another workspace shares it.
    """

    id: str
    name: str
    bot: bool = True
    person: str = ""
    last_post: float = -1.0
    kind: str = "public"
    refuses: str = ""
    connected: bool = False
    messages: dict[str, Json] = field(default_factory=dict)

    @property
    def is_im(self) -> bool:
        return bool(self.person)

    def to_json(self) -> Json:
        """Return the channel as Slack's `conversations.info` does, as far as bots look."""
        return {
            "id": self.id,
            "name": "" if self.is_im else self.name,
            "is_channel": self.kind == "public",
            "is_group": self.kind == "private",
            "is_im": self.is_im,
            "is_mpim": self.kind == "mpim",
            "is_member": self.bot,
            "is_private": self.kind != "public",
            "is_ext_shared": self.connected,
            "refuses": self.refuses,
            "user": self.person or None,
        }


class Workspace:
    """Everything that people and the bot see. enterprise_id: of the organisation that it belongs to, if any; ending: of
    the ids of its people and places, which are unique within a workspace, and within an organisation, alone."""

    def __init__(
        self,
        app: AppConfig | None = None,
        grants: Grants | None = None,
        *,
        team: str = names.TEAM,
        name: str = "Sandbox",
        enterprise_id: str = "",
        ending: str = "",
    ) -> None:
        self.app = app or AppConfig()
        self.grants = grants or Grants()
        self.grants.rotating = self.app.rotating
        self.team = team
        self.name = name
        self.domain = name.lower()
        self.enterprise_id = enterprise_id
        self._ending = ending
        self.clock = Clock()
        self.ids = Ids()
        self.faults = Faults()
        self.failures = Failures()
        self.traffic = Traffic(lambda entry: self.changed("traffic", {"entry": entry}))
        self.users: dict[str, Json] = {}
        self.groups = {names.SOUND_TEAM: frozenset({names.ADA, names.MIA})}
        self.channels: dict[str, Channel] = {}
        self.ephemerals: list[Json] = []
        self.views: dict[str, list[Json]] = {}
        self.homes: dict[str, Json] = {}
        self.revision = 0
        self.resets = 0
        self._listeners: set[Listener] = set()
        self._waiting: list[asyncio.Future[None]] = []
        self._background: set[asyncio.Task[Any]] = set()
        self.empty()

    def empty(self) -> None:
        """Go back to the first day: three people, two channels, no messages, no faults."""
        self.resets += 1
        self.faults = Faults()
        self.failures = Failures()
        self.users.clear()
        self.channels.clear()
        self.ephemerals.clear()
        self.views.clear()
        self.homes.clear()
        self.traffic.clear()
        self._user(names.BOT, self.app.name, is_bot=True)
        for user, name in ((names.ADA, "Ada"), (names.BEN, "Ben"), (names.MIA, "Mia")):
            self.add_user(user + self._ending, name)
        self.add_channel(names.SOUNDS + self._ending, "sounds", bot=True)
        self.add_channel(names.RANDOM + self._ending, "random", bot=False)
        self.changed("reset", {})

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self.faults = Faults()
        self.failures = Failures()
        self.changed("faults", {})

    def fault_state(self) -> Json:
        """Return all switches and the failures that are planned."""
        return {"faults": self.faults.to_json(), "failures": self.failures.to_json()}

    # People and places

    def add_user(self, user: str, name: str, team: str = "") -> Json:
        """Add a person of a workspace with their direct message with the bot; returns the person."""
        self._user(user, name, is_bot=False, team=team)
        direct = names.direct_message(user)
        if direct not in self.channels:
            self.channels[direct] = Channel(direct, "directmessage", person=user, kind="im")
        self.changed("places", {})
        return self.users[user]

    def add_channel(
        self,
        channel: str,
        name: str,
        *,
        bot: bool,
        kind: str = "public",
        refuses: str = "",
        connected: bool = False,
    ) -> Channel:
        """Add a channel, or change whether the bot is in it and may write there."""
        place = self.channels.setdefault(channel, Channel(channel, name, kind=kind))
        place.bot, place.refuses, place.connected = bot, refuses, connected
        self.changed("places", {})
        return place

    def person(self, user: Any) -> Json:
        """A person by id, who appears when first named; raises `PersonRefusal` for what is no user id."""
        if not isinstance(user, str) or not user.startswith(("U", "W")) or user == names.BOT:
            raise PersonRefusal(f"{user!r} is not a person's id")
        return self.users.get(user) or self.add_user(user, user.lower())

    def team_of(self, user: str) -> str:
        """The workspace that a person belongs to."""
        return str(self.users[user]["team_id"]) if user in self.users else self.team

    @property
    def org_wide(self) -> bool:
        """Whether the app is installed for the whole organisation."""
        grant = self.grants.installed(self.team, self.enterprise_id)
        return self.app.org or (grant is not None and not grant.team)

    def enterprise(self) -> Json | None:
        """The organisation that the workspace belongs to, as interactions name it; None outside of any."""
        named = self.enterprise_id or (names.ENTERPRISE if self.app.org else "")
        return {"id": named, "name": "Sandbox Organisation"} if named else None

    def opened_by(self, token: str) -> bool:
        """Whether a token works here."""
        try:
            grant = self.grants.of(token)
        except SlackRefusal:
            return False
        if grant.team:
            return grant.team == self.team
        return grant.enterprise == self.enterprise_id and self.team not in self.grants.withheld

    def end_installation(self, code: str) -> None:
        """Take the app's tokens away by which it is installed here."""
        grant = self.grants.installed(self.team, self.enterprise_id)
        if grant is not None:
            self.grants.end(grant.team, grant.enterprise, code)

    def place(self, channel: Any) -> Channel:
        """A channel by id; raises `PersonRefusal`."""
        found = self.channels.get(channel) if isinstance(channel, str) else None
        if found is None:
            raise PersonRefusal(f"no channel {channel!r}")
        return found

    def find_channel(self, name: str) -> Channel | None:
        """A channel as the Web API names it: by id, by `#name`, or by a person's id for their direct message."""
        if name in self.channels:
            return self.channels[name]
        if name in self.users and name != names.BOT:
            return self.channels[names.direct_message(name)]
        plain = name.removeprefix("#")
        return next((c for c in self.channels.values() if not c.is_im and c.name == plain), None)

    # Messages

    def post(self, channel: Channel, message: Json, share: Callable[[str], None] | None = None) -> Json:
        """Put a message into a channel; fills in type, ts, channel and team. share: told the ts before
        anybody sees it."""
        message = {"type": "message", "ts": self.clock.ts(), "team": self.team, "channel": channel.id, **message}
        channel.messages[message["ts"]] = message
        if share:
            share(message["ts"])
        self._count_reply(channel, message, 1)
        self.changed("message", {"message": message})
        return message

    def update(self, message: Json) -> None:
        """Say that a message was changed in place."""
        self.changed("message", {"message": message})

    def remove(self, channel: Channel, ts: str) -> Json:
        """Take a message out of a channel; raises KeyError."""
        message = channel.messages.pop(ts)
        self._count_reply(channel, message, -1)
        self.changed("deleted", {"channel": channel.id, "ts": ts})
        return message

    def post_ephemeral(self, channel: Channel, user: str, message: Json) -> Json:
        """Show a message to one person."""
        message = {
            "type": "message",
            "ts": self.clock.ts(),
            "team": self.team,
            "channel": channel.id,
            "is_ephemeral": True,
            "_user": user,
            **message,
        }
        self.ephemerals.append(message)
        self.changed("ephemeral", {"message": message})
        return message

    def remove_ephemeral(self, message: Json) -> None:
        """Hide a message that one person sees."""
        self.ephemerals[:] = [other for other in self.ephemerals if other is not message]
        self.changed("deleted", {"channel": message["channel"], "ts": message["ts"]})

    def find_message(self, channel: str, ts: str) -> Json | None:
        """A message or an ephemeral message."""
        place = self.channels.get(channel)
        found = place.messages.get(ts) if place else None
        return found or next((m for m in self.ephemerals if m["ts"] == ts and m["channel"] == channel), None)

    def thread(self, channel: Channel, thread_ts: str) -> Iterator[Json]:
        """A thread's messages, its first message first."""
        return (m for m in channel.messages.values() if thread_ts in (m["ts"], m.get("thread_ts")))

    # Changes

    def changed(self, kind: str, data: Json) -> None:
        """Tell whoever watches."""
        self.revision += 1
        for listener in tuple(self._listeners):
            listener(kind, data)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call the listener at each change; returns the function that ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def wait_changed(self, since: int, timeout: float) -> int:
        """Wait until the revision is beyond `since`, at most `timeout` seconds; returns the revision."""
        if self.revision <= since:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await asyncio.wait([waiter], timeout=timeout)
        return self.revision

    def background(self, work: Any) -> None:
        """Run a coroutine on its own, kept from being collected."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _user(self, user: str, name: str, *, is_bot: bool, team: str = "") -> None:
        self.users[user] = {
            "id": user,
            "team_id": team or self.team,
            "name": name.lower(),
            "real_name": name,
            "is_bot": is_bot,
            "deleted": False,
            "tz": "Etc/UTC",
            "profile": {"display_name": name, "real_name": name},
        }

    def _count_reply(self, channel: Channel, message: Json, by: int) -> None:
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is None or parent is message:
            return
        parent["reply_count"] = parent.get("reply_count", 0) + by
        parent["thread_ts"] = parent["ts"]
        repliers = {m.get("user") for m in self.thread(channel, parent["ts"]) if m is not parent}
        parent["reply_users"] = sorted(str(user) for user in repliers)
        parent["reply_users_count"] = len(repliers)
        parent["latest_reply"] = message["ts"]
        self.changed("message", {"message": parent})
