"""The client against a real HTTP server that answers well, badly, late, or not at all."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest
import requests
import urllib3

from recommender.audio.wav import read_wav
from recommender.embedders import http, registry
from recommender.embedders.client import SPACE_HEADER, EmbedderClient
from recommender.errors import (
    BadEmbedding,
    EmbedderBusy,
    EmbedderDown,
    EmbedderError,
    EmbedderRefused,
    SettingsError,
    Silent,
    TooShort,
)
from tests.support.audio import melody, pcm16
from tests.support.http import Answer, ScriptedServer, reply, scripted_server

PCM = pcm16(melody(4))
IBM = {"id": "audio_embeddings-tf", "name": "audio_embeddings TensorFlow Model", "license": "Apache 2.0"}
OURS = {"id": "musicnn-tf", "space": "musicnn-msd", "dimension": 200, "hop": 2.992, "tag_names": ["rock", "pop"]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.001)
    with scripted_server() as script:
        yield script


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[EmbedderClient]:
    made = EmbedderClient(server.url, timeout=5)
    yield made
    made.close()


def service(
    metadata: dict[str, Any], predict: Callable[[np.ndarray], dict[str, Any]] | None = None, space: str | None = None
) -> Answer:
    """An embedder whose rows hold their number and the first sample that they span."""

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.path == "/model/metadata":
            reply(200, json.dumps(metadata).encode())(handler, body)
            return
        pcm = received(handler, body)
        default = str(metadata.get("space", "vggish-relu-pca"))
        headers = {SPACE_HEADER.replace("-", "_"): space or default} if "space" in metadata else {}
        content: dict[str, Any] = predict(pcm) if predict else rows(default, pcm)
        reply(200, json.dumps({"status": "ok"} | content).encode(), **headers)(handler, body)

    return answer


def received(handler: BaseHTTPRequestHandler, body: bytes) -> np.ndarray:
    """Check the multipart form by Python's own parser of mail, and read the audio."""
    head = f"Content-Type: {handler.headers['Content-Type']}\r\n\r\n".encode()
    parts: Any = BytesParser().parsebytes(head + body).get_payload()
    (part,) = parts
    assert part["Content-Disposition"] == 'form-data; name="audio"; filename="audio.wav"'
    assert part.get_content_type() == "audio/wav"
    samples, rate = read_wav(part.get_payload(decode=True))
    assert rate == 16_000 and samples.shape[1] == 1
    return samples[:, 0]


def rows(space: str, pcm: np.ndarray) -> dict[str, Any]:
    framing = registry.of_space(space).framing
    dimension = {"musicnn-msd": 200, "yamnet-fp32": 1024}.get(space, 128)
    firsts = [int(pcm[row * framing.hop]) % 256 for row in range(framing.rows(len(pcm)))]
    return {"embedding": [[first] * dimension for first in firsts], "tags": [[0.5, 0.25]] * len(firsts)}


def test_ibms_container(server: ScriptedServer, client: EmbedderClient):
    server.answer = service(IBM)
    frames = client.embed(PCM, tags=True)
    assert client.space == frames.space == "vggish-relu-pca" and client.tag_names == ()
    expected = [PCM[row * 15_360] % 256 / 255 * 4 - 2 for row in range(4)]
    np.testing.assert_allclose(frames.vectors, np.repeat(expected, 128).reshape(4, 128), atol=1e-6)
    assert frames.tags.shape == (4, 0) and frames.hop == 0.96
    assert server.requests == ["GET /model/metadata", "POST /model/predict"]


def test_our_own_service_with_tags(server: ScriptedServer, client: EmbedderClient):
    server.answer = service(OURS)
    frames = client.embed(PCM, tags=True)
    assert frames.vectors.shape == (1, 200) and frames.vectors.dtype == np.float32
    assert frames.tag_names == ("rock", "pop") and frames.tags.tolist() == [[0.5, 0.25]]
    assert client.embed(PCM).tags.shape == (1, 0)
    assert server.requests[1:] == ["POST /model/predict?tags=true", "POST /model/predict"]


def test_connections_are_reused(server: ScriptedServer, client: EmbedderClient):
    server.answer = service(OURS)
    for _ in range(5):
        client.embed(PCM)
    assert server.connections == 1


def test_floats_and_ints_alike(server: ScriptedServer, client: EmbedderClient):
    server.answer = service(IBM, lambda pcm: {"embedding": [[0.0] * 64 + [255] * 64] * 4})
    assert set(np.unique(client.embed(PCM).vectors)) == {-2, 2}


