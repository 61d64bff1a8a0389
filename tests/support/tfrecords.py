"""AudioSet features for tests: TFRecord shards with right checksums, out of made-up or real frames."""

from __future__ import annotations

import csv
import io
import json
import struct
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np
from numpy.typing import NDArray

LABELS = ("Speech", "Music", "Jazz", "Dog", "Rain", "Siren")
"""Label names of made-up features, by class index."""
ONTOLOGY = (
    ("/m/music", "Music", ("/m/jazz", "/m/genre")),
    ("/m/genre", "Music genre", ("/m/jazz",)),
    ("/m/jazz", "Jazz", ()),
    ("/m/human", "Human sounds", ("/m/speech",)),
    ("/m/speech", "Speech", ()),
    ("/m/dog", "Dog", ()),
    ("/m/rain", "Rain", ()),
    ("/m/siren", "Siren", ()),
)
FRAMES = 10
VALUES = 128


@dataclass(frozen=True)
class Record:
    """What one record holds. frames: uint8 (n, 128); labels: class indices."""

    video_id: str
    start: float
    end: float
    labels: tuple[int, ...]
    frames: NDArray[np.uint8]


def masked_crc(data: bytes) -> int:
    """The CRC32C of TFRecord files, masked as tensorflow/core/lib/hash/crc32c.h does."""
    crc = int(google_crc32c.value(data))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(record: bytes) -> bytes:
    """One record as it stands in a file."""
    length = struct.pack("<Q", len(record))
    return length + struct.pack("<I", masked_crc(length)) + record + struct.pack("<I", masked_crc(record))


def encoded(record: Record) -> bytes:
    """A tf.train.SequenceExample, written by hand."""
    context = b"".join(
        _field(1, _field(1, key.encode()) + _field(2, value))
        for key, value in (
            ("video_id", _field(1, _field(1, record.video_id.encode()))),
            ("start_time_seconds", _field(2, _field(1, struct.pack("<f", record.start)))),
            ("end_time_seconds", _field(2, _field(1, struct.pack("<f", record.end)))),
            ("labels", _field(3, _field(1, b"".join(map(_varint, record.labels))))),
        )
    )
    features = b"".join(_field(1, _field(1, _field(1, frame.tobytes()))) for frame in record.frames)
    lists = _field(1, _field(1, b"audio_embedding") + _field(2, features))
    return _field(1, context) + _field(2, lists)


def made_up(count: int, *, seed: int = 1, prefix: str = "") -> list[Record]:
    """Records in clusters, one per label, so that neighbours share labels; ids are 11 characters, some begin with -."""
    random = np.random.default_rng(seed)
    centres = random.integers(40, 215, (len(LABELS), VALUES))
    records = []
    for number in range(count):
        label = int(random.integers(len(LABELS)))
        noise = random.normal(0, 30, (FRAMES if number % 17 else 7, VALUES))
        frames = np.clip(centres[label] + noise, 0, 255).astype(np.uint8)
        video_id = f"{'-' if number % 10 == 3 else 'v'}{prefix}{number:x}".ljust(11, "_")[:11]
        labels = (label,) if number % 5 else tuple(sorted({label, 0}))
        records.append(Record(video_id, float(number % 4 * 10), float(number % 4 * 10 + 10), labels, frames))
    return records


def write_features(folder: Path, records: Iterable[Record], *, split: str = "bal_train") -> Path:
    """Write shards named by the first two characters of the video ids, as Google does; returns `folder`."""
    shards: dict[str, list[bytes]] = {}
    for record in records:
        shards.setdefault(record.video_id[:2], []).append(framed(encoded(record)))
    target = folder / split
    target.mkdir(parents=True, exist_ok=True)
    for name, parts in shards.items():
        (target / f"{name}.tfrecord").write_bytes(b"".join(parts))
    return folder


def write_archive(path: Path, folder: Path) -> Path:
    """Pack features into a tar.gz as Google ships them; returns `path`."""
    with tarfile.open(path, "w:gz") as archive:
        for shard in sorted(folder.rglob("*.tfrecord")):
            data = shard.read_bytes()
            info = tarfile.TarInfo(f"audioset_v1_embeddings/{shard.relative_to(folder).as_posix()}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_labels(folder: Path, names: Sequence[str] = LABELS, *, ontology: bool = True) -> Path:
    """Write class_labels_indices.csv, and the ontology beside it; returns the path of the labels."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "class_labels_indices.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("index", "mid", "display_name"))
        writer.writerows((index, f"/m/{name.lower()}", name) for index, name in enumerate(names))
    if ontology:
        nodes = [{"id": mid, "name": name, "child_ids": children} for mid, name, children in ONTOLOGY]
        (folder / "ontology.json").write_text(json.dumps(nodes))
    return path


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
