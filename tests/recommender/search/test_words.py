"""Words in a small catalogue without an encoder: spelling, names, and input of any kind."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue
from recommender.errors import EmbedderDown, QueryError, UnknownClip, UnknownLabel
from recommender.recommender import Recommender
from recommender.search.chosen import filter_of
from recommender.settings import Settings

LABELS = {"Rain": 2, "Piano": 3, "Sad music": 5, "Walk, footsteps": 7}
"""And every which clip has them."""
NAMES = [
    *("Drums/Big Kick.wav", "Music/Artist - Señor Titel (Remix).wav", "fx/DrumLoop01.wav"),
    "Music/Days Without You.wav",
]


class Down:
    """A text encoder that does not answer."""

    def encode(self, texts):
        raise EmbedderDown("down")


@pytest.fixture(scope="module")
def recommender(tmp_path_factory):
    out = tmp_path_factory.mktemp("words") / "c"
    vectors = np.random.default_rng(3).normal(0, 1, (60, 16)).astype(np.float32)
    clips = []
    for item in range(60):
        labels = [label for label, every in LABELS.items() if item % every == 0]
        vectors[item, :3] += [3 * (label in labels) for label in ("Rain", "Piano", "Sad music")]
        path = NAMES[item] if item < len(NAMES) else f"x/{item}.wav"
        clips.append(NewClip(f"f{item:010}_0", path, 0, 10, tuple(labels), path.rpartition("/")[2][:-4], None, path))
    write_catalogue(
        out,
        space="vggish-pca",
        vectors_kind="mean",
        batches=[ClipBatch(clips, vectors)],
        trees=5,
        extra={"noise_floor": None},
        progress=False,
    )
    opened = Recommender.open(Settings(catalogue=out), texts=Down())
    yield opened
    opened.close()


def test_a_name_in_quotes_is_that_clip(recommender):
    answer = recommender.similar(f'"{NAMES[1]}"')
    assert [seed.source for seed in answer.seeds] == [NAMES[1]]
    assert answer.ranked_by == "vectors"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("big kick.wav", NAMES[0]),
        ("Artist - Senor Titel (Remix)", NAMES[1]),
        ("days without you", NAMES[3]),
        ("Days Without You", NAMES[3]),
        ("artist sen\u0303or titel remix", NAMES[1]),
        ("drum loop 01", NAMES[2]),
    ],
)
def test_a_file_asked_for_by_its_name_is_first(recommender, asked, found):
    assert recommender.similar(asked).results[0].clip.source == found


def test_labels_named_together_are_required_together(recommender):
    answer = recommender.similar("sad piano", top=3)
    assert answer.understood[0].together == ("Sad music", "Piano") and not answer.understood[0].by_meaning
    assert all({"Sad music", "Piano"} <= set(result.clip.labels) for result in answer.results)


def test_several_only_are_required_and_or_is_either(recommender):
    both = recommender.similar("#1", only=["Rain", "Piano"], top=50).results
    assert both and all({"Rain", "Piano"} <= set(result.clip.labels) for result in both)
    either = recommender.similar("#1", only=["Rain|Piano"], top=50).results
    assert len(either) > len(both) and all({"Rain", "Piano"} & set(result.clip.labels) for result in either)


@pytest.mark.parametrize(
    ("written", "groups"),
    [
        ("rain", (("Rain",),)),
        ("Rain, PIANO", (("Piano",), ("Rain",))),
        ("rain or piano", (("Piano", "Rain"),)),
        ("Rain or Piano, sad music", (("Piano", "Rain"), ("Sad music",))),
        ("Walk, footsteps", (("Walk, footsteps",),)),
        ("rain, Walk, footsteps;", (("Rain",), ("Walk, footsteps",))),
    ],
)
def test_labels_are_written_as_people_write_them(recommender, written, groups):
    assert filter_of(recommender.catalogue, [written], [], 0, math.inf).only == groups
    assert filter_of(recommender.catalogue, [], [written], 0, math.inf).without == tuple(sorted(set(sum(groups, ()))))


@pytest.mark.parametrize("written", ["Rain, Snow", "Rain or Snow", "Snow", ",", " or "])
def test_labels_that_there_are_not_are_a_sentence(recommender, written):
    with pytest.raises(UnknownLabel, match=r"[.?]$"):
        filter_of(recommender.catalogue, [written], [], 0, math.inf)


def test_words_combine_with_clips(recommender):
    answer = recommender.similar("rain + #3")
    assert answer.ranked_by == "vectors" and answer.understood[0].labels[0][0] == "Rain" and answer.results


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ("big kick + rain", "#0 + rain"),
        ("rain + drumloop01", "rain + #2"),
        ("rain - senor titel remix", "rain - #1"),
        ("big kick + sad music", "#0 + sad music"),
    ],
)
def test_words_that_are_the_name_of_one_file_are_that_file_beside_other_terms(recommender, asked, same):
    assert recommender.similar(asked) == recommender.similar(same)


def test_half_a_name_and_a_name_alone_are_no_term_that_is_a_clip(recommender):
    with pytest.raises(UnknownClip):
        recommender.similar("kick + #2")
    assert not recommender.similar("big kick").seeds


ODD = [
    '"',
    "NEAR(a b)",
    "*",
    "a* OR b",
    "the of and",
    "🎸",
    "*bold* _it_ ~no~",
    "x" * 4000,
    "rain " * 700,
    "title:rain",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.sampled_from(ODD), st.text(max_size=60)))
def test_any_text_is_an_answer_or_a_sentence(recommender, text):
    try:
        recommender.similar(text, top=3)
    except QueryError as error:
        assert str(error).endswith((".", "?", "!")) or str(error)
