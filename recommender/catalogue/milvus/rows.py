"""The collection of one catalogue: a row for each clip, and in a partition beside them, which is never searched, clips
without a vector and the rows that say what the catalogue is."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from pymilvus import DataType, MilvusClient

from recommender.catalogue.links import link_of
from recommender.catalogue.measures import number_of
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.remote.searching import Labels
from recommender.catalogue.vocabulary import Vocabulary
from recommender.clips import Clip
from recommender.errors import CatalogueDamaged

FORMAT, ONE_PARTITION = 4, 3
"""Written, and read as well: the one before had all clips in one partition."""
CLIPS, BESIDE = "_default", "beside"
"""The partitions: of clips without a label that has an own index, and of what is never searched."""
MOST_ROWS = 16_384
"""What Milvus returns at most of one question."""
LONGEST_TEXT = 65_535
CHUNK = 60_000
"""Characters of a row that holds a part of what is longer."""
FIRST_BLOCK = -1_000_000
"""The item of the first block of words, those after it lie below; the rows that say what the catalogue is, above."""
UNTOLD = -1e30
"""In place of a measure that a file does not tell: Milvus knows no missing numbers."""
SHOWN, VECTOR = "shown", "vector"
"""What is read of a clip that may be shown, as one text, and its vector: Milvus takes longer for each field that it
returns (0.4 ms for 60 clips), and for vectors ten times as long."""
_WRITTEN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def partition_of(own: Sequence[str], labels: Collection[str]) -> str:
    """Return the partition of clips with these labels: a partition holds those that have the same ones of `own`."""
    held = [str(place) for place, name in enumerate(own) if name in labels]
    return "_".join(("with", *held)) if held else CLIPS


def partitions(own: Sequence[str], only: Collection[str] = (), without: Collection[str] = ()) -> list[str]:
    """Return the partitions of the clips that have all labels of `only` and none of `without`, both among `own`."""
    some = (chosen for count in range(len(own) + 1) for chosen in combinations(own, count))
    return [partition_of(own, each) for each in some if set(only) <= set(each) and set(without).isdisjoint(each)]


def schema(facts: RemoteFacts) -> Any:
    """Return the schema of a catalogue's collection."""
    made = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    made.add_field("item", DataType.INT64, is_primary=True)
    made.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=facts.dimension)
    for name in ("clip_id", "source", SHOWN):
        made.add_field(name, DataType.VARCHAR, max_length=LONGEST_TEXT)
    for name in ("lasts", "length", *facts.measures):
        made.add_field(name, DataType.DOUBLE)
    made.add_field("labels", DataType.ARRAY, element_type=DataType.INT32, max_capacity=4096)
    return made


def row_of(
    clip: Clip, vector: Sequence[float], lasts: float, length: float, facts: RemoteFacts, labels: Sequence[int]
) -> dict[str, Any]:
    """Return the row of a clip."""
    links = facts.extra.get("links")
    url = clip.url if clip.url != link_of(links, None, clip.source, clip.start, clip.end) else None
    shown = (clip.clip_id, clip.source, clip.start, clip.end, [*labels], clip.title, url, clip.fields)
    row: dict[str, Any] = {
        "item": clip.item,
        VECTOR: vector,
        "clip_id": clip.clip_id,
        "source": clip.source,
        SHOWN: _WRITTEN.encode(shown),
        "lasts": lasts,
        "length": length,
        "labels": labels,
    }
    if facts.measures:
        told = dict(clip.fields)
        numbers = ((name, number_of(name, told.get(name, ""))) for name in facts.measures)
        row |= {name: UNTOLD if number is None else float(number) for name, number in numbers}
    return row


def columns(rows: Sequence[Mapping[str, Any]], facts: RemoteFacts) -> list[dict[str, Any]]:
    """Return rows as the connection takes them."""
    fields = schema(facts).fields
    return [{"name": field.name, "type": field.dtype, "values": [row[field.name] for row in rows]} for field in fields]


def clip_of(item: int, shown: str, names: Sequence[str], links: str | None, library_url: str | None) -> Clip:
    """Return the clip that `row_of` wrote. names: of the labels, by their numbers."""
    clip_id, source, start, end, labels, title, url, fields = json.loads(shown)
    return Clip(
        item=item,
        clip_id=clip_id,
        source=source,
        start=start,
        end=end,
        labels=tuple(names[label] for label in labels),
        title=title,
        url=url or link_of(links, library_url, source, start, end),
        fields=tuple((name, value) for name, value in fields),
    )


def chunks(text: str) -> Iterator[tuple[int, str]]:
    """Return the parts of a text of ASCII, with their numbers."""
    for number, first in enumerate(range(0, len(text), CHUNK)):
        yield number, text[first : first + CHUNK]


def facts_rows(
    facts: RemoteFacts, counted: Sequence[tuple[str, int]], words: Vocabulary | None
) -> list[dict[str, Any]]:
    """Return the rows that say what a catalogue is. counted: labels with their numbers of clips."""
    parts = {
        "format": FORMAT,
        "facts": facts.to_text(),
        "labels": counted,
        "projection": _written(facts.projection()),
        "vocabulary": _written(None if words is None else words.to_bytes()),
    }
    text = base64.b64encode(zlib.compress(json.dumps(parts).encode())).decode()
    return [_text_row(facts, -1 - number, part) for number, part in chunks(text)]


def block_rows(facts: RemoteFacts, blocks: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Return the rows of the words and titles of sources."""
    for number, block in enumerate(blocks):
        yield _text_row(facts, FIRST_BLOCK - number, base64.b64encode(block).decode())


def _text_row(facts: RemoteFacts, item: int, text: str) -> dict[str, Any]:
    """Return a row that is no clip."""
    empty = Clip(item, "", "", 0.0, 0.0, (), "", None)
    return {**row_of(empty, [0.0] * facts.dimension, 0.0, 0.0, facts, ()), SHOWN: text}


def read_facts(rows: Sequence[Mapping[str, Any]], shown: str) -> tuple[RemoteFacts, Labels, Vocabulary | None]:
    """Read what `facts_rows` returned, in any order; raises `CatalogueDamaged`."""
    try:
        text = "".join(row[SHOWN] for row in sorted(rows, key=lambda row: -int(row["item"])))
        parts = json.loads(zlib.decompress(base64.b64decode(text)))
        format_, counted = int(parts["format"]), [(str(name), int(clips)) for name, clips in parts["labels"]]
        projection, words = (_read(parts[name]) for name in ("projection", "vocabulary"))
        facts_text = str(parts["facts"])
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise CatalogueDamaged(
            f"{shown} does not tell what its catalogue is ({type(error).__name__}: {error}): push it again."
        ) from None
    if format_ not in (FORMAT, ONE_PARTITION):
        raise CatalogueDamaged(
            f"{shown} holds a catalogue of format {format_}, this version reads {FORMAT}: push it again with "
            "`python -m recommender push FOLDER URL`."
        )
    facts = RemoteFacts.from_text(facts_text, projection, shown)
    return facts, Labels.of(counted), Vocabulary.from_bytes(words, facts.extra, shown) if words else None


def _written(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _read(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
