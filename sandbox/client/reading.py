"""Reading messages and views as a person does: their text, and what can be pressed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def blocks_of(surface: Json) -> list[Json]:
    """The blocks of a message or a view."""
    return list(surface.get("blocks") or [])


def text_of(surface: Json) -> str:
    """All text that a message or a view shows, a line per piece; the fallback text where there are no blocks."""
    if not surface.get("blocks"):
        return str(surface.get("text", ""))
    return "\n".join(piece for block in blocks_of(surface) for piece in _texts(block))


def elements_of(surface: Json) -> Iterator[tuple[Json, Json]]:
    """Each element that can be used, with its block."""
    for block in blocks_of(surface):
        for key in ("elements", "element", "accessory"):
            inside = block.get(key)
            for element in inside if isinstance(inside, list) else [inside]:
                if isinstance(element, dict) and "action_id" in element:
                    yield block, element


def element_of(surface: Json, action_id: str, value: str | None = None) -> tuple[Json, Json]:
    """The block and element of an action, the one with `value` where several share the id; raises LookupError."""
    for block, element in elements_of(surface):
        if element["action_id"] == action_id and value in (None, element.get("value")):
            return block, element
    known = ", ".join(element["action_id"] for _, element in elements_of(surface)) or "none"
    raise LookupError(f"no element {action_id!r} with value {value!r} here; there are: {known}")


def offers_of(surface: Json, text: str) -> list[tuple[Json, Json, str]]:
    """The blocks and elements that offer an option of some text, with its value."""
    return [
        (block, element, option["value"])
        for block, element in elements_of(surface)
        for option in element.get("options", [])
        if option["text"]["text"] == text
    ]


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for inner in part:
            yield from _texts(inner)
    elif isinstance(part, dict):
        text = part.get("text")
        if isinstance(text, str):
            yield text
        for key in ("title", "text", "fields", "label", "hint", "elements", "element", "accessory", "placeholder"):
            if isinstance(part.get(key), (dict, list)):
                yield from _texts(part[key])
        if isinstance(part.get("alt_text"), str):
            yield part["alt_text"]
