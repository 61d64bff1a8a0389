"""Modals and App Homes: checking, opening, and the state of their inputs."""

from __future__ import annotations

import secrets
import time
from typing import Any

from sandbox import names
from sandbox.blocks.validation import InvalidBlocks, checked
from sandbox.errors import SlackRefusal, invalid
from sandbox.workspace import Workspace

Json = dict[str, Any]

TITLE_LENGTH = 24
METADATA_LENGTH = 3000
VIEW_BYTES = 250_000
MOST_OPEN = 3
TRIGGER_SECONDS = 3.0

_KEYS = {
    "type",
    "blocks",
    "title",
    "submit",
    "close",
    "private_metadata",
    "callback_id",
    "clear_on_close",
    "notify_on_close",
    "external_id",
    "submit_disabled",
}
_INITIAL = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", ""),
}
_PLURAL = ("selected_options", "selected_users", "selected_channels", "selected_conversations", "files")


class Triggers:
    """trigger_ids: each opens one modal, within three seconds."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._given: dict[str, tuple[str, float]] = {}
        self._spent: set[str] = set()

    def new(self, user: str) -> str:
        """Return a trigger_id for a person."""
        trigger = f"{self._workspace.ids.new('')}.{secrets.token_hex(8)}"
        self._given[trigger] = (user, time.monotonic() + TRIGGER_SECONDS)
        return trigger

    def spend(self, trigger: Any) -> str:
        """Use a trigger_id up and return its person; raises `SlackRefusal`."""
        if trigger in self._spent:
            raise SlackRefusal("exchanged_trigger_id")
        if trigger not in self._given:
            raise SlackRefusal("invalid_trigger_id")
        user, expires = self._given.pop(trigger)
        self._spent.add(trigger)
        if expires < time.monotonic():
            raise SlackRefusal("expired_trigger_id")
        return user


def checked_view(view: Any, kind: str) -> Json:
    """Return a view with its blocks' ids filled in. kind: modal or home; raises `SlackRefusal`."""
    if not isinstance(view, dict) or view.get("type") != kind:
        raise invalid("invalid_arguments", [f"the view's type must be {kind} [json-pointer:/view/type]"])
    problems = [f"additional property: {key} [json-pointer:/view]" for key in view if key not in _KEYS]
    for key in ("title", "submit", "close"):
        problems += _title_problems(view.get(key), key, required=key == "title" and kind == "modal")
    if len(view.get("private_metadata") or "") > METADATA_LENGTH:
        problems.append(f"must be less than {METADATA_LENGTH + 1} characters [json-pointer:/view/private_metadata]")
    if len(view.get("callback_id") or "") > 255:
        problems.append("must be less than 256 characters [json-pointer:/view/callback_id]")
    blocks: list[Json] = []
    try:
        blocks = checked(view.get("blocks"), kind)
    except InvalidBlocks as error:
        problems += error.problems
    if any(block["type"] == "input" for block in blocks) and kind == "modal" and not view.get("submit"):
        problems.append("`submit` is required when an input block is within the blocks array [json-pointer:/view]")
    if problems:
        raise invalid("invalid_arguments", problems)
    if len(str(view)) > VIEW_BYTES:
        raise SlackRefusal("view_too_large")
    return {**view, "blocks": blocks}


def _title_problems(text: Any, key: str, *, required: bool) -> list[str]:
    where = f"[json-pointer:/view/{key}]"
    if text is None:
        return [f"missing required field: {key} [json-pointer:/view]"] if required else []
    if not isinstance(text, dict) or text.get("type") != "plain_text" or not text.get("text"):
        return [f"must be plain_text {where}"]
    return [f"must be less than 25 characters {where}"] if len(text["text"]) > TITLE_LENGTH else []


