"""The picture of an answer: the query in the middle, results further out the less they are alike, side by side those
that share a label, and the query's waveform. Drawn by Pillow, which is imported here alone."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from recommender.answers import Answer, Result
from recommender.spelling import shortened, shown

WIDTH, PLANE, LINE, WAVE = 900, 640, 28, 110
"""Pixels: width; height of the map, of a line of text, of the waveform."""
RADIUS = 265
NEAREST = 0.22
"""Share of the radius that the best result keeps from the middle, so that nothing stands on the query."""
DOT = 15
SCALE = 2
"""Drawn larger and reduced, so that edges are smooth."""
MOST_GROUPS = 5
LABEL_CHARS, NAME_CHARS = 40, 60
ALT_CHARS = 1000
LAST_DRAWN = "\u024f"
"""Pillow's own font ends with Latin; other scripts would be boxes."""
COLOURS = ("#1f77b4", "#c8501e", "#2c8a2c", "#7d57b5", "#a1660c", "#666666")
TEXT, SOFT, BACK = "#1d1c1d", "#5b595c", "#ffffff"


@dataclass(frozen=True, slots=True)
class Group:
    """Results that share a label; empty for the rest."""

    label: str
    results: tuple[Result, ...]

    @property
    def numbers(self) -> str:
        """The ranks of its results."""
        return ", ".join(str(result.rank) for result in self.results)


