"""Plucked strings, electric pianos, organs and bells: notes that are struck or held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from launcher.synthesis import tones
from launcher.synthesis.tones import Sound

Generator = np.random.Generator


def pluck(rng: Generator, hertz: float, seconds: float, *, brightness: float, ring: float) -> Sound:
    """Pluck a string by Karplus and Strong's algorithm, all periods at once: the k-th is the first, filtered k times.

    brightness: 0 to 1, how much treble the pluck has; ring: seconds until the string has faded by a factor e.
    """
    period = max(8, int(tones.RATE / hertz))
    count = int(seconds * tones.RATE / period) + 3
    spectrum = np.fft.rfft(rng.uniform(-1, 1, period))
    order = np.arange(len(spectrum))
    spectrum *= 1 / (1 + (order / (2 + 40 * brightness)) ** 2)
    # Where the string is plucked decides which harmonics are missing.
    spectrum *= np.abs(np.sin(np.pi * order * rng.uniform(0.12, 0.3))) + 0.05
    loss = np.exp(-period / tones.RATE / ring) * (0.5 + 0.5 * np.exp(-2j * np.pi * order / period))
    spectra = np.cumprod(np.vstack([spectrum, np.tile(loss, (count - 1, 1))]), axis=0)
    flat = np.fft.irfft(spectra, period).ravel()
    # The averaging filter delays by half a sample a period, and the period is a whole number: retune by interpolation.
    step = hertz * (period + 0.5) / tones.RATE
    n = tones.samples(seconds)
    sound = tones.between(flat, np.minimum(np.arange(n) * step, len(flat) - 1))
    sound[-samples_of_release(n) :] *= np.linspace(1, 0, samples_of_release(n))
    return np.asarray(sound / max(float(np.max(np.abs(sound))), 1e-9))


def samples_of_release(n: int) -> int:
    """Return the length of the fade at a note's end: 20 ms, or the note where it is shorter."""
    return min(n, tones.samples(0.02))


def plucked(
    rng: Generator,
    *,
    key: str,
    pattern: Sequence[int | tuple[int, ...]],
    beat: float,
    octave: int = 4,
    seconds: float = 6.5,
    brightness: float = 0.5,
    ring: float = 0.7,
    hold: float = 2.0,
    body: tuple[float, float] = (180, 420),
    hall: float = 1.2,
) -> Sound:
    """Play steps of a scale, or chords of them, `beat` seconds apart on plucked strings with a wooden body."""
    out = np.zeros(tones.samples(seconds))
    for i in range(int(seconds / beat)):
        steps = pattern[i % len(pattern)]
        for k, step in enumerate(steps if isinstance(steps, tuple) else (steps,)):
            note = pluck(rng, tones.degree(key, step, octave), hold, brightness=brightness, ring=ring)
            at = i * beat + k * 0.018 + rng.uniform(0, 0.008)
            tones.place(out, note, at, rng.uniform(0.75, 1.0))
    low, high = body
    resonance = tones.bandpass(out, low, high)
    return tones.finish(tones.room(rng, out + 0.8 * resonance, hall, 0.22))


def tine(rng: Generator, hertz: float, seconds: float, *, bark: float, bell: float) -> Sound:
    """Strike an electric piano's tine by frequency modulation: a 1:1 pair for the body, a 14:1 pair for the tick."""
    n = tones.samples(seconds)
    t = np.arange(n) / tones.RATE
    low = min(1.0, 300 / hertz)
    body_index = bark * np.exp(-t / 0.7)
    turn = 2 * np.pi * hertz * t
    body = np.sin(turn + body_index * np.sin(turn))
    tick = np.sin(turn + bell * low * np.exp(-t / 0.09) * np.sin(14 * turn))
    level = np.exp(-t / (0.5 + 1.4 * low)) * tones.envelope(n, 0.003, 1, 1, 0.06)
    return np.asarray((0.7 * body + 0.3 * tick) * level * rng.uniform(0.85, 1))


def electric_piano(
    rng: Generator,
    *,
    key: str,
    chords: Sequence[tuple[int, ...]],
    beat: float,
    octave: int = 3,
    seconds: float = 6.5,
    bark: float = 1.2,
    bell: float = 0.8,
    tremolo: float = 4.5,
    depth: float = 0.3,
    roll: float = 0.01,
) -> Sound:
    """Play chords `beat` seconds apart on an electric piano with tremolo of so many Hz and such a depth."""
    out = np.zeros(tones.samples(seconds))
    for i in range(int(np.ceil(seconds / beat))):
        for k, step in enumerate(chords[i % len(chords)]):
            note = tine(rng, tones.degree(key, step, octave), min(beat * 1.6, 3.0), bark=bark, bell=bell)
            tones.place(out, note, i * beat + k * roll, 0.8)
    t = tones.times(seconds)
    out *= 1 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * tremolo * t))
    out = tones.drive(out / max(float(np.max(np.abs(out))), 1e-9), 1.3)
    return tones.finish(tones.room(rng, out, 0.8, 0.15))


