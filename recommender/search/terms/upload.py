"""An audio file that somebody brought, by the hash of its content."""

from __future__ import annotations

from recommender.embedders.spaces import require_same
from recommender.errors import ForgottenUpload, NoVector
from recommender.search.terms.base import Meaning, Parts, Scope
from recommender.uploads import sha256_of_term


class UploadTerm(Meaning):
    """An upload, for as long as it is remembered; searched for window by window where it stands alone."""

    def __init__(self, text: str, sha256: str, scope: Scope) -> None:
        self.text = text
        self._sha256 = sha256
        self._scope = scope

    @classmethod
    def read(cls, text: str, scope: Scope) -> UploadTerm | None:
        """Return the upload that `audio:` and a hash name, None for anything else."""
        sha256 = sha256_of_term(text)
        return None if sha256 is None else cls(text, sha256, scope)

    def parts(self) -> Parts:
        """Return the vector of each window that has one; raises `ForgottenUpload`, `SpaceMismatch` or `NoVector`."""
        upload, catalogue = self._scope.recall(self._sha256), self._scope.catalogue
        if upload is None:
            raise ForgottenUpload("The file's sound is no longer remembered: upload it again.")
        require_same(catalogue.facts.space, upload.frames.space)
        cuts = upload.windows
        rows = catalogue.facts.recipe.clip_vectors(upload.frames.vectors, cuts)
        usable = [(row, cut) for row, cut in zip(rows, cuts, strict=True) if row.any()]
        if not usable:
            raise NoVector("The file has nothing in it that could be compared: take another.")
        return Parts([row for row, _ in usable], [cut for _, cut in usable])
