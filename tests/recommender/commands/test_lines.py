"""Lines that commands print for people."""

from __future__ import annotations

import importlib

import pytest

from recommender import cli
from recommender.answers import Answer, Result, Understood
from recommender.clips import Clip
from recommender.commands.build.audioset import PLACES_TOLD, _tell_damages
from recommender.commands.similar import _show
from recommender.sources.audioset import DAMAGES_KEPT, ReadReport
from recommender.sources.tfrecord import Damage


def test_every_kind_of_damage_is_counted_beside_the_places_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    report = ReadReport()
    for reason, places in (("first", DAMAGES_KEPT + 500), ("late", 3), ("later", PLACES_TOLD + 2)):
        report.add(Damage("shard", 0, reason, False) for _ in range(places))
    _tell_damages(report)
    lines = capsys.readouterr().err.splitlines()
    assert sum("shard" in line for line in lines) == PLACES_TOLD
    assert lines[PLACES_TOLD:] == [
        f"damaged: {DAMAGES_KEPT + 500 - PLACES_TOLD:,} places more: first",
        "damaged: 3 places more: late",
        f"damaged: {PLACES_TOLD + 2} places more: later",
    ]


@pytest.mark.parametrize(("way", "column"), [("vectors", " 50.0%"), ("words", ""), ("labels", "")])
def test_similarities_are_printed_where_they_say_something(
    way: str, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = Result(rank=1, clip=Clip(0, "a_0", "a", 0.0, 10.0, ("Dog",), "a", None), similarity=0.5, matched=None)
    understood = Understood("" if way == "labels" else "dog", (("Dog", 1.0),))
    _show("file", Answer("q", "id", (), (), (result,), False, (understood,), way), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == ("compared by labels: Dog" if way == "labels" else "dog: Dog")
    assert lines[2] == f"   1  {column:>7}  a  Dog"


def test_the_command_that_was_typed_is_imported_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    imported, real = list[str](), importlib.import_module

    def recorded(name: str) -> object:
        imported.append(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", recorded)
    cli.parser("info")
    assert imported == ["recommender.commands.info"]
    cli.parser("inof")
    assert {"recommender.commands.build", "recommender.commands.info"} < set(imported)
