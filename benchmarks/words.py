"""Queries in words: how often the first result, and the first ten, are what the person who asked would take.

`python -m benchmarks.words --work DIR` builds catalogues of bal_train and of ESC-10's files under names that say
nothing, and asks two sets of queries: the project's (`--data`/text-queries) and our own (benchmarks/data/words.json).
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recommender.answers import Answer
from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue
from recommender.catalogue.vocabulary import words_of
from recommender.clips import clip_id
from recommender.errors import QueryError
from recommender.library.naming import found_by, title_of
from recommender.recommender import Recommender
from recommender.settings import Settings
from recommender.sources import audioset
from recommender.sources.ontology import read_label_names
from recommender.sources.shards import Wanted

OWN = Path(__file__).with_name("data") / "words.json"
HIDDEN_EVERY = 3
"""Clips whose id's digest leaves 0 by this have their labels hidden."""
TOP = 10
SEED = 16
ACCEPTABLE = {
    "Dog bark": ["Dog", "Bark", "Yip", "Bow-wow", "Domestic animals, pets", "Howl", "Growling", "Whimper (dog)"],
    "Rain": ["Rain", "Raindrop", "Rain on surface", "Thunderstorm"],
    "Sea waves": ["Ocean", "Waves, surf"],
    "Baby cry": ["Baby cry, infant cry", "Crying, sobbing", "Whimper"],
    "Clock tick": ["Clock", "Tick-tock", "Tick"],
    "Person sneeze": ["Sneeze"],
    "Helicopter": ["Helicopter", "Aircraft"],
    "Chainsaw": ["Chainsaw"],
    "Rooster": ["Chicken, rooster", "Crowing, cock-a-doodle-doo", "Fowl", "Cluck"],
    "Fire crackling": ["Fire", "Crackle"],
}
"""Labels of AudioSet that are right for a class of ESC-10."""


def main() -> None:
    """Run what is asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".run/bench/words"))
    parser.add_argument("--vectors", default="mean", choices=["mean", "learned"])
    parser.add_argument("parts", nargs="*", default=["audioset", "hidden", "esc10", "names", "uploads", "floor"])
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts:
        PARTS[part](arguments)


def _audioset(arguments: argparse.Namespace) -> None:
    folder, labels = _bal_train(arguments, hidden=False)
    with _opened(folder) as recommender:
        for name, queries in _sets(arguments, "audioset").items():
            answers = [recommender.similar(text, top=TOP) for text in queries]
            good = [_good(answer, labels, wanted) for answer, wanted in zip(answers, queries.values(), strict=True)]
            first = [
                bool(answer.understood[0].labels) and answer.understood[0].labels[0][0] in wanted
                for answer, wanted in zip(answers, queries.values(), strict=True)
            ]
            _say(f"audioset, {name} ({len(queries)})", good, {"first label right": float(np.mean(first))})
            for text, share in zip(queries, good, strict=True):
                if not share or share[0] < 1 or np.mean(share) < 0.9:
                    print(f"    {text}: {np.mean(share) if share else 0:.1f}")
            _time(recommender, list(queries))


def _hidden(arguments: argparse.Namespace) -> None:
    folder, labels = _bal_train(arguments, hidden=True)
    with _opened(folder) as recommender:
        for name, queries in _sets(arguments, "audioset").items():
            among, alone = [], []
            for text, wanted in queries.items():
                answer = recommender.similar(text, top=TOP)
                among.append(_good(answer, labels, wanted))
                bare = [r for r in recommender.similar(text, top=1000).results if not r.clip.labels][:TOP]
                alone.append([float(not labels[r.clip.clip_id].isdisjoint(wanted)) for r in bare])
                shown = [r for r in answer.results if not r.clip.labels]
                _shown.setdefault(name, []).extend(float(not labels[r.clip.clip_id].isdisjoint(wanted)) for r in shown)
            _say(f"a third hidden, {name}", among)
            _say(f"  the hidden alone, {name}", alone)
            share = _shown[name]
            print(f"  hidden ones among the first ten: {len(share)}, of which acceptable {np.mean(share):.3f}")


_shown: dict[str, list[float]] = {}


def _esc10(arguments: argparse.Namespace) -> None:
    """Files under names that say nothing: only the sound may count."""
    from recommender.library.building import build
    from recommender.library.embedding.embedder_pool import EmbedderPool
    from recommender.library.writing import IndexOptions

    files, classes = arguments.work / "esc10-files", {}
    files.mkdir(exist_ok=True)
    for number, path in enumerate(sorted((arguments.data / "esc10").glob("*/*.ogg"))):
        name = f"{number * 7919 % 1000:03d}-{number:03d}.ogg"
        classes[name] = path.parent.name.partition(" - ")[2]
        if not (files / name).exists():
            shutil.copyfile(path, files / name)
    folder = arguments.work / "esc10"
    build(files, folder, EmbedderPool("yamnet"), index=IndexOptions(words=True))
    with _opened(folder) as recommender:
        for name, queries in _sets(arguments, "esc10").items():
            good = []
            for text, wanted in queries.items():
                answer = recommender.similar(text, top=TOP)
                good.append([float(classes[result.clip.source] == wanted) for result in answer.results])
                if np.mean(good[-1]) < 0.9:
                    print(f"    {text}: {np.mean(good[-1]):.1f} {answer.understood[0].labels[:3]}")
            _say(f"esc10, {name} ({len(queries)})", good)
            _time(recommender, list(queries))


def _slack(arguments: argparse.Namespace) -> None:
    """Words to answer through the sandbox on real processes, alone and while ten uploads are worked; and what asking in
    words adds to the bot's memory."""
    import tempfile

    import psutil

    from benchmarks.slack import LONG_SECONDS, LONG_UPLOADS, _command, _figures, _wav
    from sandbox.names import SOUNDS
    from tests.scenarios.stack import Stack

    settings = {"CATALOGUE": str(_bal_train(arguments, hidden=False)[0].resolve())}
    texts = [text for queries in _sets(arguments, "audioset").values() for text in queries]
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            stack.start_worker(**settings)
            bot = psutil.Process(stack.start_bot(**settings).child.pid)
            for item in range(20):
                stack.driver.command(f"#{item}")
            before = bot.memory_info().rss
            alone = [_command(stack.driver, text) for text in texts]
            grown = (bot.memory_info().rss - before) / (1 << 20)
            files = [_wav(Path(folder) / f"long-{n}.wav", LONG_SECONDS, 1000 + n) for n in range(LONG_UPLOADS)]
            stack.driver.say(SOUNDS, "", files)
            # No text twice, so that none comes out of a cache.
            beside = [_command(stack.driver, f"a {text}") for text in texts]
        finally:
            stack.close()
    for name, times in (("alone", alone), (f"beside {LONG_UPLOADS} uploads", beside)):
        figures = _figures(times)
        print(f"slack, {name} ({len(times)}): median {figures['median_ms']:.0f} ms, p95 {figures['p95_ms']:.0f} ms")
    print(f"slack: the bot grew by {grown:.1f} MB", flush=True)


