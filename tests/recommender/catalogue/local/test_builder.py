"""Building: as a whole or not at all."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recommender.catalogue.local.builder import ClipBatch, NewClip, SeenIds, write_catalogue
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.catalogue.local.manifest import Manifest
from recommender.catalogue.local.staging import staged
from recommender.errors import BuildFailed
from recommender.vectors import Window
from tests.support.catalogues import SPACE, clips, clustered, write

BUILD = """
import sys
from pathlib import Path
from tests.support.catalogues import clustered, write
write(Path(sys.argv[1]), clustered(4000))
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}


def child(code: str, *arguments: str, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, **options,
    )  # fmt: skip


def whole(folder: Path) -> Manifest:
    catalogue = LocalCatalogue.open(folder)
    catalogue.close()
    assert [p.name for p in folder.parent.glob(f".{folder.name}*")] == []
    return catalogue.manifest


def test_what_is_written(tmp_path):
    vectors = clustered(300)
    manifest = write(tmp_path / "c", vectors, extra={"kind": "test"})
    assert manifest == whole(tmp_path / "c") == Manifest.read(tmp_path / "c")
    assert (manifest.clips, manifest.searchable, manifest.labels, manifest.sources) == (300, 300, 4, 300)
    assert manifest.recipe.centre == pytest.approx(vectors.mean(axis=0), abs=1e-5)
    assert manifest.extra["vocabulary"]["labels"] == ["Dog", "Rain", "Siren", "Speech"]
    assert manifest.extra.keys() == {"kind", "duplicates", "vocabulary", "noise_floor"}
    assert (manifest.extra["kind"], manifest.extra["duplicates"]) == ("test", 0)
    centred = vectors - vectors.mean(axis=0)
    stored = np.load(tmp_path / "c" / "vectors.npy")
    assert stored == pytest.approx(centred / np.linalg.norm(centred, axis=1, keepdims=True), abs=1e-5)


def test_the_same_clips_give_the_same_catalogue(tmp_path):
    first, second = (write(tmp_path / name, clustered(300)) for name in "ab")
    assert first.calibration == second.calibration
    assert first.known_answers == second.known_answers
    assert first.files["clips.sqlite"] == second.files["clips.sqlite"]
    assert first.files["vectors.npy"] == second.files["vectors.npy"]
    assert write(tmp_path / "c", clustered(300, seed=9)).id != first.id


def test_vectors_are_projected_as_they_are_told_and_queries_after_them(tmp_path):
    vectors = clustered(300)
    projection = np.linalg.qr(np.random.default_rng(1).standard_normal((vectors.shape[1], 5)))[0]
    batches = [ClipBatch(clips(300), vectors)]
    write_catalogue(
        tmp_path / "c", space=SPACE, vectors_kind="max", batches=batches, projection=projection, progress=False
    )
    recipe = whole(tmp_path / "c").recipe
    assert recipe.pooling == "max" and recipe.projection == pytest.approx(projection)
    frames = np.stack([vectors[7], vectors[7] - 1])
    made = recipe.clip_vectors(frames, [Window(0, 10, 0, 2)])
    assert made.shape == (1, 5)
    assert made[0] == pytest.approx(np.load(tmp_path / "c" / "vectors.npy")[7], abs=1e-5)


def test_few_clips_are_not_centred(tmp_path):
    manifest = write(tmp_path / "c", clustered(5))
    assert manifest.recipe.centre is None
    assert whole(tmp_path / "c").clips == 5


def test_one_clip_is_a_catalogue(tmp_path):
    write(tmp_path / "c", clustered(1))
    assert whole(tmp_path / "c").clips == 1


def test_of_clips_with_one_id_the_first_is_kept(tmp_path):
    new = clips(60)
    new[40] = new[3]
    new[5] = new[4]
    manifest = write(tmp_path / "c", clustered(60), new)
    assert manifest.clips == 58
    assert manifest.extra["duplicates"] == 2


def test_clips_without_a_direction_are_kept_apart(tmp_path):
    vectors = clustered(300)
    vectors[7] = np.nan
    manifest = write(tmp_path / "c", vectors)
    assert (manifest.clips, manifest.searchable) == (300, 299)
    catalogue = LocalCatalogue.open(tmp_path / "c")
    assert catalogue.table.unsearchable.tolist() == [7]
    catalogue.close()


def test_clips_that_are_alike_do_not_break_the_calibration(tmp_path):
    vectors = np.repeat(clustered(40), 20, axis=0)
    manifest = write(tmp_path / "c", vectors)
    assert whole(tmp_path / "c").clips == 800
    assert all(measured.recall >= 0.99 for measured in manifest.calibration)


def test_only_what_is_asked_for_is_calibrated(tmp_path):
    assert [each.top for each in write(tmp_path / "all", clustered(300)).calibration] == [10, 30, 100]
    batches = [ClipBatch(clips(300), clustered(300))]
    ten = write_catalogue(tmp_path / "ten", space=SPACE, vectors_kind="mean", batches=batches, most_results=10)
    assert [each.top for each in ten.calibration] == [10]


def test_all_clips_the_same(tmp_path):
    write(tmp_path / "c", np.repeat(clustered(1), 15, axis=0))
    assert whole(tmp_path / "c").searchable == 15
    with pytest.raises(BuildFailed, match="direction"):
        write(tmp_path / "d", np.repeat(clustered(1), 30, axis=0))


