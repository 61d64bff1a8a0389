"""What a library still finds of a sound that comes quieter, padded, noisy or in other channels, and what each part of
the pipeline is worth.

    python -m benchmarks.library_conditions ESC10 --work DIR [--only conditions|ablation] [--every N]

Conditions: each file of ESC-10 is changed, written as a WAV file and asked for; does it find first what the unchanged
file finds first, which is itself? Through the whole pipeline, from the file to the answer. Ablation: from audio to
vectors in this process, for ESC-10 (nearest of another recording, and five), the starter library (nearest, and five),
sums of two ESC-10 clips of different classes, equally loud (nearest of another recording is of either class), and two
of the conditions. Standard errors are those of a share.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.library_esc10 import run
from launcher.samples import SAMPLES
from launcher.samples import write as write_samples
from recommender.audio import SAMPLE_RATE
from recommender.audio.decoding import decode
from recommender.audio.preparation import prepare
from recommender.embedders import registry
from recommender.embedders.local import LocalEmbedder, in_process
from recommender.recommender import Recommender
from recommender.settings import Settings
from recommender.vectors import pool, unit_rows

Pcm = NDArray[np.int16]
Rows = NDArray[np.float32]
_FLOOR = 32_768 * 10 ** (-65 / 20)


def quieter(decibels: float) -> Callable[[Pcm], Pcm]:
    """Return what turns audio down."""
    return lambda pcm: np.rint(pcm * 10 ** (-decibels / 20)).astype(np.int16)


def padded(seconds: float, floor: float = 0.0) -> Callable[[Pcm], Pcm]:
    """Return what puts silence before and after audio, and white noise of a root mean square beneath all of it."""

    def change(pcm: Pcm) -> Pcm:
        longer = np.pad(pcm.astype(np.float64), round(seconds * SAMPLE_RATE))
        noise = np.random.default_rng(1).standard_normal(len(longer)) * floor
        return np.rint(longer + noise).clip(-32_768, 32_767).astype(np.int16)

    return change


def channels(*gains: float) -> Callable[[Pcm], Pcm]:
    """Return what makes channels (n, c) of one, each by its gain; halved, so that the sum of two is not clipped."""
    return lambda pcm: np.rint(pcm[:, None] * (np.array(gains) / 2)).astype(np.int16)


CONDITIONS: dict[str, Callable[[Pcm], Pcm]] = {
    "unchanged": lambda pcm: pcm,
    "12 dB quieter": quieter(12),
    "24 dB quieter": quieter(24),
    "36 dB quieter": quieter(36),
    "2 s of silence around it": padded(2),
    "5 s of silence around it": padded(5),
    "2 s of a -65 dB noise floor": padded(2, _FLOOR),
    "5 s of a -65 dB noise floor": padded(5, _FLOOR),
    "stereo, one channel inverted": channels(1, -1),
    "mid/side, nothing in the side": channels(1, 0),
    "mid/side, all in the side": channels(0, 1),
    "one of eight channels": channels(0, 0, 0, 1, 0, 0, 0, 0),
    "5.1, surrounds inverted": channels(1, 1, 0, 0, -1, -1),
}


def conditions(paths: Sequence[Path], data: Path, out: Path) -> None:
    """Ask for each file under each condition, and print how often the answer is the unchanged file's."""
    run("build", "library", str(data), "--out", str(out))
    recommender = Recommender.open(Settings(catalogue=out, _env_file=None))
    sounds = [decode(path, max_seconds=60).pcm for path in paths]
    first: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "asked.wav"
        for name, change in CONDITIONS.items():
            found = []
            for pcm in sounds:
                _write(file, change(pcm))
                found.append(recommender.similar_to(recommender.embed_file(file), top=1).results[0].clip.source)
            first = first or found
            share = np.mean([a == b for a, b in zip(found, first, strict=True)])
            print(f"{name:<32} {share:7.1%} of {len(sounds)}", flush=True)
    recommender.close()


def _write(path: Path, pcm: Pcm) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm.astype("<i2").tobytes())


@dataclass(frozen=True, slots=True)
class Variant:
    """One way from audio to vectors."""

    embedder: str = "yamnet"
    trim: bool = False
    even: bool = False
    pooling: str = "mean"
    directions: int = 0


@dataclass(slots=True)
class Sounds:
    """Sounds with what they belong to, and the rows that an embedder made of them, by how they were prepared."""

    pcm: list[Pcm]
    classes: NDArray[np.str_]
    recordings: NDArray[np.str_]
    rows: dict[tuple[str, bool, bool], list[Rows]] = field(default_factory=dict)

    def vectors(self, variant: Variant, embedder: LocalEmbedder) -> NDArray[np.float64]:
        """Pool the rows: float64 (n, d), neither centred nor projected."""
        key = (variant.embedder, variant.trim, variant.even)
        if key not in self.rows:
            self.rows[key] = [_rows(pcm, variant, embedder) for pcm in self.pcm]
        return np.stack([pool(rows, variant.pooling) for rows in self.rows[key]])


def _rows(pcm: Pcm, variant: Variant, embedder: LocalEmbedder) -> Rows:
    if not (variant.trim or variant.even):
        return embedder.embed(pcm).vectors
    framing = embedder.network.spec.framing
    prepared = prepare(pcm, framing.rate, trim=variant.trim, even=variant.even)
    vectors = embedder.embed(framing.padded(prepared.pcm)).vectors
    return vectors[prepared.rows(framing.hop, framing.window, len(vectors))]


