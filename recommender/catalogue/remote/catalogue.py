"""What a catalogue in a database does alike in all of them: it looks now and then what is current there, and asks its
known answers."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from recommender.catalogue.base import Addition
from recommender.catalogue.growing import NOTHING, Added, GrowingCatalogue, added_of
from recommender.catalogue.known_answer import SHARE_FOUND, in_common
from recommender.catalogue.links import FILES
from recommender.catalogue.remote.away import Away
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.errors import CatalogueDamaged, CatalogueUnavailable

LOOK_SECONDS = 1.0
"""What was pushed or added by other processes is noticed within this time."""


class RemoteCatalogue(GrowingCatalogue):
    """A catalogue that other processes replace and add to."""

    def __init__(self, facts: RemoteFacts, shown: str, library_url: str | None, away: Away) -> None:
        self.location = shown
        self.facts: RemoteFacts = facts
        self.identity = facts.id
        self._library_url = library_url
        self._away = away
        self._grows = facts.extra.get("links") == FILES
        self._looking = threading.Lock()
        self._looked = 0.0
        self._seen: object = facts.id
        self._mark: object = None
        self._added = NOTHING

    @abstractmethod
    def _now(self) -> tuple[object, object]:
        """Return the id of the catalogue that is current, None for none, and what changes with each addition; raises
        `CatalogueUnavailable`."""

    @abstractmethod
    def _entries(self) -> tuple[Sequence[Mapping[str, Any]], str]:
        """Return what was added, in the order in which it came, and what changes with it."""

    @abstractmethod
    def _append(self, addition: Addition) -> None:
        """Write an addition down; raises `CannotWrite`."""

    @property
    def added(self) -> Added:
        """What was added since the catalogue was built, as it was seen within the last second."""
        if self._grows:
            self._look_now_and_then()
        return self._added

    def add(self, addition: Addition) -> None:
        """Write an addition beside the catalogue; other processes find it within a second."""
        if not self._grows:
            super().add(addition)
        self._append(addition)
        self.look()

    @property
    def measures(self) -> frozenset[str]:
        """What files tell in numbers."""
        return frozenset(self.facts.measures)

    def identity_now(self) -> object:
        """Return the id of the current catalogue, as it was seen within the last second; this one's own while the
        database does not answer."""
        self._look_now_and_then()
        return self._seen

    def still_whole(self) -> None:
        """Raise `CatalogueUnavailable` where the database did not answer within the last second."""
        if self._away.reason or time.monotonic() - self._looked > LOOK_SECONDS:
            self.look()

    def look(self) -> None:
        """Look which catalogue is current and what was added; raises `CatalogueUnavailable`."""
        # As of before the question: what comes later is seen with the next look.
        looked = time.monotonic()
        self._seen, mark = self._now()
        if self._grows and mark != self._mark:
            entries, version = self._entries()
            self._added = added_of(entries, self.facts, self._library_url, self.knows, version)
            self._mark = mark
        self._looked = looked

    def warm(self) -> None:
        """Ask the known answers."""
        self.check_answers()

    def check_answers(self) -> None:
        """Ask the known answers; raises `CatalogueDamaged` where they do not come."""
        answers = self.facts.known_answers
        if not answers:
            raise self._damaged("lacks its known answers")
        clips = {clip.item: clip.clip_id for clip in self.clips([answer.item for answer in answers])}
        if any(clips.get(answer.item) != answer.clip_id for answer in answers):
            raise self._damaged("holds other clips than were pushed")
        count = max(len(answer.items) for answer in answers) + 1
        found = self.nearest(self.vectors_of([answer.item for answer in answers]), count, distinct=False)
        wanted = came = 0
        for answer, hits in zip(answers, found, strict=True):
            cosines = [hit.similarity for hit in hits if hit.item != answer.item]
            wanted += len(answer.items)
            came += in_common(cosines, answer.similarities)
        if came < SHARE_FOUND * wanted:
            raise self._damaged(f"finds {came} of {wanted} known answers")

    def describe(self) -> dict[str, Any]:
        """Return the index's parameters, and what was measured with filters."""
        return {
            "index": self.facts.index["kind"],
            "parameters": {name: value for name, value in self.facts.index.items() if name != "kind"},
            "filters": [
                {"share": band.share, "search_k": c.search_k, "recall": c.recall, "top": c.top}
                for band in self.facts.bands
                for c in band.calibration
            ],
        }

    def _look_now_and_then(self) -> None:
        """Look once a second, by one thread, and pass over a database that does not answer."""
        if time.monotonic() - self._looked > LOOK_SECONDS and self._looking.acquire(blocking=False):
            try:
                self.look()
            except CatalogueUnavailable:
                self._seen, self._looked = self.identity, time.monotonic()
            finally:
                self._looking.release()

    def knows(self, path: str) -> bool:
        """Say whether what was built holds a source."""
        return path in self.copied_from or bool(self.built.clips_of(path))

    def _damaged(self, reason: str) -> CatalogueDamaged:
        return CatalogueDamaged(f"{self.location} {reason}: push the catalogue again.")
