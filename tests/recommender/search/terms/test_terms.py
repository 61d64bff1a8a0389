"""Terms: each kind reads its own, becomes unit vectors, and combines with the others."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.embedders import Frames
from recommender.errors import ForgottenUpload, NoVector, SpaceMismatch, UnknownClip
from recommender.search import terms
from recommender.search.terms import KINDS, Meaning, Parts, Scope, combined, resolve
from recommender.search.terms.clip import ClipTerm
from recommender.search.terms.upload import UploadTerm
from recommender.uploads import Upload, sha256_of_term
from recommender.vectors import unit

SHA256 = "0123456789abcdef" * 4


def upload(*frames, space="vggish-pca"):
    vectors = np.array(frames, np.float32)
    none = np.empty((len(vectors), 0), np.float32)
    return Upload(SHA256, 10.0 * len(vectors), Frames(space, 10.0, vectors, none, ()))


@pytest.fixture
def catalogue(small):
    opened = LocalCatalogue.open(small)
    yield opened
    opened.close()


@pytest.fixture
def scope(catalogue):
    frames = np.random.default_rng(1).normal(0, 1, (2, 128))
    return Scope(catalogue, {SHA256: upload(*frames)}.get)


class AxisTerm(Meaning):
    """A toy kind: `axis 3` is the third axis of the space."""

    def __init__(self, text, dimension):
        self.text = text
        self._vector = np.eye(dimension, dtype=np.float32)[int(text.removeprefix("axis "))]

    @classmethod
    def read(cls, text, scope):
        return cls(text, 128) if text.startswith("axis ") else None

    def parts(self):
        return Parts([self._vector])


def test_the_hash_of_an_upload():
    assert sha256_of_term(f"audio:{SHA256}") == SHA256
    assert sha256_of_term("audio:short") is None
    assert sha256_of_term(SHA256) is None


def test_each_term_is_of_one_kind(scope):
    clip = resolve("#5", scope)
    assert isinstance(clip, ClipTerm)
    assert clip.clip and (clip.text, clip.clip.item) == ("src00000005_0", 5)
    of_file = resolve(f"audio:{SHA256}", scope)
    assert isinstance(of_file, UploadTerm)
    assert (of_file.text, of_file.clip, len(of_file.parts().windows)) == (f"audio:{SHA256}", None, 2)
    with pytest.raises(UnknownClip, match="Did you mean src00000019_0"):
        resolve("src0000019", scope)


def test_a_new_kind_is_a_class_and_a_line(scope, monkeypatch):
    monkeypatch.setattr(terms, "KINDS", (AxisTerm, *KINDS))
    axis, clip = resolve("axis 3", scope), resolve("#5", scope)
    assert combined([(1, axis)]).vectors[0] == pytest.approx(np.eye(128)[3])
    both = combined([(1, axis), (-1, clip)])
    assert both.vectors[0] == pytest.approx(unit(axis.vector() - clip.vector()), abs=1e-6)
    assert both.windows == ()


def test_every_kind_gives_a_unit_vector(scope):
    for text in ("#5", f"audio:{SHA256}"):
        meaning = resolve(text, scope)
        assert np.linalg.norm(meaning.vector()) == pytest.approx(1, abs=1e-6)
        assert all(np.linalg.norm(vector) == pytest.approx(1, abs=1e-6) for vector in meaning.parts().vectors)
        assert resolve(meaning.text, scope).vector().tolist() == meaning.vector().tolist()


def test_what_has_no_vector_is_said(catalogue):
    with pytest.raises(ForgottenUpload):
        resolve(f"audio:{SHA256}", Scope(catalogue, lambda _: None)).parts()
    foreign = upload(np.ones(128), space="musicnn-msd")
    with pytest.raises(SpaceMismatch):
        resolve(f"audio:{SHA256}", Scope(catalogue, lambda _: foreign)).parts()
    centre = catalogue.facts.recipe.centre
    silent = upload(centre.astype(np.float32))
    with pytest.raises(NoVector, match="nothing in it"):
        resolve(f"audio:{SHA256}", Scope(catalogue, lambda _: silent)).parts()
    opposite = upload(centre + 1, centre - 1)
    with pytest.raises(NoVector, match="cancel each other out: take a shorter file"):
        resolve(f"audio:{SHA256}", Scope(catalogue, lambda _: opposite)).vector()
    clip = resolve("#5", Scope(catalogue, lambda _: None))
    with pytest.raises(NoVector, match="cancel each other out: take one"):
        combined([(1, clip), (-1, clip)])
