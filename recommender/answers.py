"""The answer to a query: results, and their JSON, which is also how answers are cached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recommender.clips import Clip

WAY = "way"
"""What an answer is ranked by that leads from one sound to another."""


@dataclass(frozen=True, slots=True)
class Result:
    """One clip of an answer. similarity: cosine of the clip vectors, in a way that with the step before; matched: start
    and end, in seconds, of the part of the upload that the clip resembles; copies: how many recordings of the catalogue
    collapsed into this one."""

    rank: int
    clip: Clip
    similarity: float
    matched: tuple[float, float] | None = None
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Understood:
    """What words mean in a catalogue. labels: with their weights, which sum to about 1, the best first; together: those
    of them that are required together; near: where no label was meant, the nearest ones; by_meaning: false where the
    text encoder did not answer, so that only the spelling counted."""

    text: str
    labels: tuple[tuple[str, float], ...] = ()
    together: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    by_meaning: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in an answer."""
        return {
            "text": self.text,
            "labels": [[name, round(weight, 4)] for name, weight in self.labels],
            "together": list(self.together),
            "near": list(self.near),
            "by_meaning": self.by_meaning,
        }

    @classmethod
    def from_json(cls, data: Any) -> Understood:
        """Read what `to_json` returned; raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            str(data["text"]),
            tuple((str(name), float(weight)) for name, weight in data["labels"]),
            tuple(map(str, data["together"])),
            tuple(map(str, data["near"])),
            bool(data["by_meaning"]),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of one query.

    query: canonical text that asks the same again; seeds: the clips the query names; sounds_like: labels with their
    shares in [0, 1], best first; more: whether further results follow these; understood: what each term in words means,
    in their order; ranked_by: `vectors`, or `way` for a list that leads from one sound to another, or `words`, or
    `labels` of an upload, where the similarities say nothing; alike: where fewer clips than were asked for are more
    alike than chance, how many those are, so that the others are left out; by_sound: which labels of its clips the
    embedder knows by sound alone, where the others stem from people: folders and files' own tags; incomplete: a
    sentence for each upload of which a part could not be read.
    """

    query: str
    catalogue_id: str
    seeds: tuple[Clip, ...]
    sounds_like: tuple[tuple[str, float], ...]
    results: tuple[Result, ...]
    more: bool
    understood: tuple[Understood, ...] = ()
    ranked_by: str = "vectors"
    alike: int | None = None
    by_sound: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()

    @property
    def compared(self) -> bool:
        """Whether the similarities say how alike sounds are."""
        return self.ranked_by in ("vectors", WAY)

    def to_json(self) -> dict[str, Any]:
        """Return the answer as the command line prints it."""
        return {
            "query": self.query,
            "catalogue": self.catalogue_id,
            "seeds": [_clip_to_json(clip) for clip in self.seeds],
            "sounds_like": [[label, round(share, 4)] for label, share in self.sounds_like],
            "results": [_result_to_json(result) for result in self.results],
            "more": self.more,
            "understood": [understood.to_json() for understood in self.understood],
            "ranked_by": self.ranked_by,
            "alike": self.alike,
            "by_sound": list(self.by_sound),
            "incomplete": list(self.incomplete),
        }

    @classmethod
    def from_json(cls, data: Any) -> Answer:
        """Read what `to_json` gave; raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            query=str(data["query"]),
            catalogue_id=str(data["catalogue"]),
            seeds=tuple(_clip_from_json(clip) for clip in data["seeds"]),
            sounds_like=tuple((str(label), float(share)) for label, share in data["sounds_like"]),
            results=tuple(_result_from_json(result) for result in data["results"]),
            more=bool(data["more"]),
            understood=tuple(Understood.from_json(understood) for understood in data["understood"]),
            ranked_by=str(data["ranked_by"]),
            alike=None if data["alike"] is None else int(data["alike"]),
            by_sound=tuple(map(str, data.get("by_sound", ()))),
            incomplete=tuple(map(str, data.get("incomplete", ()))),
        )


def _clip_to_json(clip: Clip) -> dict[str, Any]:
    return {
        "clip_id": clip.clip_id,
        "source": clip.source,
        "item": clip.item,
        "start": clip.start,
        "end": clip.end,
        "labels": list(clip.labels),
        "title": clip.title,
        "url": clip.url,
        **({"from": clip.catalogue} if clip.catalogue else {}),
        **({"fields": dict(clip.fields)} if clip.fields else {}),
    }


def _clip_from_json(data: Any) -> Clip:
    return Clip(
        item=int(data["item"]),
        clip_id=str(data["clip_id"]),
        source=str(data["source"]),
        start=float(data["start"]),
        end=float(data["end"]),
        labels=tuple(str(label) for label in data["labels"]),
        title=str(data["title"]),
        url=None if data["url"] is None else str(data["url"]),
        catalogue=str(data.get("from", "")),
        fields=tuple((str(name), str(value)) for name, value in dict(data.get("fields", {})).items()),
    )


def _result_to_json(result: Result) -> dict[str, Any]:
    return {
        "rank": result.rank,
        **_clip_to_json(result.clip),
        "similarity": round(result.similarity, 4),
        "matched": None if result.matched is None else list(result.matched),
        "copies": result.copies,
    }


def _result_from_json(data: Any) -> Result:
    matched = data["matched"]
    return Result(
        rank=int(data["rank"]),
        clip=_clip_from_json(data),
        similarity=float(data["similarity"]),
        matched=None if matched is None else (float(matched[0]), float(matched[1])),
        copies=int(data["copies"]),
    )
