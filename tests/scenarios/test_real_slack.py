"""What the real Slack does that its documentation hardly says: a test for each line of the table of issue 15."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.builder import ClipBatch
from sandbox.driver import Driver, Json, text_of
from tests.scenarios.stack import Stack, video_id, write_small_catalogue
from tests.scenarios.test_surfaces import ranks


@pytest.fixture(scope="module")
def japanese(stack: Stack) -> Path:
    """The small catalogue under names that take six bytes a character on the wire."""
    clips = [
        clip._replace(title="夜明けの海辺で録った波の音" * 6, labels=("環境音と自然の音",) * 4)
        for clip in stack.batch.clips
    ]
    return write_small_catalogue(stack.folder / "japanese", ClipBatch(clips, stack.batch.vectors))


def answered(slack: Driver, text: str) -> Json:
    """Type a command and give the answer, of which there is one."""
    outcome = slack.command(text)
    assert outcome["acked"], outcome
    answer = slack.wait_ephemeral(ranks)
    slack.wait_quiet(0.5)
    assert len(slack.ephemerals()) == 1
    return answer


def test_answers_too_large_for_an_acknowledgement_come_by_response_url(slack: Driver, stack: Stack, japanese: Path):
    with stack.only_bot(CATALOGUE=str(japanese)):
        slack.wait_for_bot()
        answer = answered(slack, f"{video_id(1)} top 20")
    assert ranks(answer) == list(range(1, 21))
    assert len(slack.traffic(kind="response_url")) == 1
    assert "夜明け" in text_of(answer)
    assert not slack.refusals()
