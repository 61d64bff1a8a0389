"""AudioSet's records: tf.train.SequenceExample, read without TensorFlow.

A record as TensorFlow writes it fits one regular expression, which reads it in a fifth of the time that protobuf takes.
All its bytes but the values are its framing: protobuf has read one record with the same framing and found the same
values, or else reads this one.
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
_YOUTUBE_8M = {"id", "rgb", "audio", "mean_rgb", "mean_audio"}
"""Names in its records, by frame and by video."""
_FRAME_HEADER = b"\n\x86\x01\n\x83\x01\n\x80\x01"
"""Before each frame: FeatureList.feature (134 bytes), Feature.bytes_list (131), BytesList.value (128)."""
_FRAME_STRIDE = len(_FRAME_HEADER) + FRAME_VALUES
_FEATURE = b"audio_embedding"
_LENGTH = rb"[\x80-\xff]{0,2}[\x00-\x7f]"
_RECORD = re.compile(
    rb"(\n" + _LENGTH + rb")(?:"
    rb"\n\x1b\n\x08video_id\x12\x0f\n\r\n\x0b(.{11})"
    rb"|\n\x1e\n\x12start_time_seconds\x12\x08\x12\x06\n\x04(.{4})"
    rb"|\n\x1c\n\x10end_time_seconds\x12\x08\x12\x06\n\x04(.{4})"
    rb"|\n(.\n\x06labels\x12.\x1a.\n.)(.{1,112}?)"
    rb"){4}(\x12" + _LENGTH + rb"\n" + _LENGTH + rb"\n\x0f" + _FEATURE + rb"\x12" + _LENGTH + rb")"
    rb"((?:" + re.escape(_FRAME_HEADER) + rb".{%d})+)" % FRAME_VALUES,
    re.DOTALL,
)
"""The context's four features in any order, each of a length that fits one byte, then the frames."""
_FLOAT = struct.Struct("<f")
Framing = tuple[bytes, bytes, int, bytes, int]
"""What stands before the context, before its labels, how long these are; what stands before the frames, how long."""
_NO_FRAMING: Framing = (b"", b"", 0, b"", 0)
FRAMINGS_KEPT = 10_000
"""AudioSet has some hundred: by the numbers of labels and of frames."""
_framings: set[Framing] = set()
"""Those in which protobuf has found the same values as the expression."""

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
    example, framing = _fitting(record)
    if example is None or framing not in _framings:
        guess, example = example, _by_protobuf(record)
        if guess == example and len(_framings) < FRAMINGS_KEPT:
            _framings.add(framing)
    # NaN fails both comparisons.
    if not example.video_id or not 0 <= example.start < math.inf or not -math.inf < example.end < math.inf:
        raise NotAnExample("its video_id is empty or its times are no times")
    return example


def frames_of(examples: Sequence[Example]) -> NDArray[np.uint8]:
    """Return the frame vectors of examples, one after another: uint8 (all frames, 128)."""
    return np.frombuffer(b"".join(e.body for e in examples), np.uint8).reshape(-1, _FRAME_STRIDE)[
        :, len(_FRAME_HEADER) :
    ]


def _fitting(record: bytes) -> tuple[Example | None, Framing]:
    """Read what stands where the expression says; it holds only for a framing that is known."""
    match = _RECORD.fullmatch(record)
    if match is None:
        return None, _NO_FRAMING
    head, video_id, start, end, labels_head, labels, lists_head, body = match.groups()
    try:
        times = _FLOAT.unpack(start)[0], _FLOAT.unpack(end)[0]
        example = Example(video_id.decode("ascii"), *times, _varints(labels), body)
    except (AttributeError, TypeError, ValueError, struct.error):
        # One feature came twice, so that another is missing; or a value is none.
        return None, _NO_FRAMING
    return example, (head, labels_head, len(labels), lists_head, len(body))


def _by_protobuf(record: bytes) -> Example:
    """Read any valid encoding by protobuf."""
    try:
        message = _EXAMPLE.FromString(record)
    except DecodeError:
        raise NotAnExample("it is no SequenceExample") from None
    feature = message.context.feature
    if "video_id" not in feature:
        if _YOUTUBE_8M & {*feature, *message.feature_lists.feature_list}:
            raise NotAnExample("it is of YouTube-8M, whose features are others than AudioSet's")
        raise NotAnExample("it has no video_id, as vggish_inference_demo.py leaves it out: add it with its times")
    try:
        video_id = feature["video_id"].bytes_list.value[0].decode("ascii")
        start = float(feature["start_time_seconds"].float_list.value[0])
        end = float(feature["end_time_seconds"].float_list.value[0])
    except (IndexError, UnicodeDecodeError) as error:
        raise NotAnExample(f"it has no video_id or no times ({type(error).__name__})") from None
    labels = tuple(feature["labels"].int64_list.value)
    return Example(video_id, start, end, labels, _body(message.feature_lists.feature_list))


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


def _body(lists: Any) -> bytes:
    """Write the frames in the layout of `_FRAME_HEADER`."""
    if _FEATURE.decode() not in lists:
        raise NotAnExample("it has no audio_embedding")
    features = lists[_FEATURE.decode()].feature
    if any(feature.float_list.value for feature in features):
        raise NotAnExample("its frame vectors are floats: quantise them to 8 bits, as vggish_postprocess.py does")
    values = [value for feature in features for value in feature.bytes_list.value]
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


def _example_class() -> Any:
    """Make the message type: tensorflow/core/example/example.proto and feature.proto."""
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
        ("context", 1, one, kind, f".{_PACKAGE}.Features"),
        ("feature_lists", 2, one, kind, f".{_PACKAGE}.FeatureLists"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.SequenceExample"))


_EXAMPLE = _example_class()
