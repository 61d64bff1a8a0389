"""What people type and choose: the state of a surface, and the action that the bot receives."""

from __future__ import annotations

from typing import Any

from sandbox.client.reading import elements_of
from sandbox.errors import PersonRefusal
from sandbox.files.store import Files
from sandbox.interactivity.modals import initial_values, is_plural, state_key
from sandbox.workspace import Workspace

Json = dict[str, Any]


class Inputs:
    """Fills inputs from a person's values, which are as short as the driver likes them."""

    def __init__(self, workspace: Workspace, files: Files) -> None:
        self._workspace = workspace
        self._files = files
        self._offered: dict[tuple[str, str], dict[str, Json]] = {}

    def element(self, surface: Json, block_id: str, action_id: str, value: Any) -> Json:
        """An element of a surface; raises `PersonRefusal`."""
        for block, element in elements_of(surface):
            if block["block_id"] == block_id and element["action_id"] == action_id:
                return element
        raise PersonRefusal(f"nothing with block {block_id!r}, action {action_id!r} (value {value!r}) is shown there")

    def offer(self, surface: Json, action_id: str, options: list[Json]) -> None:
        """Remember the options that the bot offered, the only ones that may be chosen."""
        known = self._offered.setdefault((_key(surface), action_id), {})
        known.update({option["value"]: option for option in options})

    def fill(self, surface: Json, values: Json, user: str) -> None:
        """Set inputs by action id; raises `PersonRefusal` for what cannot be typed or chosen."""
        for action_id, value in values.items():
            for block, element in elements_of(surface):
                if element["action_id"] == action_id:
                    self._set(surface, block["block_id"], element, value, user)
                    break
            else:
                raise PersonRefusal(f"no input {action_id!r} is shown there")

    def act(self, surface: Json, block_id: str, element: Json, choice: Any, user: str) -> Json:
        """Use an element, and return the action as `block_actions` carries it."""
        action: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": block_id}
        action["action_ts"] = self._workspace.clock.ts()
        if element["type"] == "button":
            return action | {key: element[key] for key in ("text", "value", "style", "url") if key in element}
        if element["type"] == "overflow":
            return action | {"selected_option": self._option(surface, element, choice)}
        if choice is not None:
            self._set(surface, block_id, element, choice, user)
        state = _values(surface).get(block_id, {}).get(element["action_id"], {})
        return action | {key: value for key, value in state.items() if key != "type"}

    def _set(self, surface: Json, block_id: str, element: Json, value: Any, user: str) -> None:
        try:
            key = state_key(element["type"])
        except KeyError:
            raise PersonRefusal(f"{element['action_id']} holds no value") from None
        held = _values(surface).setdefault(block_id, {}).setdefault(element["action_id"], {"type": element["type"]})
        held[key] = self._value(surface, element, key, value)

    def _value(self, surface: Json, element: Json, key: str, value: Any) -> Any:
        if value is None:
            return [] if is_plural(key) else None
        if key == "files":
            return self._chosen_files(element, value)
        if key == "selected_options":
            wanted = value if isinstance(value, list) else [value]
            return [self._option(surface, element, one) for one in wanted]
        if key == "selected_option":
            return self._option(surface, element, value)
        if is_plural(key):
            return list(value)
        if key == "value":
            return self._typed(element, str(value))
        return value

    @staticmethod
    def _typed(element: Json, text: str) -> str | None:
        if text and not element.get("min_length", 0) <= len(text) <= element.get("max_length", 3000):
            raise PersonRefusal(f"{element['action_id']}: the text's length is not allowed")
        return text or None

    def _chosen_files(self, element: Json, value: Any) -> list[Json]:
        ids = value if isinstance(value, list) else [value]
        if len(ids) > element.get("max_files", 10):
            raise PersonRefusal(f"{element['action_id']} takes at most {element.get('max_files', 10)} files")
        chosen = [self._files.files[one["id"] if isinstance(one, dict) else one] for one in ids]
        allowed = element.get("filetypes")
        wrong = [file.name for file in chosen if allowed and file.filetype not in allowed]
        if wrong:
            raise PersonRefusal(f"{element['action_id']} does not take {', '.join(wrong)}")
        for file in chosen:
            file.given = True
        return [self._files.in_message(file) for file in chosen]

    def _option(self, surface: Json, element: Json, choice: Any) -> Json:
        if isinstance(choice, dict):
            choice = choice.get("value")
        grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
        listed: dict[str, Json] = {option["value"]: option for option in [*element.get("options", []), *grouped]}
        listed |= self._offered.get((_key(surface), element["action_id"]), {})
        if choice not in listed:
            raise PersonRefusal(f"{element['action_id']} offers {', '.join(listed) or 'nothing'}, but no {choice!r}")
        return listed[choice]


def missing(view: Json) -> list[str]:
    """The block ids of a modal's required inputs that are empty."""
    absent = []
    for block in view["blocks"]:
        if block["type"] == "input" and not block.get("optional"):
            held = view["state"]["values"].get(block["block_id"], {}).get(block["element"]["action_id"], {})
            if not any(value for key, value in held.items() if key != "type"):
                absent.append(block["block_id"])
    return absent


def _key(surface: Json) -> str:
    return str(surface.get("id") or surface.get("ts"))


def _values(surface: Json) -> Json:
    values: Json
    if "state" in surface:
        values = surface["state"]["values"]
    else:
        values = surface.setdefault("_state", initial_values(surface.get("blocks") or []))
    return values
