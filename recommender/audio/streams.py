"""From a file's bytes to 16 kHz mono PCM, inside the decoder's child process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.stream import Discard
from numpy.typing import NDArray

from recommender.audio.formats import ALLOWED_DEMUXERS, looks_like_media
from recommender.audio.mixing import mix
from recommender.audio.resampling import Resampler
from recommender.errors import CannotDecode, NotAudio

_FULL_SCALE = 32_768
_READ_BYTES = 262_144
"""Bytes read from the file at a time."""
_GATHERED = 32_768
"""Samples of each channel that are converted at a time."""
_WAV_PROBE_BYTES = "16384"
"""How far a WAV file is searched for other codecs in PCM's disguise: ffmpeg's 5 MB take as long as decoding 10 s."""
_UNSAFE_PLANES = 8
"""PyAV 18 looks for the end of a frame's planes beyond the eighth, and crashes there."""
_FLOAT_PEAK = np.float32(8)
"""Float files may exceed full scale; far beyond it (18 dB here) the values are no sound, and would spoil their
neighbours in the resampler."""

_TAGS_AS_BYTES: dict[str, Any] = (
    {"metadata_errors": "surrogateescape"} if hasattr(InputContainer, "metadata_errors") else {}
)
"""Tags in other encodings keep their bytes; from PyAV 19 on they do by themselves, and the option is gone."""
_TAG_ENCODING = "cp1252"
"""What tags that are not UTF-8 are read as: Windows' Latin letters, which hold all of Latin-1's."""

LONGEST_METADATA = 1000
"""Characters kept of one entry: titles are short, lyrics and pictures in base64 are not."""

NOT_AUDIO = "This file holds no audio: send a WAV, MP3, FLAC, OGG or M4A file, or a video with sound."
NO_SOUND = "This file has pictures but no sound: send one with an audio track."
BROKEN = "The audio in this file is damaged and cannot be decoded: export it again, or send it as WAV or FLAC."


def pcm_blocks(path: Path) -> Iterator[NDArray[np.int16]]:
    """Decode the best audio stream of a file to blocks of 16 kHz mono samples, (n,) int16 each.

    Raises `NotAudio`, `CannotDecode`; after the first block damage ends the audio, as in a player.
    """
    with path.open("rb") as file:
        yield from pcm_of(file)


def metadata_of(path: Path) -> dict[str, str]:
    """Return what a file says of itself, such as title, artist and genre, under lower-case names; raises as above."""
    with path.open("rb") as file, _opened(file) as container:
        stream = container.streams.best("audio")
        # Ogg keeps its comments with the stream, most others with the container.
        said = {**(dict(stream.metadata) if stream is not None else {}), **container.metadata}
    return {name.lower(): text[:LONGEST_METADATA] for name, text in said.items()}


def pcm_of(file: BinaryIO) -> Iterator[NDArray[np.int16]]:
    """Decode an open file, as `pcm_blocks` does."""
    for mono in _resampled(frames_of(file)):
        if len(mono):
            yield _to_int16(mono)


def frames_of(file: BinaryIO) -> Iterator[AudioFrame]:
    """Decode an open file to frames of some ten thousand samples; raises as `pcm_blocks` does."""
    return _gathered(_frames(file))


def _frames(file: BinaryIO) -> Iterator[AudioFrame]:
    """Decode the frames that can be decoded; raises unless there is at least one."""
    decoded = 0
    with _opened(file) as container:
        stream = container.streams.best("audio")
        if stream is None:
            raise NotAudio(NO_SOUND if container.streams.video else NOT_AUDIO)
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        stream.codec_context.thread_count = 1
        for packet in _packets(container.demux(stream)):
            for frame in _decoded(packet):
                decoded += frame.samples
                yield frame
    if not decoded:
        raise CannotDecode(BROKEN)


