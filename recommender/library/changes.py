"""What has become of a library's files since they were indexed, and which of those that are not found stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from recommender.library.scanning import HERE, Scan

MISSING_SHARE = 0.1
MISSING_FILES = 10
"""Where so many files, and so large a share of a library, are not found at once, a disk is away more often than that
somebody has deleted them."""
NO_MOUNT = "another disk was mounted here and is not now"


@dataclass(slots=True)
class Changes:
    """The state of a library against what is indexed. hashes: sha256 by path, of all files that stay indexed; unseen:
    of these, those in folders that cannot be read; missing: of these, those that were not found though all was read;
    new, changed, moved, removed: how many files."""

    hashes: dict[str, str]
    new: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unseen: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    mounts: set[str] = field(default_factory=set)


def compare(
    found: Scan, hashes: Mapping[str, str], indexed: Mapping[str, str], mounts: set[str], remove_missing: bool
) -> Changes:
    """Compare the files found, sha256 by path, with those indexed, and with the mounts of that time.

    A file that went elsewhere has moved; one that could not be looked for stays, and so do all others where too many
    are missing, unless `remove_missing`. Mounts that are away are added to what cannot be read.
    """
    gone = [path for path in indexed if path not in hashes and not found.refuses(path)]
    away = set() if remove_missing else {mount for mount in mounts - found.mounts if _holds_one(mount, gone)}
    found.unreadable = dict.fromkeys(sorted(away), NO_MOUNT) | found.unreadable
    new = [path for path in hashes if path not in indexed]
    changed = sum(1 for path, sha256 in hashes.items() if indexed.get(path, sha256) != sha256)
    result = Changes(dict(hashes), changed=changed, mounts=found.mounts | away)
    result.removed = sum(path not in hashes for path in indexed) - len(gone)
    arrived = Counter(hashes[path] for path in new)
    lost = []
    for path in gone:
        if found.hides(path):
            result.unseen.append(path)
        elif arrived[indexed[path]]:
            arrived[indexed[path]] -= 1
            result.moved += 1
        else:
            lost.append(path)
    few = len(lost) < MISSING_FILES or len(lost) <= MISSING_SHARE * len(indexed)
    if remove_missing or (found.files and few):
        result.removed += len(lost)
    else:
        result.missing = lost
    result.new = len(new) - result.moved
    result.hashes.update((path, indexed[path]) for path in (*result.unseen, *result.missing))
    return result


def _holds_one(mount: str, paths: Iterable[str]) -> bool:
    return any(mount == HERE or path.startswith(mount) for path in paths)