class Views:
    """Open modals, a stack for each person, and App Homes."""

    def __init__(self, workspace: Workspace, triggers: Triggers) -> None:
        self._workspace = workspace
        self.triggers = triggers

    def open(self, trigger: Any, view: Any) -> Json:
        """Open a modal in place of any other; raises `SlackRefusal`."""
        content = checked_view(view, "modal")
        user = self.triggers.spend(trigger)
        opened = self._built(content, user)
        self._workspace.views[user] = [opened]
        self._changed(user)
        return opened

    def push(self, trigger: Any, view: Any) -> Json:
        """Put a modal on top of the open one; raises `SlackRefusal`."""
        content = checked_view(view, "modal")
        return self.push_for(self.triggers.spend(trigger), content)

    def push_for(self, user: str, content: Json) -> Json:
        """Put a checked modal on top for a person; raises `SlackRefusal`."""
        stack = self._workspace.views.setdefault(user, [])
        if len(stack) >= MOST_OPEN:
            raise SlackRefusal("push_limit_reached")
        pushed = self._built(content, user)
        if stack:
            pushed |= {"previous_view_id": stack[-1]["id"], "root_view_id": stack[0]["id"]}
        stack.append(pushed)
        self._changed(user)
        return pushed

    def update(self, view_id: Any, external_id: Any, hash_: Any, view: Any) -> Json:
        """Change an open modal; raises `SlackRefusal`."""
        current = self.find(view_id, external_id)
        if hash_ and hash_ != current["hash"]:
            raise SlackRefusal("hash_conflict")
        return self.replace(current, checked_view(view, current["type"]))

    def replace(self, current: Json, content: Json) -> Json:
        """Change an open modal to checked content; inputs that stay keep what was typed."""
        typed = current["state"]["values"]
        kept = {key: current[key] for key in ("id", "root_view_id", "previous_view_id", "_user")}
        current.update({**self._built(content, current["_user"]), **kept})
        for block_id, actions in current["state"]["values"].items():
            actions.update({key: typed[block_id][key] for key in actions if key in typed.get(block_id, {})})
        self._changed(current["_user"])
        return current

    def publish(self, user: Any, hash_: Any, view: Any) -> Json:
        """Set a person's App Home; raises `SlackRefusal`."""
        if user not in self._workspace.users or user == names.BOT:
            raise SlackRefusal("user_not_found")
        content = checked_view(view, "home")
        current = self._workspace.homes.get(user)
        if hash_ and current and hash_ != current["hash"]:
            raise SlackRefusal("hash_conflict")
        home = self._built(content, user)
        if current:
            home |= {"id": current["id"], "root_view_id": current["id"]}
        self._workspace.homes[user] = home
        self._changed(user)
        return home

    def find(self, view_id: Any, external_id: Any = None) -> Json:
        """An open modal or a published home, by id; raises `SlackRefusal`."""
        shown = [view for stack in self._workspace.views.values() for view in stack]
        for view in (*shown, *self._workspace.homes.values()):
            if view["id"] == view_id or (external_id and view["external_id"] == external_id):
                return view
        raise SlackRefusal("not_found")

    def close(self, view: Json, *, everything: bool = False) -> None:
        """Take a modal away, with what lies on it, or the person's whole stack."""
        stack = self._workspace.views.get(view["_user"], [])
        if view in stack:
            del stack[0 if everything else stack.index(view) :]
        self._changed(view["_user"])

    def _built(self, content: Json, user: str) -> Json:
        view_id = self._workspace.ids.new("V")
        return {
            "id": view_id,
            "team_id": self._workspace.team,
            "type": content["type"],
            "blocks": content["blocks"],
            "private_metadata": content.get("private_metadata") or "",
            "callback_id": content.get("callback_id") or "",
            "state": {"values": initial_values(content["blocks"])},
            "hash": f"{int(time.time())}.{secrets.token_hex(4)}",
            "title": content.get("title"),
            "clear_on_close": bool(content.get("clear_on_close")),
            "notify_on_close": bool(content.get("notify_on_close")),
            "close": content.get("close"),
            "submit": content.get("submit"),
            "previous_view_id": None,
            "root_view_id": view_id,
            "app_id": names.APP,
            "external_id": content.get("external_id") or "",
            "app_installed_team_id": self._workspace.team,
            "bot_id": names.BOT_ID,
            "_user": user,
        }

    def _changed(self, user: str) -> None:
        self._workspace.changed("views", {"user": user})


def public(view: Json) -> Json:
    """A view as the bot may see it."""
    return {key: value for key, value in view.items() if not key.startswith("_")}


def initial_values(blocks: list[Json]) -> Json:
    """The state of a surface's inputs before anybody touched them."""
    values: Json = {}
    for block in blocks:
        inside = [block.get("element"), block.get("accessory"), *(block.get("elements") or [])]
        for element in inside:
            if isinstance(element, dict) and element.get("type") in _INITIAL and "action_id" in element:
                key, initial = _INITIAL[element["type"]]
                empty: Any = [] if key in _PLURAL else None
                start = element.get(initial, empty) if initial else empty
                values.setdefault(block["block_id"], {})[element["action_id"]] = {"type": element["type"], key: start}
    return values


def state_key(element_type: str) -> str:
    """The key under which an element's state has its value; raises KeyError for elements that hold none."""
    return _INITIAL[element_type][0]


def is_plural(key: str) -> bool:
    """Whether a state's value is a list."""
    return key in _PLURAL
