"""Drum loops, bass lines and techno: sounds on a grid of sixteen steps a bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from launcher.synthesis import tones
from launcher.synthesis.tones import Sound

Generator = np.random.Generator


def kick(rng: Generator, *, pitch: float = 50, drop: float = 180, length: float = 0.35, click: float = 0.3) -> Sound:
    """Return a bass drum: a sine that falls to its pitch, and the beater's click."""
    n = tones.samples(length)
    t = np.arange(n) / tones.RATE
    body = tones.sine(pitch + drop * np.exp(-t / 0.035), n) * np.exp(-t / (length / 3.5))
    tap = rng.standard_normal(n) * tones.fading(n, 0.003)
    return np.asarray(body + click * tap)


def snare(rng: Generator, *, pitch: float = 190, snap: float = 0.8, length: float = 0.22) -> Sound:
    """Return a snare drum: a short tone under rattling noise."""
    n = tones.samples(length)
    t = np.arange(n) / tones.RATE
    tone = (np.sin(2 * np.pi * pitch * t) + 0.6 * np.sin(2 * np.pi * pitch * 1.59 * t)) * np.exp(-t / 0.06)
    return np.asarray(0.6 * tone + snap * tones.highpass(rng.standard_normal(n), 1800) * np.exp(-t / (length / 3)))


def hat(rng: Generator, *, length: float = 0.05, low: float = 7000) -> Sound:
    """Return a hi-hat; longer ones sound open."""
    n = tones.samples(max(length * 4, 0.05))
    return tones.highpass(rng.standard_normal(n), low) * tones.fading(n, length)


def clap(rng: Generator, *, low: float = 900, high: float = 3500) -> Sound:
    """Return a hand clap: four bursts, the last one long."""
    n = tones.samples(0.3)
    t = np.arange(n) / tones.RATE
    level = sum((np.exp(-np.clip(t - at, 0, None) / 0.006) * (t >= at) for at in (0.0, 0.011, 0.022)), np.zeros(n))
    level = level + np.exp(-np.clip(t - 0.03, 0, None) / 0.07) * (t >= 0.03)
    return np.asarray(tones.bandpass(rng.standard_normal(n), low, high) * level)


def skin(rng: Generator, *, pitch: float = 220, length: float = 0.3, slap: float = 0.3) -> Sound:
    """Return a hand drum or tom: a membrane's first three modes."""
    n = tones.samples(length)
    t = np.arange(n) / tones.RATE
    bend = 1 + 0.12 * np.exp(-t / 0.03)
    modes = sum((a * tones.sine(pitch * r * bend, n) for r, a in ((1, 1), (1.59, 0.4), (2.14, 0.25))), np.zeros(n))
    return np.asarray(modes * np.exp(-t / (length / 3)) + slap * rng.standard_normal(n) * tones.fading(n, 0.008))


def block(rng: Generator, *, pitch: float = 900, length: float = 0.08) -> Sound:
    """Return a wood block or rim shot."""
    n = tones.samples(length)
    t = np.arange(n) / tones.RATE
    wood = np.sin(2 * np.pi * pitch * t) + 0.5 * np.sin(2 * np.pi * pitch * 1.47 * t)
    return np.asarray(wood * np.exp(-t / (length / 4)) + 0.2 * rng.standard_normal(n) * tones.fading(n, 0.003))


DRUMS: dict[str, Callable[..., Sound]] = {
    "kick": kick,
    "snare": snare,
    "hat": hat,
    "clap": clap,
    "skin": skin,
    "block": block,
}
LEVELS = {"x": 1.0, "o": 0.6, ".": 0.35}
"""How loud a step is played, by its letter in a pattern; every other letter is a rest."""

Part = tuple[str, str, float, dict[str, float]]
"""Drum, pattern of steps, loudness, and what makes this drum special."""


def steps(rng: Generator, seconds: float, parts: Sequence[Part], tempo: float, swing: float = 0.0) -> Sound:
    """Play parts on a grid of sixteenths at a tempo in beats a minute; swing delays every other step by its share."""
    out = np.zeros(tones.samples(seconds))
    step = 60 / tempo / 4
    for drum, pattern, level, special in parts:
        hit = DRUMS[drum](rng, **special)
        for i in range(int(seconds / step)):
            strength = LEVELS.get(pattern[i % len(pattern)])
            if strength:
                at = (i + (swing if i % 2 else 0)) * step
                tones.place(out, hit, at, level * strength * rng.uniform(0.88, 1.0))
    return out


def drum_loop(
    rng: Generator,
    *,
    parts: Sequence[Part],
    tempo: float,
    bars: int = 3,
    swing: float = 0.0,
    dirt: float = 1.0,
    hall: float = 0.5,
    wet: float = 0.1,
) -> Sound:
    """Play bars of drums alone."""
    seconds = max(5.0, min(8.0, bars * 240 / tempo))
    out = steps(rng, seconds, parts, tempo, swing)
    out = tones.drive(out / max(float(np.max(np.abs(out))), 1e-9), dirt)
    return tones.finish(tones.room(rng, out, hall, wet, 0.5))