def picture(found: Answer, vectors: NDArray[np.float32], name: str, wave: NDArray[np.int16] | None = None) -> bytes:
    """Return the picture of an answer as PNG. vectors: of its results, unit length (n, d); name: of the query; wave:
    its samples (n,), None where there are none."""
    around = groups(found, vectors)
    high = LINE * 2 + (WAVE if wave is not None else 0) + PLANE + LINE * len(around) + LINE // 2
    image = Image.new("RGB", (WIDTH * SCALE, high * SCALE), BACK)
    pen = ImageDraw.Draw(image)
    _text(pen, (20, LINE), _title(found, name), 20, anchor="lm")
    top = LINE * 2
    if wave is not None:
        _waveform(pen, top, wave)
        top += WAVE
    _plane(pen, top + PLANE // 2, found, around)
    for place, group in enumerate(around):
        middle = top + PLANE + LINE * place + LINE // 2
        _dot(pen, (34, middle), 7, COLOURS[place])
        _text(pen, (52, middle), _named(group), 16, anchor="lm")
    out = io.BytesIO()
    image.resize((WIDTH, high), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def in_words(found: Answer, vectors: NDArray[np.float32], name: str, wave: NDArray[np.int16] | None = None) -> str:
    """Return what the picture shows, for who cannot see it; the arguments are those of `picture`."""
    alike = (f", {max(r.similarity, 0):.0%} alike" if found.compared else "" for r in found.results)
    near = "; ".join(
        f"{r.rank}. {shortened(shown(r.clip.title))}{s}" for r, s in zip(found.results, alike, strict=True)
    )
    sharing = "; ".join(f"{shown(g.label) or 'no shared label'}: {g.numbers}" for g in groups(found, vectors))
    above = "" if wave is None else " Above it the waveform of the query."
    start = f"{_title(found, name)}: a map with the query in the middle.{above}"
    text = f"{start} By label: {sharing}. Nearest first: {near}."
    return text if len(text) <= ALT_CHARS else f"{text[: ALT_CHARS - 1]}…"


def groups(found: Answer, vectors: NDArray[np.float32]) -> list[Group]:
    """Return the results by the labels that most of them share, at most six groups in an order in which those that
    sound alike follow one another. A label that all have tells none from another."""
    left = list(range(len(found.results)))
    labels = [frozenset(result.clip.labels) for result in found.results]
    made: list[tuple[str, list[int]]] = []
    while left and len(made) < MOST_GROUPS:
        counts = Counter(label for row in left for label in labels[row])
        everywhere = frozenset.intersection(*labels)
        telling = [(-n, label) for label, n in counts.items() if n > 1 and label not in everywhere]
        if not telling:
            break
        label = min(telling)[1]
        made.append((label, [row for row in left if label in labels[row]]))
        left = [row for row in left if label not in labels[row]]
    if left:
        shared = frozenset.intersection(*(labels[row] for row in left))
        made.append((min(shared) if shared and not made else "", left))
    turns = _turns(vectors)
    ordered = sorted(made, key=lambda group: float(np.mean(turns[group[1]])))
    return [
        Group(label, tuple(found.results[row] for row in sorted(rows, key=lambda row: turns[row])))
        for label, rows in ordered
    ]


def _turns(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the angle of each vector (n, d) in the plane of their two principal components: (n,)."""
    wide = vectors.astype(np.float64)
    wide = wide - wide.mean(axis=0)
    left, strengths, _ = np.linalg.svd(wide, full_matrices=False)
    plane = np.zeros((len(wide), 2))
    plane[:, : min(2, len(strengths))] = (left * strengths)[:, :2]
    return np.asarray(np.arctan2(plane[:, 1], plane[:, 0]))


def _distances(found: Answer) -> dict[int, float]:
    """Return how far out each result stands, by rank: 0 to 1. Where similarities say nothing, by rank."""
    results = found.results
    if not found.compared:
        return {r.rank: NEAREST + (1 - NEAREST) * (place + 1) / len(results) for place, r in enumerate(results)}
    widest = max(1 - min(result.similarity for result in results), 1e-6)
    return {r.rank: max(NEAREST, min((1 - r.similarity) / widest, 1.0)) for r in results}


def _plane(pen: ImageDraw.ImageDraw, middle: int, found: Answer, around: Sequence[Group]) -> None:
    centre = WIDTH // 2
    for ring in (0.5, 1.0):
        reach = RADIUS * ring
        box = [(centre - reach) * SCALE, (middle - reach) * SCALE, (centre + reach) * SCALE, (middle + reach) * SCALE]
        pen.ellipse(box, outline="#d9d7da", width=SCALE)
        if found.compared:
            alike = 1 - ring * (1 - min(result.similarity for result in found.results))
            _text(pen, (centre, round(middle - reach)), f"{max(alike, 0):.0%}", 13, SOFT)
    away, total, place = _distances(found), len(found.results), 0
    for number, group in enumerate(around):
        for result in group.results:
            turn = 2 * pi * (place + 0.5) / total - pi / 2
            reach = RADIUS * away[result.rank]
            at = round(centre + reach * cos(turn)), round(middle + reach * sin(turn))
            pen.line([(centre * SCALE, middle * SCALE), (at[0] * SCALE, at[1] * SCALE)], fill="#e8e6e9", width=SCALE)
            _dot(pen, at, DOT, COLOURS[number])
            _text(pen, at, str(result.rank), 16, BACK)
            place += 1
        turn = 2 * pi * (place - len(group.results) / 2) / total - pi / 2
        label = _drawn(shortened(shown(group.label)))[:LABEL_CHARS]
        side = "lm" if cos(turn) > 0.3 else "rm" if cos(turn) < -0.3 else "mm"
        out = RADIUS + DOT + 18
        _text(pen, (round(centre + out * cos(turn)), round(middle + out * sin(turn))), label, 16, COLOURS[number], side)
    _dot(pen, (centre, middle), DOT + 4, TEXT)


def _waveform(pen: ImageDraw.ImageDraw, top: int, wave: NDArray[np.int16]) -> None:
    columns = WIDTH - 40
    edges = np.linspace(0, len(wave), columns + 1).astype(int)
    loudest = max(int(np.abs(wave.astype(np.int32)).max(initial=0)), 1)
    middle, reach = top + WAVE // 2, WAVE // 2 - 12
    for column in range(columns):
        part = wave[edges[column] : max(edges[column + 1], edges[column] + 1)]
        if len(part):
            low, high = (middle - reach * int(value) / loudest for value in (part.min(), part.max()))
            x = (20 + column) * SCALE
            pen.line([(x, high * SCALE - 1), (x, low * SCALE + 1)], fill=COLOURS[0], width=SCALE)


def _dot(pen: ImageDraw.ImageDraw, at: tuple[int, int], radius: int, colour: str) -> None:
    x, y = at
    pen.ellipse([(x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE], fill=colour)


def _text(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, colour: str = TEXT, anchor: str = "mm"
) -> None:
    pen.text((at[0] * SCALE, at[1] * SCALE), text, colour, _font(size * SCALE), anchor)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _title(found: Answer, name: str) -> str:
    how = "for" if found.ranked_by == "words" else "like"
    return f"Clips {how} {_drawn(shown(name)[:NAME_CHARS]) or 'your sound'}"


def _named(group: Group) -> str:
    label = _drawn(shown(group.label)[:LABEL_CHARS]) if group.label else "no shared label"
    return f"{label}: {group.numbers}" if label else group.numbers


def _drawn(text: str) -> str:
    """Return a text that the font has all letters of, else nothing."""
    return text if all(sign <= LAST_DRAWN for sign in text) else ""
