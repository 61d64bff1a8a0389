"""Answers for tests, made up by hypothesis: any text where people or files supply it."""

from __future__ import annotations

from hypothesis import strategies as st

from bot.questions import MAX_TOP, Question
from recommender.answers import Answer, Result
from recommender.clips import Clip
from recommender.library.descriptions import FIELDS

texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="<>&*_~`|\n\"'@!#{}\\ \u202e\u0000é𝄞", max_size=400),
    st.sampled_from(["", "<!channel>", "<@U0ADA>", "a" * 4000, "&amp;" * 900, "*" * 3500, " ", "\u200b"]),
)
urls = st.one_of(
    st.none(),
    st.sampled_from(["https://youtu.be/1OU19ANx4fg?t=30", "javascript:alert(1)", "https://", "http://[", "ftp://a/b"]),
    texts.map(lambda text: f"https://files.example/{text}"),
)
seconds = st.floats(0, 1e6, allow_nan=False)
shares = st.floats(-1, 1.01, allow_nan=False)
windows = st.one_of(st.none(), st.tuples(seconds, seconds))
labels = st.lists(texts, max_size=30).map(tuple)
fields = st.one_of(st.just(()), st.tuples(*(st.tuples(st.just(name), texts) for name in FIELDS)))
clips = st.builds(Clip, st.integers(0, 10**7), texts, texts, seconds, seconds, labels, texts, urls, st.just(""), fields)
results = st.builds(Result, st.integers(1, 1000), clips, shares, windows, st.integers(1, 9))
answers = st.builds(
    Answer,
    query=st.one_of(texts, st.just("audio:" + "a" * 64), st.just("a + b - c")),
    catalogue_id=st.just("e3e3a8f1a489a9d9"),
    seeds=st.lists(clips, max_size=6).map(tuple),
    sounds_like=st.lists(st.tuples(texts, shares), max_size=12).map(tuple),
    results=st.lists(results, max_size=MAX_TOP).map(tuple),
    more=st.booleans(),
    incomplete=st.lists(texts, max_size=2).map(tuple),
)
questions = st.builds(
    Question,
    query=texts,
    top=st.integers(1, MAX_TOP),
    skip=st.integers(0, 900),
    only=st.lists(texts, max_size=12).map(tuple),
    without=st.lists(texts, max_size=12).map(tuple),
    name=texts,
    within=st.lists(texts, max_size=3).map(tuple),
)


def clip(number: int, *labels: str, url: str | None = "https://youtu.be/abc?t=30", title: str = "") -> Clip:
    """A plain clip."""
    return Clip(number, f"clip{number}_0", f"clip{number}", 30.0, 40.0, labels, title or f"Clip {number}", url)


def answer(count: int = 10, *, more: bool = True, matched: bool = False) -> Answer:
    """A plain answer: the query is Jazz and Music; odd results are Jazz, even ones Rain."""
    results = tuple(
        Result(
            rank,
            clip(rank, "Rain", "Music") if rank % 2 == 0 else clip(rank, "Speech", "Jazz"),
            1 - rank / 100,
            (float(rank * 5 % 20), float(rank * 5 % 20 + 10)) if matched else None,
        )
        for rank in range(1, count + 1)
    )
    seeds = (clip(0, "Jazz", "Music", title="The query"),)
    return Answer("clip0_0", "catalogue1", seeds, (("Jazz", 0.61), ("Music", 0.4)), results, more)
