"""What the clips of a library are called: ids, titles and labels, from paths, the files' tags and the embedder's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from recommender.catalogue.measures import MEASURES
from recommender.clips import Fields
from recommender.library.descriptions import CATEGORY, TEXTS
from recommender.spelling import readable, shown, unspelt

TAGS_PER_CLIP = 3
LOWEST_TAG = 0.2
"""A tag that the embedder is less sure of says more about the embedder than about the clip."""
SILENCE = "Silence"
"""YAMNet's class for pauses: what is silent throughout is no clip, so that it names nothing that can be found."""
LONGEST_LABEL = 60
LONGEST_TITLE = 150
LONGEST_FIELD = 500

_NUMBERING = re.compile(r"^\d{1,4}[\s._-]+(?=\D)")
_SPACES = re.compile(r"[\s_]+")
_GENRES = re.compile(r"[;/,|]|\0")
_SEARCHED = ("title", "artist", "album", "genre", "comment", "keywords", "originator", "isbj", "ikey", *TEXTS)
"""Of a file's metadata, those that hold words people search by; `description` and `originator` are a WAV's bext."""
_MEANINGLESS = frozenset({"", "unknown", "other", "misc", "none", "unknown artist", "various", "various artists"})


def file_of(root: Path, path: str) -> Path:
    """Return the file of a library that is known by a path."""
    literal = root / path
    return literal if literal.exists() else root / unspelt(path)


def title_of(path: str, metadata: dict[str, str]) -> str:
    """Return what people are shown: artist and title where the file names them, else the file's name."""
    title = _clean(metadata.get("title", ""))
    artist = _clean(metadata.get("artist", ""))
    if title and artist and artist.casefold() not in _MEANINGLESS:
        return f"{artist} – {title}"[:LONGEST_TITLE]
    return (title or _clean(readable(PurePosixPath(path).stem)) or shown(path))[:LONGEST_TITLE]


def found_by(paths: Sequence[str], metadata: dict[str, str]) -> str:
    """Return the words that a file is found by beside its title: its paths, and what it says of itself."""
    return " ".join([*paths, *(metadata[name] for name in _SEARCHED if metadata.get(name))])


def told_fields(title: str, metadata: dict[str, str]) -> Fields:
    """Return the `FIELDS` that a file's metadata tells, for people to read; not a description that is the title."""
    told = [(name, _clean(metadata.get(name, ""))[:LONGEST_FIELD].rstrip()) for name in TEXTS]
    told += [(name, metadata.get(name, "")) for name in MEASURES]
    return tuple((name, text) for name, text in told if text and text.casefold() != title.casefold())


def shared_folders(paths: Iterable[str]) -> int:
    """Say how many of the outermost folders all files lie in: their names tell no file from another."""
    folders = [PurePosixPath(path).parts[:-1] for path in paths]
    first, last = min(folders, default=()), max(folders, default=())
    same = [a == b for a, b in zip(first, last, strict=False)]
    return same.index(False) if False in same else len(same)


def file_labels(path: str, metadata: dict[str, str], shared: int = 0) -> tuple[str, ...]:
    """Return the labels of a whole file: its folders but the outermost `shared`, then genres, categories and artist."""
    folders = [_NUMBERING.sub("", readable(part)) for part in PurePosixPath(path).parts[shared:-1]]
    genres = [*_GENRES.split(metadata.get("genre", "")), *_GENRES.split(metadata.get(CATEGORY, ""))]
    return _distinct([*folders, *genres, metadata.get("artist", "")])


def clip_labels(of_file: Sequence[str], tags: Iterable[tuple[str, float]]) -> tuple[str, ...]:
    """Return the labels of a clip: its file's, then the tags that the embedder is surest of."""
    named = (tag for tag in tags if tag[1] >= LOWEST_TAG and tag[0] != SILENCE)
    sure = sorted(named, key=lambda tag: -tag[1])[:TAGS_PER_CLIP]
    return _distinct([*of_file, *(name for name, _ in sure)])


def one_spelling(labels: Iterable[Sequence[str]]) -> dict[str, str]:
    """Choose for labels that differ in case alone the commonest spelling; maps every spelling to the chosen one."""
    counts = Counter(label for group in labels for label in group)
    chosen: dict[str, str] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        chosen.setdefault(label.casefold(), label)
    return {label: chosen[label.casefold()] for label in counts}


def _clean(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return _SPACES.sub(" ", printable).strip(" .-")


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for text in texts:
        label = _clean(text)[:LONGEST_LABEL].strip()
        if label.casefold() not in _MEANINGLESS:
            kept.setdefault(label.casefold(), label)
    return tuple(kept.values())
