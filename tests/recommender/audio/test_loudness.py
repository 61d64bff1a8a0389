"""The loudness meter, against ffmpeg's."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.filter import Graph
from numpy.typing import NDArray

from recommender.audio.decoder.loudness import LoudnessMeter
from tests.support.audio import LAYOUTS, melody


def ours(sound: NDArray[np.floating], rate: int, names: list[str], size: int) -> float | None:
    meter = LoudnessMeter()
    for start in range(0, sound.shape[1], size):
        meter.push(np.asarray(sound[:, start : start + size], np.float32), rate, names)
    return meter.finish()


def theirs(frame: AudioFrame) -> float:
    graph = Graph()
    source = graph.add_abuffer(
        format=frame.format.name, sample_rate=frame.sample_rate, layout=frame.layout.name, time_base=frame.time_base
    )
    meter, sink = graph.add("ebur128", "metadata=1:framelog=quiet"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    graph.push(frame)
    graph.push(None)
    level = -70.0
    while True:
        try:
            level = float(graph.pull().metadata.get("lavfi.r128.I", level))
        except (av.error.BlockingIOError, av.error.EOFError):
            return level


@pytest.mark.skipif(not hasattr(AudioFrame, "metadata"), reason="this PyAV does not tell what ffmpeg's meter found")
@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_it_agrees_with_ffmpeg(rate: int, channels: int) -> None:
    random = np.random.default_rng(rate + channels)
    time = np.arange(6 * rate) / rate
    sound = np.stack([melody(6, rate, seed) for seed in range(channels)]) * random.uniform(0.2, 1, (channels, 1))
    # Loud, quiet and silent seconds for the gates; an offset and a rumble, which do not count.
    sound *= np.repeat([1, 0.5, 0.01, 0, 0.3, 1], rate)
    sound = np.asarray(sound + 0.1 + 0.3 * np.sin(2 * np.pi * 4 * time), np.float32)
    frame = AudioFrame.from_ndarray(sound.T.reshape(1, -1).copy(), format="flt", layout=LAYOUTS[channels])
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    names = [channel.name for channel in frame.layout.channels]
    assert ours(sound, rate, names, 32_768) == pytest.approx(theirs(frame), abs=0.3)
    assert ours(sound, rate, names, 997) == pytest.approx(ours(sound, rate, names, 10**6), abs=1e-3)


@pytest.mark.parametrize("rate", [1, 50, 1000, 3000, 44_090, 768_000])
def test_any_rate_is_measured(rate: int) -> None:
    sound = np.random.default_rng(rate).uniform(-0.5, 0.5, (1, 2 * rate)).astype(np.float32)
    assert -30 < (ours(sound, rate, ["FC"], 32_768) or 99) < (0 if rate >= 1000 else 40)


def test_what_changes_on_the_way_does_not_count_and_nothing_has_no_loudness() -> None:
    meter, sound = LoudnessMeter(), melody(2, 16_000)[None]
    assert meter.finish() is None
    meter.push(sound, 16_000, ["FC"])
    meter.push(np.ones((2, 48_000), np.float32), 48_000, ["FL", "FR"])
    assert meter.finish() == ours(sound, 16_000, ["FC"], 10**6)
