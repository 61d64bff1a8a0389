"""Files on their way in by `files.getUploadURLExternal`: promised, sent, completed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sandbox.errors import SlackRefusal


@dataclass
class Promise:
    """A file that a call announced. alt: what a picture shows, in words; content: None until it was sent."""

    id: str
    name: str
    length: int
    alt: str = ""
    content: bytes | None = None


class PendingUploads:
    """Announced files, by the secret of their upload URL."""

    def __init__(self) -> None:
        self._promised: dict[str, Promise] = {}

    def promise(self, file_id: str, name: str, length: int, alt: str = "") -> str:
        """Announce a file and return the secret of its URL."""
        secret = secrets.token_urlsafe(16)
        self._promised[secret] = Promise(file_id, name, length, alt)
        return secret

    def receive(self, secret: str, content: bytes) -> None:
        """Take a file's bytes; raises `SlackRefusal`."""
        promise = self._promised.get(secret)
        if promise is None:
            raise SlackRefusal("invalid_upload_url", status=404)
        if len(content) != promise.length:
            raise SlackRefusal("length_mismatch", status=400)
        promise.content = content

    def complete(self, file_id: str) -> Promise:
        """Return an announced file that was sent; raises `SlackRefusal`."""
        for secret, promise in self._promised.items():
            if promise.id == file_id and promise.content is not None:
                return self._promised.pop(secret)
        raise SlackRefusal("file_not_found")
