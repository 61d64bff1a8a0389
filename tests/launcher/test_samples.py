"""The starter library: what is in it, and that it is the same everywhere and whole."""

from __future__ import annotations

import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from launcher import samples
from launcher.synthesis.tones import RATE

A_FEW = [samples.SAMPLES[i] for i in range(0, len(samples.SAMPLES), 11)]


def test_about_a_hundred_clips_in_twelve_families() -> None:
    assert 95 <= len(samples.SAMPLES) <= 110
    sizes = Counter(sample.family for sample in samples.SAMPLES)
    assert len(sizes) == 12
    assert min(sizes.values()) >= 8


@pytest.mark.parametrize("sample", A_FEW, ids=lambda sample: sample.name)
def test_a_clip_is_loud_enough_short_and_the_same_each_time(sample: samples.Sample) -> None:
    pcm = sample.pcm(seed=1)
    assert 4 <= len(pcm) / RATE <= 8
    assert 0.7 <= np.abs(pcm.astype(float)).max() / 32767 <= 0.85
    assert np.array_equal(pcm, sample.pcm(seed=1))
    assert not np.array_equal(pcm, sample.pcm(seed=2))


def test_a_wav_can_be_read_and_says_what_it_is(tmp_path: Path) -> None:
    pcm = np.arange(-5, 6, dtype=np.int16)
    path = tmp_path / "a.wav"
    path.write_bytes(samples.wav(pcm, title="Glass sky", genre="Pads"))
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        assert np.array_equal(np.frombuffer(file.readframes(99), "<i2"), pcm)
    import av

    with av.open(str(path)) as container:
        assert container.metadata == {"title": "Glass sky", "genre": "Pads"}


def test_files_that_exist_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(samples, "SAMPLES", tuple(A_FEW[:3]))
    mine = tmp_path / A_FEW[0].path
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    assert samples.main([str(tmp_path)]) == 0
    assert mine.read_bytes() == b"mine"
    assert "2 clips written, 1 there already" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == sorted(s.path.name for s in A_FEW[:3])


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("")
    assert samples.main([str(tmp_path / "file")]) == 1
    assert "Choose another folder" in capsys.readouterr().err
