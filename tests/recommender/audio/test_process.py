"""The decoder's child process: what it survives, and what it cannot do."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

import recommender
from recommender.audio import decoding, process
from recommender.audio.decoder import child
from recommender.audio.decoder.completeness import Reading
from recommender.audio.decoder.streams import pcm_blocks, pcm_of
from recommender.audio.wav import wav_bytes
from recommender.errors import AudioError, CannotDecode, DecoderDown
from tests.conftest import REPOSITORY
from tests.support.audio import melody, pcm16


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """Two minutes at 48 kHz."""
    path = tmp_path / "long.wav"
    path.write_bytes(wav_bytes(np.resize(pcm16(melody(2, 48_000)), 120 * 48_000), 48_000))
    return path


@pytest.fixture
def fresh_pool() -> Iterator[None]:
    """No idle decoder from earlier tests."""
    process._pool.end_all()
    yield
    process._pool.end_all()


def decoders() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "recommender.audio.decoder.child" in p.cmdline()]


def test_a_decoder_is_kept_for_the_next_file(tmp_path: Path, fresh_pool: None):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(pcm16(melody(0.5))))
    decoding.decode(path, max_seconds=1)
    (first,) = decoders()
    decoding.decode(path, max_seconds=1)
    assert decoders() == [first]


def test_time_is_up(long_file: Path, fresh_pool: None):
    with pytest.raises(CannotDecode, match="took too long"):
        decoding.decode(long_file, max_seconds=1000, timeout=0.01)
    assert decoders() == []
    assert next(decoding.decode_blocks(long_file, block_seconds=1)).size == 16_000


def test_a_crash_costs_one_answer(long_file: Path, fresh_pool: None):
    blocks = decoding.decode_blocks(long_file, block_seconds=1)
    next(blocks)
    decoders()[0].send_signal(signal.SIGSEGV)
    with pytest.raises(CannotDecode, match="made the decoder crash"):
        for _ in blocks:
            pass
    assert next(decoding.decode_blocks(long_file, block_seconds=1)).size == 16_000


def test_an_idle_decoder_that_died_is_replaced(long_file: Path, fresh_pool: None):
    decoding.warm()
    (idle,) = decoders()
    idle.kill()
    psutil.wait_procs([idle])
    assert next(decoding.decode_blocks(long_file, block_seconds=1)).size == 16_000


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_pool: None) -> None:
    """A PyAV that cannot be imported, as after an installation that went wrong."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "av.py").write_text("raise ImportError('libavcodec is not there')")
    monkeypatch.setattr(recommender, "__file__", str(tmp_path / "broken" / "recommender" / "__init__.py"))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


def test_a_decoder_that_does_not_start_is_not_the_files_fault(
    long_file: Path, broken: None, caplog: pytest.LogCaptureFixture
):
    for read in (decoding.metadata, lambda path: decoding.decode(path, max_seconds=200)):
        caplog.clear()
        with pytest.raises(DecoderDown, match="tell the operator") as caught:
            read(long_file)
        assert not isinstance(caught.value, AudioError)
        (alarm,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "libavcodec is not there" in alarm.getMessage()
    assert decoders() == []


def test_last_words_are_kept_but_not_without_end(fresh_pool: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    script = tmp_path / "talks"
    script.write_text(f"#!{sys.executable}\nimport sys\nfor n in range(9999):\n    print('line', n, file=sys.stderr)\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    talks = process._Child()
    talks._process.wait(30)
    words = talks.said()
    talks.end()
    assert "line" in words
    assert len(words) <= process.STDERR_KEPT


def test_what_a_file_provokes_is_logged(
    tmp_path: Path, fresh_pool: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "sitecustomize.py").write_text(
        "import recommender.audio.decoder.streams as s\n"
        "def fail(*_): raise ZeroDivisionError('nobody foresaw it')\n"
        "s.pcm_blocks = fail\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(pcm16(melody(0.5))))
    with caplog.at_level("INFO"), pytest.raises(CannotDecode, match="damaged"):
        decoding.decode(path, max_seconds=1)
    assert "nobody foresaw it" in caplog.text


def test_after_many_files_a_decoder_is_replaced(tmp_path: Path, fresh_pool: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "FILES_PER_CHILD", 2)
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(pcm16(melody(0.5))))
    used = set()
    for _ in range(4):
        decoding.decode(path, max_seconds=1)
        used |= {p.pid for p in decoders()}
    assert len(used) == 2


def test_memory_is_bounded_for_long_audio(long_file: Path, fresh_pool: None):
    blocks = decoding.decode_blocks(long_file, block_seconds=10)
    samples = len(next(blocks))
    (decoder,) = decoders()
    before = decoder.memory_info().rss
    samples += sum(len(block) for block in blocks)
    assert samples == 120 * 16_000
    assert decoder.memory_info().rss - before < 4_000_000


def test_decoder_ends_with_its_parent(tmp_path: Path):
    script = """
        import os, psutil
        from recommender.audio import decoding as audio
        audio.warm()
        print(psutil.Process().children()[0].pid, flush=True)
        os._exit(0)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=60
    )
    pid = int(run.stdout)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=30)
    assert not psutil.pid_exists(pid)


def test_forked_processes_have_their_own_decoders(long_file: Path, fresh_pool: None):
    decoding.warm()
    pid = os.fork()
    if pid == 0:
        try:
            samples = next(decoding.decode_blocks(long_file, block_seconds=1)).size
            process._pool.end_all()
        finally:
            os._exit(0 if samples == 16_000 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert next(decoding.decode_blocks(long_file, block_seconds=1)).size == 16_000


def test_secrets_are_not_in_the_decoders_environment(fresh_pool: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    decoding.warm()
    assert "SLACK_BOT_TOKEN" not in decoders()[0].environ()


def test_nothing_else_can_be_opened_while_a_file_is(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(pcm16(melody(0.5))))
    child._preload()
    with child._one_file_only():
        blocks = pcm_blocks(path, Reading())
        next(blocks)
        with pytest.raises(OSError, match="Too many open files"):
            path.read_bytes()
        with pytest.raises(OSError, match="Too many open files"):
            socket.socket()
        blocks.close()  # type: ignore[attr-defined]
    socket.socket().close()


def test_memory_limit_is_an_error_and_not_the_machines_end(tmp_path: Path):
    """A process at its limit answers with a named error, or is gone, which the parent names."""
    script = """
        import sys
        from pathlib import Path
        from recommender.audio.decoder import child
        child.MEMORY_BYTES = 40 * 1024 * 1024
        child.main()
    """
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(np.resize(pcm16(melody(1)), 8_000_000)))
    asked = {"path": str(path), "rate": 16_000, "block": 8_000_000, "limit": None, "seconds": 20}
    request = json.dumps(asked) + "\n"
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], input=request.encode(), capture_output=True, timeout=60
    )
    assert run.returncode != 0 or run.stdout.startswith(b"B\0\0\0\0E")
    assert b"more memory" in run.stdout or run.returncode != 0


def test_errors_that_a_child_may_send_are_all_known():
    for kind in ("not-audio", "cannot-decode", "too-long"):
        assert issubclass(process._KINDS[kind], AudioError)


def test_a_disk_that_fails_is_not_the_end_of_the_sound(long_file: Path):
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 2_000_000:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="Input/output error"):
        list(pcm_of(Failing(long_file.read_bytes()), Reading()))
    assert sum(map(len, pcm_of(io.BytesIO(long_file.read_bytes()), Reading()))) == 120 * 16_000
