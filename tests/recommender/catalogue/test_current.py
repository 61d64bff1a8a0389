"""A rebuilt catalogue takes the place of the old, and the old one is let go of."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

import pytest

from recommender.catalogue import open_catalogue
from recommender.catalogue.current import Current
from tests.support.catalogues import clustered, write

REBUILDS = 8
"""One that is not let go of would do."""
LINUX = Path("/proc/self/maps").exists()


def kept(folder: Path) -> tuple[int, int]:
    """Count the deleted files of a folder's catalogues that are mapped, and the descriptors that lead to them."""
    mapped = sum(
        str(folder.name) in line and "(deleted)" in line for line in Path("/proc/self/maps").read_text().splitlines()
    )
    handles = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        handles += folder.name in target and "(deleted)" in target
    return mapped, handles


@pytest.mark.skipif(not LINUX, reason="/proc tells what is open")
def test_catalogues_that_were_replaced_are_closed_without_a_garbage_collection(tmp_path):
    folder = tmp_path / "rebuilt-many-times"
    extra: dict[str, object] = {"kind": "library", "links": "files", "folder": str(tmp_path)}
    vectors = clustered(200)
    write(folder, vectors, trees=2, extra=extra)
    current = Current(open_catalogue(folder))
    stop, asked = threading.Event(), []

    def ask():
        while not stop.is_set():
            catalogue = current.catalogue()
            (found,) = catalogue.nearest(catalogue.vectors_of([5]), 5)
            asked.append(len(catalogue.clips([hit.item for hit in found])))
            time.sleep(0.001)  # the builder needs the interpreter, too

    threads = [threading.Thread(target=ask) for _ in range(2)]
    gc.collect()
    gc.disable()
    try:
        for thread in threads:
            thread.start()
        for number in range(REBUILDS):
            built = write(folder, vectors + number + 1, trees=2, extra={**extra, "digest": number})
            while current.catalogue().id != built.id:
                time.sleep(0.001)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        left = kept(folder)
        gc.enable()
    assert set(asked) == {5}
    assert left == (0, 0)
    current.close()
