"""Reading SequenceExamples: the layout that TensorFlow writes, any other valid one, and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sources import sequence_example
from recommender.sources.sequence_example import NotAnExample, frames_of, read
from tests.support.tfrecords import Record, _field, _varint, encoded, made_up


def test_a_record_as_tensorflow_writes_it():
    record = Record("-0RWZT-miFs", 30.0, 40.0, (0, 137, 526), np.arange(1280, dtype=np.uint8).reshape(10, 128))
    example = read(encoded(record))
    assert (example.video_id, example.start, example.end, example.labels) == ("-0RWZT-miFs", 30.0, 40.0, (0, 137, 526))
    assert example.frames == 10
    assert (frames_of([example]) == record.frames).all()


def test_the_fast_way_agrees_with_protobuf_once_the_framing_is_known(monkeypatch):
    framings: set[sequence_example.Framing] = set()
    monkeypatch.setattr(sequence_example, "_framings", framings)
    records = [encoded(record) for record in made_up(50)]
    by_protobuf = [read(record) for record in records]
    assert 0 < len(framings) < len(records)
    monkeypatch.setattr(sequence_example, "_by_protobuf", None)
    assert [read(record) for record in records] == by_protobuf


def test_a_framing_that_protobuf_reads_otherwise_is_never_trusted(monkeypatch):
    """Lengths that lie: the context claims to end before its last feature."""
    framings: set[sequence_example.Framing] = set()
    monkeypatch.setattr(sequence_example, "_framings", framings)
    record = bytearray(encoded(made_up(1)[0]))
    record[1] -= 1
    for _ in range(2):
        with pytest.raises(NotAnExample):
            read(bytes(record))
    assert not framings


def test_a_list_of_many_labels_goes_by_protobuf():
    record = Record("aaaaaaaaaaa", 0.0, 10.0, tuple(range(200)), np.zeros((1, 128), np.uint8))
    assert read(encoded(record)).labels == tuple(range(200))


def test_an_unusual_but_valid_layout():
    """Labels not packed, a further feature, a further list, and another id than YouTube's."""
    labels = b"".join(b"\x08" + _varint(value) for value in (3, 300))
    context = b"".join(
        _field(1, _field(1, key) + _field(2, value))
        for key, value in (
            (b"video_id", _field(1, _field(1, b"odd"))),
            (b"start_time_seconds", _field(2, b"\x0d" + np.float32(1.5).tobytes())),
            (b"end_time_seconds", _field(2, b"\x0d" + np.float32(11.5).tobytes())),
            (b"labels", _field(3, labels)),
            (b"extra", _field(1, _field(1, b"x"))),
        )
    )
    frame = _field(1, _field(1, _field(1, bytes(range(128)))))
    lists = _field(1, _field(1, b"rgb") + _field(2, b"")) + _field(
        1, _field(1, b"audio_embedding") + _field(2, frame * 2)
    )
    example = read(_field(1, context) + _field(2, lists))
    assert (example.video_id, example.start, example.end, example.labels) == ("odd", 1.5, 11.5, (3, 300))
    assert frames_of([example]).tolist() == [list(range(128))] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"video_id": ""},
        {"start": float("nan")},
        {"start": -1.0},
        {"end": float("inf")},
        {"frames": np.zeros((0, 128), np.uint8)},
        {"frames": np.zeros((3, 127), np.uint8)},
        {"video_id": "é"},
    ],
)
def test_what_cannot_be_used_is_refused(change):
    fields = {
        "video_id": "aaaaaaaaaaa",
        "start": 0.0,
        "end": 10.0,
        "labels": (1,),
        "frames": np.zeros((2, 128), np.uint8),
    }
    with pytest.raises(NotAnExample):
        read(encoded(Record(**{**fields, **change})))


@given(st.binary(max_size=300))
def test_any_bytes_are_an_example_or_refused(data):
    with pytest.raises(NotAnExample):
        read(data)


@given(st.data())
def test_a_flipped_bit_is_an_example_or_refused(data):
    record = bytearray(encoded(made_up(1)[0]))
    record[data.draw(st.integers(0, len(record) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        example = read(bytes(record))
    except NotAnExample:
        return
    assert frames_of([example]).shape == (example.frames, 128)
