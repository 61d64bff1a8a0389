"""Files: what Slack says of them, and their bytes."""

from __future__ import annotations

import io
import mimetypes
import time
import wave
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from sandbox.workspace import Channel, Workspace

Json = dict[str, Any]

PRETTY = {
    "wav": "WAV",
    "mp3": "MP3",
    "flac": "FLAC",
    "ogg": "OGG",
    "m4a": "M4A",
    "mp4": "MPEG 4 Video",
    "txt": "Plain Text",
}


@dataclass
class File:
    """A file, with where it was shared: channel id to the ts of its messages. given: to the bot, in a form."""

    id: str
    name: str
    mimetype: str
    content: bytes
    user: str
    voice: bool = False
    created: float = field(default_factory=time.time)
    duration_ms: int | None = None
    deleted: bool = False
    remote_url: str = ""
    shares: dict[str, list[str]] = field(default_factory=dict)
    given: bool = False
    title: str = ""
    alt: str = ""

    @property
    def age(self) -> float:
        """Seconds since the upload."""
        return time.time() - self.created

    @property
    def filetype(self) -> str:
        return PurePath(self.name).suffix.lstrip(".").lower() or "binary"


class Files:
    """The workspace's files."""

    def __init__(self, workspace: Workspace, origin: str) -> None:
        self._workspace = workspace
        self.origin = origin
        self.files: dict[str, File] = {}

    def add(self, name: str, content: bytes, user: str, *, mimetype: str = "", voice: bool = False) -> File:
        """Keep a new file of a person, which is not shared yet. mimetype: by its name where empty; voice: as a voice
        clip."""
        guessed = mimetype or mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = File(self._workspace.ids.new("F"), name, guessed, content, user, voice, title=name)
        file.duration_ms = duration_ms(content)
        self.files[file.id] = file
        return file

    def add_remote(self, name: str, url: str, user: str) -> File:
        """Keep a file that lies elsewhere, at a URL which its sender chose."""
        guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = File(self._workspace.ids.new("F"), name, guessed, b"", user, remote_url=url, title=name)
        self.files[file.id] = file
        return file

    def share(self, file: File, channel: Channel, ts: str) -> None:
        """Note that a message shares a file."""
        file.shares.setdefault(channel.id, []).append(ts)

    def shown(self, message: Json) -> Json:
        """A message as others see it: with its files, without what the sandbox notes for itself."""
        shown = {key: value for key, value in message.items() if not key.startswith("_")}
        if message.get("_files"):
            shown["files"] = [self.in_message(self.files[file_id]) for file_id in message["_files"]]
        return shown

    def in_message(self, file: File) -> Json:
        """The file as messages and events carry it, under the faults of the moment."""
        faults = self._workspace.faults
        if file.deleted or faults.file_mode:
            return self._gone(file)
        if faults.file_access:
            return self._stub(file, faults.file_access)
        if self._workspace.team_of(file.user) != self._workspace.team:
            return self._stub(file, "check_file_info")  # Slack Connect
        return self.full(file)

    def in_info(self, file: File) -> Json:
        """The file as `files.info` returns it, under the faults of the moment."""
        faults = self._workspace.faults
        if faults.file_mode:
            return self._gone(file)
        if faults.file_access == "access_denied":
            return self._stub(file, faults.file_access)
        full = self.full(file)
        if file.age < faults.shares_missing_for:
            full["shares"] = {}
        if file.age < faults.url_missing_for:
            full = {key: value for key, value in full.items() if not key.startswith("url_private")}
        return full

    def full(self, file: File) -> Json:
        """Everything that Slack says of a file."""
        kinds = {channel: self._workspace.channels[channel].kind for channel in file.shares}
        channels = [channel for channel, kind in kinds.items() if kind == "public"]
        private = f"{self.origin}/files-pri/{self._workspace.team}-{file.id}"
        path = quote(file.name.replace("/", "_"))
        data: Json = {
            "id": file.id,
            "created": int(file.created),
            "timestamp": int(file.created),
            "name": file.name,
            "title": file.title or file.name,
            "mimetype": file.mimetype,
            "filetype": file.filetype,
            "pretty_type": PRETTY.get(file.filetype, file.filetype.upper()),
            "user": file.user,
            "user_team": self._workspace.team_of(file.user),
            "editable": False,
            "size": len(file.content),
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": bool(channels),
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": f"{private}/{path}",
            "url_private_download": f"{private}/download/{path}",
            "permalink": f"{self.origin}/files/{file.user}/{file.id}/{path}",
            "has_rich_preview": False,
            "file_access": "visible",
            "channels": channels,
            "groups": [channel for channel, kind in kinds.items() if kind in ("private", "mpim")],
            "ims": [channel for channel, kind in kinds.items() if kind == "im"],
            "shares": self._shares(file),
        }
        if self._workspace.faults.binary_types:
            data |= {"mimetype": "application/octet-stream", "filetype": "binary", "pretty_type": "Binary"}
        if file.alt:
            data["alt_txt"] = file.alt
        if file.remote_url:
            data |= {"mode": "external", "is_external": True, "external_type": "app", "url_private": file.remote_url}
            data["url_private_download"] = file.remote_url
        if file.voice:
            data |= {"subtype": "slack_audio", "media_display_type": "audio"}
        if file.duration_ms is not None and not self._workspace.faults.no_duration:
            data["duration_ms"] = file.duration_ms
        return data

    def _shares(self, file: File) -> Json:
        shares: Json = {}
        for channel_id, stamps in file.shares.items():
            channel = self._workspace.channels[channel_id]
            kind = shares.setdefault("public" if channel.kind == "public" else "private", {})
            kind[channel_id] = [self._share(channel, ts, file) for ts in stamps]
        return shares

    def _share(self, channel: Channel, ts: str, file: File) -> Json:
        message = channel.messages.get(ts, {})
        share: Json = {
            "reply_users": message.get("reply_users", []),
            "reply_users_count": message.get("reply_users_count", 0),
            "reply_count": message.get("reply_count", 0),
            "ts": ts,
            "channel_name": channel.name,
            "team_id": self._workspace.team,
            "share_user_id": file.user,
            "source": "UNKNOWN",
        }
        share |= {key: message[key] for key in ("thread_ts", "latest_reply") if message.get(key)}
        return share

    def _gone(self, file: File) -> Json:
        mode = self._workspace.faults.file_mode or "tombstone"
        gone: Json = {"id": file.id, "mode": mode}
        if mode == "hidden_by_limit":
            gone |= {"name": file.name, "filetype": file.filetype, "created": int(file.created)}
        return gone

    @staticmethod
    def _stub(file: File, access: str) -> Json:
        stub: Json = {"id": file.id, "created": int(file.created), "user": file.user, "mode": "file_access"}
        return stub | {"file_access": access}


def duration_ms(content: bytes) -> int | None:
    """Length of a WAV file in milliseconds; None for anything else, as Slack leaves it out at times."""
    try:
        with wave.open(io.BytesIO(content)) as sound:
            return int(1000 * sound.getnframes() / sound.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        return None
