"""Uploads that are compared by another embedder's labels."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.audio.wav import wav_bytes
from recommender.embedders import Frames
from recommender.errors import EmbedderDown
from recommender.recommender import Recommender
from recommender.settings import Settings
from recommender.uploads import Upload, labels_of_term
from tests.support.catalogues import clips, clustered, write

SHA256 = "ab" * 32


class Yamnet:
    """An embedder of another space than the catalogue's, which names what it is sent Dog and Bark."""

    space = "yamnet-fp32"
    tag_names = ("Speech", "Dog", "Walk, footsteps", "Unknown here")

    def embed(self, pcm, tags=False):
        assert tags
        scores = np.array([[0.1, 0.9, 0.0, 0.8], [0.3, 0.2, 0.0, 0.9]], np.float32)
        return Frames(self.space, 0.96, np.ones((2, 1024), np.float32), scores, self.tag_names)


@pytest.fixture
def beep(tmp_path):
    path = tmp_path / "beep.wav"
    path.write_bytes(wav_bytes((np.sin(np.arange(16000) / 5) * 9000).astype(np.int16), 16000))
    return path


@pytest.fixture(scope="module")
def recommender(tmp_path_factory):
    labels = ("Dog", "Speech", "Walk, footsteps")
    out = tmp_path_factory.mktemp("labels") / "c"
    new = [clip._replace(labels=(labels[number % 3],)) for number, clip in enumerate(clips(60))]
    write(out, clustered(60), new, extra={"kind": "audioset", "links": "youtube"})
    opened = Recommender.open(Settings(catalogue=str(out)), embedder=Yamnet())
    yield opened
    opened.close()


def test_an_upload_is_compared_by_the_labels_of_another_embedder(recommender, beep):
    upload = recommender.embed_file(beep)
    assert upload.labels[:2] in ((("Dog", 0.9), ("Unknown here", 0.9)), (("Unknown here", 0.9), ("Dog", 0.9)))
    answer = recommender.similar_to(upload, top=5)
    assert answer.ranked_by == "labels" and answer.understood[0].labels[0][0] == "Dog"
    assert all(result.clip.labels == ("Dog",) for result in answer.results)
    # The next page asks by the query's text alone, also where nobody remembers the upload.
    again = recommender.similar(answer.query, top=5, skip=5)
    assert [result.rank for result in again.results] == list(range(6, 11))
    assert recommender.similar(f"{answer.query} - #3").ranked_by == "vectors"


class Down:
    """VGGish's service while it is down; back: whether it answers again."""

    space, tag_names, back = "vggish-pca", (), False

    def embed(self, pcm, tags=False):
        if not self.back:
            raise EmbedderDown("down")
        return Frames(self.space, 0.96, np.ones((2, 128), np.float32), np.empty((2, 0), np.float32), ())


def test_the_silence_around_a_sound_is_not_what_is_looked_for(tmp_path):
    new = [clip._replace(labels=("Silence" if n % 9 == 0 else "Dog",)) for n, clip in enumerate(clips(60))]
    write(tmp_path / "c", clustered(60), new, extra={"kind": "audioset", "links": "youtube"})
    opened = Recommender.open(Settings(catalogue=str(tmp_path / "c")))
    (understood,) = opened.similar("labels:Silence=0.99;Dog=0.50").understood
    assert [name for name, _ in understood.labels] == ["Dog"]
    opened.close()


def test_while_the_embedder_is_down_the_labels_of_another_are_compared(recommender, beep, monkeypatch):
    location = recommender.catalogue.location
    other = {"http://labels": Yamnet()}
    monkeypatch.setattr("recommender.uploads.upload_embedder._client", other.pop)
    service = Down()
    opened = Recommender.open(Settings(catalogue=location, labels_embedder_url="http://labels"), embedder=service)
    assert opened.embed_file(beep).labels and not other
    assert opened.similar_to(opened.embed_file(beep)).ranked_by == "labels"
    # Nothing of it is remembered: once the embedder answers, vectors are compared.
    service.back = True
    assert opened.similar_to(opened.embed_file(beep)).ranked_by == "vectors"
    opened.close()
    without = Recommender.open(Settings(catalogue=location), embedder=Down())
    with pytest.raises(EmbedderDown):
        without.embed_file(beep)
    without.close()


@pytest.mark.parametrize(
    "text", ["labels:", "labels:Dog", "labels:Dog=2", "labels:Dog=0.9;", "labels:=0.90", "Dog=0.9"]
)
def test_what_is_no_such_term(text):
    assert labels_of_term(text) == ()


def test_a_term_tells_all_labels():
    labels = (("Walk, footsteps", 0.9), ("Whimper (dog)", 0.05))
    frames = Frames("x", 1.0, np.ones((1, 2), np.float32), np.empty((1, 0), np.float32), ())
    assert labels_of_term(Upload(SHA256, 1.0, frames, labels=labels).query) == labels
