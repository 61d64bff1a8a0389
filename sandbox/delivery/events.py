"""The events that a bot receives, as Slack's Events API wraps them."""

from __future__ import annotations

import time
from typing import Any

from sandbox import names
from sandbox.delivery.dispatch import Delivery
from sandbox.files.store import File, Files
from sandbox.workspace import Channel, Workspace

Json = dict[str, Any]

MESSAGE_EVENTS = {"im": "message.im", "public": "message.channels", "private": "message.groups", "mpim": "message.mpim"}
CHANNEL_TYPES = {"im": "im", "public": "channel", "private": "group", "mpim": "mpim"}
HISTORY_SCOPES = {
    "message.im": "im:history",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.mpim": "mpim:history",
}
EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "file_shared": "files:read",
    "reaction_added": "reactions:read",
    **HISTORY_SCOPES,
}


class Events:
    """Sends the events that the app has subscribed to and has the scopes for."""

    def __init__(self, workspace: Workspace, delivery: Delivery, files: Files) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._files = files

    def send(self, event: Json, name: str) -> None:
        """Send an event where the app has subscribed to `name`."""
        app = self._workspace.app
        needed = EVENT_SCOPES.get(name)
        if name in app.events and (needed is None or needed in app.scopes):
            self.send_raw(event)

    def send_raw(self, event: Json) -> None:
        """Send an event whatever the subscriptions, where the app is installed."""
        if self._workspace.grants.installed(self._workspace.team, self._workspace.enterprise_id) is None:
            return
        self._delivery.event(str(event.get("type")), self.wrapped(event))

    def posted(self, channel: Channel, message: Json) -> None:
        """Send what follows from a message that somebody, or the bot, posted."""
        if not channel.bot:
            return
        event = {**self._files.shown(message), "event_ts": message["ts"]}
        by_person = message.get("user") != names.BOT
        for file_id in message.get("_files", []):  # of bots as well, the app itself among them
            self.send(self._file_shared(channel, self._files.files[file_id], message), "file_shared")
        self._message(channel, event)
        if by_person and not channel.is_im and f"<@{names.BOT}" in message.get("text", ""):
            self.send(self._mention(event), "app_mention")

    def changed(self, channel: Channel, message: Json, before: Json) -> None:
        """Send `message_changed`."""
        if channel.bot:
            event = {
                "type": "message",
                "subtype": "message_changed",
                "message": message,
                "previous_message": before,
                "channel": channel.id,
                "hidden": True,
                "ts": self._workspace.clock.ts(),
            }
            self._message(channel, {**event, "event_ts": event["ts"]})

    def edited(self, channel: Channel, message: Json) -> None:
        """Send a mention anew, with `edited` and under the same ts, once somebody edited it."""
        if channel.bot and not channel.is_im and f"<@{names.BOT}" in message.get("text", ""):
            self.send(self._mention({**message, "event_ts": self._workspace.clock.ts()}), "app_mention")

    def deleted(self, channel: Channel, message: Json) -> None:
        """Send `message_deleted`."""
        if channel.bot:
            ts = self._workspace.clock.ts()
            event = {"type": "message", "subtype": "message_deleted", "previous_message": message, "hidden": True}
            self._message(
                channel, {**event, "channel": channel.id, "deleted_ts": message["ts"], "ts": ts, "event_ts": ts}
            )

    def reacted(self, channel: Channel, message: Json, user: str, name: str) -> None:
        """Send `reaction_added`."""
        if channel.bot:
            item = {"type": "message", "channel": channel.id, "ts": message["ts"]}
            event = {"type": "reaction_added", "user": user, "reaction": name, "item_user": message.get("user")}
            self.send({**event, "item": item, "event_ts": self._workspace.clock.ts()}, "reaction_added")

    def home_opened(self, user: str, tab: str) -> None:
        """Send `app_home_opened`."""
        event: Json = {
            "type": "app_home_opened",
            "user": user,
            "channel": names.direct_message(user),
            "tab": tab,
            "event_ts": self._workspace.clock.ts(),
        }
        if tab == "home" and user in self._workspace.homes:
            event["view"] = self._workspace.homes[user]
        self.send(event, "app_home_opened")

    def removed(self, code: str) -> None:
        """Take the app's tokens away, and tell it: somebody uninstalled it (`account_inactive`), or revoked its token
        (`token_revoked`)."""
        revoked: Json = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [names.BOT]}}
        told = [revoked] if code == "token_revoked" else [revoked, {"type": "app_uninstalled"}]
        wrapped = [self.wrapped(event) for event in told]
        self._workspace.end_installation(code)
        for event in wrapped:
            org = event.pop("authorizations")[0]["is_enterprise_install"]  # nobody is authorized any more
            self._delivery.event(event["event"]["type"], event | {"is_enterprise_install": org})

    def wrapped(self, event: Json) -> Json:
        """Put an event into the envelope of the Events API."""
        workspace = self._workspace
        event_id, org = workspace.ids.new("Ev"), workspace.org_wide
        enterprise = (workspace.enterprise() or {}).get("id")
        channel = self._workspace.channels.get(str(event.get("channel") or event.get("channel_id") or ""))
        return {
            "token": names.VERIFICATION_TOKEN,
            "team_id": workspace.team,
            "enterprise_id": enterprise,
            "context_team_id": workspace.team,
            "context_enterprise_id": enterprise,
            "api_app_id": names.APP,
            "event": event,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(time.time()),
            "authorizations": [
                {
                    "enterprise_id": enterprise,
                    "team_id": None if org else workspace.team,
                    "user_id": names.BOT,
                    "is_bot": True,
                    "is_enterprise_install": org,
                }
            ],
            "is_ext_shared_channel": channel is not None and channel.connected,
            "event_context": f"4-{event_id}",
        }

    def _message(self, channel: Channel, event: Json) -> None:
        self.send({**event, "channel_type": CHANNEL_TYPES[channel.kind]}, MESSAGE_EVENTS[channel.kind])

    def _mention(self, event: Json) -> Json:
        mention = {**event, "type": "app_mention"}
        mention.pop("subtype", None)
        if self._workspace.faults.mention_without_files:
            mention.pop("files", None)
        return mention

    @staticmethod
    def _file_shared(channel: Channel, file: File, message: Json) -> Json:
        return {
            "type": "file_shared",
            "file_id": file.id,
            "user_id": message["user"],
            "file": {"id": file.id},
            "channel_id": channel.id,
            "event_ts": message["ts"],
        }
