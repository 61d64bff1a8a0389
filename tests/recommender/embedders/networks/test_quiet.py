"""What TensorFlow says at its start is not for people; what others say meanwhile is."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import REPOSITORY

CHATTER = """WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795565392.405677   10230 port.cc:153] oneDNN custom operations are on. You may see …
"""


def said(code: str) -> str:
    """What a process writes to standard error."""
    command = [
        sys.executable,
        "-c",
        f"import os, sys\nfrom recommender.embedders.networks.quiet import without_chatter\n{code}",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stderr


def test_lines_of_others_come_through():
    text = f"first\n{CHATTER}W0000 no chatter\nInfo\n50 %|##"
    assert said(f"with without_chatter(): os.write(2, {text.encode()!r})") == "first\nW0000 no chatter\nInfo\n50 %|##"


def test_standard_error_is_as_before_afterwards():
    code = """
try:
    with without_chatter():
        sys.stderr.write("inside\\n")
        raise ImportError
except ImportError:
    sys.stderr.write("I0000 00:00:1 2 port.cc:3] after\\n")
"""
    assert said(code) == "inside\nI0000 00:00:1 2 port.cc:3] after\n"


def test_tensorflow_starts_in_silence():
    assert said("from recommender.embedders.networks.network import tensorflow\ntensorflow()") == ""
