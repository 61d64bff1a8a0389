from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recommender.audio.wav import read_wav, wav_bytes
from recommender.errors import CannotDecode


@given(arrays(np.int16, st.integers(0, 200)), st.integers(1, 2**32 - 1))
def test_what_is_written_is_read(pcm: np.ndarray, rate: int):
    if rate >= 2**31:
        rate //= 2
    samples, read_rate = read_wav(wav_bytes(pcm, rate))
    np.testing.assert_array_equal(samples, pcm[:, None])
    assert read_rate == rate


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes):
    for attempt in (data, b"RIFF" + data, b"RIFF\0\0\0\0WAVE" + data, b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + data):
        try:
            samples, rate = read_wav(attempt)
        except CannotDecode:
            continue
        assert samples.dtype == np.int16 and samples.ndim == 2 and rate > 0


@given(st.data())
def test_a_header_with_changed_bytes(data: st.DataObject):
    wav = bytearray(wav_bytes(np.arange(100, dtype=np.int16)))
    for _ in range(data.draw(st.integers(1, 4))):
        wav[data.draw(st.integers(0, 43))] = data.draw(st.integers(0, 255))
    try:
        samples, _ = read_wav(bytes(wav))
    except CannotDecode as error:
        assert str(error).startswith("This ")
    else:
        assert samples.size <= 100


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def test_extensible_stereo_with_further_chunks():
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 44_100, 176_400, 4, 16, 22, 16, 3) + guid
    wav = b"RIFF\0\0\0\0WAVE" + chunk(b"LIST", b"odd") + chunk(b"fmt ", form) + chunk(b"data", bytes(range(8)))
    samples, rate = read_wav(wav)
    assert samples.shape == (2, 2) and rate == 44_100


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_unknown_length_of_data(length: int):
    wav = bytearray(wav_bytes(np.arange(100, dtype=np.int16)))
    struct.pack_into("<I", wav, 40, length)
    assert len(read_wav(bytes(wav))[0]) == (100 if length else 0)


@pytest.mark.parametrize(
    ("form", "bits", "message"), [(1, 8, "8-bit"), (1, 24, "24-bit"), (3, 32, "format 3"), (0x55, 0, "format 85")]
)
def test_other_samples_are_named(form: int, bits: int, message: str):
    wav = bytearray(wav_bytes(np.arange(100, dtype=np.int16)))
    struct.pack_into("<H", wav, 20, form)
    struct.pack_into("<H", wav, 34, bits)
    with pytest.raises(CannotDecode, match=message):
        read_wav(bytes(wav))
