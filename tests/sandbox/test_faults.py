"""Every fault that can be switched on."""

from __future__ import annotations

import time
from http.client import IncompleteRead, RemoteDisconnected

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox import names
from sandbox.client.driver import Driver, DriverError

HEADERS = {"Authorization": f"Bearer {names.BOT_TOKEN}"}


@pytest.fixture
def file(lonely: Driver, tmp_path):
    path = tmp_path / "sound.wav"
    path.write_bytes(b"RIFF" + bytes(1000))
    return lonely.upload(path=path)["files"][0]


def download(file, **headers) -> requests.Response:
    return requests.get(file["url_private_download"], headers={**HEADERS, **headers}, timeout=10, allow_redirects=False)


def test_methods_fail_as_often_as_planned(lonely: Driver, client: WebClient):
    lonely.fail("chat.postMessage", "ratelimited", times=2, retry_after=7)
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel=names.SOUNDS, text="x")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "7"
    assert client.chat_postMessage(channel=names.SOUNDS, text="x")["ok"]
    assert [call["ok"] for call in lonely.calls("chat.postMessage")] == [False, False, True]


@pytest.mark.parametrize("error", ["not_in_channel", "channel_not_found", "missing_scope"])
def test_methods_fail_with_slacks_errors(lonely: Driver, client: WebClient, error):
    lonely.fail("*", error)
    with pytest.raises(SlackApiError) as caught:
        client.auth_test()
    assert caught.value.response["error"] == error


def test_methods_break(lonely: Driver):
    lonely.fail("auth.test", "internal_error", times=None)
    assert requests.post(f"{lonely.url}/api/auth.test", headers=HEADERS, timeout=10).status_code == 500
    lonely.fail("auth.test", times=0)
    assert requests.post(f"{lonely.url}/api/auth.test", headers=HEADERS, timeout=10).status_code == 200


def test_connections_break(lonely: Driver):
    client = WebClient(names.BOT_TOKEN, base_url=f"{lonely.url}/api/", retry_handlers=[])
    before = len(lonely.messages())
    lonely.fail("chat.postMessage", "connection_closed")
    with pytest.raises(RemoteDisconnected):
        client.chat_postMessage(channel=names.SOUNDS, text="x")
    assert len(lonely.messages()) == before
    lonely.fail("chat.postMessage", "answer_cut")
    with pytest.raises(IncompleteRead):
        client.chat_postMessage(channel=names.SOUNDS, text="x")
    assert len(lonely.messages()) == before + 1, "it was posted, and nobody was told"
    assert [call["error"] for call in lonely.calls("chat.postMessage")] == ["connection_closed", "answer_cut"]
    assert client.chat_postMessage(channel=names.SOUNDS, text="x")["ok"]


def test_one_message_a_second_and_channel(lonely: Driver, client: WebClient):
    lonely.faults(rate=True)
    client.chat_postMessage(channel=names.SOUNDS, text="x")
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=names.SOUNDS, text="x")
    assert caught.value.response["error"] == "ratelimited"
    assert client.chat_postMessage(channel=names.ADA, text="x")["ok"]


def test_files_come_with_the_token_alone(lonely: Driver, file):
    assert download(file).content.startswith(b"RIFF")
    without = requests.get(file["url_private_download"], timeout=10)
    assert (without.status_code, without.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    lonely.configure(scopes=["commands"])
    assert download(file).text.startswith("<!DOCTYPE html>")


def test_files_give_the_login_page_redirect_and_come_late(lonely: Driver, file):
    lonely.faults(files_html=True)
    assert "Sign in" in download(file).text
    lonely.faults(files_html=False, redirect_files_to="http://evil.example/x")
    assert download(file).headers["Location"] == "http://evil.example/x"
    lonely.faults(redirect_files_to="", file_delay=0.2, file_bytes_per_second=4000)
    started = time.monotonic()
    assert len(download(file).content) == 1004
    assert time.monotonic() - started >= 0.4  # the fault is a wait, which can be no shorter


def test_files_hide(lonely: Driver, client: WebClient, file):
    lonely.faults(file_access="check_file_info")
    stub = lonely.messages()[-1]["files"][0]
    assert stub["file_access"] == "check_file_info"
    assert "url_private" not in stub
    assert client.files_info(file=file["id"])["file"]["url_private"]
    lonely.faults(file_access="access_denied")
    assert "url_private" not in client.files_info(file=file["id"])["file"]
    for mode in ("tombstone", "hidden_by_limit"):
        lonely.faults(file_mode=mode)
        assert client.files_info(file=file["id"])["file"]["mode"] == mode


def test_shares_are_missing_for_a_while(lonely: Driver, client: WebClient, file):
    lonely.faults(shares_missing_for=60)
    assert client.files_info(file=file["id"])["file"]["shares"] == {}
    lonely.faults(shares_missing_for=0)
    shares = client.files_info(file=file["id"])["file"]["shares"]
    assert shares["public"][names.SOUNDS][0]["ts"] == lonely.messages()[-1]["ts"]


def test_deleted_files_are_gone(lonely: Driver, client: WebClient, file):
    lonely.delete_file(file["id"])
    with pytest.raises(SlackApiError) as caught:
        client.files_info(file=file["id"])
    assert caught.value.response["error"] == "file_deleted"
    assert download(file).status_code == 404
    assert lonely.messages()[-1]["files"] == [{"id": file["id"], "mode": "tombstone"}]


def test_unknown_faults_are_named(lonely: Driver):
    with pytest.raises(DriverError, match="no fault 'gremlins'; there are: rate,"):
        lonely.faults(gremlins=True)
    with pytest.raises(DriverError, match="rate is a bool"):
        lonely.faults(rate="yes")