@contextmanager
def _opened(file: BinaryIO) -> Iterator[InputContainer]:
    """Open by content alone: no name that a demuxer could be chosen by, and no way to open anything else."""
    options = {"format_whitelist": ALLOWED_DEMUXERS, "protocol_whitelist": "none"}
    head = file.read(16)
    file.seek(0)
    if head[8:12] == b"WAVE":
        options["probesize"] = _WAV_PROBE_BYTES
    nameless = _Nameless(file)
    try:
        container = av.open(
            nameless,
            mode="r",
            container_options=options,
            buffer_size=_READ_BYTES,
            io_open=_refuse,
            **_TAGS_AS_BYTES,
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        nameless.require_read()
        if looks_like_media(head):
            raise CannotDecode(BROKEN) from error
        raise NotAudio(NOT_AUDIO) from error
    with container:
        yield container
    nameless.require_read()


class _Nameless:
    """A file without its name: a demuxer is chosen by what the file holds."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failure: OSError | None = None

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self._failure = error
            raise

    def require_read(self) -> None:
        """Raise where the disk failed, which ffmpeg takes for the file's end."""
        if self._failure is not None:
            raise self._failure

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise PermissionError(f"a file may not name another: {url!r}")


def _packets(packets: Iterator[Any]) -> Iterator[Any]:
    """Pass packets on until the container's damage hides the next."""
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError, OSError):
            return
        yield packet


def _decoded(packet: Any) -> list[AudioFrame]:
    """Decode a packet; one that is damaged gives nothing, and the next may be sound."""
    try:
        return list(packet.decode())
    except (av.error.FFmpegError, ValueError):
        return []


def _gathered(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """Join frames of one kind: Python's work for a frame takes longer than decoding its thousand samples."""
    gathered, kind = av.AudioFifo(), None
    for frame in frames:
        if kind != (kind := (frame.format.name, frame.layout.name, frame.sample_rate)):
            yield from _taken(gathered, 1)
            gathered = av.AudioFifo()
        frame.pts = None
        gathered.write(frame)
        yield from _taken(gathered, _GATHERED)
    yield from _taken(gathered, 1)


def _taken(gathered: av.AudioFifo, enough: int) -> Iterator[AudioFrame]:
    """Take all that is gathered, if it is enough."""
    if gathered.samples >= enough and (frame := gathered.read(0)) is not None:
        yield frame


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[NDArray[np.float32]]:
    """Mix and resample; a stream whose rate changes on the way gets a new resampler there."""
    resampler: Resampler | None = None
    for frame in frames:
        try:
            if resampler is None or resampler.rate != frame.sample_rate:
                if resampler is not None:
                    yield resampler.flush()
                resampler = Resampler(frame.sample_rate)
            yield resampler.push(mono_of(frame))
        except (ValueError, av.error.FFmpegError) as error:
            raise CannotDecode(BROKEN) from error
    if resampler is not None:
        yield resampler.flush()


def mono_of(frame: AudioFrame) -> NDArray[np.float32]:
    """Mix the channels of a frame to (n,) float32 in [-1, 1]; what is no number becomes silence."""
    if frame.format.is_planar and len(frame.layout.channels) >= _UNSAFE_PLANES:
        frame = _packed(frame)
    samples: NDArray[Any] = frame.to_ndarray()
    channels = samples if frame.format.is_planar else samples.reshape(frame.samples, -1).T
    return _floats(channels[0]) if len(channels) == 1 else mix(np.stack([_floats(channel) for channel in channels]))


def _floats(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Scale one channel (n,) to [-1, 1]; what is no number becomes silence."""
    with np.errstate(over="ignore", invalid="ignore"):
        floats: NDArray[np.float32] = samples.astype(np.float32)
    if samples.dtype == np.uint8:
        floats -= np.float32(128)
        floats /= np.float32(128)
        return floats
    if samples.dtype.kind == "i":
        floats /= np.float32(-np.iinfo(samples.dtype).min)
        return floats
    return np.nan_to_num(floats, copy=False, nan=0, posinf=0, neginf=0).clip(-_FLOAT_PEAK, _FLOAT_PEAK)


def _packed(frame: AudioFrame) -> AudioFrame:
    """Interleave the channels of a frame, in ffmpeg."""
    converter = av.AudioResampler(format=frame.format.packed, layout=frame.layout, rate=frame.sample_rate)
    (packed,) = converter.resample(frame)
    return packed


def _to_int16(mono: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(mono * _FULL_SCALE).clip(-_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
