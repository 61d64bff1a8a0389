"""Splitting TFRecord files, whole and damaged."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sources import tfrecord
from recommender.sources.tfrecord import Damage, RecordPiece, pieces, records
from tests.support.tfrecords import framed

THREE = [b"first", b"second" * 50, b""]
WHOLE = b"".join(map(framed, THREE))


def read(data: bytes) -> list[tuple[int, bytes] | Damage]:
    return [found for piece in pieces("x.tfrecord", io.BytesIO(data)) for found in records(piece)]


def test_records_come_with_their_offsets():
    assert read(WHOLE) == [(0, b"first"), (21, THREE[1]), (21 + 316, b"")]


def test_a_wrong_checksum_of_a_record_costs_that_record_alone():
    damaged = bytearray(WHOLE)
    damaged[25 + 12] ^= 1
    assert read(bytes(damaged)) == [
        (0, b"first"),
        Damage("x.tfrecord", 21, "the checksum of a record is wrong", False),
        (337, b""),
    ]


def test_a_wrong_checksum_of_a_length_costs_the_rest():
    damaged = bytearray(WHOLE)
    damaged[21] ^= 1
    assert read(bytes(damaged)) == [
        (0, b"first"),
        Damage("x.tfrecord", 21, "the checksum of a record's length is wrong", True),
    ]


def test_a_huge_length_is_not_believed():
    assert [type(found) for found in read(b"\xff" * 8 + WHOLE)] == [Damage]


def test_files_cut_short():
    assert read(WHOLE[:-17])[2:] == []
    assert read(WHOLE[:25]) == [(0, b"first"), Damage("x.tfrecord", 21, "the file ends within a record's header", True)]
    assert read(WHOLE[:60]) == [(0, b"first"), Damage("x.tfrecord", 21, "the file ends within a record", True)]


def test_a_large_file_comes_in_pieces(monkeypatch):
    monkeypatch.setattr(tfrecord, "PIECE_BYTES", 100)
    parts = list(pieces("x.tfrecord", io.BytesIO(WHOLE * 5)))
    assert len(parts) > 5
    assert b"".join(part.data for part in parts) == WHOLE * 5
    assert [part.offset for part in parts] == [sum(len(p.data) for p in parts[:i]) for i in range(len(parts))]
    assert [found for part in parts for found in records(part)] == read(WHOLE * 5)


@given(st.binary(max_size=400))
def test_any_bytes_are_records_or_damage(data):
    for found in records(RecordPiece("x", 0, data)):
        assert isinstance(found, Damage) or isinstance(found[1], bytes)


@given(st.data())
def test_a_flipped_bit_never_goes_unseen(data):
    place = data.draw(st.integers(0, len(WHOLE) - 1))
    damaged = bytearray(WHOLE)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    assert any(isinstance(found, Damage) for found in read(bytes(damaged)))


class Breaking(io.BytesIO):
    """A stream whose disk fails behind some bytes, as tar's streams do: what was read of that call is lost."""

    def __init__(self, data: bytes, good: int) -> None:
        super().__init__(data)
        self._good = good

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() + (size or 0) > self._good:
            raise EOFError("unexpected end of data")
        return super().read(size)


def test_what_was_read_before_the_disk_failed_is_given(monkeypatch):
    monkeypatch.setattr(tfrecord, "READ_BYTES", 23)
    found = pieces("x.tfrecord", Breaking(WHOLE, 345))
    piece = next(found)
    assert list(records(piece)) == [(0, b"first"), (21, THREE[1])]
    with pytest.raises(EOFError):
        next(found)
