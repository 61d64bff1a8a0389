"""Audio files of many kinds, made with PyAV and numpy."""

from __future__ import annotations

import functools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


@functools.lru_cache(maxsize=64)
def melody(seconds: float, rate: int = 16_000, seed: int = 0) -> NDArray[np.float32]:
    """Notes with overtones and a little noise: float32 (n,) in [-1, 1], the same for the same seed; read only."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.02 * random.standard_normal(len(time))
    for start in np.arange(0, seconds, 0.25):
        pitch = 220 * 2 ** (random.integers(0, 24) / 12)
        begun = time[np.searchsorted(time, start) :]
        tones = sum(np.sin(2 * np.pi * pitch * k * begun) / k for k in (1, 2, 3))
        sound[len(time) - len(begun) :] += 0.2 * np.exp(-4 * (begun - start)) * tones
    made = np.asarray(0.5 * sound / np.abs(sound).max(), np.float32)
    made.flags.writeable = False
    return made


def pcm16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Quantise to 16 bits."""
    return np.rint(sound * 32_767).astype(np.int16)


def write_audio(
    path: Path,
    codec: str,
    *,
    rate: int = 44_100,
    channels: int = 1,
    seconds: float = 1.5,
    sound: NDArray[np.float32] | None = None,
    container: str | None = None,
    sample_format: str | None = None,
    picture: str | None = None,
    bit_rate: int | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Write a melody (or `sound`, float32 (n,) or (channels, n)) with an encoder; `picture` adds a video stream.

    container: a muxer's name, where the file's extension does not tell.
    """
    if sound is None:
        sound = melody(seconds, rate)
    planes = np.ascontiguousarray(np.broadcast_to(sound, (channels, np.shape(sound)[-1])), np.float32)
    layout = LAYOUTS[channels]
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        video = _video_stream(out, picture) if picture else None
        stream: Any = out.add_stream(codec, rate=rate, options=codec_options or {})
        stream.layout = layout
        if bit_rate:
            stream.codec_context.bit_rate = bit_rate
        if sample_format:
            stream.codec_context.format = sample_format
        stream.codec_context.open()
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=rate,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        # Packed: PyAV 18 cannot make a frame of eight planes.
        frame = av.AudioFrame.from_ndarray(planes.T.reshape(1, -1).copy(), format="flt", layout=layout)
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = 0
        if video is not None:
            _write_video(out, video, planes.shape[1] / rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


def _video_stream(out: Any, codec: str) -> Any:
    stream = out.add_stream(codec, rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return stream


def _write_video(out: Any, stream: Any, seconds: float) -> None:
    for number in range(max(1, round(seconds * 25))):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 7 % 255, np.uint8), format="rgb24")
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def write_video(path: Path) -> Path:
    """Write half a second of moving pictures without sound."""
    with av.open(str(path), "w") as out:
        _write_video(out, _video_stream(out, "mpeg4"), 0.5)
    return path
