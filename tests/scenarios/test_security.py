"""Curious outsiders and hostile values: what they see, reach and break is nothing."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import requests

from sandbox import names
from sandbox.client.driver import direct_message, text_of
from sandbox.delivery.http import signature
from tests.conftest import REPOSITORY
from tests.scenarios.stack import ADDRESS
from tests.support.ledger import ANSWER, Ledger, require_once, sound
from tests.support.town import Town

PLANTED = "plantedsecretwords"
PERSON = names.BEN
SECRETS = (names.BOT_TOKEN, names.APP_TOKEN, PLANTED, "/response/", "files-pri")


def left_files(town: Town) -> list[Path]:
    """Files in the temporary folder, but for the locks of the folders and the probes' second of synthesised sound."""
    known = ("lock", "check.wav")
    return [path for path in town.temporary.rglob("*") if path.is_file() and not path.name.startswith(known)]


def test_no_secret_and_no_word_of_a_person_is_in_any_log(town: Town, tmp_path: Path):
    driver = town.driver
    song = tmp_path / f"{PLANTED}.wav"
    song.write_bytes(sound(1))
    noise = tmp_path / f"{PLANTED}-2.wav"
    noise.write_bytes(f"{PLANTED} in the file itself".encode() * 50)
    place = direct_message(PERSON)
    driver.command(PLANTED, user=PERSON)
    driver.command(f"#3 only {PLANTED}", user=PERSON)
    driver.say(place, PLANTED, user=PERSON)
    for file in (song, noise):
        question = driver.upload(place, file, PLANTED, user=PERSON)
        driver.wait_reply(question, lambda m: not text_of(m).startswith("Listening"), timeout=30)
    answer = driver.wait_message(lambda m: ANSWER in text_of(m), channel=place)
    driver.click(answer, "next_ten", user=PERSON)
    driver.fail("chat.update", "an_error_that_nobody_foresaw", times=1)
    song.write_bytes(sound(2))
    question = driver.upload(place, song, PLANTED, user=PERSON)
    driver.wait_reply(question, lambda m: ANSWER in text_of(m), timeout=30)
    driver.send_event({"type": "app_home_opened", "tab": "home", "text": PLANTED})  # an unforeseen error: nobody did it
    driver.wait_quiet()
    logs = [path for path in town.folder.glob("*.log") if "sandbox" not in path.name]
    assert len(logs) >= 3
    found = {(path.name, secret) for path in logs for secret in SECRETS if secret in path.read_text(errors="replace")}
    assert not found, found
    for path in logs:
        if not any(
            other in path.name for other in ("embedder", "without-settings", "check")
        ):  # others' lines, people's
            assert all(isinstance(json.loads(line), dict) for line in path.read_text().splitlines()), path.name
    requests_logged = [line for path in logs for line in path.read_text().splitlines() if "soundalike.requests" in line]
    assert any(json.loads(line)["outcome"] == "answered" for line in requests_logged)


def test_no_audio_outlives_its_job_whatever_becomes_of_it(town: Town, ledger: Ledger, tmp_path: Path):
    before = set(town.folder.glob("**/*.wav"))  # what other tests have sent from there
    ledger.upload(2)
    noise = tmp_path / "noise.wav"
    noise.write_bytes(os.urandom(5000))
    ledger.upload(1, path=noise)
    ledger.settle()
    assert left_files(town) == []
    town.driver.faults(file_bytes_per_second=20_000)
    ledger.upload(1)
    town.driver.wait_for(lambda: left_files(town), every=0.05)
    (file,) = left_files(town)
    assert file.stat().st_mode & 0o077 == 0 and file.parent.stat().st_mode & 0o077 == 0
    town.workers[-1].kill()
    town.driver.clear_faults()
    town.populate()
    require_once(ledger.settle())
    assert left_files(town) == []
    assert set(town.folder.glob("**/*.wav")) == before, "audio lies outside of the temporary folder"


