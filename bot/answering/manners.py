"""How the bot behaves in a channel: which of the sounds that nobody addressed to it are answered. Kept in Redis without
an end."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import redis

from bot.queue import keys
from bot.settings import BotSettings

EVERY, MENTIONED, EAR = "every", "mentioned", "ear"
ANSWERS = (EVERY, MENTIONED, EAR)
"""Every sound; only where the bot is mentioned; on a click on the ear that it reacts with."""
SPEECH = frozenset(
    {
        "Child speech, kid speaking",
        "Conversation",
        "Female speech, woman speaking",
        "Male speech, man speaking",
        "Narration, monologue",
        "Speech",
    }
)
BESIDE_SPEECH = 0.5
"""Share of another label, by that of speech, from which a sound is not speech alone."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Manner:
    """What is answered unasked. answers: one of `ANSWERS`; speech: also what is speech alone."""

    answers: str = EVERY
    speech: bool = True


class Manners:
    """The manner of each channel; raises redis.RedisError."""

    def __init__(self, client: redis.Redis, settings: BotSettings) -> None:
        self._client = client
        self.default = Manner(settings.channel_answers, settings.answer_speech)

    def of(self, channel: str) -> Manner:
        """Return the manner of a channel; what is unreadable counts as the default."""
        key = keys.manner(channel)
        raw: Any = keys.mending(self._client, [key], lambda: self._client.get(key))
        if raw is None:
            return self.default
        try:
            data = json.loads(raw)
            answers, speech = data["answers"], data["speech"]
        except (ValueError, KeyError, TypeError, RecursionError):
            _log.warning("the settings of a channel are unreadable: the default holds")
            return self.default
        return Manner(answers if answers in ANSWERS else self.default.answers, speech is True)

    def change(self, channel: str, **changed: Any) -> Manner:
        """Change the manner of a channel, and return it."""
        manner = replace(self.of(channel), **changed)
        self._client.set(keys.manner(channel), json.dumps({"answers": manner.answers, "speech": manner.speech}))
        return manner


def speech_alone(sounds_like: Sequence[tuple[str, float]]) -> bool:
    """Whether a sound is nothing but speech, by the labels that it sounds like, best first."""
    if not sounds_like or sounds_like[0][0] not in SPEECH:
        return False
    most = sounds_like[0][1]
    return all(label in SPEECH or share < BESIDE_SPEECH * most for label, share in sounds_like)
