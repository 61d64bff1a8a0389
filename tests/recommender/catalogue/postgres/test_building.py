"""A catalogue that is built straight into a database, and all commands on it."""

from __future__ import annotations

import re
import shlex

import pytest

from recommender.cli import main
from recommender.commands.build import library
from recommender.errors import BuildFailed
from tests.recommender.library.conftest import write_song
from tests.support.spectral import SpectralPool
from tests.support.tfrecords import made_up, write_features, write_labels


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with features, labels, and a catalogue `c`."""
    folder = tmp_path_factory.mktemp("building")
    write_features(folder / "features", made_up(120))
    write_labels(folder)
    assert main([*command(folder), "--out", str(folder / "c")]) == 0
    return folder


def command(folder):
    labels = str(folder / "class_labels_indices.csv")
    return ["build", "audioset", str(folder / "features"), "--labels", labels, "--trees", "5"]


def test_a_build_into_a_database_leaves_no_folder_behind(made, postgres_url, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    url = f"{postgres_url}&schema=built"
    assert main([*command(made), "--out", url]) == 0
    out = capsys.readouterr().out
    assert "120 clips copied" in out and str(tmp_path) not in out and not list(tmp_path.iterdir())
    answers = []
    for place in (url, str(made / "c")):
        assert main(["similar", place, "#3", "--json"]) == main(["verify", place]) == main(["info", place]) == 0
        assert main(["map", place, "--out", str(tmp_path / "map.html")]) == main(["evaluate", place]) == 0
        capsys.readouterr()
        assert main(["similar", place, "#3", "--format", "csv"]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]


def test_a_build_into_a_database_that_does_not_answer_or_fails_says_so(
    made, postgres_url, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for url, said in {
        "postgresql://me:secret@127.0.0.1:1/x": "catalogue-unavailable",
        "redis://me:secret@host/x": "Nothing can be pushed to redis://",
        "postgresql://me:sec@ret@host/x": "does not take the address",
    }.items():
        assert main([*command(made), "--out", url]) == 1
        errors = capsys.readouterr().err
        assert said in errors and "sec" not in errors

    def failing(*_):
        raise BuildFailed("broken")

    monkeypatch.setattr("recommender.commands.build.push", failing)
    assert main([*command(made), "--out", f"{postgres_url}&schema=failed"]) == 1
    (kept,) = tmp_path.iterdir()
    assert str(kept / "catalogue") in capsys.readouterr().err and main(["verify", str(kept / "catalogue")]) == 0


def test_a_library_goes_into_a_database_by_the_commands_that_the_refusal_names(
    postgres_url, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(library, "embedder_pool_of", lambda *_: SpectralPool())
    sounds, out, url = tmp_path / "my sounds", str(tmp_path / "out"), f"{postgres_url}&schema=library"
    for number in range(3):
        write_song(sounds / f"{number}.wav", 1, number)
    assert main(["build", "library", str(sounds), "--out", url]) == 1
    commands = re.findall("`python -m recommender (.*?)`", capsys.readouterr().err)
    assert len(commands) == 2
    for command in commands:
        arguments = shlex.split(command)
        assert main([{"FOLDER": out, "URL": url}.get(argument, argument) for argument in arguments]) == 0
    assert main(["verify", url]) == 0 and "3 clips" in capsys.readouterr().out
