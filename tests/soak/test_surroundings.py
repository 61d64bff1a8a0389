"""The machine around the processes: its clock, its disk, and the catalogue's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.scenarios.stack import write_small_catalogue
from tests.soak.conftest import Check
from tests.support.ledger import ANSWER, Ledger, sound
from tests.support.town import Town

HOUR_SECONDS = 3600
DISK_BYTES = 64 * 1024


@pytest.fixture
def clock(town: Town) -> Iterator[Path]:
    """A file whose number of seconds is added to the wall clock of one bot and one worker."""
    compiler = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if compiler is None:
        pytest.skip("no C compiler")
    library, shift = town.folder / "clock_shift.so", town.folder / "clock"
    shift.write_text("0")
    source = REPOSITORY / "tests/support/clock_shift.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    town.populate(bots=0, workers=0)
    town.start_worker(LD_PRELOAD=str(library), CLOCK_SHIFT=str(shift))
    town.start_bot(LD_PRELOAD=str(library), CLOCK_SHIFT=str(shift))
    yield shift
    town.populate(bots=0, workers=0)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="LD_PRELOAD is Linux'")
def test_clock_jumps(town: Town, clock: Path, ledger: Ledger, check: Check):
    """clock jumps by an hour, both ways, five times"""
    town.embedder.control(delay=0.5)
    for seconds in (HOUR_SECONDS, -HOUR_SECONDS, 0, -2 * HOUR_SECONDS, 2 * HOUR_SECONDS):
        ledger.upload(3)
        time.sleep(0.3)
        clock.write_text(str(seconds))
        ledger.upload(1)
        assert ledger.command("#3", "USOAKCLK")["acked"]
        time.sleep(1.0)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_disk_full(town: Town, ledger: Ledger, check: Check):
    """disk full in the temporary folder"""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = town.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    try:
        town.populate(workers=0)
        town.start_worker(TMPDIR=str(disk))
        path = town.folder / "large.wav"
        path.write_bytes(sound(time.time_ns(), seconds=6))
        ledger.upload(3, path=path)
        small = ledger.upload(2)
        check(ledger.settle())
        assert sum("`no-room`" in text for text in ledger.texts()) == 3, ledger.texts()
        assert sum(ANSWER in text for text in ledger.texts()) == len(small)
        assert not [path for path in disk.rglob("*") if path.is_file() and path.name != "lock"]
    finally:
        town.populate(workers=0)
        subprocess.run(["umount", disk], check=True)


def test_catalogue_replaced(town: Town, ledger: Ledger, check: Check):
    """catalogue rebuilt four times while running"""
    for number in range(4):
        ledger.upload(2)
        assert ledger.command("#3", "USOAKCAT")["acked"]
        write_small_catalogue(town.catalogue, town.batch, without=town.batch.clips[number + 5].clip_id)
        assert ledger.command("#3", "USOAKCAT")["acked"]
        ledger.upload(2)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_catalogue_damaged(town: Town, ledger: Ledger, check: Check):
    """catalogue overwritten in place, then rebuilt"""
    index = town.catalogue / "index.ann"
    with index.open("r+b") as file:
        file.write(os.urandom(4096))
    ledger.upload(3)
    for number in range(4):
        assert ledger.command(f"#{number}", "USOAKDMG")["acked"]
    ledger.settle()
    assert all("`catalogue-damaged`" in text for text in ledger.texts()), ledger.texts()
    write_small_catalogue(town.catalogue, town.batch)
    ledger.upload(3)
    check(ledger.settle())
    assert sum(ANSWER in text for text in ledger.texts()) == 3
