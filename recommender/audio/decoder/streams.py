"""From a file's bytes to mono PCM of an embedder's rate, inside the decoder's child process."""

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

from recommender.audio import SAMPLE_RATE
from recommender.audio.decoder.completeness import Meter, Reading, claimed_seconds, too_high
from recommender.audio.decoder.loudness import LoudnessMeter
from recommender.audio.decoder.protection import is_protected, protected_entry
from recommender.audio.decoder.samples import channels_of, to_int16
from recommender.audio.decoder.segments import Readable, Segment, segments_of
from recommender.audio.decoder.tags import chunks_of, tags_of
from recommender.audio.formats import ALLOWED_DEMUXERS, looks_like_media
from recommender.audio.mixing import Mixer
from recommender.audio.resampling import Resampler
from recommender.errors import AudioError, CannotDecode, NoSamples, NotAudio, Protected, TooHigh

_READ_BYTES = 262_144
"""Bytes read from the file at a time."""
_GATHERED = 32_768
"""Samples of each channel that are converted at a time."""
_WAV_PROBE_BYTES = "16384"
"""How far a WAV file is searched for other codecs in PCM's disguise: ffmpeg's 5 MB take as long as decoding 10 s."""
_TAGS_AS_BYTES: dict[str, Any] = (
    {"metadata_errors": "surrogateescape"} if hasattr(InputContainer, "metadata_errors") else {}
)
"""Tags in other encodings keep their bytes; from PyAV 19 on they do by themselves, and the option is gone."""
_CHECKED = frozenset({"flac", "wavpack", "tta"})
"""Codecs with checksums. ffmpeg passes on what does not match them, which is noise, unless it is told otherwise."""
_FRAME_SECONDS = 0.025
"""Length of a packet that does not tell it: a frame of most codecs."""
_SOUNDS = 2.5e-4
"""Distance of the highest from the lowest sample from which a track sounds: -78 dB, above dither."""

NOT_AUDIO = "This file holds no audio: send a WAV, MP3, FLAC, OGG or M4A file, or a video with sound."
NO_SOUND = "This file has pictures but no sound: send one with an audio track."
BROKEN = "The audio in this file is damaged and cannot be decoded: export it again, or send it as WAV or FLAC."
PROTECTED = (
    "This file is protected against copying (DRM), so that its sound cannot be read: send one without protection."
)
NO_SAMPLES = "This file is a header that holds no samples: its recording or transfer broke off, so send it again."
TOO_HIGH = (
    "All sound of this file lies above {:g} kHz, where nothing is compared: slow it down or pitch it down, and send "
    "that."
)


def pcm_blocks(path: Path, reading: Reading, rate: int = SAMPLE_RATE) -> Iterator[NDArray[np.int16]]:
    """Decode the audio of a file to blocks of mono samples of a rate, (n,) int16 each, and note what became of it.

    Of several tracks the first that sounds is taken, beginning with the one that a player would choose. Raises
    `NotAudio`, `CannotDecode`, `Protected`, `NoSamples`, at the end `TooHigh`; after the first block damage is a gap.
    """
    with path.open("rb") as file:
        yield from pcm_of(file, reading, rate)


def metadata_of(path: Path) -> dict[str, str]:
    """Return what a file says of itself, such as title, artist and genre, under lower-case names; raises as above."""
    with path.open("rb") as file:
        whole = Segment(file, file.read(16))
        with _opened(whole) as container:
            stream = container.streams.best("audio")
            # Ogg keeps its comments with the stream, most others with the container.
            said = stream.metadata if stream is not None else {}, dict(container.metadata)
        return tags_of(*said, chunks_of(file))


def pcm_of(file: BinaryIO, reading: Reading, rate: int = SAMPLE_RATE) -> Iterator[NDArray[np.int16]]:
    """Decode an open file, as `pcm_blocks` does; raises as it does."""
    before, after = Meter(), Meter()
    loudness = LoudnessMeter() if reading.measures else None
    for mono in _resampled(_mixed(frames_of(file, reading), loudness), before, rate):
        if len(mono):
            yield to_int16(after.push(mono))
    if loudness is not None:
        reading.loudness = loudness.finish()
    if too_high(before, after):
        raise TooHigh(TOO_HIGH.format(rate / 2000))


def frames_of(file: BinaryIO, reading: Reading) -> Iterator[AudioFrame]:
    """Decode an open file to frames of some ten thousand samples; raises as `pcm_blocks` does."""
    return _gathered(_frames(file, reading))


def _frames(file: BinaryIO, reading: Reading) -> Iterator[AudioFrame]:
    """Decode all stretches of a file; raises where there is not one frame in any of them."""
    failure: AudioError | None = None
    for segment in segments_of(file):
        reading.cut = reading.cut or segment.cut
        try:
            yield from _frames_in(segment, reading)
        except AudioError as error:
            failure = failure or error
            reading.cut = True
    if not reading.seconds:
        raise failure or NoSamples(NO_SAMPLES)


def _frames_in(segment: Segment, reading: Reading) -> Iterator[AudioFrame]:
    """Decode the track of a stretch that sounds."""
    with _opened(segment) as container:
        tracks = _tracks(container, segment)
        if len(tracks) == 1:
            yield from _frames_of_track(container, tracks[0], segment, reading)
            return
    # Each look opens the file anew: two containers would take each other's place in it.
    chosen = next((track for track in tracks if _sounds(segment, track)), tracks[0])
    with _opened(segment) as container:
        yield from _frames_of_track(container, chosen, segment, reading)


