"""The service over real sockets: IBM MAX's contract to the letter, and what is ours beyond it."""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests

from recommender.audio import decoding
from recommender.audio.wav import wav_bytes
from recommender.embedders.client import EmbedderClient
from recommender.embedders.local import LocalEmbedder
from recommender.embedders.musicnn import TAGS, MusiCNN
from recommender.service import app as embedder_service
from recommender.service.app import create_app
from tests.support.audio import melody, pcm16
from tests.support.http import serving
from tests.support.networks import FirstSamples

PCM = pcm16(melody(4))


@pytest.fixture(scope="module")
def vggish() -> Iterator[str]:
    """A service of VGGish's space."""
    with serving(create_app(LocalEmbedder(FirstSamples("vggish-pca")))) as url:
        yield url


@pytest.fixture(scope="module")
def music(musicnn: MusiCNN) -> Iterator[str]:
    """A service of MusiCNN."""
    with serving(create_app(LocalEmbedder(musicnn))) as url:
        yield url


def post(url: str, wav: bytes, mimetype: str = "audio/wav", query: str = "") -> requests.Response:
    return requests.post(f"{url}/model/predict{query}", files={"audio": ("a.wav", wav, mimetype)}, timeout=60)


def test_ibms_own_test_of_its_container(vggish: str, shared_data: Path):
    answer = post(vggish, (shared_data / "max-samples" / "car-horn.wav").read_bytes())
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ok" and [len(row) for row in body["embedding"]] == [128] * 4
    assert set(body) == {"status", "embedding"}
    assert all(isinstance(value, int) and 0 <= value <= 255 for row in body["embedding"] for value in row)


def test_swagger(vggish: str):
    answer = requests.get(f"{vggish}/swagger.json", timeout=60)
    assert answer.headers["Content-Type"] == "application/json"
    swagger = answer.json()
    assert swagger["swagger"] == "2.0"
    assert swagger["info"]["title"] == "MAX Audio Embedding Generator"
    assert swagger["info"]["description"] == "Generate embedding vectors from audio files."
    assert set(swagger["paths"]) == {"/model/metadata", "/model/predict", "/text/embed"}
    predict = swagger["paths"]["/model/predict"]["post"]
    assert predict["operationId"] == "predict" and predict["consumes"] == ["multipart/form-data"]
    assert predict["parameters"] == [
        {
            "name": "audio",
            "in": "formData",
            "type": "file",
            "required": True,
            "description": "signed 16-bit PCM WAV audio file",
        }
    ]
    assert set(swagger["definitions"]["ModelMetadata"]["required"]) == {"id", "name", "description", "type", "source"}


def test_swagger_ui_at_the_root(vggish: str):
    page = requests.get(vggish, timeout=60)
    assert page.headers["Content-Type"].startswith("text/html") and "swagger-ui" in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert requests.get(f"{vggish}/swaggerui/{asset}", timeout=60).ok


def test_metadata_of_vggish(vggish: str):
    metadata = requests.get(f"{vggish}/model/metadata", timeout=60).json()
    assert metadata["id"] == "audio_embeddings-tf"
    assert metadata["name"] == "audio_embeddings TensorFlow Model"
    assert metadata["description"] == "audio_embeddings TensorFlow model trained on Audio Set"
    assert metadata["license"] == "Apache 2.0"
    assert metadata["source"] == "https://developer.ibm.com/exchanges/models/all/max-audio-embedding-generator/"
    assert (metadata["space"], metadata["dimension"], metadata["hop"]) == ("vggish-pca", 128, 0.96)
    assert metadata["verified"] is False


def test_metadata_of_musicnn(music: str):
    metadata = requests.get(f"{music}/model/metadata", timeout=60).json()
    assert (metadata["space"], metadata["dimension"], metadata["hop"]) == ("musicnn-msd", 200, 2.992)
    assert metadata["tag_names"] == list(TAGS) and metadata["verified"] is True and metadata["license"] == "ISC"


