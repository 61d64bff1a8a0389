"""The command line from features to answers."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recommender.cli import main
from tests.support.catalogues import clips, clustered, write
from tests.support.tfrecords import made_up, write_archive, write_features, write_labels

RECORDS = made_up(120)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with features, an archive of them, labels, and a catalogue `c`."""
    folder = tmp_path_factory.mktemp("commands")
    write_features(folder / "features", RECORDS[:80], split="bal_train")
    write_features(folder / "features", RECORDS[80:], split="eval")
    write_archive(folder / "features.tar.gz", folder / "features")
    write_labels(folder)
    assert build(folder, "c") == 0
    return folder


def build(folder: Path, name: str, *options: str, features: str = "features") -> int:
    labels = str(folder / "class_labels_indices.csv")
    out = str(folder / name)
    return main(
        ["build", "audioset", str(folder / features), "--labels", labels, "--out", out, "--trees", "5", *options]
    )


def lines(capsys) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def info(folder: Path, capsys) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["info", str(folder), "--json"]) == 0
    return lines(capsys)[0]


def test_build_says_what_was_read(made, capsys):
    assert build(made, "said") == 0
    out, errors = capsys.readouterr()
    assert "120 clips of 120 records" in out and "recall@10" in out
    assert errors == ""


def test_folder_and_archive_give_the_same_catalogue(made, capsys):
    assert build(made, "packed", features="features.tar.gz") == 0
    folder, packed = info(made / "c", capsys), info(made / "packed", capsys)
    assert packed["clips"] == folder["clips"] == 120
    assert packed["commonest_labels"] == folder["commonest_labels"]
    assert packed["calibration"] == folder["calibration"]


def test_info_is_short_for_people(tmp_path, capsys):
    names = tuple(f"label {number}" for number in range(50))
    write(tmp_path / "c", clustered(100), clips(100, labels=names))
    assert main(["info", str(tmp_path / "c")]) == 0
    said = capsys.readouterr().out
    assert "labels 50 (--json has them)" in said and max(map(len, said.splitlines())) < 500
    assert info(tmp_path / "c", capsys)["extra"]["vocabulary"]["labels"] == sorted(names)


def test_split_and_only(made, capsys):
    assert build(made, "part", "--split", "eval", "--only", "Music") == 0
    kept = info(made / "part", capsys)
    assert set(kept["commonest_labels"]) <= {"Music", "Jazz", "Speech"}
    assert kept["clips"] == sum(bool({1, 2} & set(record.labels)) for record in RECORDS[80:])
    assert kept["extra"]["read"]["skipped"] == 40 - kept["clips"]


def test_only_without_an_ontology_says_so(made, tmp_path, capsys):
    labels = write_labels(tmp_path, ontology=False)
    status = main(
        [
            "build",
            "audioset",
            str(made / "features"),
            "--labels",
            str(labels),
            "--out",
            str(tmp_path / "c"),
            "--only",
            "Music",
        ]
    )
    assert status == 0
    assert "--ontology" in capsys.readouterr().err
    assert "Jazz" not in info(tmp_path / "c", capsys)["commonest_labels"]


def test_damage_is_reported(made, tmp_path, capsys):
    write_features(tmp_path / "features", RECORDS)
    write_labels(tmp_path)
    shard = sorted((tmp_path / "features").rglob("*.tfrecord"))[0]
    shard.write_bytes(shard.read_bytes()[:-5])
    assert build(tmp_path, "c") == 0
    errors = capsys.readouterr().err
    assert f"damaged: features/bal_train/{shard.name} at byte " in errors
    assert info(tmp_path / "c", capsys)["extra"]["read"]["damaged"] == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--only", "Jaz"], "unknown-label"),
        (["--split", "train"], "build-failed"),
        (["--only", "Siren", "--split", "none"], "build-failed"),
    ],
)
def test_builds_that_cannot_be(made, capsys, options, code):
    assert build(made, "none", *options) == 1
    assert capsys.readouterr().err.startswith(f"{code}: ")
    assert not (made / "none").exists()


