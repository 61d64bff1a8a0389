"""Refuses what Slack refuses in blocks, with messages and JSON pointers like Slack's."""

from __future__ import annotations

import copy
import secrets
from typing import Any
from urllib.parse import urlsplit

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from sandbox.blocks import rules
from sandbox.blocks.rules import Anything, Element, Items, Number, Shape, String, Text

Json = dict[str, Any]


class InvalidBlocks(Exception):
    """What is wrong with some blocks, a line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def checked(blocks: Any, surface: str = "message") -> list[Json]:
    """Return a copy of the blocks with the ids that Slack fills in. surface: message, modal or home; raises
    `InvalidBlocks` for anything that Slack would refuse."""
    check = _Check(surface)
    check.blocks(blocks)
    if not check.problems:
        check.second_opinion(blocks)
    if check.problems:
        raise InvalidBlocks(check.problems)
    return [_with_ids(block) for block in copy.deepcopy(blocks)]


def problems_of_options(options: Any) -> list[str]:
    """What is wrong with the options that a bot offers for an external select."""
    check = _Check("modal")
    check.value(options, Items(rules.OPTION, 100, least=0), "/options")
    return check.problems


class _Check:
    def __init__(self, surface: str) -> None:
        self._surface = surface
        self.problems: list[str] = []

    def blocks(self, blocks: Any) -> None:
        if not isinstance(blocks, list):
            self._no("must provide an array", "/blocks")
            return
        most = rules.MESSAGE_BLOCKS if self._surface == "message" else rules.VIEW_BLOCKS
        if len(blocks) > most:
            self._no(f"no more than {most} items allowed", "/blocks")
        ids = [block["block_id"] for block in blocks if isinstance(block, dict) and "block_id" in block]
        for repeated in sorted({str(i) for i in ids if ids.count(i) > 1}):
            self._no(f"`block_id` {repeated!r} already exists for another block", "/blocks")
        for number, block in enumerate(blocks):
            self._block(block, f"/blocks/{number}")

    def second_opinion(self, blocks: list[Json]) -> None:
        """Ask slack_sdk's own models, which know some limits that the tables here may miss."""
        for number, block in enumerate(blocks):
            try:
                parsed = Block.parse(copy.deepcopy(block))
                if parsed is not None:
                    parsed.to_dict()
            except (SlackObjectFormationError, TypeError, ValueError, AttributeError, KeyError) as error:
                self._no(str(error), f"/blocks/{number}")

    def _block(self, block: Any, where: str) -> None:
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            self._no("missing required field: type", where)
            return
        shape = rules.BLOCKS.get(block["type"])
        if shape is None:
            self._no(f"unsupported type: {block['type']}", f"{where}/type")
            return
        self._shape(block, shape, where, extra={"type", "block_id"})
        self.value(block.get("block_id", "x"), String(rules.ID_LENGTH), f"{where}/block_id")
        self._action_ids(block, where)

    def _action_ids(self, block: Json, where: str) -> None:
        elements = block.get("elements")
        if block["type"] != "actions" or not isinstance(elements, list):
            return
        ids = [element["action_id"] for element in elements if isinstance(element, dict) and "action_id" in element]
        for repeated in sorted({str(i) for i in ids if ids.count(i) > 1}):
            self._no(f"`action_id` {repeated!r} already exists for another element", f"{where}/elements")

    def _shape(self, value: Any, shape: Shape, where: str, extra: set[str]) -> None:
        if not isinstance(value, dict):
            self._no("must provide an object", where)
            return
        for key in value:
            if key not in shape.keys and key not in extra:
                self._no(f"additional property: {key}", where)
        for key in shape.required:
            if value.get(key) is None:
                self._no(f"missing required field: {key}", where)
        if shape.one_of and not any(value.get(key) for key in shape.one_of):
            self._no(f"must define either {' or '.join(f'`{key}`' for key in shape.one_of)}", where)
        for key, rule in shape.keys.items():
            if value.get(key) is not None:
                self.value(value[key], rule, f"{where}/{key}")

    def value(self, value: Any, rule: object, where: str) -> None:
        if isinstance(rule, Text):
            self._text(value, rule, where)
        elif isinstance(rule, String):
            self._string(value, rule, where)
        elif isinstance(rule, Items):
            self._items(value, rule, where)
        elif isinstance(rule, Number):
            if not isinstance(value, int) or isinstance(value, bool) or not rule.least <= value <= rule.most:
                self._no(f"must be a number between {rule.least} and {rule.most}", where)
        elif isinstance(rule, Element):
            self._element(value, rule, where)
        elif isinstance(rule, Shape):
            self._shape(value, rule, where, extra=set())
        elif isinstance(rule, Anything) and not isinstance(value, rule.kind):
            self._no(f"must be of type {rule.kind.__name__}", where)

    def _text(self, value: Any, rule: Text, where: str) -> None:
        if not isinstance(value, dict):
            self._no("must provide an object", where)
            return
        kind = value.get("type")
        if kind not in ("plain_text", "mrkdwn") or (kind == "mrkdwn" and not rule.mrkdwn):
            self._no(f"unsupported type: {kind}", f"{where}/type")
        allowed = {"type", "text", "emoji"} if kind == "plain_text" else {"type", "text", "verbatim"}
        for key in value:
            if key not in allowed:
                self._no(f"additional property: {key}", where)
        self._string(value.get("text"), String(rule.longest), f"{where}/text")

    def _string(self, value: Any, rule: String, where: str) -> None:
        if not isinstance(value, str):
            self._no("must provide a string", where)
        elif rule.among and value not in rule.among:
            self._no(f"must be one of {', '.join(rule.among)}", where)
        elif not value:
            self._no("must be more than 0 characters", where)
        elif len(value) > rule.longest:
            self._no(f"must be less than {rule.longest + 1} characters", where)
        elif rule.url and not _is_url(value):
            self._no("must be a valid URL", where)

    def _items(self, value: Any, rule: Items, where: str) -> None:
        if not isinstance(value, list):
            self._no("must provide an array", where)
            return
        if len(value) > rule.most:
            self._no(f"no more than {rule.most} items allowed", where)
        if len(value) < rule.least:
            self._no(f"no fewer than {rule.least} items allowed", where)
        for number, item in enumerate(value):
            self.value(item, rule.item, f"{where}/{number}")

    def _element(self, value: Any, rule: Element, where: str) -> None:
        if not isinstance(value, dict):
            self._no("must provide an object", where)
            return
        kind = value.get("type")
        if kind not in rule.types or (kind in rules.NOT_IN_MESSAGES and self._surface != "modal"):
            self._no(f"unsupported type: {kind}", f"{where}/type")
        elif kind in ("mrkdwn", "plain_text"):
            self._text(value, Text(rules.TEXT_LENGTH, True), where)
        else:
            self._shape(value, rules.ELEMENTS[kind], where, extra={"type"})

    def _no(self, problem: str, where: str) -> None:
        self.problems.append(f"{problem} [json-pointer:{where}]")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(c.isspace() for c in text)


def _with_ids(block: Json) -> Json:
    block.setdefault("block_id", secrets.token_urlsafe(4))
    for key in ("elements", "element", "accessory"):
        inside = block.get(key)
        for element in inside if isinstance(inside, list) else [inside]:
            if isinstance(element, dict) and element.get("type") in rules.USABLE:
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return block