@pytest.mark.parametrize("mimetype", ["audio/mpeg", "application/octet-stream", "", "text/audio/wav"])
def test_a_wrong_mimetype(mimetype: str, vggish: str):
    answer = post(vggish, wav_bytes(PCM), mimetype)
    assert answer.status_code == 400
    assert answer.json() == {"status": "error", "message": "Invalid file type/extension"}


@pytest.mark.parametrize("mimetype", ["audio/wav", "audio/x-wav", "audio/vnd.wav"])
def test_mimetypes_of_wav(mimetype: str, vggish: str):
    assert post(vggish, wav_bytes(PCM), mimetype).status_code == 200


def other_wav(width: int) -> bytes:
    import io

    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, width, 16_000, 0, "NONE", ""))
        out.writeframes(bytes(16_000 * width))
    return file.getvalue()


@pytest.mark.parametrize(
    ("wav", "words"),
    [
        (b"", "no WAV"),
        (b"ID3\x03 an mp3", "no WAV"),
        (other_wav(1), "8-bit"),
        (other_wav(3), "24-bit"),
        (wav_bytes(PCM)[:40], "no audio"),
        (wav_bytes(PCM[:0]), "no samples"),
        (wav_bytes(PCM[:3]), "at least 5 ms"),
        (wav_bytes(np.zeros(32_000, np.int16)), "silent"),
        (wav_bytes(PCM)[:24] + struct.pack("<I", 4_000_000_000) + wav_bytes(PCM)[28:], "4000000000 Hz"),
    ],
)
def test_where_ibm_fails_the_reason_is_given(wav: bytes, words: str, vggish: str):
    answer = post(vggish, wav)
    assert answer.status_code == 400
    body = answer.json()
    assert set(body) == {"status", "message"} and body["status"] == "error" and words in body["message"]


def test_requests_without_audio(vggish: str):
    for arguments in ({}, {"data": {"audio": "text"}}, {"data": b"raw", "headers": {"Content-Type": "audio/wav"}}):
        answer = requests.post(f"{vggish}/model/predict", timeout=60, **arguments)
        assert answer.status_code == 400 and answer.json()["status"] == "error"
    for path, status in (("/model/predict", 405), ("/nothing", 404)):
        answer = requests.get(vggish + path, timeout=60)
        assert answer.status_code == status and answer.json()["status"] == "error"


def test_a_request_that_is_too_large(vggish: str, monkeypatch: pytest.MonkeyPatch, musicnn: MusiCNN):
    monkeypatch.setattr(embedder_service, "MAX_BODY_BYTES", 100_000)
    with serving(create_app(LocalEmbedder(FirstSamples()))) as url:
        answer = post(url, wav_bytes(np.resize(PCM, 100_000)))
        assert answer.status_code == 413 and answer.json()["status"] == "error"


def test_any_rate_and_both_channels(music: str):
    """The same sound at 44.1 kHz stereo is resampled as the decoder would."""
    stereo = np.stack([pcm16(melody(4, 44_100))] * 2, 1)
    wav = bytearray(wav_bytes(stereo.ravel(), 44_100))
    struct.pack_into("<HIIH", wav, 22, 2, 44_100, 176_400, 4)
    body = post(music, bytes(wav)).json()
    assert [len(row) for row in body["embedding"]] == [200]


def test_tags_on_request(music: str):
    body = post(music, wav_bytes(PCM), query="?tags=true").json()
    assert len(body["tags"]) == len(body["embedding"]) == 1 and len(body["tags"][0]) == 50
    assert "tags" not in post(music, wav_bytes(PCM)).json()


def test_packed_rows_are_those_of_the_lists(music: str, vggish: str):
    for url, width in ((music, 200), (vggish, 128)):
        listed, packed = (post(url, wav_bytes(PCM), query=f"?tags=true{more}").json() for more in ("", "&packed=true"))
        for name in ("embedding", "tags"):
            values = np.frombuffer(base64.b64decode(packed[name]), "<f4").reshape(len(listed[name]), -1)
            np.testing.assert_array_equal(values, np.array(listed[name], np.float32))
        assert len(listed["embedding"][0]) == width