@pytest.mark.parametrize("space", ["vggish-pca", "musicnn-msd", "yamnet-fp32"])
def test_long_audio_goes_in_pieces(space: str, server: ScriptedServer, client: EmbedderClient):
    pcm = np.resize(pcm16(melody(7)), 200 * 16_000)
    sizes: list[int] = []

    def predict(piece: np.ndarray) -> dict[str, Any]:
        sizes.append(len(piece))
        return rows(space, piece)

    server.answer = service({**OURS, "space": space}, predict)
    vectors = client.embed(pcm).vectors
    expected = np.array(rows(space, pcm)["embedding"], np.float64)
    if space == "vggish-pca":
        expected = expected / 255 * 4 - 2
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert len(sizes) == 4 and max(sizes) < 67 * 16_000
    assert set(server.requests[1:]) == {"POST /model/predict?piece=true"}


def test_short_audio_is_repeated(server: ScriptedServer, client: EmbedderClient):
    server.answer = service(IBM)
    assert client.embed(PCM[:5000]).vectors.shape == (1, 128)


def test_what_cannot_be_embedded_is_not_sent(server: ScriptedServer, client: EmbedderClient):
    server.answer = service(OURS)
    with pytest.raises(TooShort):
        client.embed(PCM[:3])
    with pytest.raises(Silent):
        client.embed(np.zeros(16_000, np.int16))
    assert server.requests == ["GET /model/metadata"]  # which tells the rate


NAN = [[float("nan")] * 128] * 4
BAD: dict[str, dict[str, Any]] = {
    "no embedding": {},
    "null": {"embedding": None},
    "empty": {"embedding": []},
    "empty rows": {"embedding": [[]] * 4},
    "a row": {"embedding": [1] * 128},
    "short rows": {"embedding": [[1] * 127] * 4},
    "ragged": {"embedding": [[1] * 128] * 3 + [[1] * 127]},
    "too few": {"embedding": [[1] * 128] * 3},
    "too many": {"embedding": [[1] * 128] * 5},
    "text": {"embedding": [["1"] * 128] * 4},
    "truths": {"embedding": [[True] * 128] * 4},
    "nothing": {"embedding": [[None] * 128] * 4},
    "nested": {"embedding": [[[1] * 128] * 4]},
    "nan": {"embedding": NAN},
    "infinite": {"embedding": [[1e999] * 128] * 4},
    "no bytes": {"embedding": [[-1] * 128] * 4},
    "no bytes either": {"embedding": [[256] * 128] * 4},
    "huge": {"embedding": [[10**400] * 128] * 4},
}


@pytest.mark.parametrize("name", BAD)
def test_answers_that_are_no_embedding(name: str, server: ScriptedServer, client: EmbedderClient):
    server.answer = service(IBM, lambda pcm: BAD[name])
    with pytest.raises(BadEmbedding):
        client.embed(PCM)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "body", [b"<html>Sign in</html>", b"", b"[1, 2]", b'{"status": "ok"', b"\xff\xfe", b"[" * 99_999]
)
def test_answers_that_are_no_json_object(body: bytes, server: ScriptedServer, client: EmbedderClient):
    server.answer = reply(200, body, "text/html")
    with pytest.raises(BadEmbedding):
        client.metadata()


@pytest.mark.parametrize("metadata", [{"space": "openl3"}, {"space": None}, {"space": 7}])
def test_unknown_spaces_are_refused(metadata: dict[str, Any], server: ScriptedServer, client: EmbedderClient):
    server.answer = service(metadata)
    with pytest.raises(BadEmbedding, match="does not know"):
        _ = client.space


def test_a_service_that_is_replaced_on_the_way(server: ScriptedServer, client: EmbedderClient):
    server.answer = service(OURS, space="musicnn-msd")
    client.embed(PCM)
    server.answer = service({**OURS, "space": "yamnet-fp32"}, space="yamnet-fp32")
    with pytest.raises(BadEmbedding, match="changed from musicnn-msd to yamnet-fp32"):
        client.embed(PCM)
    assert client.embed(PCM).space == "yamnet-fp32"


@pytest.mark.parametrize(("status", "error"), [(502, EmbedderDown), (503, EmbedderBusy), (504, EmbedderDown)])
def test_passing_failures_are_tried_again(
    status: int, error: type[EmbedderError], server: ScriptedServer, client: EmbedderClient
):
    failures = iter([status, status])
    good = service(OURS)

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        failure = next(failures, None)
        (reply(failure, b"{}") if failure else good)(handler, body)

    server.answer = answer
    assert client.embed(PCM).vectors.shape == (1, 200)
    assert len(server.requests) == 4
    server.answer = reply(status, b"{}")
    with pytest.raises(error):
        client.embed(PCM)
    assert len(server.requests) == 4 + http.ATTEMPTS


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 302])
def test_refusals_are_not_tried_again(status: int, server: ScriptedServer, client: EmbedderClient):
    server.answer = reply(status, b'{"status": "error", "message": "Invalid file type/extension"}', Location="/x")
    with pytest.raises(
        EmbedderRefused, match=str(status) if status == 302 else f"{status}: Invalid file type/extension"
    ):
        client.embed(PCM)
    assert len(server.requests) == 1


