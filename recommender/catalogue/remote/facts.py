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

OWN_CLIPS = 1_000
"""Labels of more clips may have an index of their own: by that of all clips the nearest that have one may be far away,
and to compare so many one by one takes long."""


@dataclass(frozen=True, slots=True)
class Band:
    """What was measured with filters that let through this share of the clips, 1 for none; label: whose own index was
    asked, None for that of all clips."""

    share: float
    calibration: tuple[Calibration, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFacts(Facts):
    """bands: with the largest share first, whose calibration is the catalogue's, and behind them those of labels'
    own indexes; index: its kind and parameters, and which labels have one of their own; names: the words and titles of
    its sources; measures: what files tell in numbers."""

    index: dict[str, Any]
    bands: tuple[Band, ...] = ()
    known_answers: tuple[KnownAnswer, ...] = ()
    names: NameBlocks = NO_NAMES
    measures: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        """The labels that have an index of their own."""
        return tuple(self.index.get("labels", ()))

    @property
    def rarest(self) -> float:
        """The smallest share of a filter that was measured."""
        return min(band.share for band in self.bands if band.label is None)

    def depth(self, share: float, count: int, of: float | None = None) -> int:
        """Return how many clips the index looks at for so many results of a filter that lets a share through. of: the
        share of the clips that have the label whose own index is asked."""
        near = self._bands(False, share) + ([] if of is None else self._bands(True, of))
        return max(search_k_for(band.calibration, count) for band in near)

    def _bands(self, of_labels: bool, share: float) -> list[Band]:
        """Return what was measured next to a share, on both sides of it."""
        bands = [band for band in self.bands if (band.label is not None) == of_labels]
        # The band below has been measured with fewer: it is never too little.
        above = next((band for band in reversed(bands) if band.share >= share), bands[0])
        return [above, next((band for band in bands if band.share <= share), bands[-1])]

    def to_text(self) -> str:
        """Return the facts as they are kept, without the projection."""
        return json.dumps(
            {
                **self.common_json(),
                "target_recall": self.target_recall,
                "index": self.index,
                "bands": [asdict(band) for band in self.bands],
                "known_answers": [asdict(answer) for answer in self.known_answers],
                "names": asdict(self.names),
                "measures": self.measures,
                "extra": self.extra,
            }
        )

    @classmethod
    def of(cls, catalogue: Catalogue, index: dict[str, Any], share: float, most: int) -> RemoteFacts:
        """Return the facts of a catalogue that is pushed, before anything was measured. share: at least so many of the
        clips have a label with an index of its own; most: at most so many labels have one."""
        shared = {each.name: getattr(catalogue.facts, each.name) for each in fields(Facts)}
        measures = tuple(sorted(catalogue.measures))
        least = max(OWN_CLIPS, share * shared["clips"])
        counts = sorted(catalogue.label_counts().items(), key=lambda each: (-each[1], each[0]))
        own = [name for name, clips in counts if clips > least][:most]
        return cls(**{**shared, "calibration": ()}, index={**index, "labels": own}, measures=measures)

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
        Band(float(band["share"]), tuple(Calibration(**each) for each in band["calibration"]), band.get("label"))
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