def test_the_client_gets_what_runs_in_process(music: str, musicnn: MusiCNN, monkeypatch: pytest.MonkeyPatch):
    """Bit by bit for one row; in pieces, silent ones among them, as if the audio had gone in one."""
    client = EmbedderClient(music)
    local = LocalEmbedder(musicnn)
    assert client.ready() and client.space == "musicnn-msd" and client.tag_names == TAGS
    np.testing.assert_array_equal(client.embed(PCM).vectors, local.embed(PCM).vectors)
    monkeypatch.setattr("recommender.embedders.client.PIECE_SECONDS", 9)
    long = np.concatenate([pcm16(melody(10)), np.zeros(25 * 16_000, np.int16), pcm16(melody(14, seed=2))])
    over_http, in_process = client.embed(long, tags=True), local.embed(long, tags=True)
    assert over_http.vectors.shape == in_process.vectors.shape == (16, 200)
    np.testing.assert_allclose(over_http.vectors, in_process.vectors, rtol=0, atol=1e-4)
    np.testing.assert_allclose(over_http.tags, in_process.tags, rtol=0, atol=1e-5)
    client.close()


def test_bytes_survive_the_way(vggish: str):
    client = EmbedderClient(vggish)
    local = LocalEmbedder(FirstSamples("vggish-pca"))
    np.testing.assert_array_equal(client.embed(PCM).vectors, local.embed(PCM).vectors)
    client.close()


def test_real_uploads_by_many_callers(music: str, musicnn: MusiCNN, shared_data: Path):
    paths = sorted((shared_data / "max-samples").glob("*.wav"))
    sounds = [decoding.decode(path, max_seconds=60).pcm for path in paths]
    client = EmbedderClient(music)
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(client.embed, sounds))
    for pcm, frames in zip(sounds, together, strict=True):
        np.testing.assert_allclose(frames.vectors, LocalEmbedder(musicnn).embed(pcm).vectors, rtol=0, atol=1e-4)
    client.close()


def test_beyond_the_places_it_is_503(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedder_service, "MAX_WAITING", 2)
    network = FirstSamples()
    with serving(create_app(LocalEmbedder(network))) as url, ThreadPoolExecutor(2) as threads:
        network.entered.acquire()
        network.gate.clear()
        held = [threads.submit(post, url, wav_bytes(PCM)) for _ in range(2)]
        network.entered.acquire()
        while b"requests_waiting 2.0" not in requests.get(f"{url}/metrics", timeout=60).content:
            pass
        refused = post(url, wav_bytes(PCM))
        assert refused.status_code == 503 and refused.headers["Retry-After"] == "1"
        assert refused.json()["status"] == "error"
        assert requests.get(f"{url}/healthz", timeout=60).json()["checks"]["model"]["remark"] == "vggish-pca"
        network.gate.set()
        assert [future.result().status_code for future in held] == [200, 200]
        assert post(url, wav_bytes(PCM)).status_code == 200


def test_work_for_a_client_that_hung_up_is_dropped():
    """One is in the network and has further batches to come, one waits for its turn: neither is run any more."""
    network = FirstSamples(batch=4)
    with serving(create_app(LocalEmbedder(network))) as url:
        network.entered.acquire()
        network.gate.clear()
        ran = len(network.batches)
        gone = [_sent(url, wav_bytes(np.resize(PCM, 60 * 16_000)))]
        network.entered.acquire()
        gone.append(_sent(url, wav_bytes(np.resize(PCM, 3 * 16_000))))
        _until(url, "requests_waiting 2.0")
        for connection in gone:
            connection.close()
        _until(url, 'path="/model/predict",status="499"} 2.0')
        network.gate.set()
        assert post(url, wav_bytes(PCM)).status_code == 200
    assert len(network.batches) == ran + 2