def bass_note(rng: Generator, hertz: float, seconds: float, *, wave: str, cutoff: float, punch: float) -> Sound:
    """Return a bass note; `cutoff` in Hz where the filter comes to rest, `punch` how far it opens at the start."""
    n = tones.samples(seconds)
    if wave == "sub":
        sound = tones.oscillate(hertz, n, (1.0, 0.25, 0.08))
    elif wave == "string":
        sound = tones.oscillate(hertz, n, 1 / np.arange(1, 25) ** 1.3) * tones.fading(n, 0.5)
        sound += 0.25 * tones.lowpass(rng.standard_normal(n), 2500) * tones.fading(n, 0.012)
    elif wave == "fm":
        t = np.arange(n) / tones.RATE
        turn = 2 * np.pi * hertz * t
        sound = np.sin(turn + (1 + 3 * np.exp(-t / 0.15)) * np.sin(2 * turn))
    else:
        first, second = (tones.square, tones.square) if wave == "square" else (tones.saw, tones.saw)
        sound = 0.6 * first(hertz, n) + 0.4 * second(hertz * 1.006, n, rng.random())
    filtered = tones.moving_filter(
        sound, tones.resonant(lambda t: cutoff * (1 + punch * np.exp(-np.clip(t, 0, None) / 0.12)), 0.5)
    )
    return filtered * tones.envelope(n, 0.005, 0.6, 0.7, 0.03)


def bass(
    rng: Generator,
    *,
    key: str,
    line: Sequence[int | None],
    tempo: float,
    wave: str,
    octave: int = 2,
    seconds: float = 6.5,
    cutoff: float = 500,
    punch: float = 3.0,
    length: float = 0.9,
    swing: float = 0.0,
    dirt: float = 1.2,
) -> Sound:
    """Play a bass line of scale steps (None: a rest) in eighths; `length` is the share of the step that sounds."""
    out = np.zeros(tones.samples(seconds))
    step = 30 / tempo
    for i in range(int(seconds / step)):
        note = line[i % len(line)]
        if note is None:
            continue
        sound = bass_note(rng, tones.degree(key, note, octave), step * length, wave=wave, cutoff=cutoff, punch=punch)
        tones.place(out, sound, (i + (swing if i % 2 else 0)) * step, rng.uniform(0.85, 1))
    return tones.finish(tones.drive(out / max(float(np.max(np.abs(out))), 1e-9), dirt))


def acid(rng: Generator, key: str, line: Sequence[int | None], tempo: float, seconds: float, sweep: float) -> Sound:
    """Play sixteenths on a saw through a resonant filter that opens and closes once in `sweep` seconds."""
    out = np.zeros(tones.samples(seconds))
    step = 15 / tempo
    for i in range(int(seconds / step)):
        note = line[i % len(line)]
        if note is not None:
            n = tones.samples(step * 0.9)
            tones.place(
                out, tones.saw(tones.degree(key, note, 2), n) * tones.envelope(n, 0.003, 0.2, 0.4, 0.01), i * step
            )
    start = rng.random()
    opening = tones.resonant(
        lambda t: (
            350
            * 2 ** (1.8 + 1.8 * np.sin(2 * np.pi * (t / sweep + start)))
            * (1 + 0.6 * np.exp(-np.mod(t, step) / 0.06))
        ),
        2.5,
    )
    return tones.drive(tones.moving_filter(out, opening), 2.0)


def stabs(rng: Generator, key: str, chord: Sequence[int], pattern: str, tempo: float, seconds: float) -> Sound:
    """Play a chord of detuned saws on steps of a sixteenth grid, with echoes."""
    step = 15 / tempo
    n = tones.samples(step * 2.2)
    hit = np.zeros(n)
    for note in chord:
        for detune in (0.995, 1.0, 1.006):
            hit += tones.saw(tones.degree(key, note, 4) * detune, n, rng.random())
    hit = tones.lowpass(hit, rng.uniform(1500, 3500)) * tones.envelope(n, 0.004, 0.12, 0.1, 0.02)
    out = np.zeros(tones.samples(seconds))
    for i in range(int(seconds / step)):
        if pattern[i % len(pattern)] == "x":
            tones.place(out, hit, i * step)
    return tones.echoes(out / max(float(np.max(np.abs(out))), 1e-9), step * 3, 0.45)


def techno(
    rng: Generator,
    *,
    key: str,
    tempo: float,
    kick_pitch: float = 48,
    hats: str = "--x---x---x---x-",
    claps: str = "----x-------x---",
    acid_line: Sequence[int | None] = (),
    bass_line: Sequence[int | None] = (),
    chord: Sequence[int] = (),
    stab: str = "---x--x----x----",
    sweep: float = 6.0,
    seconds: float = 7.5,
) -> Sound:
    """Play four to the floor with whatever of acid line, rolling bass and chord stabs there is."""
    special: dict[str, float] = {"pitch": kick_pitch, "length": 0.3, "click": 0.4}
    parts: list[Part] = [
        ("kick", "x---", 1.0, special),
        ("hat", hats, 0.4, {"length": 0.05, "low": 6500}),
        ("hat", ".-", 0.2, {"length": 0.02, "low": 9000}),
        ("clap", claps, 0.5, {}),
    ]
    out = steps(rng, seconds, parts, tempo)
    # What lies under the kick gives way to it: the pumping that the style is known by.
    beat = 60 / tempo
    duck = 1 - 0.75 * np.exp(-np.mod(tones.times(seconds), beat) / 0.09)
    if acid_line:
        out += 0.4 * duck * acid(rng, key, acid_line, tempo, seconds, sweep)
    if bass_line:
        out += (
            0.6
            * duck
            * bass(rng, key=key, line=bass_line, tempo=tempo * 2, wave="saw", octave=1, seconds=seconds, cutoff=250)
        )
    if chord:
        out += 0.4 * duck * stabs(rng, key, chord, stab, tempo, seconds)
    return tones.finish(tones.drive(out / max(float(np.max(np.abs(out))), 1e-9), 1.8))
