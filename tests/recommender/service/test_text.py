"""`POST /text/embed` over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests

from recommender.embedders.local import LocalEmbedder
from recommender.embedders.text import MiniLM
from recommender.embedders.text_client import TextClient
from recommender.errors import NoWeights
from recommender.service import text
from recommender.service.app import create_app
from tests.support.http import serving
from tests.support.networks import FirstSamples


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with serving(create_app(LocalEmbedder(FirstSamples("vggish-pca")))) as url:
        yield url


def test_the_client_gets_what_the_model_gives(service: str):
    texts = ["rain on a tin roof", "sad piano"]
    assert np.array_equal(TextClient(service, timeout=30).encode(texts), MiniLM().encode(texts))


def test_the_route_is_documented(service: str):
    swagger = requests.get(f"{service}/swagger.json", timeout=60).json()
    route = swagger["paths"]["/text/embed"]["post"]
    assert set(route["responses"]) == {"200", "400", "501"}
    assert set(swagger["definitions"]["TextEmbedResponse"]["properties"]) == {"status", "embedding"}


@pytest.mark.parametrize(
    "body", [{}, [], {"texts": "rain"}, {"texts": []}, {"texts": [1]}, {"texts": [" "]}, {"texts": ["a"] * 65}]
)
def test_a_body_of_another_form_is_a_sentence(body: Any, service: str):
    answer = requests.post(f"{service}/text/embed", json=body, timeout=60)
    assert answer.status_code == 400 and answer.json()["status"] == "error"


def test_a_body_that_is_no_json(service: str):
    assert requests.post(f"{service}/text/embed", data=b"{", timeout=60).status_code == 400


def test_a_service_without_the_encoder_says_so(monkeypatch: pytest.MonkeyPatch):
    def missing() -> None:
        raise NoWeights("not here")

    monkeypatch.setattr(text, "MiniLM", missing)
    with serving(create_app(LocalEmbedder(FirstSamples("vggish-pca")))) as url:
        answer = requests.post(f"{url}/text/embed", json={"texts": ["rain"]}, timeout=60)
    assert answer.status_code == 501 and "not installed" in answer.json()["message"]
