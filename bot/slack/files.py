"""What Slack says of a file: whether it may be audio, where it was shared, and why it cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import DeletedFile, DownloadFailed, ForeignFile, HiddenFile, NoAddress, UnknownFile, lacking
from bot.slack.errors import UNREACHED
from recommender.audio.formats import MEDIA_SUFFIXES, OTHER_SUFFIXES
from recommender.errors import NotAudio, SoundalikeError, TooLarge

UNKNOWN_MIMETYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
SILENT_MIMETYPES = frozenset(
    {"audio/midi", "audio/x-midi", "audio/mid", "audio/mpegurl", "audio/x-mpegurl", "audio/x-scpls"}
)
"""Notes and playlists: called audio, and hold none."""
GONE = frozenset({"file_not_found", "file_deleted"})
MAX_NUMBER = 1e15
UNSEEN = frozenset({"not_visible", "access_denied", "file_access_denied", "not_in_channel", "no_permission"})


@dataclass(frozen=True, slots=True)
class Share:
    """One message that shares a file; thread_ts: of its thread's first message, which may be itself; repliers, latest:
    who replied to it, and the ts of the last reply; ts: its own, where Slack tells."""

    channel: str
    thread_ts: str
    repliers: frozenset[str] = frozenset()
    latest: str = ""
    ts: str = ""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file as `files.info` describes it. sounds: True where its label says audio or video, False where it says
    something else, None where it says nothing; seconds: length, where Slack knows it."""

    file_id: str
    name: str
    user: str
    size: int
    url: str
    mode: str
    sounds: bool | None
    seconds: float | None
    shares: tuple[Share, ...]

    @classmethod
    def from_slack(cls, data: dict[str, Any]) -> SharedFile:
        """Read a file object, which may lack anything but its id."""
        mode = "hidden" if data.get("file_access") == "access_denied" else str(data.get("mode") or "")
        external = bool(data.get("is_external")) or mode == "external"
        milliseconds = _number(data.get("duration_ms"))
        return cls(
            file_id=str(data.get("id") or ""),
            name=str(data.get("name") or data.get("title") or "this file"),
            user=str(data.get("user") or ""),
            size=_number(data.get("size")),
            url=str(data.get("url_private_download") or data.get("url_private") or ""),
            mode="external" if external else mode,
            sounds=_sounds(data),
            seconds=milliseconds / 1000 if milliseconds else None,
            shares=tuple(_shares(data.get("shares"))),
        )

    def share_in(self, channel: str) -> Share | None:
        """Return the last share in a channel, whose thread is the one to answer in, or None while Slack has recorded
        none."""
        return next((share for share in reversed(self.shares) if share.channel == channel), None)

    def require_obtainable(self, max_bytes: int) -> None:
        """Raise what stands in the way of downloading the file, as far as its description tells."""
        if self.mode == "tombstone":
            raise DeletedFile("The file was deleted before I could read it: upload it again.")
        if self.mode == "hidden_by_limit":
            raise HiddenFile("Slack hides the file, since the workspace is past its storage limit: upload it again.")
        if self.mode == "hidden":
            raise HiddenFile(
                "The file belongs to another organisation and I may not see it: download it and upload it yourself."
            )
        if self.mode == "external":
            raise ForeignFile("The file lies outside of Slack: download it and upload it here.")
        if self.sounds is False:
            raise NotAudio("This is no audio file: send WAV, MP3, FLAC, OGG, M4A or a video with sound.")
        if self.size > max_bytes:
            raise TooLarge(
                f"The file has {_megabytes(self.size)} and I take at most {_megabytes(max_bytes)}: "
                "cut it, or send it as MP3 or M4A."
            )
        if not self.url:
            raise NoAddress("Slack gives me no address for the file: upload it again.")


def file_info(client: WebClient, file_id: str) -> SharedFile:
    """Ask Slack for a file; raises the `SlackError` that its refusal or its silence means."""
    try:
        return SharedFile.from_slack(client.files_info(file=file_id)["file"])
    except SlackApiError as error:
        raise file_error(str(error.response.get("error") or ""), str(error.response.get("needed") or "")) from error
    except UNREACHED as error:
        raise DownloadFailed("Slack did not tell me about the file (no answer): try again in a minute.") from error


def file_error(code: str, needed: str = "") -> SoundalikeError:
    """Return our error for Slack's error code of a file call."""
    if code in GONE:
        error = UnknownFile if code == "file_not_found" else DeletedFile
        return error(
            "The file was deleted, or lies where I may not look: invite me to its channel, or send it to me directly."
        )
    if code == "missing_scope":
        return lacking(needed or "files:read")
    if code in UNSEEN:
        return HiddenFile("I may not see the file: invite me to the channel, or send it to me directly.")
    return DownloadFailed(f"Slack did not tell me about the file ({code or 'no reason given'}): try again in a minute.")


def _sounds(data: dict[str, Any]) -> bool | None:
    """Judge by the labels. Slack's own voice clips may say `video/mp4`; types that Slack does not know are all binary,
    so that the suffix says more; what has neither is worth a look inside."""
    mimetype = str(data.get("mimetype") or "").lower()
    suffix = PurePosixPath(str(data.get("name") or "").lower()).suffix
    if str(data.get("subtype") or "") == "slack_audio" or suffix in MEDIA_SUFFIXES:
        return True
    if suffix in OTHER_SUFFIXES or mimetype in SILENT_MIMETYPES:
        return False
    if mimetype.startswith(("audio/", "video/")) or mimetype == "application/ogg":
        return True
    return None if mimetype in UNKNOWN_MIMETYPES and str(data.get("filetype") or "") in ("", "binary") else False


def _shares(data: Any) -> list[Share]:
    found = []
    for visibility in data.values() if isinstance(data, dict) else []:
        for channel, entries in visibility.items() if isinstance(visibility, dict) else []:
            for entry in entries if isinstance(entries, list) else []:
                if not isinstance(entry, dict):
                    continue
                ts = str(entry.get("ts") or "")
                thread = str(entry.get("thread_ts") or ts)
                if thread:
                    repliers = entry.get("reply_users")
                    who = frozenset(map(str, repliers)) if isinstance(repliers, list) else frozenset[str]()
                    found.append(Share(str(channel), thread, who, str(entry.get("latest_reply") or ""), ts))
    return found


def _number(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < MAX_NUMBER else 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 10_000_000 else f"{size / 1e6:,.1f} MB"
