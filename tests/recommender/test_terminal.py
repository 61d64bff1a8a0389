"""What is printed is fit for any terminal, whatever names hold."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.spelling import shown
from recommender.terminal import Guarded, guarded

HOSTILE = "kick\x1b]0;owned\x07\x9b31m\u202e\r\n drum.wav"


@given(st.text())
def test_a_name_takes_one_line_and_no_control(name: str):
    line = shown(name)
    assert len(line.splitlines()) <= 1
    assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for sign in line)


@pytest.mark.parametrize(
    "name", ["Kühe & Co. 🎷.wav", "family 👨\u200d👩\u200d👧", "non\u00a0breaking", "日本語", "עברית"]
)
def test_ordinary_names_stay_as_they_are(name: str):
    assert shown(name) == name


def test_a_hostile_name_is_spelled_out():
    assert shown(HOSTILE) == r"kick\u001b]0;owned\u0007\u009b31m\u202e\r\n drum.wav"


@given(st.text())
def test_a_guarded_stream_leaves_json_json(text: str):
    stream = io.StringIO()
    Guarded(stream).write(json.dumps(text, ensure_ascii=False) + "\n")
    written = stream.getvalue()
    assert json.loads(written) == text
    assert "\x1b" not in written and "\x9b" not in written


def test_printing_is_guarded_while_a_command_runs(capsys: pytest.CaptureFixture[str]):
    with guarded():
        print(HOSTILE, "ends in a line end")
        print(HOSTILE, file=sys.stderr)
        assert not sys.stdout.isatty()
    print("\x1b[0m", end="")
    out, err = capsys.readouterr()
    assert out.count("\x1b") == 1 and "\x1b" not in err and "\x9b" not in out + err
    assert out.count("\n") == 2