def test_failures_of_the_service_are_not_tried_again(server: ScriptedServer, client: EmbedderClient):
    server.answer = reply(500, b"<h1>Internal Server Error</h1>")
    with pytest.raises(EmbedderDown, match="500"):
        client.embed(PCM)
    assert len(server.requests) == 1


def test_retry_after_is_heeded(server: ScriptedServer, client: EmbedderClient, monkeypatch: pytest.MonkeyPatch):
    waits: list[float] = []
    here = threading.get_ident()

    def sleep(seconds: float, really: Callable[[float], None] = time.sleep) -> None:
        """Other threads of the test process sleep as ever."""
        waits.append(seconds) if threading.get_ident() == here else really(seconds)

    monkeypatch.setattr("time.sleep", sleep)
    for value, wait in (("3", 3), ("86400", http.MAX_WAIT_SECONDS), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)):
        server.answer = reply(503, b"{}", Retry_After=value)
        waits.clear()
        with pytest.raises(EmbedderBusy):
            client.metadata()
        assert len(waits) == http.ATTEMPTS - 1 and all(wait <= each <= wait + 1 for each in waits)


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = EmbedderClient(f"http://127.0.0.1:{port}")
    with pytest.raises(EmbedderDown, match="cannot be reached"):
        client.embed(PCM)
    assert not client.ready()


def test_a_broken_connection_is_tried_again(server: ScriptedServer, client: EmbedderClient):
    good = service(OURS)
    broken = iter([True, True])

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if next(broken, False):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            handler.wfile.flush()
            handler.close_connection = True
            return
        good(handler, body)

    server.answer = answer
    assert client.embed(PCM).vectors.shape == (1, 200)


def test_no_http_at_all(server: ScriptedServer, client: EmbedderClient):
    server.answer = lambda handler, body: (handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), None)[1]
    with pytest.raises(EmbedderDown):
        client.metadata()


def test_a_service_that_stalls(server: ScriptedServer):
    release = threading.Event()
    server.answer = lambda handler, body: (release.wait(20), None)[1]
    client = EmbedderClient(server.url, timeout=0.1)
    with pytest.raises(EmbedderDown, match=r"did not answer within 0\.1 s"):
        client.metadata()
    assert len(server.requests) == 1
    release.set()


def test_a_service_that_drips(server: ScriptedServer):
    """Each byte comes in time, and the answer never: the limit is for the whole."""

    def drip(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(2000):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.01)

    server.answer = drip
    client = EmbedderClient(server.url, timeout=0.3)
    with pytest.raises(EmbedderDown, match=r"did not answer within 0\.3 s"):
        client.metadata()


def test_an_answer_without_end(server: ScriptedServer, client: EmbedderClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 1000)
    server.answer = reply(200, b" " * 5000)
    with pytest.raises(BadEmbedding, match="too large"):
        client.metadata()


@pytest.mark.parametrize(
    "error",
    [
        kind
        for kind in [*vars(requests.exceptions).values(), *vars(urllib3.exceptions).values()]
        if isinstance(kind, type) and issubclass(kind, (requests.RequestException, urllib3.exceptions.HTTPError))
    ],
)
def test_no_error_of_requests_is_left_unmapped(error: type[Exception], client: EmbedderClient):
    with pytest.raises(EmbedderError), client._http._mapped():
        raise error.__new__(error)


def test_chunked_answers(server: ScriptedServer, client: EmbedderClient):
    def chunked(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in (b'{"id"', b': "x"}'):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")

    server.answer = chunked
    assert client.metadata() == {"id": "x"}


def test_ready(server: ScriptedServer, client: EmbedderClient):
    for answers, ready in (
        ({"/healthz": 200}, True),
        ({"/healthz": 503}, False),
        ({"/healthz": 404, "/model/metadata": 200}, True),
        ({"/healthz": 404, "/model/metadata": 404}, False),
    ):
        server.answer = lambda handler, body, answers=answers: reply(answers[handler.path], b"{}")(handler, body)  # type: ignore[misc]
        assert client.ready() is ready


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ScriptedServer, ScriptedServer, EmbedderClient]]:
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.001)
    with scripted_server() as one, scripted_server() as other:
        one.answer = other.answer = service(OURS)
        client = EmbedderClient(f"{one.url}, {other.url}/", timeout=2)
        yield one, other, client
        client.close()