def test_nothing_to_build_from(tmp_path):
    with pytest.raises(BuildFailed, match="no clip"):
        write_catalogue(tmp_path / "c", space=SPACE, vectors_kind="mean", batches=[], progress=False)
    assert list(tmp_path.iterdir()) == []


def test_vectors_of_two_dimensions_are_refused(tmp_path):
    batches = [
        ClipBatch([NewClip("a", "a", 0, 1)], np.ones((1, 3), np.float32)),
        ClipBatch([NewClip("b", "b", 0, 1)], np.ones((1, 4), np.float32)),
    ]
    with pytest.raises(BuildFailed, match="4 values where others have 3"):
        write_catalogue(tmp_path / "c", space=SPACE, vectors_kind="mean", batches=batches, progress=False)


def test_a_target_out_of_reach_fails_loudly(tmp_path, monkeypatch):
    from recommender.catalogue.local.index import Index

    found = Index.candidates
    monkeypatch.setattr(Index, "candidates", lambda self, query, count, nodes: found(self, query, count, nodes)[:5])
    with pytest.raises(BuildFailed, match="--target-recall"):
        write(tmp_path / "c", clustered(300))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BuildFailed, match="no catalogue"):
        write(tmp_path, clustered(30))
    with pytest.raises(BuildFailed, match="is a file"):
        write(tmp_path / "notes.txt", clustered(30))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_rebuild_takes_the_place_of_the_old(tmp_path):
    write(tmp_path / "c", clustered(300))
    write(tmp_path / "c", clustered(200))
    assert whole(tmp_path / "c").clips == 200


def test_a_failed_build_leaves_the_old(tmp_path):
    old = write(tmp_path / "c", clustered(300))

    def breaks():
        yield ClipBatch(clips(10), clustered(10))
        raise BuildFailed("the source is gone")

    with pytest.raises(BuildFailed, match="the source is gone"):
        write_catalogue(tmp_path / "c", space=SPACE, vectors_kind="mean", batches=breaks(), progress=False)
    assert whole(tmp_path / "c") == old


def test_a_killed_build_leaves_the_old_and_the_next_clears_up(tmp_path):
    old = write(tmp_path / "c", clustered(300))
    code = """
import sys, time
from pathlib import Path
from recommender.catalogue.local.builder import ClipBatch, write_catalogue
from tests.support.catalogues import clips, clustered
def batches():
    yield ClipBatch(clips(50), clustered(50))
    print("building", flush=True)
    time.sleep(600)
write_catalogue(Path(sys.argv[1]), space="vggish-pca", vectors_kind="mean", batches=batches(), progress=False)
"""
    with child(code, str(tmp_path / "c")) as process:
        assert process.stdout and process.stdout.readline() == "building\n"
        process.send_signal(signal.SIGKILL)
    left = [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert len(left) == 1
    catalogue = LocalCatalogue.open(tmp_path / "c")
    assert catalogue.manifest == old
    catalogue.close()
    write(tmp_path / "c", clustered(200))
    assert whole(tmp_path / "c").clips == 200


def test_a_build_leaves_the_folder_of_another_that_runs(tmp_path):
    with staged(tmp_path / "c") as other:
        (other / "x").write_text("kept")
        write(tmp_path / "c", clustered(30))
        assert (other / "x").read_text() == "kept"


@pytest.mark.parametrize("megabytes", [0.2, 1.5, 2.2])
def test_a_file_that_may_not_grow_is_an_error_and_no_crash(tmp_path, megabytes):
    """The limit strikes the table, the vectors or the index by turns; the kernel reports it as it does a full disk."""
    old = write(tmp_path / "c", clustered(300))

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(megabytes * 1e6), int(megabytes * 1e6)))

    with child(BUILD, str(tmp_path / "c"), preexec_fn=limit) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert "BuildFailed" in errors.strip().splitlines()[-1]
    assert whole(tmp_path / "c") == old


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare to mount a small disk")
@pytest.mark.parametrize("kilobytes", [200, 1500, 3500])
def test_a_full_disk(tmp_path, kilobytes):
    mount = 'mount -t tmpfs -o size="$1"k none "$2" || exit 77; shift; '
    script = mount + '"$2" -c "$3" "$1/c"; status=$?; ls -A "$1"; exit $status'
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
        str(kilobytes),
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, sys.executable, BUILD],
        capture_output=True, text=True, env=ENVIRONMENT, check=False,
    )  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()}")
    assert done.returncode == 1
    assert "BuildFailed" in done.stderr.strip().splitlines()[-1]
    assert "Make room" in done.stderr
    assert done.stdout == ""


def test_seen_ids_agree_with_a_set():
    random = np.random.default_rng(1)
    seen, known = SeenIds(), set()
    for _ in range(60):
        batch = [f"id{number}" for number in random.integers(0, 2000, random.integers(0, 90))]
        expected = []
        for name in batch:
            expected.append(name not in known)
            known.add(name)
        assert seen.add(batch).tolist() == expected


def test_what_a_build_left_that_was_killed_while_it_put_all_on_disk_is_cleared(tmp_path):
    left = tmp_path / ".c.building-x"
    left.mkdir()
    (left / "index.ann").write_bytes(b"x")
    write(tmp_path / "c", clustered(30))
    assert not left.exists()


def test_many_clips_without_a_vector_do_not_break_the_calibration(tmp_path):
    vectors = np.concatenate((clustered(30, clusters=30), np.full((30, 128), np.nan, np.float32)))
    manifest = write(tmp_path / "c", vectors)
    assert (manifest.searchable, manifest.calibration[0].recall) == (30, 1.0)
