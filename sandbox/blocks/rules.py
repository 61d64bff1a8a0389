"""What Slack's Block Kit reference allows in each block and element: keys, limits in characters, counts."""

from __future__ import annotations

from dataclasses import dataclass, field

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
ID_LENGTH = 255
TEXT_LENGTH = 3000
MARKDOWN_LENGTH = 12_000


@dataclass(frozen=True, slots=True)
class Text:
    """A text object: its longest text, and whether mrkdwn is allowed."""

    longest: int
    mrkdwn: bool = False


@dataclass(frozen=True, slots=True)
class String:
    """A bare string: its longest length, or the few values it may have."""

    longest: int = TEXT_LENGTH
    among: tuple[str, ...] = ()
    url: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list: what each item is, and how many there may be."""

    item: object
    most: int
    least: int = 1


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number between two bounds."""

    least: int = 0
    most: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Element:
    """An element of one of some types."""

    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object: the rules of its keys, which of them must be there, and groups of which one must be."""

    keys: dict[str, object]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Anything:
    """A value that is not looked into; its Python type."""

    kind: type = field(default=object)


FLAG = Anything(bool)
STYLE = String(among=("primary", "danger"))
URL = String(TEXT_LENGTH, url=True)
CONFIRM = Shape(
    {"title": Text(100), "text": Text(300, True), "confirm": Text(30), "deny": Text(30), "style": STYLE},
    ("title", "text", "confirm", "deny"),
)
OPTION = Shape({"text": Text(75), "value": String(150), "description": Text(75)}, ("text", "value"))
RICH_OPTION = Shape({"text": Text(75, True), "value": String(150), "description": Text(75, True)}, ("text", "value"))
LINK_OPTION = Shape({**OPTION.keys, "url": URL}, ("text", "value"))
GROUP = Shape({"label": Text(75), "options": Items(OPTION, 100)}, ("label", "options"))
DISPATCH = Shape({"trigger_actions_on": Anything(list)})

_INTERACTIVE = {"action_id": String(ID_LENGTH), "confirm": CONFIRM, "focus_on_load": FLAG}
_PLACED = {**_INTERACTIVE, "placeholder": Text(150)}
_MULTI = {**_PLACED, "max_selected_items": Number(1)}
_TYPED = {
    "action_id": String(ID_LENGTH),
    "initial_value": String(TEXT_LENGTH),
    "dispatch_action_config": DISPATCH,
    "focus_on_load": FLAG,
    "placeholder": Text(150),
}
_LISTED = {"options": Items(OPTION, 100), "option_groups": Items(GROUP, 100)}
_FILTERED = {"filter": Anything(dict), "response_url_enabled": FLAG, "default_to_current_conversation": FLAG}

ELEMENTS: dict[str, Shape] = {
    "button": Shape(
        {
            "text": Text(75),
            "action_id": String(ID_LENGTH),
            "url": URL,
            "value": String(2000),
            "style": STYLE,
            "confirm": CONFIRM,
            "accessibility_label": String(75),
        },
        ("text",),
    ),
    "static_select": Shape({**_PLACED, **_LISTED, "initial_option": OPTION}, one_of=("options", "option_groups")),
    "multi_static_select": Shape(
        {**_MULTI, **_LISTED, "initial_options": Items(OPTION, 100)}, one_of=("options", "option_groups")
    ),
    "external_select": Shape({**_PLACED, "min_query_length": Number(), "initial_option": OPTION}),
    "multi_external_select": Shape({**_MULTI, "min_query_length": Number(), "initial_options": Items(OPTION, 100)}),
    "users_select": Shape({**_PLACED, "initial_user": String()}),
    "multi_users_select": Shape({**_MULTI, "initial_users": Anything(list)}),
    "channels_select": Shape({**_PLACED, **_FILTERED, "initial_channel": String()}),
    "multi_channels_select": Shape({**_MULTI, "initial_channels": Anything(list)}),
    "conversations_select": Shape({**_PLACED, **_FILTERED, "initial_conversation": String()}),
    "multi_conversations_select": Shape({**_MULTI, **_FILTERED, "initial_conversations": Anything(list)}),
    "overflow": Shape(
        {"action_id": String(ID_LENGTH), "options": Items(LINK_OPTION, 5), "confirm": CONFIRM}, ("options",)
    ),
    "checkboxes": Shape(
        {**_INTERACTIVE, "options": Items(RICH_OPTION, 10), "initial_options": Items(RICH_OPTION, 10)}, ("options",)
    ),
    "radio_buttons": Shape(
        {**_INTERACTIVE, "options": Items(RICH_OPTION, 10), "initial_option": RICH_OPTION}, ("options",)
    ),
    "datepicker": Shape({**_PLACED, "initial_date": String(10)}),
    "timepicker": Shape({**_PLACED, "initial_time": String(5), "timezone": String()}),
    "datetimepicker": Shape({**_INTERACTIVE, "initial_date_time": Number(most=9_999_999_999)}),
    "plain_text_input": Shape(
        {**_TYPED, "multiline": FLAG, "min_length": Number(0, 3000), "max_length": Number(1, 3000)}
    ),
    "number_input": Shape(
        {**_TYPED, "is_decimal_allowed": FLAG, "min_value": String(), "max_value": String()}, ("is_decimal_allowed",)
    ),
    "email_text_input": Shape(_TYPED),
    "url_text_input": Shape(_TYPED),
    "file_input": Shape(
        {"action_id": String(ID_LENGTH), "filetypes": Items(String(20), 100), "max_files": Number(1, 10)}
    ),
    "image": Shape(
        {"image_url": URL, "slack_file": Anything(dict), "alt_text": String(2000)},
        ("alt_text",),
        ("image_url", "slack_file"),
    ),
}

_CHOICES = frozenset(name for name in ELEMENTS if name.endswith(("_select", "picker"))) | {
    "checkboxes",
    "radio_buttons",
}
IN_ACTIONS = _CHOICES | {"button", "overflow"}
IN_SECTION = IN_ACTIONS | {"image"}
IN_INPUT = _CHOICES | frozenset(name for name in ELEMENTS if name.endswith("_input"))
USABLE = IN_ACTIONS | IN_INPUT
IN_CONTEXT = frozenset({"image", "mrkdwn", "plain_text"})

BLOCKS: dict[str, Shape] = {
    "section": Shape(
        {
            "text": Text(TEXT_LENGTH, True),
            "fields": Items(Text(2000, True), 10),
            "accessory": Element(IN_SECTION),
            "expand": FLAG,
        },
        one_of=("text", "fields"),
    ),
    "header": Shape({"text": Text(150)}, ("text",)),
    "divider": Shape({}),
    "context": Shape({"elements": Items(Element(IN_CONTEXT), 10)}, ("elements",)),
    "actions": Shape({"elements": Items(Element(IN_ACTIONS), 25)}, ("elements",)),
    "image": Shape(
        {"image_url": URL, "slack_file": Anything(dict), "alt_text": String(2000), "title": Text(2000)},
        ("alt_text",),
        ("image_url", "slack_file"),
    ),
    "input": Shape(
        {
            "label": Text(2000),
            "element": Element(IN_INPUT),
            "hint": Text(2000),
            "optional": FLAG,
            "dispatch_action": FLAG,
        },
        ("label", "element"),
    ),
    "rich_text": Shape({"elements": Anything(list)}, ("elements",)),
    "markdown": Shape({"text": String(MARKDOWN_LENGTH)}, ("text",)),
}
NOT_IN_MESSAGES = frozenset({"file_input"})
