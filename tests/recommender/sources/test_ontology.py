"""Label names and their kinds."""

from __future__ import annotations

import pytest

from recommender.errors import BuildFailed, UnknownLabel
from recommender.sources.ontology import class_indices, find_ontology, read_label_names
from tests.support.tfrecords import LABELS, write_labels


@pytest.fixture
def labels(tmp_path):
    return write_labels(tmp_path / "labels")


def test_names_by_index(labels):
    assert read_label_names(labels).names == LABELS


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "index,mid,display_name\nx,/m/a,A\n", "index,mid,display_name\n0,/m/a,A\n0,/m/b,B\n"]
)
def test_what_is_no_list_of_labels(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(BuildFailed, match=r"labels\.csv"):
        read_label_names(path)


HEAD = ("index", "mid", "display_name")
ROWS = [HEAD, ("0", "/m/speech", "Speech, all kinds"), ("1", "/m/music", "Music")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_as_spreadsheets_write_them(tmp_path, separator, end, encoding):
    path = tmp_path / "labels.csv"
    quoted = [separator.join(f'"{cell}"' if " " in cell else cell for cell in row) for row in ROWS]
    path.write_bytes(end.join([*quoted, ""]).encode(encoding))
    labels = read_label_names(path)
    assert labels.names == ("Speech, all kinds", "Music")
    assert labels.indices == {"/m/speech": 0, "/m/music": 1}


def test_a_table_of_fewer_labels_keeps_their_numbers(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("Index, MID, Display_Name\n2,/m/c,Female speech\n5,/m/f,Narration\n")
    assert read_label_names(path).names == ("", "", "Female speech", "", "", "Narration")
    assert (read_label_names(path).renumbered() or (0, ""))[0] == 2


def test_the_real_table_is_numbered_as_google_does(shared_data):
    assert read_label_names(shared_data / "audioset-metadata" / "class_labels_indices.csv").renumbered() is None


def test_no_list_of_labels(tmp_path):
    with pytest.raises(BuildFailed, match="--labels"):
        read_label_names(tmp_path / "absent.csv")


def test_the_ontology_beside_the_labels_is_found(labels):
    names = read_label_names(labels)
    ontology = find_ontology(None, labels)
    assert class_indices(["music"], names, ontology) == {1, 2}
    assert class_indices(["/m/jazz", " DOG "], names, ontology) == {2, 3}
    assert class_indices(["Human sounds"], names, ontology) == {0}


def test_without_an_ontology_a_label_is_itself_alone(tmp_path):
    labels = write_labels(tmp_path, ontology=False)
    assert find_ontology(None, labels) is None
    assert class_indices(["Music"], read_label_names(labels), None) == {1}


def test_a_named_ontology_must_be_one(labels, tmp_path):
    with pytest.raises(BuildFailed, match="--ontology"):
        find_ontology(tmp_path / "absent.json", labels)
    (tmp_path / "bad.json").write_text('[{"id": 1}]')
    with pytest.raises(BuildFailed, match="no ontology"):
        find_ontology(tmp_path / "bad.json", labels)


def test_a_misspelt_label_gets_suggestions(labels):
    with pytest.raises(UnknownLabel, match="Did you mean Jazz") as caught:
        class_indices(["Jaz"], read_label_names(labels), find_ontology(None, labels))
    assert "Jazz" in caught.value.suggestions


def test_the_real_ontology(shared_data):
    labels = shared_data / "audioset-metadata/class_labels_indices.csv"
    names = read_label_names(labels)
    music = class_indices(["Music"], names, find_ontology(None, labels))
    jazz = names.names.index("Jazz")
    assert jazz in music and names.names.index("Dog") not in music
    assert len(music) > 100
