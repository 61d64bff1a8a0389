"""A library whose builds are killed while it changes and a folder of it cannot be read: nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.library.building import build
from tests.conftest import REPOSITORY
from tests.recommender.library.conftest import write_song
from tests.support.spectral import SpectralNetwork, SpectralPool, served

KILLS = 20
FILES = 12
LATEST_SECONDS = 4.0
_BUILD = """
import errno, os, sys
real = os.scandir
def scandir(folder="."):
    if os.path.basename(str(folder)) == "away":
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return real(folder)
os.scandir = scandir
from recommender.cli import main
sys.exit(main(sys.argv[1:]))
"""


def paths(out: Path) -> set[str]:
    catalogue = LocalCatalogue.open(out)
    try:
        return {clip.source for clip, _ in catalogue.all_clips()} | set(catalogue.copied_from)
    finally:
        catalogue.close()


def test_builds_killed_during_changes_with_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    library, out, moments = tmp_path / "library", tmp_path / "out", random.Random(17)
    for number in range(FILES):
        for folder in ("away", "here"):
            write_song(library / folder / f"{number:02}.wav", 1, number + 100 * (folder == "here"))
    build(library, out, SpectralPool(), progress=False)
    away = {f"away/{number:02}.wav" for number in range(FILES)}
    network = SpectralNetwork(lambda: time.sleep(0.05))
    killed = 0
    with served(network) as url:
        command = [sys.executable, "-c", _BUILD, "build", "library", str(library), "--out", str(out)]
        for turn in range(KILLS):
            write_song(library / "here" / f"new {turn:02}.wav", 1, 300 + turn)
            write_song(library / "here" / f"{turn % FILES:02}.wav", 1, 400 + turn)
            (library / "here" / f"{(turn + 5) % FILES:02}.wav").replace(library / "here" / f"moved {turn:02}.wav")
            process = subprocess.Popen(
                [*command, "--embedder-url", url],
                cwd=REPOSITORY,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                process.wait(moments.uniform(0.2, LATEST_SECONDS))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                killed += process.wait() == -signal.SIGKILL
            assert away <= paths(out)
            write_song(library / "here" / f"{(turn + 5) % FILES:02}.wav", 1, 500 + turn)
    report = build(library, out, SpectralPool(), progress=False)
    assert paths(out) == {file.relative_to(library).as_posix() for file in library.rglob("*.wav")}
    assert killed and not report.failures
    print(f"{killed} of {KILLS} builds were killed")
