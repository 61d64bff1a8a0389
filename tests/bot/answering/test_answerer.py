"""What people are told of errors, and what the log has of them."""

from __future__ import annotations

import logging
import re
from unittest.mock import MagicMock

import pytest

from bot.answering.answerer import Answerer
from bot.answering.limits import QuestionLimit
from bot.errors import OddPayload
from bot.messages import Message


def answerer() -> Answerer:
    return Answerer(MagicMock(), MagicMock(), QuestionLimit(10), MagicMock())


def test_what_nobody_foresaw_has_a_number_that_finds_the_traceback(caplog: pytest.LogCaptureFixture):
    def broken() -> Message:
        raise KeyError("user")

    request = MagicMock()
    with caplog.at_level(logging.ERROR):
        told = answerer().spoken(request, broken)
    number = request.broke.call_args.args[0]
    assert re.fullmatch(r"[0-9a-f]{8}", number)
    assert number in told.text
    assert caplog.records[0].getMessage() == f"unforeseen error {number}"
    assert "KeyError: 'user'" in caplog.text


def test_what_was_foreseen_is_said_and_leaves_no_traceback(caplog: pytest.LogCaptureFixture):
    def refused() -> Message:
        raise OddPayload("Slack left something out.")

    assert "Slack left something out." in answerer().spoken(MagicMock(), refused).text
    assert caplog.records == []