def _sent(url: str, wav: bytes) -> socket.socket:
    request = requests.Request("POST", f"{url}/model/predict", files={"audio": ("a.wav", wav, "audio/wav")}).prepare()
    assert isinstance(request.body, bytes)
    host, _, port = url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), 60)
    head = f"POST /model/predict HTTP/1.1\r\nHost: a\r\nContent-Type: {request.headers['Content-Type']}\r\n"
    connection.sendall(f"{head}Content-Length: {len(request.body)}\r\n\r\n".encode() + request.body)
    return connection


def _until(url: str, line: str) -> None:
    while line not in requests.get(f"{url}/metrics", timeout=60).text:
        time.sleep(0.02)


def test_more_memory_than_there_is_is_503(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedder_service, "MEMORY_BYTES", 1_000_000)
    network = FirstSamples()
    with serving(create_app(LocalEmbedder(network))) as url, ThreadPoolExecutor(1) as threads:
        network.entered.acquire()
        network.gate.clear()
        alone = threads.submit(post, url, wav_bytes(np.resize(PCM, 1_600_000)))  # more than all of it
        network.entered.acquire()
        refused = post(url, wav_bytes(PCM))
        assert refused.status_code == 503 and "Too much audio" in refused.json()["message"]
        network.gate.set()
        assert alone.result().status_code == 200 and post(url, wav_bytes(PCM)).status_code == 200


def test_a_network_that_hangs_is_not_ready(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedder_service, "STUCK_SECONDS", 0.0)
    network = FirstSamples()
    with serving(create_app(LocalEmbedder(network))) as url, ThreadPoolExecutor(1) as threads:
        network.entered.acquire()
        network.gate.clear()
        held = threads.submit(post, url, wav_bytes(PCM))
        network.entered.acquire()
        assert requests.get(f"{url}/readyz", timeout=60).status_code == 503
        assert requests.get(f"{url}/livez", timeout=60).status_code == 200
        network.gate.set()
        assert held.result().status_code == 200


def test_a_network_that_fails_is_500_and_the_place_is_free_again(vggish: str):
    broken = PCM.copy()
    broken[0] = 32_767
    for _ in range(embedder_service.MAX_WAITING + 1):
        answer = post(vggish, wav_bytes(broken))
        assert answer.status_code == 500 and answer.json()["status"] == "error"
        assert "network fails" not in answer.text
    assert post(vggish, wav_bytes(PCM)).status_code == 200


def test_metrics(vggish: str):
    post(vggish, wav_bytes(PCM))
    requests.get(f"{vggish}/no/such/path", timeout=60)
    text = requests.get(f"{vggish}/metrics", timeout=60).text
    assert 'soundalike_embedder_answers_total{path="/model/predict",status="200"}' in text
    assert 'path="other",status="404"' in text and "/no/such/path" not in text
    assert "soundalike_embedder_batch_rows_bucket" in text
    for step in ("read", "embed"):
        assert f'soundalike_embedder_step_seconds_count{{step="{step}"}}' in text


def test_until_the_model_is_loaded_it_is_503(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    network = FirstSamples()
    network.gate.clear()
    loaded = threading.Event()
    monkeypatch.setattr("recommender.embedders.local.in_process", lambda model, weights: LocalEmbedder(network))
    app = embedder_service.app("vggish", on_ready=lambda space: loaded.set())
    with serving(app) as url:
        network.entered.acquire()
        assert requests.get(f"{url}/healthz", timeout=60).status_code == 503
        for answer in (post(url, wav_bytes(PCM)), requests.get(f"{url}/model/metadata", timeout=60)):
            assert answer.status_code == 503 and "being loaded" in answer.json()["message"]
        assert not [record for record in caplog.records if record.exc_info]
        network.gate.set()
        assert loaded.wait(60)
        assert requests.get(f"{url}/healthz", timeout=60).status_code == 200


def test_a_rate_that_would_grow_the_audio_without_bounds(vggish: str):
    for rate, samples, words in ((1, 5000, "claims 1 Hz"), (1000, 4_300_000, "claims 72 minutes")):
        answer = post(vggish, wav_bytes(np.resize(PCM, samples), rate))
        assert answer.status_code == 400 and words in answer.json()["message"]