def _tracks(container: InputContainer, segment: Segment) -> list[int]:
    """Return the numbers of the audio streams that can be decoded, the best of them first."""
    best = container.streams.best("audio")
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    free = [stream.index for stream in streams if not protected_entry(stream.codec_context.codec_tag)]
    # Some containers say it of a stream, others of themselves.
    if (not free or len(free) == len(container.streams.audio)) and is_protected(segment.file):
        raise Protected(PROTECTED)
    if not free or best is None:
        if container.streams.audio:
            raise CannotDecode(BROKEN)
        raise NotAudio(NO_SOUND if container.streams.video else NOT_AUDIO)
    return sorted(free, key=lambda index: index != best.index)


def _sounds(segment: Segment, track: int) -> bool:
    """Say whether a track is more than silence."""
    with _opened(segment) as container:
        frames = _gathered(_frames_of_track(container, track, segment, Reading()))
        return any(np.ptp(channels_of(frame), axis=1).max(initial=0) > _SOUNDS for frame in frames)


def _frames_of_track(container: InputContainer, track: int, segment: Segment, reading: Reading) -> Iterator[AudioFrame]:
    """Decode the frames of a stream that can be decoded, and note what is missing."""
    stream = container.streams[track]
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    codec: Any = stream.codec_context
    codec.thread_count = 1
    if codec.name in _CHECKED:
        codec.options = {"err_detect": "crccheck+explode"}
    claimed, exact = claimed_seconds(container, stream, segment.file)
    reading.claims(claimed if segment.claimed is None else segment.claimed, exact or segment.claimed is not None)
    began, waiting, last = reading.seconds, 0.0, b""
    for packet in _packets(container.demux(stream)):
        frames = _decoded(packet)
        if frames is None:
            waiting += float(packet.duration * packet.time_base) if packet.duration else _FRAME_SECONDS
            last = bytes(packet)
        for frame in frames or ():
            if reading.seconds > began:
                reading.lost += waiting
            waiting = 0.0
            reading.seconds += frame.samples / frame.sample_rate
            yield frame
    if waiting and reading.seconds == began:
        raise CannotDecode(BROKEN)
    # Behind the last frame of an MP3 file there may stand anything; half a frame tells that the file is cut.
    if waiting and claimed is None and (last[:1] == b"\xff" or container.format.name not in {"mp3", "aac"}):
        reading.cut = True


@contextmanager
def _opened(segment: Segment) -> Iterator[InputContainer]:
    """Open by content alone: no name that a demuxer could be chosen by, and no way to open anything else."""
    options = {"format_whitelist": ALLOWED_DEMUXERS, "protocol_whitelist": "none"}
    form = None
    if segment.raw is not None:
        form, rate, channels = segment.raw
        options |= {"format_whitelist": form, "sample_rate": str(rate), "ch_layout": f"{channels}C"}
    elif segment.head[8:12] == b"WAVE":
        options["probesize"] = _WAV_PROBE_BYTES
    segment.file.seek(0)
    nameless = _Nameless(segment.file)
    try:
        container = av.open(
            nameless,
            mode="r",
            format=form,
            container_options=options,
            buffer_size=_READ_BYTES,
            io_open=_refuse,
            **_TAGS_AS_BYTES,
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        nameless.require_read()
        if is_protected(segment.file):
            raise Protected(PROTECTED) from error
        if looks_like_media(segment.head):
            raise CannotDecode(BROKEN) from error
        raise NotAudio(NOT_AUDIO) from error
    with container:
        yield container
    nameless.require_read()


class _Nameless:
    """A file without its name: a demuxer is chosen by what the file holds."""

    def __init__(self, file: Readable) -> None:
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


def _decoded(packet: Any) -> list[AudioFrame] | None:
    """Decode a packet; None where it is damaged, and the next may be sound."""
    try:
        return list(packet.decode())
    except (av.error.FFmpegError, ValueError):
        return None


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


def _resampled(
    mixed: Iterator[tuple[int, NDArray[np.float32]]], meter: Meter, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Resample pieces, each with its rate; where that changes on the way there is a new resampler."""
    resampler: Resampler | None = None
    for source_rate, mono in mixed:
        try:
            if resampler is None or resampler.rate != source_rate:
                if resampler is not None:
                    yield resampler.flush()
                resampler = Resampler(source_rate, rate)
            yield resampler.push(meter.push(mono))
        except (ValueError, av.error.FFmpegError) as error:
            raise CannotDecode(BROKEN) from error
    if resampler is not None:
        yield resampler.flush()


def _mixed(frames: Iterator[AudioFrame], loudness: LoudnessMeter | None) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Mix to one channel, each piece with its rate; a stream whose channels or rate change on the way is mixed anew."""
    mixer, rate = Mixer(1), 0
    for frame in frames:
        try:
            channels = channels_of(frame)
        except (ValueError, av.error.FFmpegError) as error:
            raise CannotDecode(BROKEN) from error
        if loudness is not None:
            loudness.push(channels, frame.sample_rate, [channel.name for channel in frame.layout.channels])
        if (len(channels), frame.sample_rate) != (mixer.count, rate):
            yield from ((rate, mono) for mono in mixer.flush())
            mixer, rate = Mixer(len(channels)), frame.sample_rate
        yield from ((rate, mono) for mono in mixer.push(channels))
    yield from ((rate, mono) for mono in mixer.flush())
