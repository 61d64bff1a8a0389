"""Ambient pads and voice-like vowels: sounds that are shaped by slow filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from launcher.synthesis import tones
from launcher.synthesis.tones import Sound

Generator = np.random.Generator

FORMANTS: dict[str, tuple[tuple[float, float, float], ...]] = {
    # Centre in Hz, loudness, width in Hz: a man's vowels, after Peterson and Barney (1952).
    "ah": ((730, 1.0, 90), (1090, 0.55, 110), (2440, 0.12, 170), (3400, 0.06, 250)),
    "eh": ((530, 1.0, 70), (1840, 0.4, 110), (2480, 0.22, 160), (3500, 0.06, 250)),
    "ee": ((270, 1.0, 60), (2290, 0.3, 110), (3010, 0.22, 170), (3700, 0.08, 250)),
    "oh": ((570, 1.0, 80), (840, 0.5, 90), (2410, 0.04, 170), (3300, 0.02, 250)),
    "oo": ((300, 1.0, 60), (870, 0.25, 90), (2240, 0.03, 170), (3200, 0.02, 250)),
    "mm": ((250, 1.0, 70), (1000, 0.04, 200), (2200, 0.02, 250), (3000, 0.01, 300)),
}


def mouth(vowels: Sequence[str], each: float, size: float) -> tones.Gains:
    """Return the gains of a mouth that goes from vowel to vowel, one every `each` seconds; size 1 is a man's."""
    table = np.array([FORMANTS[vowel] for vowel in vowels])

    def gains(t: Sound, f: Sound) -> Sound:
        at = np.clip(t[:, 0], 0, None) / each
        first = np.floor(at).astype(int) % len(table)
        # Vowels are held, then glided between within the last third.
        part = np.clip((at % 1 - 0.67) / 0.33, 0, 1)[:, None, None]
        shape = table[first] * (1 - part) + table[(first + 1) % len(table)] * part
        centre, level, width = (shape[:, :, i, None] for i in range(3))
        peaks = level / (1 + ((f[:, None, :] - centre / size) / (width / size)) ** 2)
        return np.asarray(peaks.sum(axis=1))

    return gains


def voice(
    rng: Generator,
    *,
    key: str,
    melody: Sequence[int | None],
    each: float,
    vowels: Sequence[str],
    octave: int = 3,
    seconds: float = 6.0,
    size: float = 1.0,
    singers: int = 1,
    vibrato: float = 5.3,
    depth: float = 0.012,
    breath: float = 0.03,
    glide: float = 0.05,
    hall: float = 1.2,
) -> Sound:
    """Sing steps of a scale, `each` seconds long, on vowels; several singers stray from one another as choirs do."""
    n = tones.samples(seconds)
    t = tones.times(seconds)
    out = np.zeros(n)
    held = tones.samples(each)
    steps = [melody[i % len(melody)] for i in range(n // held + 1)]
    level = np.repeat([0.0 if step is None else 1.0 for step in steps], held)[:n]
    pitch = np.repeat([tones.degree(key, step or 0, octave) for step in steps], held)[:n]
    smooth = np.hanning(tones.samples(glide) + 3)
    pitch = np.exp(_smoothed(np.log(pitch), smooth))
    level = _smoothed(level, np.hanning(tones.samples(0.08)))
    for _ in range(singers):
        rate = vibrato * rng.uniform(0.9, 1.1)
        swing = depth * np.sin(2 * np.pi * rate * t + rng.uniform(0, 6)) * np.clip(t / 0.4, 0, 1)
        stray = rng.normal(0, 0.006) * (singers > 1) + 0.004 * tones.wander(rng, n, 3)
        source = tones.oscillate(pitch * (1 + swing + stray), n, 1 / np.arange(1, 120) ** 1.1, rng.random())
        air = tones.highpass(rng.standard_normal(n), 1000) * breath
        out += (source + air) * level * (1 + 0.1 * tones.wander(rng, n, 4))
    return tones.finish(tones.room(rng, tones.moving_filter(out, mouth(vowels, each, size)), hall, 0.2))


def _smoothed(curve: Sound, window: Sound) -> Sound:
    padded = np.pad(curve, (len(window), len(window)), mode="edge")
    size = tones.quick_size(len(padded) + len(window))
    wide = np.fft.irfft(np.fft.rfft(padded, size) * np.fft.rfft(window / window.sum(), size), size)
    begin = len(window) + len(window) // 2
    return np.asarray(wide[begin : begin + len(curve)])


def pad(
    rng: Generator,
    *,
    key: str,
    chords: Sequence[tuple[int, ...]],
    each: float = 4.0,
    octave: int = 3,
    seconds: float = 8.0,
    wave: str = "saw",
    cutoff: float = 900,
    motion: float = 0.15,
    air: float = 0.0,
    shimmer: float = 0.0,
) -> Sound:
    """Hold soft chords that melt into each other; `motion` is the Hz at which the filter opens and closes."""
    n = tones.samples(seconds)
    out = np.zeros(n)
    length = each * 1.5
    for i in range(int(np.ceil(seconds / each))):
        for step in chords[i % len(chords)]:
            pitch = tones.degree(key, step, octave)
            tones.place(out, _swell(rng, pitch, length, wave), i * each)
            if shimmer:
                tones.place(out, _swell(rng, pitch * 4, length, "soft"), i * each, shimmer)
    if air:
        out += air * tones.noise(rng, n, 1.2) * (1 + 0.4 * tones.wander(rng, n, 0.5))
    start = rng.uniform(0, 6)
    filtered = tones.moving_filter(
        out, tones.resonant(lambda t: cutoff * 2 ** np.sin(2 * np.pi * motion * t + start), 0.6)
    )
    return tones.finish(tones.room(rng, filtered, 3.0, 0.5))


def _swell(rng: Generator, pitch: float, seconds: float, wave: str) -> Sound:
    n = tones.samples(seconds)
    out = np.zeros(n)
    for _ in range(4):
        drift = pitch * (1 + rng.normal(0, 0.004) + 0.0015 * tones.wander(rng, n, 0.8))
        if wave == "saw":
            out += tones.saw(drift, n, rng.random())
        elif wave == "square":
            out += tones.square(drift, n, rng.random())
        else:
            out += tones.oscillate(drift, n, (1.0, 0.3, 0.12, 0.05), rng.random())
    return out * tones.envelope(n, 0.3 * seconds, 1, 1, 0.35 * seconds)