def hang_up(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    handler.close_connection = True


def test_two_services_share_the_work(two: tuple[ScriptedServer, ScriptedServer, EmbedderClient]):
    one, other, client = two
    for _ in range(6):
        client.embed(PCM)
    assert client.urls == (one.url, other.url)
    assert [len(one.requests), len(other.requests)] == [4, 3]  # one of them was asked for metadata, too


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_the_next_service_is_taken_where_one_fails(
    status: int, two: tuple[ScriptedServer, ScriptedServer, EmbedderClient]
):
    one, other, client = two
    client.embed(PCM)
    one.answer = reply(status, b"{}")
    for _ in range(6):
        assert client.embed(PCM).vectors.shape == (1, 200)
    # Who is busy is asked again at once, who failed rests.
    assert len(one.requests) - 1 == (3 if status == 503 else 1)
    other.answer = reply(status, b"{}")
    with pytest.raises(EmbedderBusy if status == 503 else EmbedderDown):
        client.embed(PCM)


def test_the_next_service_is_taken_where_one_stalls_or_is_gone(
    two: tuple[ScriptedServer, ScriptedServer, EmbedderClient], monkeypatch: pytest.MonkeyPatch
):
    one, other, client = two
    release = threading.Event()
    one.answer = lambda handler, body: (release.wait(20), None)[1]
    assert client.embed(PCM).vectors.shape == (1, 200)
    assert len(one.requests) == 1
    monkeypatch.setattr(http, "REST_SECONDS", -1.0)
    other.answer = hang_up
    with pytest.raises(EmbedderDown):
        client.embed(PCM)
    # A service that stalls has had its time; one that hangs up may take the next call.
    assert len(one.requests) == 2 and len(other.requests) == 2 + http.ATTEMPTS
    release.set()


def test_a_refusal_or_an_answer_that_is_none_is_told_and_not_passed_over(
    two: tuple[ScriptedServer, ScriptedServer, EmbedderClient],
):
    one, other, client = two
    client.embed(PCM)
    for answer, error in ((reply(413, b"{}"), EmbedderRefused), (reply(200, b"<html>"), BadEmbedding)):
        one.answer = other.answer = answer
        with pytest.raises(error):
            client.embed(PCM)
    assert len(one.requests) + len(other.requests) == 4


@pytest.mark.parametrize("metadata", [{**OURS, "space": "yamnet-fp32"}, IBM])
def test_services_of_two_spaces_are_refused(
    metadata: dict[str, Any], two: tuple[ScriptedServer, ScriptedServer, EmbedderClient]
):
    _, other, client = two
    other.answer = service(metadata)
    with pytest.raises(BadEmbedding, match=r"changed from musicnn-msd to .* serve one model"):
        [client.embed(PCM) for _ in range(2)]


def test_an_address_is_shown_without_its_password():
    assert http.shown_address("http://name:secret@embedder:5000/x") == "embedder:5000"


@pytest.mark.parametrize(
    "url",
    [
        "http://a:5000,",
        "http://a:5000,b:5000",
        "http://a:5000 http://b:5000",
        "",
        "localhost:5000",
        "ftp://x",
        "http://",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_are_none(url: str):
    with pytest.raises(SettingsError, match="EMBEDDER_URL"):
        EmbedderClient(url)


def test_address_with_a_slash_at_the_end(server: ScriptedServer):
    server.answer = service(OURS)
    assert EmbedderClient(server.url + "/").space == "musicnn-msd"
    assert server.requests == ["GET /model/metadata"]


def test_metadata_is_asked_again_after_a_failure(server: ScriptedServer, client: EmbedderClient):
    server.answer = reply(404, b"{}")
    with pytest.raises(EmbedderRefused):
        _ = client.space
    server.answer = service(OURS)
    assert client.space == "musicnn-msd"


@pytest.mark.parametrize(
    "rows", ["", "AAAA", "!", "AAAAAA==", base64.b64encode(np.zeros((3, 200), "<f4").tobytes()).decode()]
)
def test_packed_rows_that_are_none_are_refused(rows: str, server: ScriptedServer, client: EmbedderClient):
    server.answer = service({**OURS, "packed": True}, lambda pcm: {"embedding": rows})
    with pytest.raises(BadEmbedding):
        client.embed(PCM)
    assert server.requests[-1] == "POST /model/predict?packed=true"


def test_packed_rows_that_are_no_numbers_are_refused(server: ScriptedServer, client: EmbedderClient):
    nan = base64.b64encode(np.full((1, 200), np.nan, "<f4").tobytes()).decode()
    server.answer = service({**OURS, "packed": True}, lambda pcm: {"embedding": nan})
    with pytest.raises(BadEmbedding, match="no numbers"):
        client.embed(PCM)
