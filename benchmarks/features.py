"""`python -m benchmarks.features SOURCE OUT.tar.gz --clips N`: features of any size, resampled from real ones.

Each clip takes the frames of a real clip, mixed with those of another that shares a label, plus noise: as many
clusters, and as hard neighbours, as in the real data. Shards, names and layout are Google's.
"""

from __future__ import annotations

import argparse
import io
import string
import struct
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from recommender.sources.sequence_example import Example, frames_of, read
from recommender.sources.tfrecord import Damage, masked_crc, pieces, records

SEED = 11
FRAMES = 10
OWN_SHARE = (0.5, 0.8)
"""How much of a mixture is the clip's own, drawn evenly."""
CLIP_NOISE = 22.0
"""Standard deviation of the noise that all frames of a clip share, in steps of the bytes. With it the nearest and the
tenth neighbour are as far (median cosine 0.71 and 0.61 of 300,000) as among the real clips (0.74 and 0.60 of 22,800);
without it the clips resampled from one real clip lie together, and any index finds them."""
FRAME_NOISE = 14.0
"""Standard deviation of the noise of each frame: frames within a real clip differ by some 50 steps."""
SHARD_CLIPS = 540
"""Google's unbal_train has 2,041,789 clips in 4,096 shards less some."""
LETTERS = np.frombuffer((string.ascii_letters + string.digits + "-_").encode(), np.uint8)
COMPRESSION = 1
"""Frames are all but random bytes: a higher level costs time and saves nothing."""


@dataclass(frozen=True)
class Real:
    """Real clips: labels, and frames uint8 (n, 10, 128); partners: for each label, the clips that have it."""

    labels: Sequence[tuple[int, ...]]
    frames: NDArray[np.uint8]
    partners: dict[int, NDArray[np.int64]]

    def among(self, kept: NDArray[np.int64]) -> Real:
        """Return only these clips."""
        labels = [self.labels[number] for number in kept.tolist()]
        return Real(labels, self.frames[kept], _partners(labels))


def real_clips(folder: Path) -> Real:
    """Read the real clips that have ten frames."""
    examples: list[Example] = []
    for path in sorted(folder.rglob("*.tfrecord")):
        with path.open("rb") as stream:
            for piece in pieces(path.name, stream):
                found = (read(record[1]) for record in records(piece) if not isinstance(record, Damage))
                examples += [example for example in found if example.frames == FRAMES and example.labels]
    labels = [example.labels for example in examples]
    return Real(labels, frames_of(examples).reshape(-1, FRAMES, 128), _partners(labels))


def _partners(labels: Sequence[tuple[int, ...]]) -> dict[int, NDArray[np.int64]]:
    partners: dict[int, list[int]] = defaultdict(list)
    for number, each in enumerate(labels):
        for label in each:
            partners[label].append(number)
    return {label: np.array(numbers) for label, numbers in partners.items()}


def shards(real: Real, clips: int) -> Iterator[tuple[str, bytes]]:
    """Make shards: the name and the bytes of each."""
    random = np.random.default_rng(SEED)
    prefixes = [chr(a) + chr(b) for a in LETTERS for b in LETTERS]
    random.shuffle(prefixes)
    count = min(max(1, clips // SHARD_CLIPS), len(prefixes))
    sizes = np.diff(np.linspace(0, clips, count + 1).astype(int))
    for prefix, size in zip(sorted(prefixes[:count]), sizes.tolist(), strict=True):
        yield prefix, _shard(real, prefix, size, random)


def _shard(real: Real, prefix: str, size: int, random: np.random.Generator) -> bytes:
    chosen = random.integers(len(real.labels), size=size)
    frames = mixtures(real, chosen, random)
    names = LETTERS[random.integers(64, size=(size, 9))]
    starts = random.integers(0, 60, size=size) * 10.0
    parts = []
    for number in range(size):
        video_id = prefix.encode() + names[number].tobytes()
        parts.append(_framed(_record(video_id, float(starts[number]), real.labels[chosen[number]], frames[number])))
    return b"".join(parts)


def mixtures(real: Real, chosen: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.uint8]:
    """Mix each of these clips with another that shares a label: frames uint8 (n, 10, 128)."""
    others = np.array([partner(real, number, random) for number in chosen.tolist()])
    share = random.uniform(*OWN_SHARE, (len(chosen), 1, 1)).astype(np.float32)
    mixed = real.frames[chosen] * share + real.frames[others] * (1 - share)
    mixed += random.normal(0, CLIP_NOISE, (len(chosen), 1, mixed.shape[2])).astype(np.float32)
    mixed += random.normal(0, FRAME_NOISE, mixed.shape).astype(np.float32)
    frames: NDArray[np.uint8] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return frames


def partner(real: Real, number: int, random: np.random.Generator) -> int:
    """Draw a clip that shares a label with this one."""
    labels = real.labels[number]
    candidates = real.partners[labels[int(random.integers(len(labels)))]]
    return int(candidates[int(random.integers(len(candidates)))])


def _record(video_id: bytes, start: float, labels: Sequence[int], frames: NDArray[np.uint8]) -> bytes:
    """Write a tf.train.SequenceExample as TensorFlow does."""
    context = b"".join(
        (
            b"\n\x1b\n\x08video_id\x12\x0f\n\r\n\x0b" + video_id,
            b"\n\x1e\n\x12start_time_seconds\x12\x08\x12\x06\n\x04" + struct.pack("<f", start),
            _labels(labels),
            b"\n\x1c\n\x10end_time_seconds\x12\x08\x12\x06\n\x04" + struct.pack("<f", start + 10),
        )
    )
    rows = b"".join(b"\n\x86\x01\n\x83\x01\n\x80\x01" + frame.tobytes() for frame in frames)
    feature = b"\n\x0faudio_embedding\x12" + _varint(len(rows)) + rows
    lists = b"\n" + _varint(len(feature)) + feature
    return b"\n" + _varint(len(context)) + context + b"\x12" + _varint(len(lists)) + lists


def _labels(labels: Sequence[int]) -> bytes:
    packed = b"".join(map(_varint, labels))
    values = b"\n" + _varint(len(packed)) + packed
    feature = b"\x1a" + _varint(len(values)) + values
    entry = b"\n\x06labels\x12" + _varint(len(feature)) + feature
    return b"\n" + _varint(len(entry)) + entry


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _framed(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + struct.pack("<I", masked_crc(length)) + record + struct.pack("<I", masked_crc(record))


def write(source: Path, out: Path, clips: int) -> None:
    """Write a tar.gz as Google ships it; it appears as a whole."""
    real = real_clips(source)
    beside = out.with_name(f"{out.name}.part")
    with (
        tarfile.open(beside, "w:gz", compresslevel=COMPRESSION) as archive,
        tqdm(total=clips, desc=f"writing {out.name}", unit="clip", unit_scale=True, disable=None) as bar,
    ):
        for name, data in shards(real, clips):
            info = tarfile.TarInfo(f"audioset_v1_embeddings/unbal_train/{name}.tfrecord")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
            bar.update(data.count(b"audio_embedding"))
    beside.replace(out)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features", description=__doc__)
    parser.add_argument("source", type=Path, help="folder of real features")
    parser.add_argument("out", type=Path, help="the tar.gz to write")
    parser.add_argument("--clips", type=int, required=True)
    arguments = parser.parse_args()
    write(arguments.source, arguments.out, arguments.clips)


if __name__ == "__main__":
    main()
