"""The job: what somebody wants to be answered by a message, as it travels through the queue.

Workers of this version and of its neighbours share the queue while they are being replaced. What a job lacks has its
default, what is at its default is left out, and fields that this version does not know travel on in `unknown`.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from bot.questions import Question
from bot.workspaces import Workspace, current
from recommender.errors import SoundalikeError

MAX_NUMBER = 1e12
EDITION = "~"
"""Stands in the id of a corrected wish's job before the time of the correction."""


@dataclass(frozen=True, slots=True)
class Job:
    """One upload, or one question that is answered by a message.

    id: follows from channel and wish, so that all events of one wish speak of one job; a correction of it adds its
    own time. channel: where it is answered;
    a user id means the direct messages with that person. file: Slack's id, empty for a typed question. thread: ts of
    the thread, empty until Slack tells. ts: of the message that becomes the answer, empty until it is posted. asked:
    somebody addressed the bot, so that even what is no audio gets an answer. fallback: where to answer when the
    channel is closed to the bot. closed: why it is, once it proved to be, as mrkdwn. refusal: code and sentence,
    where the upload is refused. accepted: Unix time. order: Slack's time of the event, by which messages follow each
    other. slot: the right to post its message now is taken. described: Slack was asked about the file. kind, query:
    of a typed question; query alone: terms that an upload is combined with. doubt: its record was lost, its message
    may stand already. attempt: how often its present step was put off.
    """

    id: str
    channel: str
    file: str = ""
    user: str = ""
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
    longer: float = 0.0
    shorter: float = 0.0
    accepted: float = 0.0
    order: float = 0.0
    name: str = ""
    url: str = ""
    seconds: float = 0.0
    slot: bool = False
    described: bool = False
    kind: str = ""
    query: str = ""
    doubt: bool = False
    attempt: int = 0
    workspace: str = ""
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def new(
        cls, channel: str, file: str, user: str, *, mark: str = "", edition: str = "", at: str = "", **more: Any
    ) -> Job:
        """Make a job that is accepted now. mark: what tells the wish, where it is not the file alone; edition: Slack's
        time of the correction, where somebody corrected a wish; at: Slack's time of its event."""
        now = time.time()
        order = float(at) if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", at) else now
        digest = hashlib.sha256(f"{channel}:{mark or file}".encode()).hexdigest()[:32]
        workspace = current()
        job_id = marked(f"{workspace.id}.{digest}" if workspace.id else digest, edition)
        return cls(job_id, channel, file, user, accepted=now, order=order, workspace=str(workspace), **more)

    @property
    def home(self) -> Workspace:
        """The workspace whose wish it is; of a job that a bot with a static token queued, the team that Slack named."""
        return Workspace.parse(self.workspace or self.team)

    @property
    def first(self) -> str:
        """The id of the job whose message is this one's too: a corrected wish edits the answer that stands."""
        return self.id.partition(EDITION)[0]

    @property
    def edition(self) -> str:
        """Slack's time of the correction, empty for what nobody corrected."""
        return self.id.partition(EDITION)[2]

    @property
    def message(self) -> str:
        """The ts of the message whose event it stems from."""
        return f"{self.order:.6f}"

    @property
    def direct(self) -> bool:
        """Whether it is answered in direct messages."""
        return self.channel[:1] in ("D", "U", "W")

    @property
    def addressed(self) -> bool:
        """Whether somebody spoke to the bot, so that an answer is due whatever the file holds."""
        return self.direct or self.asked

    def with_filters(self, question: Question | None) -> Job:
        """Return the job with the filters of a question that came beside the file, and its terms."""
        return self if question is None else replace(self, query=question.query, **_filters(question))

    def question(self, query: str) -> Question:
        """Return the question that the upload puts."""
        return Question(query, name=self.name, **_filters(self))

    def to_json(self) -> dict[str, Any]:
        """Return the job for the queue, as 0.1 reads it too."""
        known = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "unknown"}
        changed = {_OLD_NAMES.get(name, name): value for name, value in known.items() if value != _DEFAULTS[name]}
        return {**self.unknown, **changed}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Job:
        """Read what `to_json` of this version or of 0.1 returned; raises ValueError on anything else."""
        known: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for name, value in data.items():
            now = _NEW_NAMES.get(name, name)
            if now in _READERS:
                known[now] = _READERS[now](value)
            else:
                unknown[name] = value
        try:
            return cls(**known, unknown=unknown)
        except TypeError as error:
            raise ValueError(f"not a job: {error}") from None


def _filters(of: Job | Question) -> dict[str, Any]:
    """Return what job and question share by name."""
    return {name: getattr(of, name) for name in ("top", "only", "without", "longer", "shorter")}


def marked(name: str, edition: str) -> str:
    """Return the name of a wish, of its correction where there is one."""
    return f"{name}{EDITION}{edition}" if edition else name


def _plain(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"{value!r:.40} is no {kind.__name__}")
        return value

    return read


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and abs(value) < MAX_NUMBER:
        return float(value)
    raise ValueError(f"{value!r:.40} is no number of seconds")


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise ValueError(f"{value!r:.40} is no list of texts")


def _refusal(value: Any) -> tuple[str, str] | None:
    if value is None:
        return None
    code, sentence = _texts(value)
    return code, sentence


_BY_TYPE: dict[Any, Callable[[Any], Any]] = {
    "str": _plain(str), "bool": _plain(bool), "int": _plain(int), "float": _number,
    "tuple[str, ...]": _texts, "tuple[str, str] | None": _refusal,
}  # fmt: skip
_READERS = {each.name: _BY_TYPE[each.type] for each in fields(Job) if each.name != "unknown"}
_DEFAULTS = {each.name: each.default for each in fields(Job)} | dict.fromkeys(("file", "user"))
_NEW_NAMES = {"text": "kind"}
_OLD_NAMES = {"kind": "text"}
"""0.1 reads no other name, and fails on one that it does not know: written so for as long as it may be at work."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a job, apart from the queue. state: empty, `ignored` or `done`; ts and place: of the posted
    message; claimed: Unix time at which somebody began to post it, 0 for nobody, negative once that is in doubt;
    refusal, doubt: as in `Job`."""

    known: bool = False
    state: str = ""
    ts: str = ""
    place: str = ""
    claimed: float = 0.0
    asked: bool = False
    thread: str = ""
    filters: Question | None = None
    refusal: tuple[str, str] | None = None
    doubt: bool = False


class RefusedOnArrival(SoundalikeError):
    """Carries the code and the sentence of a refusal through the queue."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code  # type: ignore[misc]
