"""AudioSet's records: tf.train.SequenceExample, read without TensorFlow.

The message types are made at run time, with one liberty: `context` and `feature_lists` are declared as bytes. As
TensorFlow writes them they fit a regular expression each, which reads them in a fifth of the time that asking protobuf
for each field takes (13 µs a record, against 6); whatever does not fit is read by protobuf.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

FRAME_VALUES = 128
LABEL_LISTS_KEPT = 1 << 16
_FRAME_HEADER = b"\n\x86\x01\n\x83\x01\n\x80\x01"
"""Before each frame: FeatureList.feature (134 bytes), Feature.bytes_list (131), BytesList.value (128)."""
_CONTEXT = re.compile(
    rb"(?:"
    rb"\n\x1b\n\x08video_id\x12\x0f\n\r\n\x0b(.{11})"
    rb"|\n\x1e\n\x12start_time_seconds\x12\x08\x12\x06\n\x04(.{4})"
    rb"|\n\x1c\n\x10end_time_seconds\x12\x08\x12\x06\n\x04(.{4})"
    rb"|\n.\n\x06labels\x12.\x1a.\n([\x00-\x70])(.{1,112}?)"
    rb"){4}",
    re.DOTALL,
)
"""The four features, in any order, where each length is one byte."""
_FLOAT = struct.Struct("<f")
_FRAME_STRIDE = len(_FRAME_HEADER) + FRAME_VALUES
_FRAMES = re.compile(b"(?:" + re.escape(_FRAME_HEADER) + b".{%d})+" % FRAME_VALUES, re.DOTALL)
_FEATURE = b"audio_embedding"
_KEY = b"\n\x0f" + _FEATURE + b"\x12"
_LATEST_KEY = 8
"""The key stands behind a tag and a length of at most 5 bytes, where it is the only one."""

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "soundalike"


class Example(NamedTuple):
    """One record. labels: class indices; body: the encoded frames, in the layout that `frames_of` checks."""

    video_id: str
    start: float
    end: float
    labels: tuple[int, ...]
    body: bytes

    @property
    def frames(self) -> int:
        """How many frame vectors there are."""
        return len(self.body) // _FRAME_STRIDE


class NotAnExample(ValueError):
    """The record is whole, but is not what AudioSet's features are."""


def read(record: bytes) -> Example:
    """Read one record; raises `NotAnExample`."""
    try:
        message = _EXAMPLE.FromString(record)
    except DecodeError:
        raise NotAnExample("it is no SequenceExample") from None
    video_id, start, end, labels = _context(message.context)
    if not video_id or not math.isfinite(start) or not math.isfinite(end) or start < 0:
        raise NotAnExample("its video_id is empty or its times are no times")
    return Example(video_id, start, end, labels, _body(message.feature_lists))


def frames_of(examples: Sequence[Example]) -> NDArray[np.uint8]:
    """Give the frame vectors of examples, one after another: uint8 (all frames, 128)."""
    return np.frombuffer(b"".join(e.body for e in examples), np.uint8).reshape(-1, _FRAME_STRIDE)[
        :, len(_FRAME_HEADER) :
    ]


def _context(context: bytes) -> tuple[str, float, float, tuple[int, ...]]:
    match = _CONTEXT.fullmatch(context)
    if match is not None:
        video_id, start, end, size, labels = match.groups()
        if video_id and start and end and size and size[0] == len(labels):
            try:
                return video_id.decode("ascii"), _FLOAT.unpack(start)[0], _FLOAT.unpack(end)[0], _varints(labels)
            except (UnicodeDecodeError, ValueError):
                pass
    return _slow_context(context)


def _slow_context(context: bytes) -> tuple[str, float, float, tuple[int, ...]]:
    """Read any valid encoding by protobuf."""
    try:
        feature = _CONTEXT_MESSAGE.FromString(context).feature
        return (
            feature["video_id"].bytes_list.value[0].decode("ascii"),
            float(feature["start_time_seconds"].float_list.value[0]),
            float(feature["end_time_seconds"].float_list.value[0]),
            tuple(feature["labels"].int64_list.value),
        )
    except (DecodeError, IndexError, UnicodeDecodeError) as error:
        raise NotAnExample(f"it has no video_id or no times ({type(error).__name__})") from None


