"""What people read at the end of a build, and while it runs."""

from __future__ import annotations

import io
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.embedders import registry
from recommender.embedders.labels import LabelHead
from recommender.errors import NoWeights
from recommender.library.building import build
from recommender.library.changes import Changes
from recommender.library.report import Failure, Report
from recommender.spelling import count
from tests.support.spectral import SpectralPool


def test_one_is_singular() -> None:
    assert [count(number, "clip") for number in (0, 1, 2, 1200)] == ["0 clips", "1 clip", "2 clips", "1,200 clips"]


def test_the_table_counts_what_there_is() -> None:
    report = Report(
        indexed=3,
        copies=1,
        recordings=2,
        clips=1,
        seconds=240,
        embedded=3,
        embedded_seconds=900,
        took=30,
        failures=[
            Failure("a.wav", "incomplete", "Cut."),
            Failure("b.mp3", "not-audio", "No."),
            Failure("c", "silent", ""),
        ],
        other=Counter({".txt": 2}),
        excluded=["x/@eaDir", "y/@eaDir"],
        changes=Changes({}, new=2, moved=1, removed=4),
    )
    assert report.table().splitlines() == [
        "indexed             3  4 min of audio, 1 clip",
        "  new               2",
        "  moved             1",
        "  incomplete        1  a part of their sound is missing",
        "  copies            1  other files of the same recordings: shown as one result",
        "embedded            3  15 min of audio, copies included, at 30x real time",
        "removed             4",
        "skipped             1  silent 1",
        "failed              1  not-audio 1",
        "excluded            2  @eaDir 2",
        "not audio           2  .txt 2",
    ]


def test_into_a_pipe_progress_is_a_line_now_and_then(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = io.StringIO()
    monkeypatch.setattr(sys, "stderr", told)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    build(music, tmp_path / "quick", SpectralPool())
    assert told.getvalue() == ""  # within ten seconds there is nothing to tell
    monkeypatch.setattr("recommender.terminal.LINE_SECONDS", 0)
    build(music, tmp_path / "slow", SpectralPool())
    lines = told.getvalue().splitlines()
    assert "\r" not in told.getvalue()
    assert any(line.startswith("embedding: 100%") and "8/8 files" in line for line in lines)


def test_a_build_without_the_weights_says_that_vectors_are_not_projected_until_it_has_them(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(weights: Path | None) -> LabelHead:
        raise NoWeights("The weights are missing.")

    head = LabelHead(("low", "high"), np.eye(2, 200, dtype=np.float32), np.zeros(2, np.float32))
    spec = registry.of_space("musicnn-msd")
    for label_head, unprojected, written in ((away, True, True), (away, True, False), (lambda _: head, False, True)):
        now = replace(spec, directions=2, label_head=label_head)
        monkeypatch.setattr(registry, "of_space", lambda space, now=now: now)
        report = build(music, tmp_path / "out", SpectralPool(), progress=False)
        assert (report.unprojected, report.written) == (unprojected, written)
        assert any("weights are not on this machine" in line for line in report.warnings()) == unprojected
