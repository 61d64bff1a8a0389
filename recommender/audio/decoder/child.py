"""The decoder's child process: reads requests from standard input, answers with framed PCM on standard output.

A request is a line of JSON: {"path": str, "seconds": time limit} and what is asked for: {"rate": hertz, "block":
samples, "limit": samples or null} for all of the sound, {"excerpt": [start, end]} for a stretch of it, {"metadata":
true} for what the file says of itself.
An answer is a run of messages, each a kind (one byte), a length (unsigned 32 bits, little-endian) and a payload:
`B` nothing, before the file is opened; `P` int16 samples, `R` JSON of what was read of the file, `W` an excerpt as a
WAV file, `M` JSON of metadata, `E` JSON {"code", "message"}, `D` nothing, the end. Each answer begins with `B`, and
ends with `E` or `D`.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from recommender.audio import SAMPLE_RATE
from recommender.audio.decoder.completeness import Reading
from recommender.audio.decoder.excerpts import excerpt_of
from recommender.audio.decoder.streams import BROKEN, metadata_of, pcm_blocks, pcm_of
from recommender.audio.wav import wav_bytes
from recommender.errors import AudioError, CannotDecode, CannotRead, TooLong

MEMORY_BYTES = 768 * 1024 * 1024
"""Private memory the process may have. Decoding a 10-minute file needs under 100 MB, since it is streamed."""
GRACE_SECONDS = 5
"""The parent ends a decoder that takes too long; this much later it ends itself, should the parent be gone."""
HEADER = struct.Struct("<cI")
_T = TypeVar("_T")


def main() -> None:
    """Serve requests until standard input ends."""
    answers = _own_stdout()
    _preload()
    gc.freeze()
    _limit_memory()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _send(answers, b"B", b"")
        try:
            if "metadata" in request:
                _send(answers, b"M", json.dumps(_at_once(request, metadata_of)).encode())
            elif "excerpt" in request:
                _send(answers, b"W", wav_bytes(*_at_once(request, excerpt_of, *request["excerpt"])))
            else:
                reading = Reading(measures=request["measures"])
                for block in _blocks(request, reading):
                    _send(answers, b"P", block.tobytes())
                told = ("seconds", "claimed", "incomplete", "loudness")
                facts = {name: getattr(reading, name) for name in told}
                _send(answers, b"R", json.dumps(facts).encode())
            _send(answers, b"D", b"")
        except AudioError as error:
            _send(answers, b"E", json.dumps({"code": error.code, "message": str(error)}).encode())
        gc.collect()  # PyAV's filter graphs are cycles, of a megabyte each


def _at_once(request: dict[str, Any], work: Callable[..., _T], *arguments: float) -> _T:
    """Do what has one answer, within the time limit for all of it."""
    with _mapped_errors(), _one_file_only():
        signal.setitimer(signal.ITIMER_REAL, request["seconds"] + GRACE_SECONDS)
        try:
            return work(Path(request["path"]), *arguments)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _blocks(request: dict[str, Any], reading: Reading) -> Iterator[NDArray[np.int16]]:
    """Cut what is decoded into blocks of the size asked for; raises `TooLong` at the limit."""
    limit = request["limit"]
    waiting: list[NDArray[np.int16]] = []
    held = total = 0
    with _mapped_errors(), _one_file_only():
        for pcm in _within(request["seconds"], pcm_blocks(Path(request["path"]), reading, request["rate"])):
            waiting.append(pcm)
            held += len(pcm)
            total += len(pcm)
            if limit is not None and total > limit:
                most = _spoken(limit / request["rate"])
                raise TooLong(f"This file is longer than {most}: send the part that you want compared.")
            if held >= request["block"]:
                joined = np.concatenate(waiting)
                whole = held - held % request["block"]
                yield from np.split(joined[:whole], whole // request["block"])
                waiting, held = [joined[whole:]], held - whole
    if held:
        yield np.concatenate(waiting)


def _within(seconds: float, blocks: Iterator[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
    """Let SIGALRM end the process where one step takes too long, even in C; waiting for the reader does not count."""
    while True:
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)
        block = next(blocks, None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if block is None:
            return
        yield block


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except AudioError:
        raise
    except MemoryError as error:
        raise CannotDecode(
            "This file asks for more memory than decoding may take: export it again, or send it as WAV or FLAC."
        ) from error
    except av.error.FFmpegError as error:  # some of them are OSErrors as well
        raise CannotDecode(BROKEN) from error
    except OSError as error:
        raise CannotRead(f"The file cannot be read ({error.strerror}): check that it is still there.") from error
    except Exception as error:  # whatever a file provokes in the decoder is its fault
        traceback.print_exc()  # the parent logs it
        raise CannotDecode(BROKEN) from error


@contextmanager
def _one_file_only() -> Iterator[None]:
    """Leave one free file descriptor, the file's own: nothing else can be opened, be it a file or a socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _preload() -> None:
    """Import what would be imported at first use: while a file is decoded, no other can be opened."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for _ in pcm_of(io.BytesIO(wav_bytes(np.zeros(2 * SAMPLE_RATE, np.int16), 2 * SAMPLE_RATE)), Reading()):
        pass


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _own_stdout() -> BinaryIO:
    """Take standard output for the answers alone, so that nothing a library prints gets between them."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _send(answers: BinaryIO, kind: bytes, payload: bytes) -> None:
    answers.write(HEADER.pack(kind, len(payload)) + payload)
    answers.flush()


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)
