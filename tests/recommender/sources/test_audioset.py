"""AudioSet's features, folder or archive, whole and damaged, into batches of clips."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from recommender.cli import main
from recommender.errors import BuildFailed
from recommender.sources import audioset
from recommender.sources.audioset import ReadReport
from recommender.sources.shards import Wanted
from recommender.vectors import dequantise
from tests.support.tfrecords import LABELS, Record, made_up, write_archive, write_features, write_labels

RECORDS = made_up(200)
MEAN = Wanted(LABELS, None, "mean")


@pytest.fixture(scope="module")
def features(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    write_features(folder, RECORDS[:150], split="bal_train")
    return write_features(folder, RECORDS[150:], split="eval")


def read(path: Path, wanted: Wanted = MEAN, report: ReadReport | None = None, **options):
    report = report if report is not None else ReadReport()
    found = list(audioset.batches(path, wanted, report=report, progress=False, **options))
    clips = [clip for batch in found for clip in batch.clips]
    return clips, np.concatenate([batch.vectors for batch in found]), report


def by_id(records: list[Record]) -> dict[str, Record]:
    return {f"{record.video_id}_{round(record.start * 1000)}": record for record in records}


def test_a_folder(features):
    clips, vectors, report = read(features)
    wanted = by_id(RECORDS)
    assert {clip.clip_id for clip in clips} == wanted.keys()
    for clip, vector in zip(clips, vectors, strict=True):
        record = wanted[clip.clip_id]
        assert (clip.source, clip.start, clip.end) == (record.video_id, record.start, record.end)
        assert clip.labels == tuple(LABELS[index] for index in record.labels)
        assert vector == pytest.approx(dequantise(record.frames).mean(axis=0), abs=1e-6)
    assert (report.records, report.damaged, report.skipped) == (200, 0, 0)
    assert report.shards == len(list(features.rglob("*.tfrecord")))


def test_an_archive_gives_what_its_folder_gives(features, tmp_path):
    archive = write_archive(tmp_path / "features.tar.gz", features)
    from_archive, from_folder = read(archive), read(features)
    assert from_archive[0] == from_folder[0]
    assert (from_archive[1] == from_folder[1]).all()
    assert from_archive[2] == from_folder[2]


def test_one_shard(features):
    path = next(features.rglob("*.tfrecord"))
    clips, _, report = read(path)
    assert report.shards == 1
    assert {clip.source[:2] for clip in clips} == {path.stem}


def test_splits(features):
    clips, _, _ = read(features, splits=["eval"])
    assert {clip.clip_id for clip in clips} == by_id(RECORDS[150:]).keys()


def test_only_some_labels(features):
    clips, _, report = read(features, Wanted(LABELS, frozenset({2}), "mean"))
    assert {clip.clip_id for clip in clips} == {name for name, r in by_id(RECORDS).items() if 2 in r.labels}
    assert report.skipped == 200 - len(clips)


def test_raw_frames(features):
    clips, vectors, _ = read(features, Wanted(LABELS, None, "raw-frames"))
    wanted = by_id(RECORDS)
    for clip, vector in zip(clips, vectors, strict=True):
        frames = wanted[clip.clip_id].frames
        assert (vector == (frames[:10].reshape(-1) if len(frames) >= 10 else 0)).all()


def test_child_processes_give_the_same_in_the_same_order(features, monkeypatch):
    monkeypatch.setattr(audioset, "BATCH_BYTES", 20_000)
    alone, together = read(features, workers=1), read(features, workers=2)
    assert together[0] == alone[0]
    assert (together[1] == alone[1]).all()
    assert together[2] == alone[2]


def test_damage_is_named_and_the_rest_goes_on(features, tmp_path):
    folder = tmp_path / "damaged"
    write_features(folder, RECORDS)
    first, second, third = sorted(folder.rglob("*.tfrecord"))[:3]
    data = bytearray(first.read_bytes())
    data[100] ^= 1
    first.write_bytes(data)
    second.write_bytes(second.read_bytes()[:-10])
    third.write_bytes(b"no record at all")
    clips, _, report = read(folder)
    damages = {damage.file: damage for damage in report.damages}
    assert {Path(name).name for name in damages} == {first.name, second.name, third.name}
    at = {Path(name).name: damage.offset for name, damage in damages.items()}
    assert at[first.name] == 0 and at[third.name] == 0 and at[second.name] < len(second.read_bytes())
    assert report.damaged == 3
    assert len(clips) == report.records == 200 - 2 - sum(r.video_id[:2] == third.stem for r in RECORDS)


def test_a_record_that_is_no_example_is_damage(tmp_path):
    write_features(tmp_path, [*RECORDS[:5], Record("vx_________", 0.0, 10.0, (1,), np.zeros((0, 128), np.uint8))])
    clips, _, report = read(tmp_path)
    assert len(clips) == 5
    assert "audio_embedding" in report.damages[0].reason or "frame vectors" in report.damages[0].reason


def test_an_archive_that_breaks_off(features, tmp_path):
    archive = write_archive(tmp_path / "features.tar.gz", features)
    archive.write_bytes(archive.read_bytes()[:-3000])
    clips, _, report = read(archive)
    assert 0 < len(clips) < 200
    assert report.damages[-1].file == "features.tar.gz" and report.damages[-1].rest_lost


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08broken"])
def test_what_is_no_archive(tmp_path, content):
    path = tmp_path / "features.tar.gz"
    path.write_bytes(content)
    with pytest.raises(BuildFailed, match=r"features\.tar\.gz"):
        read(path)


def test_nothing_there(tmp_path, features):
    with pytest.raises(BuildFailed, match="nothing at"):
        read(tmp_path / "absent")
    with pytest.raises(BuildFailed, match="does not hold"):
        read(tmp_path)
    with pytest.raises(BuildFailed, match="bal_train, eval"):
        read(features, splits=["unbal_train"])


def test_labels_that_the_table_does_not_name_are_left_out_and_counted(tmp_path):
    write_features(tmp_path, [Record("aaaaaaaaaaa", 0.0, 10.0, (99, 1), np.ones((1, 128), np.uint8))])
    clips, _, report = read(tmp_path)
    assert clips[0].labels == ("Music",)
    assert report.to_json()["unnamed"] == {"99": 1}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("inference_demo", "no video_id, as vggish_inference_demo.py leaves it out"),
        ("yt8m_id", "of YouTube-8M"),
        ("gz", "compressed with gzip: unpack it"),
        ("floats", "frame vectors are floats: quantise"),
    ],
)
def test_what_people_take_for_audioset_is_refused_with_its_reason(shared_data, tmp_path, capsys, case, reason):
    cases = shared_data / "field-cases" / "audioset"
    command = ["build", "audioset", str(cases / case), "--labels", str(write_labels(tmp_path)), "--out"]
    assert main([*command, str(tmp_path / "out")]) != 0
    told = capsys.readouterr().err.splitlines()
    assert f"No record in {cases / case} can be used" in told[-1] and reason in told[-1]
    assert len(told) <= 13 and all(reason in line for line in told)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x78\x9c and so on", "compressed with zlib"),
        (b"\x1f\x8b\x08 and so on", "compressed with gzip"),
        (b"<!doctype html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"nothing that is known", "checksum of a record's length"),
    ],
)
def test_a_shard_that_is_none_is_known_by_how_it_begins(tmp_path, content, reason):
    write_features(tmp_path, RECORDS[:5])
    (tmp_path / "00.tfrecord").write_bytes(content)
    _, _, report = read(tmp_path)
    assert [reason in damage.reason for damage in report.damages] == [True]


@pytest.mark.parametrize("pack", [True, False])
def test_what_macos_puts_beside_each_file_is_passed_over(features, tmp_path, pack):
    features = Path(shutil.copytree(features, tmp_path / "features"))
    for shard in list(features.rglob("*.tfrecord")):
        shard.with_name(f"._{shard.name}").write_bytes(b"\x00\x05\x16\x07 AppleDouble")
    clips, _, report = read(write_archive(tmp_path / "mac.tgz", features) if pack else features)
    assert (len(clips), report.damaged) == (200, 0)


def test_an_archive_made_on_a_mac(shared_data):
    clips, _, report = read(shared_data / "field-cases" / "audioset" / "mac.tgz")
    assert (len(clips), report.damaged, report.shards) == (400, 0, 31)


def test_a_renumbered_table_is_a_warning_that_says_what_it_changes(features, tmp_path, capsys):
    table = tmp_path / "reindexed.csv"
    table.write_text("index,mid,display_name\n0,/m/music,Music\n1,/m/jazz,Jazz\n")
    out = tmp_path / "out"
    assert main(["build", "audioset", str(features), "--labels", str(table), "--out", str(out)]) == 0
    told = capsys.readouterr().err
    assert "class 0 is Speech there, and Music here" in told
    assert "no name for 4 classes of the features" in told and "class 5" not in told
    assert set(json.loads((out / "manifest.json").read_text())["extra"]["read"]["unnamed"]) <= {"2", "3", "4", "5"}


def test_the_real_features(shared_data):
    clips, vectors, report = read(shared_data / "audioset-features", workers=1)
    assert (len(clips), report.shards, report.damaged) == (22_810, 4072, 0)
    assert np.isfinite(vectors).all()
    assert len({clip.clip_id for clip in clips}) == 22_810


def test_features_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "features.tar.gz"
    path.write_bytes(b"x")

    def refuse(self, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BuildFailed, match=r"features\.tar\.gz cannot be read \(Permission denied\)"):
        read(path)
