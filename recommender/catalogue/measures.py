"""What files tell of their sound in numbers, loudness, tempo and key: as fields of clips, and as it is asked for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress

from recommender.errors import BadQuery

MEASURES = LOUDNESS, TEMPO, KEY = "loudness", "tempo", "key"
MEASURED = "measured_loudness"
"""The name among a file's tags under which its loudness stands as it was measured, in LUFS."""
Bound = tuple[str, float, float]
"""A measure, and the least and the most it may be; a key is its number."""

_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_MODE = "[Mm]inor|[Mm]ajor|[Mm]in|[Mm]aj|MINOR|MAJOR|MIN|MAJ|m|M"
_NAMED_KEY = re.compile(rf"([A-Ga-g])\s?([#♯b♭]|sharp|flat)?\s?-?({_MODE})?")
_WHEEL_KEY = re.compile(r"0?([1-9]|1[0-2])([ABdm])")
"""Camelot's wheel (8A is A minor, 8B C major) and Open Key (1m, 1d)."""
# The mode first: else `key D minor` would be D major and a word.
_SIGN = r"(?:\s?(?:[#♯b♭]|sharp|flat))?"
_ASKED_KEY = rf"[A-Ga-g]{_SIGN}\s?(?:{_MODE})|[A-G]{_SIGN}"
_NUMBER = r"\d{1,3}(?:\.\d{1,2})?"
_ASKED = re.compile(
    # A sign before it joins nothing, and a comma behind it parts nothing.
    r'"[^"]*"|(?<!\S)(?:[+-]\s+)?'
    rf"(?:(?P<side>(?i:louder|quieter))(?: than)?\s+(?P<level>[-−]?{_NUMBER})(?:\s?(?i:LUFS|LU|dB))?"
    rf"|(?i:tempo)\s+(?P<slow>{_NUMBER})(?:(?:\s+to\s+|\s*[-–]\s*|\s+)(?P<fast>{_NUMBER}))?(?:\s?(?i:bpm))?"
    rf"|(?i:key)(?: of)?\s+(?P<key>{_ASKED_KEY})),?(?!\S)"
)
_NAMED_TEMPO = re.compile(r"(?<![\d.])(\d{2,3}(?:\.\d+)?)[ _-]?bpm(?![a-z])", re.IGNORECASE)
_FIRST_NUMBER = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)")
_SLOWEST, _FASTEST = 20, 400
_ANY = -math.inf, math.inf
_REPLAY_GAIN, _R128 = -18.0, -23.0
"""The loudness that ReplayGain 2.0 and EBU R 128 (RFC 7845, in 256ths) bring a sound to, in LUFS."""


def measured(name: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return those of the measures that the tags of a file tell, or its name for the tempo, as people read them."""
    found = {}
    loudness = _number(tags, MEASURED)
    if loudness is None and (gain := _number(tags, "replaygain_track_gain")) is not None:
        loudness = _REPLAY_GAIN - gain
    if loudness is None and (gain := _number(tags, "r128_track_gain")) is not None:
        loudness = _R128 - gain / 256
    if loudness is not None and -70 < loudness < 10:
        found[LOUDNESS] = f"{loudness:.1f} LUFS"
    tempo = next(filter(None, (_number(tags, tag) for tag in ("bpm", "tbpm", "tmpo", "tempo", "acid_tempo"))), None)
    if tempo is None and (named := _NAMED_TEMPO.search(name)):
        tempo = float(named[1])
    if tempo is not None and _SLOWEST <= tempo <= _FASTEST:
        found[TEMPO] = f"{tempo:.4g} BPM"
    keys = (key_number(tags[tag]) for tag in ("initialkey", "initial_key", "tkey", "key") if tags.get(tag))
    key = next((key for key in keys if key is not None), None)
    return found if key is None else {**found, KEY: _key_name(key)}


def key_number(text: str) -> int | None:
    """Return the number of a key, C major 0, C minor 1, C sharp major 2, …; None for what is none."""
    if wheel := _WHEEL_KEY.fullmatch(text.strip()):
        minor, camelot = wheel[2] in "Am", wheel[2] in "AB"
        return (7 * (int(wheel[1]) - (8 if camelot else 1)) - 3 * minor) % 12 * 2 + minor
    named = _NAMED_KEY.fullmatch(text.strip())
    if named is None:
        return None
    note, sign, mode = named[1].upper(), named[2] or "", named[3] or ""
    step = 1 if sign in {"#", "♯", "sharp"} else -1 if sign else 0
    return (_NOTES.index(note) + step) % 12 * 2 + (mode == "m" or mode.lower().startswith("min"))


def number_of(name: str, text: str) -> float | None:
    """Return the number by which a field is compared, None where it is no measure."""
    if name == KEY:
        return key_number(text)
    return _number({name: text}, name) if name in MEASURES else None


def fit(bounds: Iterable[Bound], fields: Iterable[tuple[str, str]]) -> bool:
    """Say whether fields of a clip lie within all bounds; what is not known lies within none."""
    told = dict(fields)
    numbers = ((number_of(name, told.get(name, "")), least, most) for name, least, most in bounds)
    return all(at is not None and least <= at <= most for at, least, most in numbers)


def bounds_in(text: str) -> tuple[str, tuple[Bound, ...]]:
    """Take `louder -20`, `quieter -30`, `tempo 90 120` and `key Am` out of what somebody typed; such words without
    their numbers are words like others. Raises `BadQuery`."""
    found: dict[str, tuple[float, float]] = {}

    def taken(match: re.Match[str]) -> str:
        if match[0].startswith('"'):
            return match[0]
        if side := match["side"]:
            level = float(match["level"].replace("−", "-"))
            if level > 0:
                raise BadQuery(f"Loudness is counted in LUFS, which lie below 0: say `{side.lower()} -{level:g}`.")
            name, bound = LOUDNESS, (level, math.inf) if side.lower() == "louder" else (-math.inf, level)
        elif match["key"]:
            number = key_number(match["key"])
            assert number is not None  # noqa: S101 - the pattern of what is asked lies within that of keys
            name, bound = KEY, (number, number)
        else:
            slow = float(match["slow"])
            ends = sorted((slow, float(match["fast"]))) if match["fast"] else (max(slow - 0.5, 0), min(slow + 0.5, 999))
            name, bound = TEMPO, (ends[0], ends[1])
        # Of two tempos or keys, the later.
        least, most = found.get(name, _ANY) if name == LOUDNESS else _ANY
        least, most = found[name] = max(least, bound[0]), min(most, bound[1])
        if least > most:
            raise BadQuery(f"No sound is louder than {least:g} and quieter than {most:g}: swap them.")
        return " "

    rest = _ASKED.sub(taken, text)
    return (rest.strip() if found else text), tuple((name, *ends) for name, ends in sorted(found.items()))


def as_asked(bounds: Iterable[Bound]) -> str:
    """Return bounds as `bounds_in` reads them."""
    parts = []
    for name, least, most in bounds:
        if name == KEY:
            parts.append(f"key {_key_name(int(least))}")
        elif name == TEMPO:
            parts.append(f"tempo {least:g} {most:g}")
        else:
            parts += [f"louder {least:g}"] if least > -math.inf else []
            parts += [f"quieter {most:g}"] if most < math.inf else []
    return " ".join(parts)


def _key_name(number: int) -> str:
    return _NOTES[number // 2] + "m" * (number % 2)


def _number(tags: Mapping[str, str], tag: str) -> float | None:
    match = _FIRST_NUMBER.match(tags.get(tag, ""))
    with suppress(ValueError):
        return float(match[1]) if match else None
    return None
