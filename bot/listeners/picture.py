"""Picture, below an answer: posts a map of its results, and the waveform of what was asked for where there is one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from slack_bolt import App

from bot.listeners.context import Context
from bot.listeners.files import listener, post
from bot.messages import Message
from bot.messages.button_values import ButtonValue
from bot.messages.library import PICTURE
from bot.operations.requests import Request
from bot.questions import Question
from bot.slack.downloads import Downloader
from bot.slack.files import file_info
from recommender.answers import Answer
from recommender.errors import BadQuery, SoundalikeError
from recommender.library.additions import libraries_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NOTHING = "There is no result to draw: ask for another sound."
WAVE_RATE = 8000
"""Samples a second: hundreds for each column of a waveform of a minute."""
_log = logging.getLogger(__name__)


def register(app: App, context: Context) -> None:
    """Register the listener of the button."""
    app.action(PICTURE)(listener(context, PICTURE, _picture))


def _picture(context: Context, value: ButtonValue, body: dict[str, Any], request: Request) -> Message | None:
    """Post the picture of the results."""
    # Pillow is loaded with the first picture: a bot that draws none is as small as before.
    from recommender.mapping.picture import in_words, picture

    found, _ = context.answerer.found(value.asked, request, value.catalogue)
    if not found.results:
        raise BadQuery(NOTHING)
    vectors = context.services.recommender.catalogue.vectors_of([result.clip.item for result in found.results])
    name = value.asked.name or " and ".join(seed.title for seed in found.seeds) or value.asked.query
    with request.timings("picture"):
        wave = _wave(context, value.asked, found)
        drawn = picture(found, vectors, name, wave)
    told = in_words(found, vectors, name, wave)
    with request.timings("reply"):
        return post(context, body, content=drawn, filename="similar.png", title="A map of the answer", alt_txt=told)


def _wave(context: Context, question: Question, found: Answer) -> NDArray[np.int16] | None:
    """Return the samples of the upload, or of the library's clip, that was asked for alone; None where there is none
    any more, or it is elsewhere: the map is drawn without."""
    from recommender.audio import decoding
    from recommender.audio.wav import read_wav
    from recommender.library.excerpts import excerpt

    services = context.services
    try:
        if question.file:
            file = file_info(services.client, question.file)
            file.require_obtainable(services.settings.max_upload_bytes)
            with services.scratch.file() as path:
                Downloader.from_settings(services.settings, services.client).fetch(file.url, path)
                return decoding.decode(path, max_seconds=services.settings.max_upload_seconds, rate=WAVE_RATE).pcm
        if len(found.seeds) == 1 and libraries_of(services.recommender.catalogue):
            samples, _ = read_wav(excerpt(services.recommender.catalogue, found.seeds[0]))
            mono: NDArray[np.int16] = samples.mean(axis=1).astype("int16")
            return mono
    except SoundalikeError as error:
        _log.info("a picture without a waveform: %s", error)
    return None
