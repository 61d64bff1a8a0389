"""16-bit PCM WAV, the one form in which audio travels between a client and an embedder's service."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from recommender.errors import CannotDecode

HEADER_BYTES = 44
"""Of the files written here."""
_PCM = 1
_EXTENSIBLE = 0xFFFE
_PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")
"""KSDATAFORMAT_SUBTYPE_PCM, which a WAVE_FORMAT_EXTENSIBLE header names in the place of the format."""
_STREAMED = 0xFFFFFFFF
"""Length of a data chunk whose writer did not know it: the rest of the file."""


def wav_bytes(pcm: NDArray[np.int16], rate: int = 16_000) -> bytes:
    """Write samples int16 as a WAV file: (n,) mono, or (n, channels)."""
    data = pcm.astype("<i2", copy=False).tobytes()
    channels = pcm.shape[1] if pcm.ndim == 2 else 1
    form = (_PCM, channels, rate, 2 * channels * rate, 2 * channels, 16)
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, *form, b"data", len(data))
    return header + data


def read_wav(data: bytes) -> tuple[NDArray[np.int16], int]:
    """Read a 16-bit PCM WAV file to samples (n, channels) int16 and their rate in hertz.

    Raises `CannotDecode` that says what else the bytes are.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise CannotDecode("This is no WAV file: send a 16-bit PCM WAV file.")
    form: tuple[int, int] | None = None
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if name == b"fmt ":
            form = _read_format(data[position : position + size])
        elif name == b"data":
            if form is None:
                break
            return _samples(data, position, size, form[0]), form[1]
        position += size + size % 2
    raise CannotDecode("This WAV file has no audio in it: its format or its data is missing. Export it again.")


def _read_format(chunk: bytes) -> tuple[int, int]:
    """Return channels and rate; raises unless the chunk describes 16-bit PCM."""
    if len(chunk) < 16:
        raise CannotDecode("This WAV file's header is cut short: export it again.")
    form, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if form == _EXTENSIBLE and chunk[24:40] == _PCM_GUID:
        form = _PCM
    if form != _PCM or bits != 16:
        raise CannotDecode(f"This WAV file holds {bits}-bit samples of format {form}: send 16-bit PCM.")
    if not channels or not rate:
        raise CannotDecode(f"This WAV file claims {channels} channels at {rate} Hz: export it again.")
    return channels, rate


def _samples(data: bytes, position: int, size: int, channels: int) -> NDArray[np.int16]:
    available = len(data) - position
    size = available if size == _STREAMED else min(size, available)
    frames = size // (2 * channels)
    return np.frombuffer(data, "<i2", frames * channels, position).reshape(frames, channels)