def _floor(arguments: argparse.Namespace) -> None:
    """The noise floor on subsets of ESC-10: what it keeps of the ten nearest that are of the query's class, and of the
    others."""
    from recommender.catalogue import noise

    noise.FEWEST_CLIPS = 2
    files = sorted((arguments.data / "esc10").glob("*/*.ogg"))
    classes = {f"{n * 7919 % 1000:03d}-{n:03d}.ogg": path.parent.name for n, path in enumerate(files)}
    with _opened(arguments.work / "esc10") as recommender:
        catalogue = recommender.catalogue
        of_all = np.array([classes[clip.source] for clip in catalogue.clips(range(len(catalogue)))])
        vectors = catalogue.vectors_of(range(len(catalogue)))
    random = np.random.default_rng(SEED)
    for each in (2, 4, 8, 24):
        alike: list[bool] = []
        others: list[bool] = []
        for _ in range(20):
            chosen = np.concatenate([random.permutation(np.flatnonzero(of_all == c))[:each] for c in set(of_all)])
            rows = vectors[chosen] - vectors[chosen].mean(axis=0)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            floor = noise.noise_floor(rows, np.arange(len(rows)))
            assert floor is not None
            cosines = rows @ rows.T
            np.fill_diagonal(cosines, -2)
            nearest = np.argsort(-cosines, axis=1)[:, :TOP]
            kept = np.take_along_axis(cosines, nearest, 1) >= floor
            same = of_all[chosen][nearest] == of_all[chosen][:, None]
            alike += kept[same].tolist()
            others += kept[~same].tolist()
        print(f"floor, {each} of a class: of its class kept {np.mean(alike):.3f}, of others {np.mean(others):.3f}")


def _uploads(arguments: argparse.Namespace) -> None:
    """ESC-10's clips against AudioSet, by the default embedder's labels alone."""
    folder, labels = _bal_train(arguments, hidden=False)
    good: dict[str, list[list[float]]] = {}
    with _opened(folder) as recommender:
        for path in sorted((arguments.data / "esc10").glob("*/*.ogg")):
            name = path.parent.name.partition(" - ")[2]
            answer = recommender.similar_to(recommender.embed_file(path), top=TOP)
            assert answer.ranked_by == "labels", "VGGish's weights are here: leave them out"
            good.setdefault(name, []).append(_good(answer, labels, ACCEPTABLE[name]))
    for name, of_class in good.items():
        _say(f"    {name}", of_class)
    _say("uploads by labels", [each for of_class in good.values() for each in of_class])


