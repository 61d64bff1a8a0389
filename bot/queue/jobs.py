"""The job: what somebody wants to be answered by a message, as it travels through the queue."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.questions import Question
from recommender.errors import SoundalikeError


@dataclass(frozen=True, slots=True)
class Job:
    """One upload, or one question that is answered by a message.

    channel: where it is answered; a user id means the direct messages with that person. thread: ts of the thread,
    empty until Slack tells. file: Slack's id. ts: of the message that becomes the answer, empty until it is posted.
    asked: somebody addressed the bot, so that even what is no audio gets an answer. fallback: where to answer when
    the channel is closed to the bot. closed: why it is, once it proved to be, as mrkdwn. refusal: code and
    sentence, where the upload is refused. accepted: Unix time. order: Slack's time of the event, by which messages
    follow each other. slot: the right to post its message now is taken. described: Slack was asked about the file.
    text, query: kind and terms of a typed question, of a job without a file. doubt: its record was lost, its
    message may stand already. attempt: how often its present step was put off.
    """

    id: str
    channel: str
    file: str
    user: str
    team: str = ""
    thread: str = ""
    ts: str = ""
    asked: bool = False
    fallback: str = ""
    closed: str = ""
    refusal: tuple[str, str] | None = None
    top: int = 10
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    accepted: float = 0.0
    order: float = 0.0
    name: str = ""
    url: str = ""
    seconds: float = 0.0
    slot: bool = False
    described: bool = False
    text: str = ""
    query: str = ""
    doubt: bool = False
    attempt: int = 0

    @classmethod
    def new(cls, channel: str, file: str, user: str, *, at: str = "", **more: Any) -> Job:
        """Make a job that is accepted now, under a new id; at: Slack's time of its event."""
        now = time.time()
        order = float(at) if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", at) else now
        return cls(uuid.uuid4().hex, channel, file, user, accepted=now, order=order, **more)

    @property
    def direct(self) -> bool:
        """Whether it is answered in direct messages."""
        return self.channel[:1] in ("D", "U", "W")

    def with_filters(self, question: Question | None) -> Job:
        """Return the job with the filters of a question that came beside the file."""
        if question is None:
            return self
        return replace(self, top=question.top, only=question.only, without=question.without)

    def question(self, query: str) -> Question:
        """Return the question that the upload puts."""
        return Question(query, top=self.top, only=self.only, without=self.without, name=self.name)

    def to_json(self) -> dict[str, Any]:
        """Return the job for the queue."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Job:
        """Read what `to_json` gave; raises KeyError, TypeError or ValueError on anything else."""
        refusal = data.get("refusal")
        lists: dict[str, Any] = {name: tuple(map(str, data.get(name, ()))) for name in ("only", "without")}
        plain = {key: value for key, value in data.items() if key not in ("refusal", *lists)}
        return cls(**plain, **lists, refusal=(str(refusal[0]), str(refusal[1])) if refusal else None)


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a job, apart from the queue. state: empty, `ignored` or `done`; ts and place: of the posted
    message; claimed: Unix time at which somebody began to post it, 0 for nobody, negative once that is in doubt;
    tries: how often the work was begun; queued: it has certainly been in the queue."""

    known: bool = False
    state: str = ""
    ts: str = ""
    place: str = ""
    claimed: float = 0.0
    asked: bool = False
    thread: str = ""
    tries: int = 0
    queued: bool = False
    filters: Question | None = None


class RefusedOnArrival(SoundalikeError):
    """Carries the code and the sentence of a refusal through the queue."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code  # type: ignore[misc]
