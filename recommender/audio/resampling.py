"""Resampling to an embedder's rate with ffmpeg's swresample, set up like the resampler of the embedders' authors."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from recommender.audio import SAMPLE_RATE

MAX_RATE = 1_000_000
"""Highest rate, in hertz, that is believed: DSD decodes to 352.8 kHz, PCM goes up to 768 kHz."""
_CHUNK = 32_768
"""Samples pushed through the filter graph at a time: each push costs as much as resampling a thousand samples."""

# resampy 0.4's `kaiser_best`, which the embedders' Python front ends resample with: 50 zero crossings on each side,
# roll-off 0.917347, Kaiser window with beta 12.9846. Earlier releases rolled off at 0.9476; on noise-like audio MusiCNN
# can tell the difference. `exact_rational` keeps one phase of the filter for each output position where there are few.
_QUALITY = "filter_size=100:cutoff=0.917347:filter_type=kaiser:kaiser_beta=12.9846:exact_rational=1"
_PHASES = 1024
"""swresample's default: with more positions than these it has to interpolate between phases."""


class Resampler:
    """Turns float32 mono of one rate into that of another, piece by piece; the last piece comes from `flush`."""

    def __init__(self, rate: int, out: int = SAMPLE_RATE) -> None:
        if not 0 < rate <= MAX_RATE:
            raise ValueError(f"sample rate of {rate} Hz")
        self.rate = rate
        self._pts = 0
        self._held: list[NDArray[np.float32]] = []
        self._graph = None if rate == out else _graph(rate, out)

    def push(self, mono: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what can be told of the output after these samples (n,); may be empty."""
        if self._graph is None:
            return mono
        self._held.append(mono)
        return self._through() if sum(map(len, self._held)) >= _CHUNK else np.empty(0, np.float32)

    def flush(self) -> NDArray[np.float32]:
        """Return the rest; nothing may be pushed after this."""
        if self._graph is None or not (self._pts or self._held):
            return np.empty(0, np.float32)
        return self._through(last=True)

    def _through(self, last: bool = False) -> NDArray[np.float32]:
        """Push what is held through the graph."""
        assert self._graph is not None  # noqa: S101 - the callers look
        mono = np.concatenate([np.empty(0, np.float32), *self._held])
        self._held = []
        out = [np.empty(0, np.float32)]
        for start in range(0, len(mono), _CHUNK):
            chunk = np.ascontiguousarray(mono[None, start : start + _CHUNK])
            frame = av.AudioFrame.from_ndarray(chunk, format="flt", layout="mono")
            frame.sample_rate = self.rate
            frame.time_base = Fraction(1, self.rate)
            frame.pts = self._pts
            self._pts += frame.samples
            self._graph.push(frame)
            out += self._pull()
        if last:
            self._graph.push(None)
            out += self._pull()
        return np.concatenate(out)

    def _pull(self) -> list[NDArray[np.float32]]:
        out: list[NDArray[np.float32]] = []
        while self._graph is not None:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            if isinstance(frame, av.AudioFrame):
                out.append(frame.to_ndarray().astype(np.float32, copy=False).ravel())
        return out


def resample(mono: NDArray[np.float32], rate: int, out: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Resample one stretch of audio (n,) from one rate to another."""
    resampler = Resampler(rate, out)
    return np.concatenate([resampler.push(mono), resampler.flush()])


def _graph(rate: int, out: int) -> Graph:
    graph = Graph()
    if hasattr(graph, "threads"):
        graph.threads = 1  # from PyAV 19 on each graph brings threads along, and lives until the garbage is collected
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
    between = int(out // gcd(out, rate) > _PHASES)
    resampler = graph.add("aresample", f"{out}:{_QUALITY}:linear_interp={between}")
    form = graph.add("aformat", f"sample_fmts=flt:channel_layouts=mono:sample_rates={out}")
    graph.link_nodes(source, resampler, form, graph.add("abuffersink")).configure()
    return graph
