"""What only a library has: listening to the moment that was found, the paths of files, and keeping an upload."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.messages.block_kit import Block, Message, button, clock, escape, plain, section, shorten
from bot.messages.button_values import ButtonValue
from bot.questions import Question
from recommender.catalogue.measures import KEY, TEMPO
from recommender.clips import Clip
from recommender.library.descriptions import DESCRIPTION, DESIGNER, LIBRARY, SCENE, TAKE

LISTEN = "listen"
ADD = "add_to_library"
PATH = "path"
EXPORT = "export"
PICTURE = "picture"
TITLE_CHARS = 120
FIELD_CHARS = 30
SHORTEST_DESCRIPTION = 30
_SAID = {LIBRARY: "from {}", DESIGNER: "by {}", SCENE: "scene {}", TAKE: "take {}", TEMPO: "{}", KEY: "{}"}
"""Beside the description; categories are labels, which are shown already, and each file has a loudness: a line more."""
PATH_CHARS = 2000

_ONE_UPLOAD = re.compile(r"audio:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Offers:
    """What is shown. listen, paths: with each result; add: below the answer to an upload; files: below each answer."""

    listen: bool = False
    add: bool = False
    paths: bool = False
    files: bool = False


def said(clip: Clip, room: int) -> str:
    """Return what a clip's file says of itself as one line of mrkdwn that shows about `room` characters; empty where
    it says nothing."""
    told = dict(clip.fields)
    rest = [form.format(shorten(told[name], FIELD_CHARS)) for name, form in _SAID.items() if told.get(name)]
    left = max(room - sum(len(each) + 3 for each in rest), SHORTEST_DESCRIPTION)
    parts = [shorten(told.get(DESCRIPTION, ""), left), *rest]
    return plain(" · ".join(filter(None, parts)), room + SHORTEST_DESCRIPTION)


def listen_button(clip: Clip) -> Block | None:
    """Return the button that posts an excerpt."""
    return button(LISTEN, "Listen", ButtonValue(clip=clip.clip_id))


def add_button(question: Question, offers: Offers) -> Block | None:
    """Return the button that keeps an upload in the library."""
    if not offers.add or not question.file or not _ONE_UPLOAD.fullmatch(question.query):
        return None
    return button(ADD, "Add to library", ButtonValue(file=question.file))


def added(clip: Clip) -> Message:
    """Tell who added an upload that it is found from now on."""
    text = f"Added as {plain(clip.source, TITLE_CHARS)}: it is found from now on, as `{clip.clip_id}`."
    return Message(text, [section(text)])


def path_of(clip: Clip) -> Message:
    """Tell the path of a clip's file in the library, to be copied."""
    return Message(clip.source, [section(f"```{escape(shorten(clip.source, PATH_CHARS))}```")])


def excerpt_title(clip: Clip) -> str:
    """Return the title of an excerpt."""
    return f"{clip.title[:TITLE_CHARS]} {clock(clip.start)}–{clock(clip.end)}"