@pytest.mark.parametrize(
    "options", [["--trees", "0"], ["--trees", "x"], ["--target-recall", "2"], ["--vectors", "x"], ["--top", "3"]]
)
def test_wrong_usage_is_2(made, options):
    with pytest.raises(SystemExit) as caught:
        build(made, "none", *options)
    assert caught.value.code == 2


def test_similar_for_people(made, capsys):
    assert main(["similar", str(made / "c"), "#3", "--top", "3"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "#3"
    assert out[1].startswith("sounds like ")
    assert len(out) == 5 and "https://youtu.be/" in out[2] and "%" in out[2]


def test_similar_for_programs(made, capsys):
    assert main(["similar", str(made / "c"), "#3", "--json"]) == 0
    (answer,) = lines(capsys)
    assert answer["query"] == "#3"
    assert {"rank", "clip_id", "source", "item", "start", "end", "labels", "similarity", "url"} <= answer["results"][
        0
    ].keys()
    assert answer["results"][0]["rank"] == 1
    assert answer["sounds_like"][0][0] in answer["seeds"][0]["labels"]


def test_similar_for_spreadsheets_and_players(made, capsys):
    assert main(["similar", str(made / "c"), "#3", "#4", "--top", "2", "--format", "csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["query"], row["rank"]) for row in table] == [("#3", "1"), ("#3", "2"), ("#4", "1"), ("#4", "2")]
    assert all(row["url"].startswith("https://youtu.be/") and row["file"] == "" for row in table)
    assert main(["similar", str(made / "c"), "#3", "--top", "2", "--format", "m3u8"]) == 0
    playlist = capsys.readouterr().out.splitlines()
    assert playlist[0] == "#EXTM3U"
    assert [line[:8] for line in playlist[1:]] == ["#EXTINF:", "#EXTVLCO", "https://"] * 2


def test_an_unknown_clip_is_1_and_the_others_are_answered(made, capsys):
    assert main(["similar", str(made / "c"), "nonsense", "#3", "a/b.wav", "--json"]) == 1
    first, second, third = lines(capsys)
    assert first["query"] == "nonsense" and first["error"]["code"] == "unknown-clip" and first["error"]["message"]
    assert second["results"]
    assert third["error"]["code"] == "unknown-clip"


def test_ids_that_begin_with_a_minus(made, capsys):
    video = next(record.video_id for record in RECORDS if record.video_id.startswith("-"))
    assert main(["similar", str(made / "c"), video, f"{video}_{round(RECORDS[3].start * 1000)}", "--json"]) == 0
    first, second = lines(capsys)
    assert first["results"] == second["results"]


def test_combinations_with_and_without_quotes(made, capsys):
    assert main(["similar", str(made / "c"), "#3 + #4 - #5", "--json"]) == 0
    assert main(["similar", str(made / "c"), "#3", "+", "#4", "-", "#5", "--json"]) == 0
    assert main(["similar", str(made / "c"), "#1", "#3", "+", "#4", "--json"]) == 0
    quoted, bare, other, both = lines(capsys)
    assert quoted == bare
    assert (other["query"], both["query"]) == ("#1", "#3 + #4")


def test_a_way_with_and_without_quotes(made, capsys):
    for query in (["#3 to #9"], ["#3", "to", "#9"]):
        assert main(["similar", str(made / "c"), "--json", *query]) == 0
        (found,) = lines(capsys)
        assert found["ranked_by"] == "way"
        assert [found["results"][place]["item"] for place in (0, -1)] == [3, 9]
    assert main(["similar", str(made / "c"), "--format", "m3u8", "#3 to #9"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3 * len(found["results"])


def test_queries_from_standard_input(made, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("#3\n\n #4 \nnonsense\n"))
    assert main(["similar", str(made / "c"), "-", "--json"]) == 1
    assert [answer["query"] for answer in lines(capsys)] == ["#3", "#4", "nonsense"]


def test_filters(made, capsys):
    assert (
        main(["similar", str(made / "c"), "#3", "--only", "dog", "rain", "--not", "Speech", "--json", "--top", "50"])
        == 0
    )
    (answer,) = lines(capsys)
    assert answer["results"]
    for result in answer["results"]:
        assert set(result["labels"]) & {"Dog", "Rain"} and "Speech" not in result["labels"]


@pytest.mark.parametrize("top", ["0", "1001", "x"])
def test_too_many_results(made, top):
    with pytest.raises(SystemExit) as caught:
        main(["similar", str(made / "c"), "#3", "--top", top])
    assert caught.value.code == 2


def test_verify(made, tmp_path, capsys):
    assert main(["verify", str(made / "c")]) == 0
    assert "whole" in capsys.readouterr().out
    assert build(made, "harmed") == 0
    path = made / "harmed/vectors.npy"
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-2] ^= 0x01
    path.write_bytes(data)
    capsys.readouterr()
    assert main(["verify", str(made / "harmed")]) == 1
    assert "catalogue-damaged" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info", "verify", "evaluate", "similar", "export", "map"])
def test_no_catalogue(tmp_path, capsys, command):
    more = {"similar": ["#1"], "export": ["--jsonl", str(tmp_path / "x")], "map": ["--out", str(tmp_path / "x")]}.get(
        command, []
    )
    assert main([command, str(tmp_path), *more]) == 1
    assert capsys.readouterr().err.startswith("no-catalogue: ")
    assert list(tmp_path.iterdir()) == []


def test_export_is_the_notebooks_json(made, tmp_path, capsys):
    assert build(made, "raw", "--vectors", "raw-frames") == 0
    target = tmp_path / "clips.jsonl"
    assert main(["export", str(made / "raw"), "--jsonl", str(target)]) == 0
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    wanted = {f"{r.video_id}_{round(r.start * 1000)}": r for r in RECORDS}
    # The notebook leaves out what is shorter than ten frames.
    assert {row["clip_id"] for row in rows} == {name for name, r in wanted.items() if len(r.frames) >= 10}
    for row in rows:
        record = wanted[row["clip_id"]]
        assert (row["video_id"], row["start_time"], row["end_time"]) == (record.video_id, record.start, record.end)
        assert row["data"] == record.frames[:10].reshape(-1).tolist()
        assert len(row["data"]) == 1280
    capsys.readouterr()
    assert main(["export", str(made / "c"), "--jsonl", "-"]) == 0
    first = lines(capsys)[0]
    assert len(first["data"]) == 128 and sum(v * v for v in first["data"]) == pytest.approx(1, abs=1e-4)


def test_export_to_nowhere(made, tmp_path, capsys):
    assert main(["export", str(made / "c"), "--jsonl", str(tmp_path / "absent/x.jsonl")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_evaluate(made, capsys):
    assert main(["evaluate", str(made / "c"), "--json"]) == 0
    mean, raw = json.loads(capsys.readouterr().out)
    assert (mean["vectors"], raw["vectors"]) == ("mean", "raw-frames")
    assert mean["recall_at_10"] >= 0.99 and raw["recall_at_10"] >= 0.99
    assert 0.9 < mean["precision_at_10"] <= 1
    assert mean["labels_counted"] == "people's"
    assert main(["evaluate", str(made / "c")]) == 0
    table = capsys.readouterr().out
    assert "label precision@10" in table and "raw-frames" in table


def test_as_a_process(made):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "recommender", "similar", str(made / "c"), "-", "--json"]
    done = subprocess.run(command, input="#3\n", capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout)["results"]
    assert done.stderr == ""


def test_real_clips(shared_data, tmp_path, capsys):
    metadata = shared_data / "audioset-metadata"
    features, labels = shared_data / "audioset-features", metadata / "class_labels_indices.csv"
    command = [
        "build",
        "audioset",
        str(features),
        "--labels",
        str(labels),
        "--out",
        str(tmp_path / "c"),
        "--only",
        "Music",
        "--split",
        "bal_train",
    ]
    assert main([*command, "--trees", "10"]) == 0
    facts = info(tmp_path / "c", capsys)
    names = set(facts["commonest_labels"])
    assert "Music" in names and facts["clips"] > facts["commonest_labels"]["Music"]
    assert facts["calibration"][0]["recall"] >= 0.99


def test_export_to_a_reader_that_has_seen_enough(made):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "recommender", "export", str(made / "c"), "--jsonl", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_export_into_a_pipe_and_through_a_link(made, tmp_path):
    pipe, link, real = tmp_path / "pipe", tmp_path / "link", tmp_path / "real.jsonl"
    os.mkfifo(pipe)
    link.symlink_to(real)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_text)
        assert main(["export", str(made / "c"), "--jsonl", str(pipe)]) == 0
        text = read.result(60)
    assert main(["export", str(made / "c"), "--jsonl", str(link)]) == 0
    assert pipe.is_fifo() and link.is_symlink() and real.read_text() == text != ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe", "real.jsonl"]


def test_an_archive_that_breaks_off_is_1(made, tmp_path, capsys):
    whole = (made / "features.tar.gz").read_bytes()
    (tmp_path / "f.tar.gz").write_bytes(whole[: len(whole) * 3 // 4])
    labels = str(made / "class_labels_indices.csv")
    command = ["build", "audioset", str(tmp_path / "f.tar.gz"), "--labels", labels, "--out", str(tmp_path / "c")]
    assert main(command) == 1
    assert "is not whole: fetch it again" in capsys.readouterr().err


def test_a_library_is_not_replaced_by_audioset(made, tmp_path, capsys):
    from tests.support.catalogues import clustered, write

    write(tmp_path / "c", clustered(30), extra={"kind": "library"})
    labels = str(made / "class_labels_indices.csv")
    command = ["build", "audioset", str(made / "features.tar.gz"), "--labels", labels, "--out", str(tmp_path / "c")]
    assert main(command) == 1
    assert "holds a catalogue of something else" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["-hDuDDv0lbQ", "-hDuDDv0lbQ_30000", "-JKLmqDk9p", "-dash.wav", "caf\udce9"])
def test_odd_ids_are_queries(made, capsys, name):
    assert main(["similar", str(made / "c"), name]) == 1
    shown = name.encode(errors="backslashreplace").decode()
    assert capsys.readouterr().err.startswith(f"{shown}: ")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("dog " * 100, None),
        ("dog + " * 100 + "dog", "bad-query"),
        ("x" * 300, "unknown-clip"),
        (f"dog + {'x' * 300}", "unknown-clip"),
    ],
)
def test_what_is_too_long_for_a_files_name_is_a_query(made, capsys, query, code):
    assert main(["similar", str(made / "c"), "--json", query, "#5"]) == (code is not None)
    long, other = lines(capsys)
    assert long.get("error", {}).get("code") == code and other["results"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("dog top 5", "`top 5` would be words: it is an option here, --top"),
        ("dog + rain only Speech", "`only Speech` would be words: it is an option here, --only"),
        ("dog not rain", "--not"),
        ("dog longer than 2s", "lengths are filters in Slack alone"),
        ("Random", "A random clip is for Slack"),
        ("dog louder 20", "say `louder -20`"),
        ("dog tempo 120", "knows no tempo"),
        ("dog + qqqqq", "no clip qqqqq"),
        ("дождь", "words are understood in English"),
        ("#3 to #9 " + "x" * 300, "x…: "),
    ],
)
def test_what_would_be_passed_over_or_guessed_is_a_sentence(made, capsys, query, said):
    assert main(["similar", str(made / "c"), query]) == 1
    told = capsys.readouterr().err
    assert said in told and len(told) < 400


def test_words_that_look_like_filters_are_words_in_quotes_and_alone(made, capsys):
    assert main(["similar", str(made / "c"), "--json", 'dog "top 5"', "dog at the top", "dog only"]) == 0
    assert all("error" not in answer for answer in lines(capsys))


def test_a_wrong_path_that_was_named_is_an_error(made, capsys):
    assert main(["evaluate", str(made / "c"), "--features", "/nowhere"]) == 1
    assert "There is nothing at /nowhere" in capsys.readouterr().err
