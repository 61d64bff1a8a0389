"""Fetches published files: resumed where the connection broke off, checked, and put in place at once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests
import urllib3

from recommender.errors import FetchFailed

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Silence of the server after which a connection counts as broken."""
ATTEMPTS = 5
"""Attempts in a row that bring nothing new before giving up."""
BACKOFF_SECONDS = 1.0
"""Wait before the second attempt; doubles from attempt to attempt."""
_READ_BYTES = 1 << 18
_HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A published file. digest: algorithm and hex, where one was published; magic: how the file begins."""

    name: str
    url: str
    digest: tuple[str, str] | None = None
    magic: bytes = b""


class _Interrupted(Exception):
    """The connection broke off, or could not be made; another attempt may help."""


Progress = Callable[[int, int | None], None]
"""Is told the bytes that are there, and how many there will be where that is known."""


def fetch(
    source: Source, folder: Path, *, base: str | None = None, progress: Progress = lambda done, total: None
) -> tuple[Path, bool]:
    """Fetch a file into a folder, from its own address or from `base`/name; returns its path, and whether it was new.

    A broken connection is resumed, also by a later call: what is there so far stays in NAME.part. The file appears
    under its name only when it is whole and right. Raises `FetchFailed`.
    """
    url = source.url if base is None else f"{base.rstrip('/')}/{source.name}"
    target = folder / source.name
    with _disk_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        if target.is_file() and source.digest is not None and _digest(target, source.digest[0]) == source.digest[1]:
            return target, False
        if target.is_file() and source.digest is None:
            return target, False
        with _locked(folder / f"{source.name}.part") as part:
            _complete(url, part, progress)
            _check(source, url, part)
            os.fsync(part.fileno())
            (folder / f"{source.name}.part").replace(target)
    return target, True


def _complete(url: str, part: BinaryIO, progress: Progress) -> None:
    """Download until the server says that all is there."""
    failures = 0
    with requests.Session() as session:
        while True:
            before = part.seek(0, os.SEEK_END)
            try:
                _download(session, url, part, progress)
            except _Interrupted as error:
                failures = 1 if part.tell() > before else failures + 1
                if failures == ATTEMPTS:
                    raise FetchFailed(
                        f"{url} cannot be fetched ({error}): check the network, or name a mirror by --from URL. "
                        "The next run goes on from here."
                    ) from error
                time.sleep(BACKOFF_SECONDS * 2 ** (failures - 1))
            else:
                return


def _download(session: requests.Session, url: str, part: BinaryIO, progress: Progress) -> None:
    """Append what is missing; where the server does not resume, begin anew."""
    have = part.seek(0, os.SEEK_END)
    # Without compression, lengths and ranges are those of the file.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with _interruptions():
        response = session.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
        with response:
            if response.status_code == 416 and _whole_length(response) == have:
                return
            resumed = response.status_code == 206 and _range_start(response) == have
            if not resumed:
                part.truncate(0)
                have = part.seek(0)
            if response.status_code in {206, 416} and not resumed:
                raise _Interrupted("the server resumed at the wrong place")
            _require_found(response, url)
            _append(response, part, have, progress)


def _append(response: requests.Response, part: BinaryIO, have: int, progress: Progress) -> None:
    length = response.headers.get("Content-Length", "")
    total = have + int(length) if length.isdecimal() else None
    progress(have, total)
    while chunk := response.raw.read1(_READ_BYTES):
        part.write(chunk)
        have += len(chunk)
        progress(have, total)
    part.flush()
    if total is not None and have < total:
        raise _Interrupted(f"{total - have} bytes are missing")


def _require_found(response: requests.Response, url: str) -> None:
    status = response.status_code
    if status in {408, 425, 429} or status >= 500:
        raise _Interrupted(f"the server answered {status}")
    if status not in {200, 206}:
        raise FetchFailed(f"{url} is not there ({status}): check the address, or name a mirror by --from URL.")


def _check(source: Source, url: str, part: BinaryIO) -> None:
    """Raise `FetchFailed`, and throw away what came, unless it is the published file."""
    path = Path(part.name)
    part.seek(0)
    if part.read(len(source.magic)) != source.magic or not part.seek(0, os.SEEK_END):
        problem = "begins unlike it"
    elif source.digest is not None and _digest(path, source.digest[0]) != source.digest[1]:
        problem = f"has another {source.digest[0]}"
    else:
        return
    path.unlink()
    raise FetchFailed(f"{url} is not the published file ({problem}): fetch it again, or name a mirror by --from URL.")


def _range_start(response: requests.Response) -> int | None:
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdecimal() else None


def _whole_length(response: requests.Response) -> int | None:
    length = response.headers.get("Content-Range", "").partition("/")[2]
    return int(length) if length.isdecimal() else None


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with path.open("rb") as file:
        while chunk := file.read(_HASH_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open a partial file for this process alone."""
    with path.open("a+b") as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchFailed(f"{path} is being fetched by another process: wait for it.") from None
        yield part


@contextmanager
def _interruptions() -> Iterator[None]:
    """Turn what the connection raises into `_Interrupted`, and an address that is none into `FetchFailed`."""
    try:
        yield
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema) as e:
        raise FetchFailed(f"{e}: give an address that begins with https:// or http://.") from e
    except (requests.ConnectionError, urllib3.exceptions.NewConnectionError) as e:
        raise _Interrupted("no connection") from e
    except (requests.RequestException, urllib3.exceptions.HTTPError) as e:
        raise _Interrupted("the connection broke off") from e


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FetchFailed(
            f"{target} cannot be written ({error.strerror}): make room, or choose another --to DIR."
        ) from error