def _names(arguments: argparse.Namespace) -> None:
    """Ask for 2,000 files by their names: as they are, without suffix, in capitals, decomposed, and by their words."""
    random = np.random.default_rng(SEED)
    words = json.loads(OWN.read_text())["names"].split()
    paths = list(
        dict.fromkeys(f"{random.choice(words)}s/{_name(random, words)}_{number:04d}.wav" for number in range(2000))
    )
    folder = arguments.work / "names"
    vectors = random.normal(0, 1, (len(paths), 32)).astype(np.float32)
    clips = [
        NewClip(clip_id(path, 0), path, 0, 10, (), title_of(path, {}), words=found_by([path], {})) for path in paths
    ]
    write_catalogue(
        folder, space="yamnet-fp32", vectors_kind="mean", batches=[ClipBatch(clips, vectors)], trees=5, progress=False
    )
    ways: dict[str, Callable[[str], str]] = {
        "file name": lambda path: Path(path).name,
        "without suffix": lambda path: Path(path).stem,
        "capitals": lambda path: Path(path).name.upper(),
        "decomposed": lambda path: unicodedata.normalize("NFD", Path(path).name),
        "words": lambda path: Path(path).stem.replace("_", " ").replace(" - ", " ").lower(),
    }
    with _opened(folder) as recommender:
        for way, asked in ways.items():
            first = []
            for path in paths[::10]:
                try:
                    results = recommender.similar(asked(path), top=1).results
                except QueryError:
                    results = ()
                first.append(bool(results) and results[0].clip.source == path)
            print(f"names, {way} ({len(first)}): first {np.mean(first):.3f}", flush=True)


def _name(random: np.random.Generator, words: Sequence[str]) -> str:
    first, second, third = (str(word) for word in random.choice(words, 3))
    return str(
        random.choice([f"{first} - {second} ({third})", f"{first}_{second}", f"{first.title()}{second.title()}"])
    )


PARTS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "audioset": _audioset,
    "hidden": _hidden,
    "esc10": _esc10,
    "names": _names,
    "uploads": _uploads,
    "floor": _floor,
    "slack": _slack,
}


def _bal_train(arguments: argparse.Namespace, hidden: bool) -> tuple[Path, dict[str, set[str]]]:
    """Build bal_train where it is not there yet; returns its folder and every clip's real labels."""
    names = read_label_names(arguments.data / "audioset-metadata" / "class_labels_indices.csv").names
    out = arguments.work / f"bal_train{'-hidden' if hidden else ''}-{arguments.vectors}"
    labels: dict[str, set[str]] = {}

    def batches() -> Iterator[ClipBatch]:
        wanted = Wanted(names, None, arguments.vectors)
        features = arguments.data / "audioset-features" / "audioset_v1_embeddings"
        for batch in audioset.batches(features, wanted, splits=["bal_train"], report=audioset.ReadReport()):
            labels.update((clip.clip_id, set(clip.labels)) for clip in batch.clips)
            clips = [
                clip._replace(labels=() if hidden and _is_hidden(clip.clip_id) else clip.labels) for clip in batch.clips
            ]
            yield ClipBatch(clips, batch.vectors)

    known = out.with_suffix(".labels.json")
    if not known.exists():
        write_catalogue(
            out,
            space=audioset.SPACE,
            vectors_kind=arguments.vectors,
            batches=batches(),
            trees=20,
            extra={"kind": "audioset", "links": "youtube"},
            words=words_of(audioset.SPACE, None, out),
        )
        known.write_text(json.dumps({clip: sorted(given) for clip, given in labels.items()}))
    return out, {clip: set(given) for clip, given in json.loads(known.read_text()).items()}


def _is_hidden(clip_id: str) -> bool:
    return sum(clip_id.encode()) % HIDDEN_EVERY == 0


def _sets(arguments: argparse.Namespace, kind: str) -> dict[str, dict[str, Any]]:
    given = json.loads((arguments.data / "text-queries" / f"{kind}.json").read_text())
    own = json.loads(OWN.read_text())
    return {"given": given, "own": own[kind], "third": own["third"][kind]}


def _opened(folder: Path) -> Any:
    from contextlib import closing

    return closing(Recommender.open(Settings(catalogue=folder, embedder_url=None)))


def _good(answer: Answer, labels: dict[str, set[str]], wanted: Sequence[str]) -> list[float]:
    return [float(not labels[result.clip.clip_id].isdisjoint(wanted)) for result in answer.results]


def _say(name: str, good: Sequence[Sequence[float]], more: Mapping[str, float] | None = None) -> None:
    first = np.mean([each[0] if each else 0.0 for each in good])
    ten = np.mean([np.mean(each) if len(each) else 0.0 for each in good])
    extra = "".join(f", {key} {value:.3f}" for key, value in (more or {}).items())
    print(f"{name}: first {first:.3f}, of ten {ten:.3f}{extra}", flush=True)


def _time(recommender: Recommender, queries: Sequence[str]) -> None:
    taken = []
    for text in queries:
        started = time.perf_counter()
        recommender.similar(text, top=TOP)
        taken.append((time.perf_counter() - started) * 1000)
    print(f"    ms a query: median {np.median(taken):.0f}, p95 {np.percentile(taken, 95):.0f}", flush=True)


if __name__ == "__main__":
    main()
