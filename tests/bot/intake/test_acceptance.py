"""Acceptance: an event is acknowledged once its job is queued, and every wish is queued once."""

from __future__ import annotations

import functools
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock
from urllib.error import URLError

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError

from bot.errors import QueueAway
from bot.intake import acceptance
from bot.intake.acceptance import TOLD_AFTER_SECONDS, Acceptance
from bot.questions import Question
from bot.queue import keys
from bot.queue.jobs import Job
from bot.queue.records import SEEN_SECONDS, Records
from tests.support import queue
from tests.support.queue import queued

BEFORE, AFTER, WELL = "before", "after", ""
EVENTS: dict[str, dict[str, Any]] = {
    "file_shared": {},
    "file_share": {"asked": True, "thread": "1.0"},
    "app_mention": {"asked": True, "thread": "1.0", "filters": Question("", top=3)},
}
"""What each of Slack's events of one file tells."""
WORKED = "a worker takes what is queued"
LOOKED = "the bot looks after what it accepted"


class CutRedis(redis.Redis):
    """Redis whose connection is cut before or after each command, as `plan` says; healthy once that is used up."""

    plan: Iterator[str] = iter(())
    commands = 0

    def _send_command_parse_response(self, conn: Any, command_name: str, *args: Any, **options: Any) -> Any:
        self.commands += 1
        cut = next(self.plan, WELL)
        answer = None
        if cut != BEFORE:
            answer = super()._send_command_parse_response(conn, command_name, *args, **options)
        if cut:
            conn.disconnect()
            raise redis.ConnectionError(f"cut {cut} {command_name}")
        return answer


@functools.cache
def clients(url: str) -> tuple[redis.Redis, CutRedis]:
    """A client that works, and one to cut; thousands of worlds share them."""
    return redis.Redis.from_url(url), cast(CutRedis, CutRedis.from_url(url))


settings_with = functools.cache(queue.settings)


class World:
    """A bot's acceptance on a Redis whose connection is cut, and what workers took of the queue."""

    def __init__(self, url: str, plan: Iterable[str] = (), **changed: Any) -> None:
        self.well, self.cut = clients(url)
        self.well.flushall()
        self.cut.plan, self.cut.commands = iter(plan), 0
        self.slack = Mock()
        self.slack.files_info.return_value = {"file": {"id": "F1", "mimetype": "audio/wav", "filetype": "wav"}}
        self.bot = self.another_bot(**changed)
        self.taken: list[dict[str, Any]] = []
        self.ignored_unasked = False

    def another_bot(self, **changed: Any) -> Acceptance:
        services: Any = SimpleNamespace(
            redis=self.cut, settings=settings_with(**changed), client=self.slack, installations=None
        )
        return Acceptance(services)

    def deliver(self, steps: Iterable[str]) -> None:
        """Deliver events, those that are not acknowledged again at the end, as Slack does."""
        waiting = list(steps)
        while waiting:
            step = waiting.pop(0)
            try:
                if step == WORKED:
                    self.work()
                elif step == LOOKED:
                    self.bot.look_after()
                else:
                    self.bot.upload("C1", "F1", "U1", **EVENTS[step])
            except QueueAway:
                waiting.append(step)
            except redis.ConnectionError:
                pass

    def work(self) -> None:
        """Take what is queued, and end it as the steps of an upload would: what nobody asked for is ignored."""
        records = Records(self.well)
        for job in queued(self.well):
            asked = job.get("asked") or records.get(job["id"]).asked
            self.ignored_unasked |= not asked
            records.put(job["id"], state="done" if asked else "ignored")
            self.taken.append(job)
        self.well.delete(keys.queue("intake"), keys.messages("intake"), keys.later("intake"))

    def counted(self) -> int:
        found = cast("list[bytes]", self.well.keys("soundalike:limit:upload:U1:*"))
        return sum(int(cast(bytes, self.well.get(key))) for key in found)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "PAUSE_SECONDS", 0.0)


def require_once(world: World, events: Iterable[str]) -> None:
    """Expect one job, queued once, that knows what any of the events told; it may come back to who ignored it."""
    jobs = world.taken + queued(world.well)
    told = [EVENTS[event] for event in events if event in EVENTS]
    asked = any(event.get("asked") for event in told)
    assert {job["id"] for job in jobs} == {Job.new("C1", "F1", "U1").id}
    assert len(jobs) == 1 + (world.ignored_unasked and asked), Counter(map(str, jobs))
    record = Records(world.well).get(jobs[0]["id"])
    assert record.asked == asked
    assert record.thread == ("1.0" if asked else "")
    assert world.counted() == 1


PAIRS = [
    *itertools.permutations(EVENTS, 2),
    *itertools.product(EVENTS, repeat=1),
    *((event, event) for event in EVENTS),
    *itertools.permutations(EVENTS, 3),
]