def _variants() -> Iterator[tuple[str, Variant]]:
    yield "yamnet alone: mean", Variant()
    yield "  maximum instead of mean", Variant(pooling="max")
    yield "  logarithm of 1 + maximum", Variant(pooling="log-max")
    yield "  both logarithms, of maximum and mean", Variant(pooling="log-max-mean")
    yield "  128 directions", Variant(directions=128)
    yield "  256 directions", Variant(directions=256)
    yield "  silence left out", Variant(trim=True)
    yield "  level evened", Variant(even=True)
    yield "  silence and level", Variant(trim=True, even=True)
    built = Variant(trim=True, even=True, directions=256, pooling="log-max-mean")
    yield "together, as built", built
    yield "  with 128 directions", replace(built, directions=128)
    yield "  with mean", replace(built, pooling="mean")
    yield "  with maximum", replace(built, pooling="max")
    yield "  with the logarithm of 1 + maximum", replace(built, pooling="log-max")
    yield "musicnn alone", Variant("musicnn")
    yield "  silence and level", Variant("musicnn", trim=True, even=True)


def ablation(paths: Sequence[Path], starter: Path) -> None:
    """Print a row for each variant. All vectors are centred, as a build does."""
    pcm = [decode(path, max_seconds=60).pcm for path in paths]
    classes = np.array([path.parent.name for path in paths])
    recordings = np.array(["-".join(path.stem.split("-")[:2]) for path in paths])
    for _ in write_samples(starter):
        pass
    families = Sounds(
        [decode(starter / sample.path, max_seconds=60).pcm[: 10 * SAMPLE_RATE] for sample in SAMPLES],
        np.array([sample.family for sample in SAMPLES]),
        np.array([sample.name for sample in SAMPLES]),
    )
    esc = Sounds(pcm, classes, recordings)
    partners = [next(k % len(pcm) for k in itertools.count(n + 97) if classes[k % len(pcm)] != classes[n])
                for n in range(len(pcm))]  # fmt: skip
    sums = Sounds([_sum(pcm[n], pcm[k]) for n, k in enumerate(partners)], classes, recordings)
    changed = {name: Sounds([CONDITIONS[name](one) for one in pcm], classes, recordings)
               for name in ("24 dB quieter", "2 s of silence around it")}  # fmt: skip
    print(f"{'':<32} ESC-10 at 1   of 5    starter at 1   of 5   sums    -24 dB  silence")
    embedders: dict[str, LocalEmbedder] = {}
    for name, variant in _variants():
        embedder = embedders.setdefault(variant.embedder, in_process(variant.embedder, None))
        raw = esc.vectors(variant, embedder)
        projection = _projection(variant)
        line = [f"{name:<32}"]
        for sounds in (esc, families):
            own = sounds.vectors(variant, embedder)
            line.append(_precision(unit_rows((own - own.mean(axis=0)) @ projection), sounds))
        centre = raw.mean(axis=0)
        known = unit_rows((raw - centre) @ projection)
        mixed = unit_rows((sums.vectors(variant, embedder) - centre) @ projection) @ known.T
        for n, k in enumerate(partners):
            mixed[n, (recordings == recordings[n]) | (recordings == recordings[k])] = -2
        either = [classes[best] in {classes[n], classes[partners[n]]} for n, best in enumerate(mixed.argmax(axis=1))]
        line.append(f"{np.mean(either):.3f}")
        for sounds in changed.values():
            asked = unit_rows((sounds.vectors(variant, embedder) - centre) @ projection)
            line.append(f"{np.mean((asked @ known.T).argmax(axis=1) == np.arange(len(known))):.3f}")
        print("  ".join(line), flush=True)


def _projection(variant: Variant) -> NDArray[np.float64]:
    spec = registry.named(variant.embedder)
    if variant.directions and spec.label_head is not None:
        return spec.label_head(None).directions(variant.directions)
    return np.eye(spec.dimension)


def _sum(first: Pcm, second: Pcm) -> Pcm:
    length = min(len(first), len(second))
    parts = [part[:length] / max(float(np.std(part[:length])), 1.0) for part in (first, second)]
    both = parts[0] + parts[1]
    peak = float(np.abs(both).max())
    return np.rint(both / peak * 30_000).astype(np.int16)


def _precision(vectors: Rows, sounds: Sounds) -> str:
    similar = vectors @ vectors.T
    similar[sounds.recordings[:, None] == sounds.recordings] = -2
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :5]
    right = sounds.classes[nearest] == sounds.classes[:, None]
    at_1 = float(right[:, 0].mean())
    return f"{at_1:.3f}±{(at_1 * (1 - at_1) / len(vectors)) ** 0.5:.3f}  {right.mean():.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", choices=["conditions", "ablation"])
    parser.add_argument("--every", type=int, default=1, help="asks for every so manieth file alone")
    arguments = parser.parse_args()
    paths = sorted(arguments.data.glob("*/*.ogg"))
    if arguments.only != "ablation":
        conditions(paths[:: arguments.every], arguments.data, arguments.work / "esc10")
    if arguments.only != "conditions":
        ablation(paths[:: arguments.every], arguments.work / "starter")


if __name__ == "__main__":
    main()
