"""AudioSet's label names, and the ontology that says which labels are kinds of which."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recommender.catalogue.phrases import google_names
from recommender.errors import BuildFailed, UnknownLabel
from recommender.spelling import closest

ONTOLOGY = "ontology.json"
"""Name of Google's file; it is found by itself where it lies beside the label names."""


_COLUMNS = ("index", "mid", "display_name")
_SEPARATORS = ",;\t|"
_HIGHEST_CLASS = 100_000
"""A class beyond this is none: AudioSet has 527."""


@dataclass(frozen=True, slots=True)
class LabelNames:
    """The classes of class_labels_indices.csv. names: by class index, empty where a class has none; indices: by machine
    id, such as /m/04rlf."""

    names: tuple[str, ...]
    indices: Mapping[str, int]

    def renumbered(self) -> tuple[int, str] | None:
        """Say how many labels are numbered otherwise than Google does, by which the features are, with an example; None
        where none is."""
        pairs = zip(google_names(), self.names, strict=False)
        other = [(i, a, b) for i, (a, b) in enumerate(pairs) if b and a.casefold() != b.casefold()]
        return (len(other), f"class {other[0][0]} is {other[0][1]} there, and {other[0][2]} here") if other else None


def read_label_names(path: Path) -> LabelNames:
    """Read class_labels_indices.csv: index, mid, display_name, between commas, semicolons or tabs. Raises
    `BuildFailed`."""
    try:
        octets = path.read_bytes()
        encoding = "utf-16" if octets.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        lines = octets.decode(encoding).splitlines()
        head = lines[0] if lines else ""
        table = csv.DictReader(lines, delimiter=max(_SEPARATORS, key=head.count), skipinitialspace=True)
        table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
        rows = [(int(row["index"]), row["mid"].strip(), row["display_name"].strip()) for row in table]
    except OSError as error:
        raise BuildFailed(f"{path} cannot be read: {error.strerror}. Name the labels file with --labels.") from None
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error):
        raise BuildFailed(f"{path} is no class_labels_indices.csv: its columns are {', '.join(_COLUMNS)}.") from None
    names = {index: name for index, _, name in rows}
    if not rows or len(names) < len(rows) or not 0 <= min(names) <= max(names) <= _HIGHEST_CLASS:
        raise BuildFailed(f"{path} does not number its labels once each: take Google's class_labels_indices.csv.")
    by_class = tuple(names.get(index, "") for index in range(max(names) + 1))
    return LabelNames(by_class, {mid: index for index, mid, _ in rows})


class Ontology:
    """Which labels are kinds of which: Google's ontology.json."""

    def __init__(self, path: Path) -> None:
        try:
            nodes = json.loads(path.read_text(encoding="utf-8"))
            self._children = {str(n["id"]): tuple(map(str, n["child_ids"])) for n in nodes}
            self.names = {str(n["id"]): str(n["name"]) for n in nodes}
        except OSError as error:
            raise BuildFailed(f"{path} cannot be read: {error.strerror}. Name the file with --ontology.") from None
        except (KeyError, ValueError, TypeError, RecursionError):
            raise BuildFailed(f"{path} is no ontology: take ontology.json of github.com/audioset/ontology.") from None

    def with_descendants(self, mid: str) -> set[str]:
        """Return a machine id and those of all its kinds, and their kinds."""
        found: set[str] = set()
        waiting = [mid]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                waiting.extend(self._children.get(here, ()))
        return found


def find_ontology(given: Path | None, labels: Path) -> Ontology | None:
    """Read the ontology that was named, or the one beside the label names, None where neither is there."""
    path = given or labels.parent / ONTOLOGY
    return Ontology(path) if given is not None or path.is_file() else None


def class_indices(wanted: Sequence[str], labels: LabelNames, ontology: Ontology | None) -> frozenset[int]:
    """Turn label names or machine ids, in any case, into class indices with all their kinds; raises `UnknownLabel`."""
    by_name = {labels.names[index].casefold(): mid for mid, index in labels.indices.items()}
    if ontology is not None:
        # Some names of the ontology ("Human sounds") are no classes themselves; their kinds are.
        by_name = {name.casefold(): mid for mid, name in ontology.names.items()} | by_name
    mids = {**{mid.casefold(): mid for mid in by_name.values()}, **by_name}
    found: set[str] = set()
    for name in wanted:
        mid = mids.get(name.strip().casefold())
        if mid is None:
            names = {*filter(None, labels.names), *(ontology.names.values() if ontology else ())}
            near = closest(name, [(known, known) for known in names])
            hint = f"Did you mean {near[0]}?" if near else "The labels file lists all."
            raise UnknownLabel(f"There is no label {name!r}. {hint}", near)
        found |= ontology.with_descendants(mid) if ontology else {mid}
    return frozenset(labels.indices[mid] for mid in found if mid in labels.indices)
