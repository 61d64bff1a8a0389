"""The form that `/similar` alone opens."""

from __future__ import annotations

import json
from typing import Any

from bot.messages.block_kit import Block
from recommender.audio.formats import MEDIA_SUFFIXES

ASK_CALLBACK = "ask"
MAX_FILES = 10
"""What Slack's file input takes at most."""
FILE_TYPES = sorted(suffix.removeprefix(".") for suffix in MEDIA_SUFFIXES)
LABEL_QUERY_LENGTH = 1


def ask_view(response_url: str) -> dict[str, Any]:
    """Return the form; response_url: of the command, so that the answer comes where it was typed."""
    return {
        "type": "modal",
        "callback_id": ASK_CALLBACK,
        "title": _text("Find similar clips"),
        "submit": _text("Find"),
        "close": _text("Cancel"),
        "private_metadata": json.dumps({"response_url": response_url}),
        "blocks": [
            _input("clip", "Clip or words", {"type": "plain_text_input", "action_id": "clip", "max_length": 1000},
                   "An id, a link or #item, or words: rain on a tin roof. A + B - C combines"),
            _input("files", "or audio files",
                   {"type": "file_input", "action_id": "files", "filetypes": FILE_TYPES, "max_files": MAX_FILES},
                   "Answered in our direct messages"),
            _input("only", "Only clips labelled", _labels("only", "Jazz, Rain, …")),
            _input("without", "No clips labelled", _labels("without", "Speech, …")),
        ],
    }  # fmt: skip


def _labels(action_id: str, example: str) -> Block:
    return {
        "type": "multi_external_select",
        "action_id": action_id,
        "placeholder": _text(example),
        "min_query_length": LABEL_QUERY_LENGTH,
        "max_selected_items": 10,
    }


def _input(block_id: str, label: str, element: Block, hint: str = "") -> Block:
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "optional": True,
        "label": _text(label),
        "element": element,
    }
    return block | {"hint": _text(hint)} if hint else block


def _text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