@lru_cache(LABEL_LISTS_KEPT)
def _varints(data: bytes) -> tuple[int, ...]:
    """Read protobuf's packed varints, of two bytes at most as class indices are; raises ValueError on others."""
    values, high = [], -1
    for byte in data:
        if high >= 0:
            if byte > 127:
                raise ValueError("a longer varint")
            values.append(high | byte << 7)
            high = -1
        elif byte > 127:
            high = byte & 127
        else:
            values.append(byte)
    if high >= 0:
        raise ValueError("a varint ends too early")
    return tuple(values)


def _body(feature_lists: bytes) -> bytes:
    at = feature_lists.find(_KEY, 0, _LATEST_KEY + len(_KEY))
    if at > 0:
        body = feature_lists[at + len(_KEY) + 2 :]
        # Two bytes hold the length of 1 to 119 frames.
        if _FRAMES.fullmatch(body):
            return body
    return _slow_body(feature_lists)


def _slow_body(feature_lists: bytes) -> bytes:
    """Read any valid encoding by protobuf, and write it in the layout of `_FRAME_HEADER`."""
    try:
        lists = _LISTS.FromString(feature_lists).feature_list
    except DecodeError:
        raise NotAnExample("its feature lists cannot be decoded") from None
    if _FEATURE.decode() not in lists:
        raise NotAnExample("it has no audio_embedding")
    values = [value for feature in lists[_FEATURE.decode()].feature for value in feature.bytes_list.value]
    if not values or any(len(value) != FRAME_VALUES for value in values):
        raise NotAnExample(f"its frame vectors are not of {FRAME_VALUES} bytes each")
    return b"".join(_FRAME_HEADER + value for value in values)


def _message(file: descriptor_pb2.FileDescriptorProto, name: str, *fields: tuple[str, int, int, int, str]) -> Any:
    message = file.message_type.add(name=name)
    for field, number, label, kind, type_name in fields:
        message.field.add(name=field, number=number, label=label, type=kind, type_name=type_name or None)
    return message


def _map(message: Any, field: str, value: str) -> None:
    entry = message.nested_type.add(name="Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
    entry.field.add(
        name="value", number=2, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_MESSAGE, type_name=f".{_PACKAGE}.{value}"
    )
    message.field.add(
        name=field,
        number=1,
        label=_Field.LABEL_REPEATED,
        type=_Field.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.{message.name}.Entry",
    )


def _classes() -> tuple[Any, Any, Any]:
    """Make the message types: tensorflow/core/example/example.proto and feature.proto."""
    one, many = _Field.LABEL_OPTIONAL, _Field.LABEL_REPEATED
    kind = _Field.TYPE_MESSAGE
    file = descriptor_pb2.FileDescriptorProto(name="soundalike_example.proto", package=_PACKAGE, syntax="proto3")
    _message(file, "BytesList", ("value", 1, many, _Field.TYPE_BYTES, ""))
    _message(file, "FloatList", ("value", 1, many, _Field.TYPE_FLOAT, ""))
    _message(file, "Int64List", ("value", 1, many, _Field.TYPE_INT64, ""))
    _message(
        file,
        "Feature",
        ("bytes_list", 1, one, kind, f".{_PACKAGE}.BytesList"),
        ("float_list", 2, one, kind, f".{_PACKAGE}.FloatList"),
        ("int64_list", 3, one, kind, f".{_PACKAGE}.Int64List"),
    )
    _map(_message(file, "Features"), "feature", "Feature")
    _message(file, "FeatureList", ("feature", 1, many, kind, f".{_PACKAGE}.Feature"))
    _map(_message(file, "FeatureLists"), "feature_list", "FeatureList")
    _message(
        file,
        "SequenceExample",
        ("context", 1, one, _Field.TYPE_BYTES, ""),
        ("feature_lists", 2, one, _Field.TYPE_BYTES, ""),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = (
        pool.FindMessageTypeByName(f"{_PACKAGE}.{name}") for name in ("SequenceExample", "Features", "FeatureLists")
    )
    example, context, lists = (message_factory.GetMessageClass(descriptor) for descriptor in found)
    return example, context, lists


_EXAMPLE, _CONTEXT_MESSAGE, _LISTS = _classes()