DRAWBARS = (0.5, 1.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Pitches of a tonewheel organ's nine drawbars, as multiples of the key's own."""


def organ(
    rng: Generator,
    *,
    key: str,
    chords: Sequence[tuple[int, ...]],
    beat: float,
    bars: str,
    octave: int = 4,
    seconds: float = 6.5,
    rotor: float = 6.4,
    gap: float = 0.03,
    dirt: float = 1.2,
    hall: float = 1.5,
) -> Sound:
    """Hold chords on an organ; `bars` are the nine drawbars from 0 to 8, `rotor` the turning speaker's Hz (0: none)."""
    levels = [int(bar) / 8 for bar in bars]
    # Sounded an octave below, so that all drawbars are whole harmonics: 1, 3, 2, 4, 6, …
    harmonics = np.zeros(16)
    for level, pitch in zip(levels, DRAWBARS, strict=True):
        harmonics[round(2 * pitch) - 1] = level
    out = np.zeros(tones.samples(seconds))
    for i in range(int(np.ceil(seconds / beat))):
        for step in chords[i % len(chords)]:
            n = tones.samples(beat - gap)
            wobble = 1 + 0.004 * np.sin(2 * np.pi * rotor * (np.arange(n) / tones.RATE + i * beat)) * (rotor > 0)
            held = tones.oscillate(tones.degree(key, step, octave) / 2 * wobble, n, harmonics, rng.random())
            click = tones.highpass(rng.standard_normal(n) * tones.fading(n, 0.004), 1500) * 0.25
            tones.place(out, (held + click) * tones.envelope(n, 0.008, 1, 1, 0.03), i * beat)
    if rotor:
        out *= 1 - 0.4 * (0.5 + 0.5 * np.sin(2 * np.pi * rotor * tones.times(seconds)))
    out = tones.drive(out / max(float(np.max(np.abs(out))), 1e-9), dirt)
    # The bellows' air or the amplifier's hiss: no organ is silent between its notes.
    out += 0.012 * tones.bandpass(tones.noise(rng, len(out), 0.5), 400, 6000)
    return tones.finish(tones.room(rng, out, hall, 0.25))


BELLS: dict[str, tuple[tuple[float, float, float], ...]] = {
    # (pitch as a multiple of the strike note, loudness, ring as a share of the whole); church bells have a minor third.
    "church": (
        (0.5, 0.7, 1.0),
        (1.0, 1.0, 0.7),
        (1.2, 0.7, 0.6),
        (1.5, 0.4, 0.5),
        (2.0, 0.9, 0.4),
        (2.52, 0.35, 0.25),
        (3.01, 0.3, 0.2),
        (4.1, 0.2, 0.12),
        (5.4, 0.12, 0.08),
    ),
    "bar": ((1.0, 1.0, 1.0), (2.76, 0.5, 0.5), (5.4, 0.3, 0.25), (8.93, 0.18, 0.12)),
    "bowl": ((1.0, 1.0, 1.0), (1.004, 0.8, 1.0), (2.71, 0.5, 0.7), (5.15, 0.25, 0.4), (8.2, 0.12, 0.25)),
    "gong": ((1.0, 0.9, 1.0), (1.52, 0.7, 0.8), (1.93, 0.6, 0.8), (2.44, 0.6, 0.6), (3.16, 0.5, 0.5), (4.3, 0.4, 0.3)),
    "glass": ((1.0, 1.0, 1.0), (2.32, 0.6, 0.7), (4.25, 0.4, 0.5), (6.63, 0.25, 0.3), (9.38, 0.12, 0.2)),
}


def strike(rng: Generator, hertz: float, seconds: float, kind: str, ring: float) -> Sound:
    """Strike a bell once: inharmonic partials, each with a slow beat and its own decay."""
    n = tones.samples(seconds)
    out = np.zeros(n)
    for ratio, level, share in BELLS[kind]:
        pitch = hertz * ratio
        if pitch > 0.9 * tones.NYQUIST:
            continue
        # Five time constants are 43 dB: the rest of a partial is inaudible.
        sounding = min(n, tones.samples(5 * ring * share))
        turn = 2j * np.pi / tones.RATE
        beating = tones.powers(turn * rng.uniform(0.4, 2.2), sounding) * np.exp(1j * rng.uniform(0, 6))
        fade = 1 / (ring * share * tones.RATE)
        partial = tones.powers(turn * pitch - fade, sounding) * np.exp(1j * rng.uniform(0, 6))
        out[:sounding] += level * (1 + 0.25 * beating.imag) * partial.imag
    length = min(n, tones.samples(0.05))
    out[:length] += 0.4 * tones.highpass(rng.standard_normal(length) * tones.fading(length, 0.006), 1200)
    return np.asarray(out * tones.envelope(n, 0.002, 1, 1, 0.05))


def bells(
    rng: Generator,
    *,
    key: str,
    pattern: Sequence[int],
    beat: float,
    kind: str,
    octave: int = 5,
    seconds: float = 7.0,
    ring: float = 1.8,
    loose: float = 0.0,
    hall: float = 2.0,
) -> Sound:
    """Ring bells of one kind, `beat` seconds apart; `loose` is how far, in seconds, they stray from the beat."""
    out = np.zeros(tones.samples(seconds))
    for i in range(int(np.ceil(seconds / beat))):
        step = pattern[i % len(pattern)]
        note = strike(rng, tones.degree(key, step, octave), min(seconds, 3 * ring), kind, ring)
        tones.place(out, note, max(0.0, i * beat + rng.uniform(-loose, loose)), rng.uniform(0.6, 1.0))
    return tones.finish(tones.room(rng, out, hall, 0.25))