def commands_of(url: str, events: Sequence[str]) -> int:
    world = World(url)
    world.deliver(events)
    return world.cut.commands


@pytest.mark.parametrize("events", PAIRS, ids="+".join)
@pytest.mark.parametrize("worked", [False, True], ids=["waiting", "worked at once"])
def test_a_cut_before_or_after_any_command_leaves_one_job(redis_url: str, events: tuple[str, ...], worked: bool):
    steps = [step for event in events for step in ([event, WORKED] if worked else [event])]
    World(redis_url).cut.script_flush()
    for cut in (BEFORE, AFTER):
        for place in range(2 * commands_of(redis_url, events) + 2):
            for times in (1, 2, 5):
                world = World(redis_url, [WELL] * place + [cut] * times)
                world.deliver(steps)
                require_once(world, events)


@pytest.mark.parametrize("events", PAIRS, ids="+".join)
def test_so_do_cuts_that_outlast_the_acknowledgement(
    redis_url: str, events: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(acceptance, "ACK_SECONDS", -1.0)
    for plan in itertools.product((BEFORE, AFTER, WELL), repeat=4):
        world = World(redis_url, plan)
        world.deliver(events)
        require_once(world, events)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@example(["file_shared", WORKED, "app_mention", LOOKED], [WELL, AFTER, BEFORE, AFTER], -1.0)
@given(
    st.lists(st.sampled_from([*EVENTS, WORKED, LOOKED]), min_size=1, max_size=8).filter(
        lambda steps: bool({*EVENTS} & {*steps})
    ),
    st.lists(st.sampled_from([BEFORE, AFTER, WELL]), max_size=12),
    st.sampled_from([-1.0, 1.5]),
)
def test_any_order_of_events_cuts_and_workers_leaves_one_job(
    redis_url: str, steps: list[str], plan: list[str], patience: float
):
    before, acceptance.ACK_SECONDS = acceptance.ACK_SECONDS, patience
    try:
        world = World(redis_url, plan)
        world.deliver(steps)
        require_once(world, steps)
    finally:
        acceptance.ACK_SECONDS = before


def test_a_redis_that_came_back_empty_gets_the_job_again_in_doubt(redis_url: str):
    world = World(redis_url)
    world.deliver(["file_share"])
    world.bot.look_after()
    assert len(queued(world.well)) == 1
    world.well.flushall()
    world.deliver([LOOKED, "file_shared", "file_share", LOOKED])
    require_once(world, ["file_share"])
    assert Records(world.well).get(Job.new("C1", "F1", "U1").id).doubt
    assert world.well.zcard(keys.later("intake")) == 1  # whoever was about to post it has done so by then


def test_so_does_an_event_that_comes_after_the_answer(redis_url: str):
    world = World(redis_url)
    world.deliver(["file_share", WORKED, LOOKED])
    world.well.flushall()
    world.deliver([LOOKED])
    assert not queued(world.well)
    world.deliver(["file_shared"])
    assert Records(world.well).get(Job.new("C1", "F1", "U1").id).doubt


def test_a_file_that_is_shared_again_much_later_is_a_new_wish(redis_url: str):
    world = World(redis_url)
    world.deliver(["file_share", WORKED, "file_share"])
    assert not queued(world.well)
    world.well.delete(keys.seen("C1", "F1"))  # as after `SEEN_SECONDS`
    world.deliver(["file_shared"])
    (job,) = queued(world.well)
    record = Records(world.well).get(job["id"])
    assert (record.state, record.asked) == ("", False)


def test_a_new_wish_for_the_same_file_has_a_job_of_its_own(redis_url: str):
    world = World(redis_url)
    world.deliver(["file_share", WORKED])
    for _ in range(2):
        world.bot.upload("C1", "F1", "U1", asked=True, mark="trigger", once=True)
    assert [job["id"] for job in queued(world.well)] == [Job.new("C1", "", "U1", mark="F1:trigger").id]


@pytest.mark.parametrize("died", [False, True], ids=["which queued it", "which died before it did"])
def test_the_job_of_a_bot_of_0_1_is_kept(redis_url: str, died: bool):
    world = World(redis_url)
    world.well.set(keys.seen("C1", "F1"), "a28547d85fe94aab88ad1ccec492bd35", ex=SEEN_SECONDS)
    if not died:
        world.well.hset(keys.job("a28547d85fe94aab88ad1ccec492bd35"), mapping={"accepted": "1.5", "queued": "1"})
    world.deliver(["file_share", "file_shared"])
    assert [job["id"] for job in queued(world.well)] == ["a28547d85fe94aab88ad1ccec492bd35"] * died
    assert Records(world.well).get("a28547d85fe94aab88ad1ccec492bd35").asked


@pytest.mark.parametrize(
    ("limit", "code"),
    [("uploads_per_minute", "rate-limited"), ("team_uploads_per_minute", "rate-limited"), ("queue_limit", "busy")],
)
def test_what_is_too_much_is_queued_with_its_refusal(redis_url: str, limit: str, code: str):
    world = World(redis_url, (), **{limit: 1})
    for file in ("F1", "F1", "F2"):
        world.bot.upload("C1", file, "U1", team="T1")
    refusals = [Records(world.well).get(job["id"]).refusal for job in queued(world.well)]
    assert [refusal and refusal[0] for refusal in refusals] == [None, code]


def test_a_value_of_a_foreign_type_is_set_aside(redis_url: str):
    world = World(redis_url)
    job = Job.new("C1", "F1", "U1")
    lists = keys.seen("C1", "F1"), keys.job(job.id), keys.turn("C1"), keys.messages("intake"), keys.messages("embed")
    for key in (*lists, keys.later("intake")):
        world.well.lpush(key, "foreign")
    world.well.set(keys.queue("intake"), "foreign")
    world.deliver(["file_share"])
    require_once(world, ["file_share"])


def away(world: World, monkeypatch: pytest.MonkeyPatch, *, sent: bool = False) -> None:
    """Let Redis fail from now on; sent: it does what it is told, and its replies are lost."""
    monkeypatch.setattr(acceptance, "ACK_SECONDS", -1.0)
    world.cut.plan = itertools.repeat(AFTER if sent else BEFORE)


def look(world: World, monkeypatch: pytest.MonkeyPatch, seconds: float = TOLD_AFTER_SECONDS) -> None:
    """Look after what was accepted, so much later."""
    later = time.monotonic() + seconds
    monkeypatch.setattr(acceptance, "time", SimpleNamespace(monotonic=lambda: later, time=time.time))
    world.bot.look_after_all()


def test_who_waits_for_long_is_told_once(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    world = World(redis_url)
    away(world, monkeypatch)
    for event in ("file_shared", "file_share", "file_share"):
        with pytest.raises(QueueAway):
            world.bot.upload("C1", "F1", "U1", **EVENTS[event])
    look(world, monkeypatch, 1)
    assert not world.slack.chat_postEphemeral.called
    for _ in range(2):
        look(world, monkeypatch)
    (told,) = world.slack.chat_postEphemeral.call_args_list
    assert (told.kwargs["channel"], told.kwargs["user"], told.kwargs["thread_ts"]) == ("C1", "U1", "1.0")
    world.cut.plan = iter(())
    look(world, monkeypatch)
    require_once(world, ["file_share"])
    assert world.slack.chat_postEphemeral.call_count == 1


@pytest.mark.parametrize("slack", ["no audio", "refuses", "away"])
def test_nobody_is_told_of_a_file_that_may_be_no_audio(redis_url: str, monkeypatch: pytest.MonkeyPatch, slack: str):
    world = World(redis_url)
    away(world, monkeypatch)
    with pytest.raises(QueueAway):
        world.bot.upload("C1", "F1", "U1")
    world.slack.files_info.return_value = {"file": {"id": "F1", "mimetype": "application/pdf", "filetype": "pdf"}}
    errors: dict[str, Any] = {"refuses": SlackApiError("no", {"error": "file_not_found"}), "away": URLError("away")}
    world.slack.files_info.side_effect = errors.get(slack)
    look(world, monkeypatch)
    assert not world.slack.chat_postEphemeral.called


def test_what_slack_delivers_once_is_not_accepted_behind_the_back_of_who_was_refused(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    world = World(redis_url)
    away(world, monkeypatch)
    with pytest.raises(QueueAway):
        world.bot.upload("U1", "F1", "U1", asked=True, once=True)
    world.cut.plan = iter(())
    world.bot.look_after()
    assert not queued(world.well)


def ask(world: World) -> bool:
    return world.bot.question("D1", "U1", "message:1.0", "similar", Question("#193"), thread="1.0")


def test_words_are_answered_without_redis_and_once(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    world = World(redis_url)
    away(world, monkeypatch)
    assert not ask(world)
    assert ask(world)  # it is answered already
    world.cut.plan = iter(())
    assert ask(world)
    assert not queued(world.well)


def test_words_that_may_be_queued_are_not_answered_here(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    world = World(redis_url)
    away(world, monkeypatch, sent=True)
    monkeypatch.setattr(world.cut, "ping", lambda: True)
    for _ in range(2):
        with pytest.raises(QueueAway):
            ask(world)
    world.cut.plan = iter(())
    assert ask(world)
    assert [job["text"] for job in queued(world.well)] == ["similar"]


def test_few_events_wait_for_redis_at_a_time(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    world = World(redis_url)
    away(world, monkeypatch)
    monkeypatch.setattr(world.bot, "_waiters", Mock(acquire=lambda blocking: False))
    for file in ("F1", "F2"):
        with pytest.raises(QueueAway):
            world.bot.upload("C1", file, "U1")
    assert world.cut.commands == 1
