"""The sandbox's Web API against an independent opinion: npm's `emulate`, asked the same questions in the same order."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import names
from sandbox.client.driver import Driver
from tests.conftest import free_port
from tests.support.browser import NODE_MODULES

VERSION = "0.11.2"
SCRIPT = Path(__file__).with_name("emulate.mjs")
SCOPES = [
    "chat:write",
    "channels:read",
    "channels:history",
    "users:read",
    "files:read",
    "files:write",
    "reactions:write",
]


class Peer:
    """One implementation of the Web API, and what it has said so far."""

    def __init__(self, url: str, channel: str, user: str) -> None:
        self.url = url
        self.channel = channel
        self.user = user
        self.said: dict[str, Any] = {}

    def ask(self, method: str, token: str = names.BOT_TOKEN, **arguments: Any) -> dict[str, Any]:
        """Call a method."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.post(f"{self.url}/api/{method}", json=arguments, headers=headers, timeout=10)
        data: dict[str, Any] = answer.json()
        return data


@pytest.fixture(scope="module")
def emulate_url() -> Iterator[str]:
    """The address of a running `emulate`; skips where node or the package is absent."""
    package = NODE_MODULES / "emulate"
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: `emulate` cannot run")
    if not package.exists():
        pytest.skip(f"no emulate in {NODE_MODULES}: npm install --prefix .run/node emulate@{VERSION}")
    assert json.loads((package / "package.json").read_text())["version"] == VERSION
    command = [node, str(SCRIPT), str(package / "dist" / "api.js"), str(free_port())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def peers(emulate_url: str, lonely: Driver) -> tuple[Peer, Peer]:
    """The sandbox and `emulate`, each with a channel and a person."""
    lonely.configure(scopes=SCOPES)
    other = Peer(emulate_url, "", "")
    # Channels of `emulate` have random ids; the methods under test here take a name where they post.
    other.channel = other.ask("chat.postMessage", channel="sounds", text="hello")["channel"]
    other.user = other.ask("auth.test")["user_id"]
    return Peer(lonely.url, names.SOUNDS, names.ADA), other


MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Title"}, "blocks": []}
HOME = {"type": "home", "blocks": []}


def on_posted(peer: Peer) -> dict[str, Any]:
    return {"channel": peer.channel, "timestamp": peer.said["posted"]["ts"], "name": "ear"}


def home_hash(peer: Peer) -> str:
    return str(peer.said["home"]["view"]["hash"])


Step = tuple[str, str, Callable[[Peer], dict[str, Any]]]
STEPS: list[Step] = [
    ("who", "auth.test", lambda p: {}),
    ("posted", "chat.postMessage", lambda p: {"channel": p.channel, "text": "one"}),
    ("reply", "chat.postMessage", lambda p: {"channel": p.channel, "text": "two", "thread_ts": p.said["posted"]["ts"]}),
    ("nothing", "chat.postMessage", lambda p: {"channel": p.channel}),
    ("nowhere", "chat.postMessage", lambda p: {"channel": "C404", "text": "x"}),
    ("updated", "chat.update", lambda p: {"channel": p.channel, "ts": p.said["posted"]["ts"], "text": "three"}),
    ("not there", "chat.update", lambda p: {"channel": p.channel, "ts": "1.000000", "text": "x"}),
    ("link", "chat.getPermalink", lambda p: {"channel": p.channel, "message_ts": p.said["posted"]["ts"]}),
    ("no link", "chat.getPermalink", lambda p: {"channel": p.channel, "message_ts": "1.000000"}),
    ("hidden", "chat.postEphemeral", lambda p: {"channel": p.channel, "user": p.user, "text": "psst"}),
    ("liked", "reactions.add", on_posted),
    ("again", "reactions.add", on_posted),
    ("unliked", "reactions.remove", on_posted),
    ("unliked twice", "reactions.remove", on_posted),
    ("no message", "reactions.add", lambda p: {"channel": p.channel, "timestamp": "1.000000", "name": "ear"}),
    ("replies", "conversations.replies", lambda p: {"channel": p.channel, "ts": p.said["posted"]["ts"]}),
    ("history", "conversations.history", lambda p: {"channel": p.channel}),
    ("no history", "conversations.history", lambda p: {"channel": "C404"}),
    ("place", "conversations.info", lambda p: {"channel": p.channel}),
    ("no place", "conversations.info", lambda p: {"channel": "C404"}),
    ("person", "users.info", lambda p: {"user": p.user}),
    ("nobody", "users.info", lambda p: {"user": "U404"}),
    ("upload", "files.getUploadURLExternal", lambda p: {"filename": "a.txt", "length": 5}),
    ("bad upload", "files.getUploadURLExternal", lambda p: {"length": 5}),
    ("unknown file", "files.completeUploadExternal", lambda p: {"files": [{"id": "F404"}]}),
    ("no files", "files.completeUploadExternal", lambda p: {"files": []}),
    ("no file", "files.info", lambda p: {"file": "F404"}),
    ("home", "views.publish", lambda p: {"user_id": p.user, "view": HOME}),
    ("home again", "views.publish", lambda p: {"user_id": p.user, "view": HOME, "hash": home_hash(p)}),
    ("stale home", "views.publish", lambda p: {"user_id": p.user, "view": HOME, "hash": "156772938.1827394"}),
    ("nobody's home", "views.publish", lambda p: {"user_id": "U404", "view": HOME}),
    ("no trigger", "views.open", lambda p: {"trigger_id": "made.up", "view": MODAL}),
    ("no view", "views.update", lambda p: {"view_id": "V404", "view": MODAL}),
    ("deleted", "chat.delete", lambda p: {"channel": p.channel, "ts": p.said["reply"]["ts"]}),
    ("deleted twice", "chat.delete", lambda p: {"channel": p.channel, "ts": p.said["reply"]["ts"]}),
]  # fmt: skip

NOT_OURS = {"app_id", "app_name", "paging", "response_metadata", "warning"}
"""Keys of `emulate`'s answers that Slack sends only at times, or that bots do not read."""


def test_both_say_the_same(peers: tuple[Peer, Peer]):
    verdicts: dict[str, tuple[Any, Any]] = {}
    missing: dict[str, set[str]] = {}
    for name, method, arguments in STEPS:
        ours, theirs = (peer.said.setdefault(name, peer.ask(method, **arguments(peer))) for peer in peers)
        if ours.get("error") != theirs.get("error"):
            verdicts[name] = (ours.get("error"), theirs.get("error"))
        lacking = {key for key, value in theirs.items() if value is not None} - set(ours) - NOT_OURS
        if lacking:
            missing[name] = lacking
    assert verdicts == {}
    assert missing == {}


def test_both_count_replies_and_reactions_alike(peers: tuple[Peer, Peer]):
    shapes = []
    for peer in peers:
        ts = peer.ask("chat.postMessage", channel=peer.channel, text="first")["ts"]
        for text in ("second", "third"):
            peer.ask("chat.postMessage", channel=peer.channel, text=text, thread_ts=ts)
        peer.ask("reactions.add", channel=peer.channel, timestamp=ts, name="ear")
        thread = peer.ask("conversations.replies", channel=peer.channel, ts=ts)["messages"]
        first = thread[0]
        counts = [reaction["count"] for reaction in first["reactions"]]
        shapes.append(([m["text"] for m in thread], first["reply_count"], len(first["reply_users"]), counts))
    assert shapes[0] == shapes[1]


def test_both_take_files_in_three_calls_and_describe_them_alike(peers: tuple[Peer, Peer]):
    described = []
    for peer in peers:
        announced = peer.ask("files.getUploadURLExternal", filename="note.txt", length=5)
        assert requests.post(announced["upload_url"], data=b"hello", timeout=10).ok
        files = [{"id": announced["file_id"], "title": "A note"}]
        peer.ask("files.completeUploadExternal", files=files, channel_id=peer.channel)
        described.append(peer.ask("files.info", file=announced["file_id"])["file"])
    ours, theirs = described
    for key in ("name", "title", "mimetype", "filetype", "size", "mode", "is_external", "is_public"):
        assert ours[key] == theirs[key], key
    assert len(ours["shares"]["public"]) == len(theirs["shares"]["public"]) == 1


@pytest.mark.parametrize("token", ["", "xoxb-nobody"])
def test_both_refuse_unknown_tokens(peers: tuple[Peer, Peer], token: str):
    ours, theirs = (peer.ask("chat.postMessage", token, channel=peer.channel, text="x") for peer in peers)
    assert ours["ok"] is theirs["ok"] is False
