"""The client of /text/embed: remembers, gives up at once, and leaves a service that is down alone for a while."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, request

from recommender.embedders.text import DIMENSION
from recommender.embedders.text_client import TextClient
from recommender.errors import BadEmbedding, EmbedderDown, EmbedderError
from tests.support.http import serving


class Fake:
    """A service whose answers a test sets; counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.status = 200
        self.width = DIMENSION

    def app(self) -> Flask:
        flask = Flask(__name__)

        @flask.post("/text/embed")
        def embed() -> tuple[dict[str, object], int]:
            texts = request.get_json()["texts"]
            self.asked.append(texts)
            return {"status": "ok", "embedding": [[float(len(text))] * self.width for text in texts]}, self.status

        return flask


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def client(fake: Fake) -> Iterator[TextClient]:
    with serving(fake.app()) as url:
        client = TextClient(url)
        yield client
        client.close()


def test_vectors_in_the_order_of_the_texts_and_each_is_asked_once(client: TextClient, fake: Fake):
    assert client.encode(["rain", "a"])[:, 0].tolist() == [4, 1]
    assert client.encode(["a", "dog", "rain"])[:, 0].tolist() == [1, 3, 4]
    assert fake.asked == [["rain", "a"], ["dog"]]
    assert client.encode([]).shape == (0, DIMENSION)


def test_many_texts_go_in_parts(client: TextClient, fake: Fake):
    texts = [f"text {number}" for number in range(700)]
    assert len(client.encode(texts)) == 700
    assert max(map(len, fake.asked)) == 64


@pytest.mark.parametrize("status", [404, 500, 501, 503])
def test_a_service_that_cannot_is_asked_once_and_left_alone(status: int, client: TextClient, fake: Fake):
    fake.status = status
    for _ in range(3):
        with pytest.raises(EmbedderError):
            client.encode(["rain"])
    assert len(fake.asked) == 1


def test_an_answer_of_another_shape_is_none(client: TextClient, fake: Fake):
    fake.width = 200
    with pytest.raises(BadEmbedding):
        client.encode(["rain"])


def test_nobody_there():
    with pytest.raises(EmbedderDown):
        TextClient("http://127.0.0.1:9").encode(["rain"])
