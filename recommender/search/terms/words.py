"""Words: what nothing in the catalogue is called by, and what it is asked for by all the same."""

from __future__ import annotations

import re
from functools import cached_property
from typing import NoReturn

from recommender.answers import Understood
from recommender.audio.formats import AUDIO_NAME
from recommender.errors import UnknownClip
from recommender.search.terms.base import Meaning, Parts, Scope
from recommender.search.words.understanding import Reader, Vectors, content_words, is_english
from recommender.spelling import shortened

_NAME = re.compile(r"#-?\d+|\S*://\S*", re.ASCII)
"""A clip's number, a link: no words."""
_ID = re.compile(r"(?=.*[A-Z0-9_-])(?:[\w-]{9,13}|[\w-]{11}_\d+)", re.ASCII)
"""Something like a video's id. A word of as many letters is one."""
_SPACES = re.compile(r"\s+")


class WordsTerm(Meaning):
    """Words that mean labels of the catalogue, or stand in the names of its files."""

    def __init__(self, text: str, scope: Scope, reader: Reader) -> None:
        self.text = text
        self._scope = scope
        self._reader = reader

    @classmethod
    def read(cls, text: str, scope: Scope) -> WordsTerm | None:
        """Return what words mean; None for what is almost a clip's name, and where the catalogue knows no words."""
        text = _SPACES.sub(" ", text).strip()
        if scope.reader is None or _NAME.fullmatch(text):
            return None
        only_a_name = _ID.fullmatch(text) or AUDIO_NAME.search(text) or not content_words(text)
        if only_a_name and not scope.catalogue.named(text, 1):
            return None
        return cls(text, scope, scope.reader)

    @cached_property
    def understood(self) -> Understood:
        """What the words mean here."""
        return self._reader.understood(self.text, self._scope.encoder)

    @cached_property
    def direction(self) -> Vectors | None:
        """The unit vector towards them, None where no label was meant."""
        return self._reader.direction(self.understood)

    def parts(self) -> Parts:
        """Return the vector towards the labels that were meant; raises `NoVector` where there is none."""
        if self.direction is None:
            self.refuse()
        return Parts([self.direction])

    def refuse(self) -> NoReturn:
        """Raise `UnknownClip` that says what is near, by spelling or by meaning."""
        try:
            self._scope.catalogue.clip(self.text)
        except UnknownClip as error:
            if error.suggestions or (not self.understood.near and is_english(self.text)):
                raise
        near = self.understood.near
        if not is_english(self.text):
            raise UnknownClip(f"The catalogue has no clip {shortened(self.text)}, and words are understood in English.")
        raise UnknownClip(
            f"The catalogue has no clip {shortened(self.text)}, and no label that means it. "
            f"The nearest labels are {', '.join(near)}.",
            near,
        )
