"""The loudness of a file, by ffmpeg's meter of EBU R 128 (ITU-R BS.1770-4), beside its decoding."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from recommender.audio.decoder.completeness import Reading

MEASURES = hasattr(AudioFrame, "metadata")
"""PyAV 17, the last for Python 3.10, does not tell what the meter found."""
_SECONDS = 0.5
"""What is shorter than the meter's blocks of 0.4 s is measured with silence behind it."""
_NOTHING = -70.0
"""What the meter says of silence."""
_TAG = "lavfi.r128.I"


def measured(frames: Iterator[AudioFrame], reading: Reading) -> Iterator[AudioFrame]:
    """Pass frames on, and note their loudness at the end: of those that are of the first one's kind."""
    meter: _Meter | None = None
    kind, failed = None, not MEASURES
    for frame in frames:
        kind = kind or (frame.format.name, frame.layout.name, frame.sample_rate)
        if not failed and kind == (frame.format.name, frame.layout.name, frame.sample_rate):
            try:
                meter = meter or _Meter(*kind)
                meter.push(frame)
            except (av.error.FFmpegError, ValueError):
                failed = True  # of what cannot be measured nothing is told
        yield frame
    if meter is not None and not failed:
        reading.loudness = meter.finish()


class _Meter:
    def __init__(self, form: str, layout: str, rate: int) -> None:
        self._graph = Graph()
        self._kind, self._rate, self._samples, self._level = (form, layout), rate, 0, _NOTHING
        source = self._graph.add_abuffer(format=form, sample_rate=rate, layout=layout, time_base=Fraction(1, rate))
        meter = self._graph.add("ebur128", "metadata=1:framelog=quiet")
        sink = self._graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        self._graph.configure()

    def push(self, frame: AudioFrame | None) -> None:
        if frame is not None:
            frame.pts = self._samples
            self._samples += frame.samples
        self._graph.push(frame)
        while True:
            try:
                passed = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            self._level = float(passed.metadata.get(_TAG, self._level))
        if frame is not None:
            frame.pts = None

    def finish(self) -> float | None:
        """Return the loudness in LUFS, None for silence."""
        try:
            missing = round(_SECONDS * self._rate) - self._samples
            if missing > 0:
                silence = AudioFrame(*self._kind, missing)
                silence.sample_rate = self._rate
                for plane in silence.planes:
                    plane.update(bytes([128 if self._kind[0].startswith("u8") else 0]) * plane.buffer_size)
                self.push(silence)
            self.push(None)
        except (av.error.FFmpegError, ValueError):
            return None
        return self._level if np.isfinite(self._level) and self._level > _NOTHING else None
