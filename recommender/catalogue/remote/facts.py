"""What a catalogue in a database says of itself, as it is kept there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from recommender.catalogue.base import Calibration, Catalogue, Facts
from recommender.catalogue.known_answer import KnownAnswer
from recommender.catalogue.recall import search_k_for
from recommender.catalogue.remote.names import NO_NAMES, NameBlocks
from recommender.errors import CatalogueDamaged


@dataclass(frozen=True, slots=True)
class Band:
    """What was measured with filters that let through this share of the clips, 1 for none."""

    share: float
    calibration: tuple[Calibration, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFacts(Facts):
    """bands: with the largest share first, whose calibration is the catalogue's; index: its kind and parameters;
    names: the words and titles of its sources; measures: what files tell in numbers."""

    index: dict[str, Any]
    bands: tuple[Band, ...] = ()
    known_answers: tuple[KnownAnswer, ...] = ()
    names: NameBlocks = NO_NAMES
    measures: tuple[str, ...] = ()

    def depth(self, share: float, count: int) -> int:
        """Return how many clips the index looks at for so many results of a filter that lets a share through."""
        # The band below has been measured with fewer: it is never too little.
        band = next((band for band in reversed(self.bands) if band.share >= share), self.bands[0])
        below = next((band for band in self.bands if band.share <= share), self.bands[-1])
        return max(search_k_for(each.calibration, count) for each in (band, below))

    def to_text(self) -> str:
        """Return the facts as they are kept, without the projection."""
        return json.dumps(
            {
                **self.common_json(),
                "target_recall": self.target_recall,
                "index": self.index,
                "bands": [
                    {"share": band.share, "calibration": [asdict(measured) for measured in band.calibration]}
                    for band in self.bands
                ],
                "known_answers": [asdict(answer) for answer in self.known_answers],
                "names": asdict(self.names),
                "measures": self.measures,
                "extra": self.extra,
            }
        )

    @classmethod
    def of(cls, catalogue: Catalogue, index: dict[str, Any]) -> RemoteFacts:
        """Return the facts of a catalogue that is pushed, before anything was measured."""
        shared = {each.name: getattr(catalogue.facts, each.name) for each in fields(Facts)}
        measures = tuple(sorted(catalogue.measures))
        return cls(**{**shared, "calibration": ()}, index=index, measures=measures)

    def projection(self) -> bytes | None:
        """Return the projection as it is kept beside the text, None where there is none."""
        matrix = self.recipe.projection
        return None if matrix is None else np.ascontiguousarray(matrix, "<f8").tobytes()

    @classmethod
    def from_text(cls, text: str, projection: bytes | None, shown: str) -> RemoteFacts:
        """Read what `to_text` and `projection` returned; `shown` is named in errors. Raises `CatalogueDamaged`."""
        try:
            data = json.loads(text)
            facts = _from_json(data)
            if data["recipe"]["projection"]:
                matrix = np.frombuffer(projection or b"", "<f8").reshape(-1, facts.dimension)
                facts = replace(facts, recipe=replace(facts.recipe, projection=matrix))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CatalogueDamaged(
                f"{shown} does not tell what its catalogue is ({type(error).__name__}: {error}): push it again."
            ) from None
        return facts


def _from_json(data: Any) -> RemoteFacts:
    bands = tuple(
        Band(float(band["share"]), tuple(Calibration(**measured) for measured in band["calibration"]))
        for band in data["bands"]
    )
    return RemoteFacts(
        **RemoteFacts.common_fields(data),
        target_recall=float(data["target_recall"]),
        calibration=bands[0].calibration if bands else (),
        extra=dict(data["extra"]),
        index=dict(data["index"]),
        bands=bands,
        known_answers=tuple(map(KnownAnswer.from_json, data["known_answers"])),
        names=NameBlocks.from_json(data["names"]),
        measures=tuple(map(str, data["measures"])),
    )