def test_a_redirect_to_a_foreign_host_is_not_followed(town: Town, ledger: Ledger):
    seen: list[str] = []

    class ForeignHost(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(str(self.headers))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), ForeignHost)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for host in (f"127.0.0.1:{server.server_port}", f"localhost:{server.server_port}", "169.254.169.254"):
            town.driver.faults(redirect_files_to=f"http://{host}/latest")
            ledger.upload(1)
            require_once(ledger.settle())
        assert all("`foreign-file`" in text for text in ledger.texts()), ledger.texts()
        assert seen == []
    finally:
        server.shutdown()
        server.server_close()


def test_http_mode_takes_signed_and_recent_requests_alone(town: Town):
    options = ["-c", str(REPOSITORY / "gunicorn.conf.py"), "--bind", "127.0.0.1:0"]
    web = town.start("web", ["-m", "gunicorn", "bot.wsgi:app", *options])
    try:
        url = web.wait_for(ADDRESS) + "/slack/events"
        web.wait_for(re.compile("web ready"))
        body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})

        def answered(secret: str, age: float, sent: str = body) -> int:
            stamp = str(int(time.time() - age))
            headers = {
                "Content-Type": "application/json",
                "X-Slack-Request-Timestamp": stamp,
                "X-Slack-Signature": signature(stamp, body, secret),
            }
            return requests.post(url, data=sent, headers=headers, timeout=10).status_code

        assert answered(names.SIGNING_SECRET, 0) == 200
        assert answered("another", 0) == 401
        assert answered(names.SIGNING_SECRET, 400) == 401
        assert answered(names.SIGNING_SECRET, 0, body.replace("abc", "abd")) == 401
        assert requests.post(url, data=body, timeout=10).status_code == 401
    finally:
        web.kill()


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_poisoned_values_in_redis_are_misses(town: Town, ledger: Ledger, tmp_path: Path):
    same = tmp_path / "same.wav"
    same.write_bytes(sound(7))
    ledger.upload(1, path=same)
    assert ledger.command("#3", PERSON)["acked"]
    require_once(ledger.settle())
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    client = town.redis.client
    for poison in (bomb, b"[" * 100_000):
        poisoned(client, poison)
        ledger.upload(1, path=same)
        ledger.upload(1)
        assert ledger.command("#3", PERSON)["acked"]
        town.driver.open_home(PERSON)
        require_once(ledger.settle())
    for key in client.keys("soundalike:*"):
        if b":queue" not in key:
            client.delete(key)
            client.lpush(key, "foreign")
    ledger.upload(1, path=same)
    assert ledger.command("#3", PERSON)["acked"]
    require_once(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())
    assert not (tmp_path / "exploded").exists()
    letters = said(town, "dead-letters").splitlines()
    assert sum(json.loads(line)["code"] == "unreadable" for line in letters) == 4, letters


def poisoned(client: Any, poison: bytes) -> None:
    """Put a value in the place of each of ours, and into the queue."""
    for key in client.keys("soundalike:*"):
        if b":queue" in key:
            continue
        kind = client.type(key)
        if kind == b"string":
            client.set(key, poison, ex=600)
        elif kind == b"hash":
            client.hset(key, mapping=dict.fromkeys(client.hkeys(key), poison[:1000]))
        elif kind == b"list":
            client.lpush(key, poison)
    for queue in ("intake", "listen"):
        client.hset(f"soundalike:queue:{queue}.msgs", f"poison{len(poison)}", poison)
        client.rpush(f"soundalike:queue:{queue}", f"poison{len(poison)}")


def test_a_person_is_forgotten(town: Town):
    town.driver.command("#3", user=PERSON)
    town.driver.wait_ephemeral(user=PERSON)
    town.driver.wait_for(lambda: town.redis.client.exists(f"soundalike:history:{PERSON}"))
    assert "last questions" in said(town, "forget", PERSON)
    assert not [key for key in town.redis.client.keys("soundalike:*") if PERSON.encode() in key]
    assert said(town, "forget", PERSON) == "Nothing was remembered.\n"
    assert said(town, "forget", "*", status=1) == ""


def said(town: Town, *arguments: str, status: int = 0) -> str:
    """What `python -m bot …` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **town.environment},
        cwd=town.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    return done.stdout
