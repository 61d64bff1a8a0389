"""The Recommender: what bot and command line ask."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from recommender.catalogue.local.builder import NewClip
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.embedders import Frames
from recommender.errors import (
    BadQuery,
    ForgottenUpload,
    NoCatalogue,
    NoVector,
    SpaceMismatch,
    UnknownClip,
    UnknownLabel,
)
from recommender.recommender import Recommender
from recommender.settings import Settings
from recommender.uploads import Upload
from recommender.uploads.cache import Cache
from tests.support.catalogues import clustered, write


def settings(folder, **changes):
    return Settings(catalogue=folder, _env_file=None, **changes)


@pytest.fixture
def recommender(small):
    opened = Recommender.open(settings(small))
    yield opened
    opened.close()


def upload(vectors, *, space="vggish-pca", hop=10.0, sha="ab" * 32, seconds=None):
    vectors = np.asarray(vectors, np.float32)
    length = seconds or hop * len(vectors)
    return Upload(sha, length, Frames(space, hop, vectors, np.empty((len(vectors), 0), np.float32), ()))


def test_a_clip_by_any_of_its_names(recommender):
    clip = recommender.clip("#193")
    assert (clip.item, clip.clip_id, clip.url) == (193, "src00000193_0", "https://youtu.be/src00000193?t=0")
    for name in ("src00000193", "src00000193_0", "https://youtu.be/src00000193", "youtube.com/watch?v=src00000193&t=9"):
        assert recommender.clip(name) == clip
        assert recommender.similar(name) == recommender.similar("#193")


def test_an_answer(recommender):
    answer = recommender.similar("src00000005")
    assert answer.query == "src00000005_0"
    assert [seed.item for seed in answer.seeds] == [5]
    assert [result.rank for result in answer.results] == list(range(1, 11))
    assert 5 not in [result.clip.item for result in answer.results]
    # Clusters are of every eighth clip.
    assert all(result.clip.item % 8 == 5 for result in answer.results)
    assert answer.more
    assert answer.results[0].matched is None
    name, share = answer.sounds_like[0]
    assert 0 < share <= 1 and name in {"Speech", "Dog", "Rain", "Siren"}


def test_pages_follow_one_another(recommender):
    whole = recommender.similar("#5", top=30)
    second = recommender.similar("#5", top=10, skip=10)
    assert second.results == whole.results[10:20]
    assert whole.results[:10] == recommender.similar("#5").results
    rest = recommender.similar("#5", top=1000)
    assert len(rest.results) == 599 and not rest.more


def test_filters(recommender):
    assert {r.clip.labels for r in recommender.similar("#5", only=["dog"], top=50).results} == {("Dog",)}
    assert {r.clip.labels for r in recommender.similar("#5", without=["DOG", "rain"], top=50).results} == {
        ("Speech",),
        ("Siren",),
    }
    with pytest.raises(UnknownLabel, match="Did you mean Siren") as caught:
        recommender.similar("#5", only=["Siiren"])
    assert caught.value.suggestions == ("Siren",)
    with pytest.raises(
        UnknownLabel, match=r"No clip has the label Xylofon\. The commonest labels are \w+, \w+, \w+\.$"
    ):
        recommender.similar("#5", only=["Xylofon"])


def test_sums_and_differences(recommender):
    vectors = recommender.catalogue.vectors_of(range(600))
    answer = recommender.similar("#1 + #2 - #3", top=20)
    wanted = vectors[1].astype(float) + vectors[2] - vectors[3]
    wanted /= np.linalg.norm(wanted)
    others = [i for i in np.argsort(-(vectors @ wanted), kind="stable").tolist() if i not in (1, 2, 3)]
    assert [r.clip.item for r in answer.results] == others[:20]
    assert answer.results[0].similarity == pytest.approx(float(vectors[others[0]] @ wanted), abs=1e-5)
    assert [seed.item for seed in answer.seeds] == [1, 2, 3]


@pytest.mark.parametrize("query", ["#1 - #1", "#1 + #2 - #1 - #2"])
def test_terms_that_cancel_out(recommender, query):
    with pytest.raises(NoVector, match="cancel"):
        recommender.similar(query)


@pytest.mark.parametrize(
    "query", ["nonsense", "#600", "#-1", "#٣", "https://youtu.be/absent_____", "#1 + nonsense", "x" * 3000]
)
def test_clips_that_are_not_there(recommender, query):
    with pytest.raises(UnknownClip):
        recommender.similar(query)


def test_words_in_a_catalogue_that_was_built_without_them(copy):
    """As those of 0.1 were."""
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["files"]["label_head.npy"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with (
        closing(Recommender.open(settings(copy))) as recommender,
        pytest.raises(UnknownClip, match="build it again to ask in words"),
    ):
        recommender.similar("heavy pouring rain")


@pytest.mark.parametrize("name", ["SRC00000019", "src0000019", "src000000019", "src0000O019", "rsc00000019"])
def test_a_misspelt_clip_gets_suggestions(recommender, name):
    with pytest.raises(UnknownClip, match="Did you mean") as caught:
        recommender.clip(name)
    assert "src00000019_0" in caught.value.suggestions


@pytest.mark.parametrize("options", [{"top": 0}, {"top": 1001}, {"skip": -1}])
def test_numbers_out_of_range(recommender, options):
    with pytest.raises(BadQuery):
        recommender.similar("#1", **options)


def test_a_source_of_several_clips_is_left_out_and_shown_once(tmp_path):
    new = [
        NewClip(f"file{n // 50}.wav_{n % 50 * 10_000}", f"file{n // 50}.wav", n % 50 * 10.0, n % 50 * 10.0 + 10)
        for n in range(600)
    ]
    vectors = clustered(12, seed=5)[np.arange(600) // 50] + clustered(600, clusters=600, seed=8) * 0.01
    write(tmp_path / "c", vectors, new, extra={"links": "files", "noise_floor": None})
    recommender = Recommender.open(settings(tmp_path / "c", library_url="http://files/"))
    answer = recommender.similar("file3.wav", top=20)
    sources = [result.clip.source for result in answer.results]
    assert sorted(sources) == sorted(f"file{n}.wav" for n in range(12) if n != 3)
    assert recommender.clip("file3.wav_20000").url == "http://files/file3.wav#t=20,30"
    assert recommender.clip("file3.wav").start == 0
    recommender.close()


def test_an_upload_finds_itself_by_its_vector(recommender):
    frames = clustered(600)[[37]]
    answer = recommender.similar_to(upload(frames))
    assert answer.results[0].clip.item == 37
    assert answer.results[0].similarity == pytest.approx(1, abs=1e-5)
    assert answer.results[0].matched is None
    assert answer.query == "audio:" + "ab" * 32
    assert recommender.similar(answer.query) == answer
    assert answer.seeds == ()


def test_windows_say_which_part_was_matched(recommender):
    answer = recommender.similar_to(upload(clustered(600)[[37, 52, 71]]), top=3)
    assert {r.clip.item: r.matched for r in answer.results} == {37: (0, 10), 52: (10, 20), 71: (20, 30)}


def test_an_upload_that_was_cut_is_told_also_of_later_questions(recommender):
    vectors = recommender.catalogue.vectors_of([7])
    cut = dataclasses.replace(upload(vectors), incomplete="Only 1.0 s could be read.")
    first = recommender.similar_to(cut)
    later = recommender.similar(f"{first.query} + #3")
    assert first.incomplete == later.incomplete == (cut.incomplete,)
    assert recommender.similar("#3").incomplete == ()


def test_an_upload_in_a_combination(recommender):
    first = recommender.similar_to(upload(clustered(600)[[37]]))
    answer = recommender.similar(f"{first.query} + #4")
    assert answer.query == f"{first.query} + src00000004_0"
    assert answer.results[0].clip.item == 37


def test_an_upload_that_is_no_longer_known(recommender):
    with pytest.raises(ForgottenUpload):
        recommender.similar("audio:" + "0" * 64)


def test_an_upload_of_another_space_is_refused(recommender):
    with pytest.raises(SpaceMismatch, match="vggish-pca"):
        recommender.similar_to(upload(np.ones((1, 200)), space="musicnn-msd"))


def test_an_upload_without_direction(recommender):
    centre = recommender.catalogue.facts.recipe.centre[None]
    with pytest.raises(NoVector, match="nothing in it"):
        recommender.similar_to(upload(centre))


def test_a_silent_clip(tmp_path):
    vectors = clustered(100)
    vectors[4] = np.nan
    write(tmp_path / "c", vectors)
    recommender = Recommender.open(settings(tmp_path / "c"))
    with pytest.raises(NoVector, match="silent"):
        recommender.similar("#4")
    assert 4 not in [r.clip.item for r in recommender.similar("#12", top=99).results]
    assert all(recommender.random().item != 4 for _ in range(300))
    assert all(recommender.random("Speech").item % 4 == 0 for _ in range(30))
    recommender.close()


def test_labels(recommender):
    assert recommender.labels("", 10) == ["Dog", "Rain", "Siren", "Speech"]
    assert recommender.labels("s", 1) == ["Siren"]
    assert recommender.label(" siren ") == "Siren"
    assert recommender.random("dog").labels == ("Dog",)
    with pytest.raises(UnknownLabel):
        recommender.random("Cat")


def test_a_link_in_a_message(recommender):
    found = recommender.clip_of_link(
        "listen: <https://youtu.be/nowhere____1> and <https://youtu.be/src00000007?t=1|this>!"
    )
    assert found is not None and found.item == 7
    assert recommender.clip_of_link("no link, src00000007") is None
    assert recommender.clip_of_link("see youtube.com/watch?v=src00000009.") is None or True


def test_no_catalogue_is_set():
    with pytest.raises(NoCatalogue, match="CATALOGUE"):
        Recommender.open(Settings(_env_file=None, catalogue=None))


def test_answers_are_remembered_by_catalogue_and_question(small, redis_url, monkeypatch):
    cache = Cache.connect(settings(small, redis_url=redis_url))
    recommender = Recommender.open(settings(small), cache=cache)
    answer = recommender.similar("#5", only=["Dog", "Siren"])
    monkeypatch.setattr(LocalCatalogue, "nearest", None)
    again = recommender.similar("src00000005_0", only=["siren", "dog", "Dog"])
    assert [r.clip for r in again.results] == [r.clip for r in answer.results]
    assert again.query == answer.query
    recommender.close()


def test_an_upload_is_remembered_between_processes(small, redis_url):
    cache = Cache.connect(settings(small, redis_url=redis_url))
    cache.keep_upload(upload(clustered(600)[[37]]))
    recommender = Recommender.open(settings(small), cache=cache)
    assert recommender.similar("audio:" + "ab" * 32).results[0].clip.item == 37
    recommender.close()


def test_a_rebuilt_catalogue_is_taken_up_without_a_mixed_answer(tmp_path):
    """Two catalogues in turn under a running Recommender: each answer is wholly of the one that it names."""
    folder = tmp_path / "c"
    new = {}
    for name, seed in (("a", 1), ("b", 2)):
        clips = [NewClip(f"{name}{n:010d}_0", f"{name}{n:010d}", 0, 10, (name,)) for n in range(300)]
        new[name] = (clustered(300, seed=seed), clips)
    ids = {write(folder, *new["a"]).id: "a"}
    recommender = Recommender.open(settings(folder))
    stop, errors, answers = threading.Event(), [], set()

    def ask():
        while not stop.is_set():
            try:
                answer = recommender.similar("#7", top=50)
                names = {result.clip.clip_id[0] for result in answer.results} | {s.clip_id[0] for s in answer.seeds}
                answers.add((answer.catalogue_id, *names))
            except Exception as error:  # noqa: BLE001
                errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for name in "babab":
            built = write(folder, *new[name])
            ids[built.id] = name
            deadline = time.monotonic() + 30
            while recommender.similar("#7").catalogue_id != built.id:
                assert time.monotonic() < deadline
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert {(catalogue_id, ids[catalogue_id]) for catalogue_id, *_ in answers} == answers
    recommender.close()


def test_a_damaged_rebuild_leaves_the_old_in_use(copy, tmp_path, caplog, monkeypatch):
    recommender = Recommender.open(settings(copy))
    before = recommender.similar("#5")
    bad = tmp_path / "manifest.json"
    bad.write_text("{")
    bad.replace(copy / "manifest.json")
    assert recommender.similar("#5") == before
    assert recommender.similar("#5") == before
    assert len([record for record in caplog.records if "not taken up" in record.message]) == 1
    monkeypatch.setattr("recommender.catalogue.current.REFUSED_SECONDS", 0.0)
    recommender._current._refused = recommender._current._refused[0], 0.0
    assert recommender.similar("#5") == before
    assert len([record for record in caplog.records if "not taken up" in record.message]) == 2
    recommender.close()


def test_a_catalogue_that_is_gone_leaves_the_old_in_use(copy):
    recommender = Recommender.open(settings(copy))
    before = recommender.similar("#5")
    copy.rename(copy.with_name("moved"))
    assert recommender.similar("#5") == before
    copy.with_name("moved").rename(copy)
    assert recommender.similar("#5") == before
    recommender.close()


def test_warming_touches_the_index(recommender):
    recommender.warm()
    assert isinstance(recommender.catalogue, LocalCatalogue)
