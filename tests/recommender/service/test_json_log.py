"""Lines of the log are JSON, one a line, fit for any terminal."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from recommender.service.json_log import JsonLines, one_line
from tests.conftest import REPOSITORY

SCRIPT = """
import logging, threading, warnings
from recommender.service.json_log import JsonLines, configure
configure("INFO", JsonLines())
logging.getLogger("gunicorn.error").error("of gunicorn\\n\\x1b[31m")
warnings.warn("of a library")
logging.info("%d", "no number")
thread = threading.Thread(target=lambda: 1 / 0, name="worker")
thread.start()
thread.join()
raise ValueError("the end")
"""


@given(st.text())
def test_a_line_is_printable_and_reads_back(text: str):
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", (text,), None)
    line = JsonLines().format(record)
    assert line.isprintable()
    assert json.loads(line)["message"] == text


def test_escape_codes_and_line_ends_are_spelled_out():
    hostile = "a\x1b]0;title\x07\x9b31m\u2028\u202e\x7f\n"
    line = one_line({"name": hostile})
    assert line.isprintable() and json.loads(line)["name"] == hostile


def test_all_that_a_process_says_is_json():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["error", "warning", "critical", "critical"]
    assert "ZeroDivisionError" in lines[2]["traceback"] and "the end" in lines[3]["traceback"]
    assert done.returncode == 1
