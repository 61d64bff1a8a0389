"""Asks an index its known answers in a child process: Annoy checks next to nothing when it loads, and a bad file kills
the process that maps it. `python -m recommender.catalogue.local.known_answers FOLDER` is that child, and is told on its
standard input what to expect; nothing heavy is imported for it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from recommender.catalogue.known_answer import SHARE_FOUND, SIMILARITY_ERROR, KnownAnswer, in_common
from recommender.catalogue.local.files import CLIPS, INDEX, NEIGHBOURS
from recommender.errors import CatalogueDamaged

CHILD_SECONDS = 60.0
"""A cold index of millions of clips answers its first queries from disk within seconds."""
_FAILED = 3


@dataclass(frozen=True, slots=True)
class Expected:
    """What the index must be like. search_k: setting that the answers are asked with; listed: length of the lists of
    neighbours, 0 where there are none; vectors: the file that holds them, where in it the first one begins, and the
    bytes from one to the next."""

    dimension: int
    clips: int
    searchable: int
    trees: int
    search_k: int
    listed: int
    vectors: tuple[str, int, int]
    answers: tuple[KnownAnswer, ...]


def ask(folder: Path, expected: Expected) -> None:
    """Ask the known answers of the catalogue in a child process; raises `CatalogueDamaged` with file and reason."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "recommender.catalogue.local.known_answers", str(folder)]
    try:
        child = subprocess.run(
            command,
            input=json.dumps(asdict(expected)),
            capture_output=True,
            text=True,
            timeout=CHILD_SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise CatalogueDamaged(
            f"{folder / INDEX} does not answer within {CHILD_SECONDS:.0f} s: check the disk, or build it again."
        ) from None
    if child.returncode == 0:
        return
    if child.returncode == _FAILED:
        reason = child.stdout.strip()
    elif child.returncode < 0:
        reason = f"{folder / INDEX} kills the process that asks it ({signal.Signals(-child.returncode).name})"
    else:
        reason = f"{folder / INDEX} cannot be asked ({child.stderr.strip().splitlines()[-1:] or child.returncode})"
    raise CatalogueDamaged(f"{reason}: build the catalogue again.")


def _check(folder: Path, expected: Expected) -> str | None:
    """Return what is wrong with the catalogue, None where all known answers come back."""
    # Imported here, so that the parent does not load Annoy's library only to start a child.
    from annoy import AnnoyIndex

    index = AnnoyIndex(expected.dimension, "angular")
    index.load(str(folder / INDEX))
    if index.get_n_items() > expected.clips or (expected.searchable and not index.get_n_items()):
        return f"{folder / INDEX} holds {index.get_n_items()} items, {expected.clips} are expected"
    if index.get_n_trees() != expected.trees:
        return f"{folder / INDEX} has {index.get_n_trees()} trees, {expected.trees} are expected"
    for answer in expected.answers:
        wrong = _wrong_clip(folder, answer) or _wrong_vectors(folder, expected, answer)
        if wrong:
            return wrong
    return _wrong_answers(folder, index, expected) or _wrong_lists(folder, expected)


def _wrong_clip(folder: Path, answer: KnownAnswer) -> str | None:
    database = sqlite3.connect(f"file:{quote(str(folder / CLIPS))}?mode=ro&immutable=1", uri=True)
    try:
        row = database.execute("SELECT clip_id FROM clips WHERE item = ?", (answer.item,)).fetchone()
    except sqlite3.Error as error:
        return f"{folder / CLIPS} cannot be read ({error})"
    finally:
        database.close()
    return None if row == (answer.clip_id,) else f"{folder / CLIPS} belongs to another catalogue"


def _wrong_vectors(folder: Path, expected: Expected, answer: KnownAnswer) -> str | None:
    name, start, stride = expected.vectors

    def row(item: int) -> tuple[float, ...]:
        data = os.pread(file.fileno(), 4 * expected.dimension, start + stride * item)
        return struct.unpack(f"<{expected.dimension}f", data)

    with (folder / name).open("rb") as file:
        own = row(answer.item)
        for item, similarity in zip(answer.items, answer.similarities, strict=True):
            cosine = sum(a * b for a, b in zip(own, row(item), strict=True))
            # Not "further off than": NaN must fail too.
            if not abs(cosine - similarity) <= SIMILARITY_ERROR:
                return f"{folder / name} yields other similarities than were kept"
    return None


def _wrong_answers(folder: Path, index: Any, expected: Expected) -> str | None:
    wanted = found = 0
    for answer in expected.answers:
        count = len(answer.items) + 1
        items, distances = index.get_nns_by_item(answer.item, count, expected.search_k, True)
        # Similarities are compared and not items: of clips that are alike, the index may find others.
        cosines = [1 - d * d / 2 for item, d in zip(items, distances, strict=True) if item != answer.item]
        wanted += answer.found
        found += in_common(cosines, answer.similarities)
    if found < SHARE_FOUND * wanted:
        return f"{folder / INDEX} finds {found} of {wanted} known answers"
    return None


def _wrong_lists(folder: Path, expected: Expected) -> str | None:
    if not expected.listed:
        return None
    wanted = found = 0
    with (folder / NEIGHBOURS).open("rb") as file:
        start = os.fstat(file.fileno()).st_size - 4 * expected.listed * expected.clips
        for answer in expected.answers:
            row = os.pread(file.fileno(), 4 * expected.listed, start + 4 * expected.listed * answer.item)
            wanted += answer.listed
            found += len(set(answer.items).intersection(struct.unpack(f"<{expected.listed}i", row)))
    return None if found >= wanted else f"{folder / NEIGHBOURS} finds {found} of {wanted} known answers"


def main(folder: Path) -> int:
    """Run the child; the reason goes to standard output."""
    told = json.load(sys.stdin)
    expected = Expected(**{**told, "answers": tuple(KnownAnswer(**answer) for answer in told["answers"])})
    try:
        wrong = _check(folder, expected)
    except (OSError, struct.error, IndexError) as error:
        wrong = f"{folder / INDEX} cannot be opened ({error})"
    if wrong:
        sys.stdout.write(wrong)
        return _FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
