"""An upload that no embedder of the catalogue's space has embedded, by what another embedder calls it."""

from __future__ import annotations

from functools import cached_property
from math import log, sqrt

from recommender.answers import Understood
from recommender.search.terms.base import Scope
from recommender.search.terms.words import WordsTerm
from recommender.uploads import labels_of_term

MOST = 6
LOWEST = 0.2
"""Of the weight of the best label: less says nothing. Measured on ESC-10 against AudioSet's balanced split."""


SILENCE = "Silence"
"""What a padded recording has beside its sound: not what anybody looks for."""


class LabelsTerm(WordsTerm):
    """Labels that an upload was given, searched for as words that mean them are."""

    @classmethod
    def read(cls, text: str, scope: Scope) -> LabelsTerm | None:
        """Return the upload that `labels:` and what follows tell of, None for anything else."""
        return cls(text, scope, scope.reader) if scope.reader is not None and labels_of_term(text) else None

    @cached_property
    def understood(self) -> Understood:
        """The surest labels that the catalogue has, rare ones before common ones."""
        catalogue = self._scope.catalogue
        counts, known = catalogue.label_counts(), set(self._reader.vocabulary.labels)
        weights = {
            name: sqrt(score) * log(len(catalogue) / counts[name])
            for name, score in labels_of_term(self.text)
            if name in known and counts.get(name) and name != SILENCE
        }
        best = sorted(weights.items(), key=lambda pair: -pair[1])[:MOST]
        kept = [(name, weight) for name, weight in best if weight > 0 and weight >= LOWEST * best[0][1]]
        total = sum(weight for _, weight in kept)
        return Understood("", tuple((name, weight / total) for name, weight in kept))
