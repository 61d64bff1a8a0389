"""Search: exact where it promises so, a source once, ties by item."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.catalogue.base import Calibration
from recommender.catalogue.exact import rank
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.local import nearest as nearest_module
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.search.search import search
from tests.support.catalogues import clips, clustered, write


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """2,000 clips, three of each source; labels of 50 %, 10 %, 1 % and 0.1 % of the clips; one clip is silent."""
    folder = tmp_path_factory.mktemp("search") / "c"
    new = clips(2000, per_source=3)
    for number, clip in enumerate(new):
        shares = {"half": 2, "tenth": 10, "hundredth": 100, "thousandth": 1000}
        new[number] = clip._replace(labels=tuple(name for name, every in shares.items() if number % every == 0))
    vectors = clustered(2000)
    vectors[11] = np.nan
    write(folder, vectors, new)
    opened = LocalCatalogue.open(folder)
    yield opened
    opened.close()


@pytest.fixture(params=["scan", "index"])
def way(request, monkeypatch):
    """Both ways to search find the same."""
    if request.param == "index":
        monkeypatch.setattr(nearest_module, "SCAN_VALUES", 0)
        monkeypatch.setattr(nearest_module, "setting_for", lambda calibration, count: Calibration(count, 1500, 1.0, 0))
    return request.param


def ask(catalogue, item, count=10, chosen=EVERYTHING, without=frozenset()):
    found = search(catalogue, [catalogue.vectors[item]], count, without=without, chosen=chosen)
    return [(match.item, match.similarity) for match in found]


def expected(catalogue, item, count, allowed):
    """The plain definition: sort all, take each source once."""
    similarities = catalogue.vectors.astype(np.float64) @ catalogue.vectors[item].astype(np.float64)
    found, seen = [], set()
    for other in sorted(range(len(catalogue)), key=lambda i: (-round(similarities[i], 9), i)):
        source = other // 3
        if allowed(other) and other != 11 and source not in seen:
            seen.add(source)
            found.append((other, pytest.approx(similarities[other], abs=1e-6)))
    return found[:count]


def test_each_source_once_best_first(catalogue, way):
    assert ask(catalogue, 600) == expected(catalogue, 600, 10, lambda i: True)
    without = frozenset({"src00000200"})
    assert ask(catalogue, 600, without=without) == expected(catalogue, 600, 10, lambda i: i // 3 != 200)


@pytest.mark.parametrize(("name", "every"), [("half", 2), ("tenth", 10), ("hundredth", 100), ("thousandth", 1000)])
def test_filters_are_exact_at_any_selectivity(catalogue, way, name, every):
    assert ask(catalogue, 7, 20, Filter(only=((name,),))) == expected(catalogue, 7, 20, lambda i: i % every == 0)
    assert ask(catalogue, 8, 20, Filter(without=(name,))) == expected(catalogue, 8, 20, lambda i: i % every != 0)


def test_filters_combine(catalogue, way):
    chosen = Filter(only=(("tenth", "thousandth"),), without=("hundredth",))
    assert ask(catalogue, 7, 30, chosen) == expected(catalogue, 7, 30, lambda i: i % 10 == 0 and i % 100 != 0)
    assert ask(catalogue, 7, 30, Filter(only=(("hundredth",),), without=("half",))) == []


def test_all_that_there_is(catalogue, way):
    assert len(ask(catalogue, 0, 1000)) == 667
    assert ask(catalogue, 0, 667) == expected(catalogue, 0, 667, lambda i: True)


def test_several_windows_are_merged(catalogue):
    queries = [catalogue.vectors[item] for item in (30, 61, 92)]
    found = search(catalogue, queries, 12)
    assert {match.item for match in found[:3]} == {30, 61, 92}
    assert {match.item: match.place for match in found[:3]} == {30: 0, 61: 1, 92: 2}
    assert [m.similarity for m in found] == sorted((m.similarity for m in found), reverse=True)
    assert len({match.item // 3 for match in found}) == len(found)


def test_ties_go_by_item(tmp_path):
    write(tmp_path / "c", np.repeat(clustered(30), 40, axis=0))
    catalogue = LocalCatalogue.open(tmp_path / "c")
    found = search(catalogue, [catalogue.vectors[85]], 40)
    assert [match.item for match in found] == list(range(80, 120))
    ranked = rank(catalogue.vectors, catalogue.vectors[85], np.arange(119, 79, -1))
    assert ranked.items.tolist() == list(range(80, 120))
    catalogue.close()


def test_results_that_must_be_sure_are_searched_for_as_calibrated(catalogue, monkeypatch):
    asked = []

    def setting(calibration, count):
        asked.append(count)
        return Calibration(count, 1500, 1.0, 0)

    monkeypatch.setattr(nearest_module, "SCAN_VALUES", 0)
    monkeypatch.setattr(nearest_module, "setting_for", setting)
    sources = frozenset({"src00000200"})
    found = search(catalogue, [catalogue.vectors[600]], 20, sure=10, without=sources)
    assert asked[0] == 10
    wanted = expected(catalogue, 600, 10, lambda i: i // 3 != 200)
    assert [(match.item, match.similarity) for match in found][:10] == wanted
