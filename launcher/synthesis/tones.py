"""Building blocks of synthesis: oscillators, envelopes, filters, noise and rooms. All sound is mono float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

RATE = 32_000
"""Samples a second: holds all that a 16 kHz embedder takes and sounds bright enough to people."""
NYQUIST = RATE / 2
TABLE_LENGTH = 4096
FILTER_FRAME = 2048
"""Samples per frame of the moving filter, 64 ms: slow enough for low notes, quick enough for a sweep."""

Sound = NDArray[np.float64]
Gains = Callable[[Sound, Sound], Sound]
"""Gains (frames, bins) of a moving filter at times (frames, 1) in seconds and frequencies (1, bins) in Hz."""

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"": 0, " sharp": 1, " flat": -1}


def samples(seconds: float) -> int:
    """Return the number of samples in a stretch of time."""
    return round(seconds * RATE)


def times(seconds: float) -> Sound:
    """Return the time of each sample, in seconds."""
    return np.arange(samples(seconds)) / RATE


def root(key: str, octave: int = 4) -> float:
    """Return the MIDI number of a key's root, such as "B flat" or "E minor", in an octave (middle C is C4)."""
    name = key.removesuffix(" minor")
    return 12 * (octave + 1) + _SEMITONES[name[0]] + _SIGNS[name[1:]]


def scale(key: str) -> tuple[int, ...]:
    """Return the semitones of the key's scale above its root."""
    return (0, 2, 3, 5, 7, 8, 10) if key.endswith("minor") else (0, 2, 4, 5, 7, 9, 11)


def degree(key: str, step: int, octave: int = 4) -> float:
    """Return the frequency, in Hz, of the scale's step (0 is the root, 7 the root an octave above)."""
    octaves, rest = divmod(step, 7)
    return hertz(root(key, octave) + 12 * octaves + scale(key)[rest])


def hertz(midi: float) -> float:
    """Turn a MIDI number into Hz, A4 = 440."""
    return float(440.0 * 2 ** ((midi - 69) / 12))


def phase(frequency: ArrayLike, n: int) -> Sound:
    """Return the phase, in turns, of an oscillator whose frequency is fixed or one value per sample."""
    return np.cumsum(np.broadcast_to(np.asarray(frequency, np.float64), (n,))) / RATE


def sine(frequency: ArrayLike, n: int) -> Sound:
    """Return a sine."""
    return np.asarray(np.sin(2 * np.pi * phase(frequency, n)))


def oscillate(frequency: ArrayLike, n: int, amplitudes: Sequence[float] | Sound, start: float = 0.0) -> Sound:
    """Return a tone with these amplitudes of harmonics 1, 2, …, without those that would alias at the highest pitch."""
    highest = float(np.max(np.asarray(frequency)))
    kept = min(len(amplitudes), int(0.95 * NYQUIST / highest), TABLE_LENGTH // 2 - 1)
    spectrum = np.zeros(TABLE_LENGTH // 2 + 1, np.complex128)
    spectrum[1 : kept + 1] = -0.5j * TABLE_LENGTH * np.asarray(amplitudes[:kept], np.float64)
    table = np.fft.irfft(spectrum, TABLE_LENGTH)
    where = phase(frequency, n) + start
    where -= np.floor(where)
    where *= TABLE_LENGTH
    return between(np.append(table, table[0]), where)


def between(table: Sound, where: Sound) -> Sound:
    """Read a table (m,) at places from 0 to m - 1, by straight lines; np.interp would search it."""
    left = where.astype(np.intp)
    read = where - left
    read *= np.append(np.diff(table), 0)[left]
    read += table[left]
    return read


def saw(frequency: ArrayLike, n: int, start: float = 0.0) -> Sound:
    """Return a band-limited sawtooth of about unit peak."""
    return oscillate(frequency, n, 0.6 / np.arange(1, 400), start)


def square(frequency: ArrayLike, n: int, start: float = 0.0) -> Sound:
    """Return a band-limited square of about unit peak."""
    order = np.arange(1, 400)
    return oscillate(frequency, n, np.where(order % 2, 1.1 / order, 0.0), start)


def envelope(n: int, attack: float, decay: float, sustain: float, release: float) -> Sound:
    """Return an envelope with its four stages in seconds, `sustain` being a level; the release ends with the sound."""
    t = np.arange(n) / RATE
    end = n / RATE
    rise = np.clip(t / max(attack, 1e-4), 0, 1)
    fall = sustain + (1 - sustain) * np.exp(-np.clip(t - attack, 0, None) / max(decay, 1e-4))
    return np.asarray(rise * fall * np.clip((end - t) / max(release, 1e-4), 0, 1))


def fading(n: int, seconds: float) -> Sound:
    """Return an exponential decay by a factor e in that time."""
    return powers(-1 / (seconds * RATE), n).real


def powers(exponent: complex, n: int) -> NDArray[np.complex128]:
    """Return exp(exponent k) for k < n, as products of few: what decays, turns, or does both."""
    few = 512
    many = np.exp(exponent * few * np.arange(-(-n // few)))
    return np.asarray((many[:, None] * np.exp(exponent * np.arange(few))).ravel()[:n], np.complex128)


def noise(rng: np.random.Generator, n: int, slope: float = 0.0) -> Sound:
    """Return noise of unit deviation whose power falls by `slope` times 3 dB per octave (1 pink, 2 brown)."""
    size = quick_size(n)
    spectrum = np.fft.rfft(rng.standard_normal(size))
    spectrum *= np.maximum(np.fft.rfftfreq(size, 1 / RATE), 20.0) ** (-slope / 2)
    made = np.fft.irfft(spectrum, size)[:n]
    return np.asarray(made / max(float(made.std()), 1e-9))


def wander(rng: np.random.Generator, n: int, hertz: float) -> Sound:
    """Return a slow random curve of about unit deviation that changes direction `hertz` times a second."""
    points = max(4, int(n / RATE * hertz) + 3)
    knots = rng.standard_normal(points)
    # Drawn at 16 points between knots, then straight lines: what is slow needs no sample-by-sample cosine.
    position = np.linspace(1, points - 2, 16 * points)
    left = np.minimum(position.astype(int), points - 2)
    part = (1 - np.cos(np.pi * (position - left))) / 2
    curve = knots[left] * (1 - part) + knots[left + 1] * part
    return between(curve, np.linspace(0, len(curve) - 1, n))


def quick_size(n: int) -> int:
    """Return a length, at least n, whose Fourier transform is quick: a small number times a power of two."""
    power = max(16, 1 << max(0, n.bit_length() - 3))
    return -(-n // power) * power


def still_filter(sound: Sound, gain: Callable[[Sound], Sound]) -> Sound:
    """Filter by a fixed gain of frequency in Hz."""
    # Padded, so that the end does not ring into the beginning.
    size = quick_size(len(sound) + FILTER_FRAME)
    spectrum = np.fft.rfft(sound, size) * gain(np.asarray(np.fft.rfftfreq(size, 1 / RATE), np.float64))
    return np.asarray(np.fft.irfft(spectrum, size)[: len(sound)])


def lowpass(sound: Sound, cutoff: float, order: int = 4) -> Sound:
    """Take away what lies above the cutoff, in Hz."""
    return still_filter(sound, lambda f: 1 / (1 + (f / cutoff) ** order))


def highpass(sound: Sound, cutoff: float, order: int = 4) -> Sound:
    """Take away what lies below the cutoff, in Hz."""
    return still_filter(sound, lambda f: 1 - 1 / (1 + (f / cutoff) ** order))


def bandpass(sound: Sound, low: float, high: float) -> Sound:
    """Keep what lies between two frequencies in Hz."""
    return highpass(lowpass(sound, high), low)


def moving_filter(sound: Sound, gains: Gains) -> Sound:
    """Filter by gains that change over time: windowed spectra, overlapped and added."""
    hop = FILTER_FRAME // 2
    count = len(sound) // hop + 2
    padded = np.zeros((count + 1) * hop)
    padded[hop : hop + len(sound)] = sound
    window = np.sqrt(np.hanning(FILTER_FRAME + 1)[:-1])
    starts = np.arange(count)[:, None] * hop
    frames = padded[starts + np.arange(FILTER_FRAME)] * window
    at = (starts - hop) / RATE + FILTER_FRAME / 2 / RATE
    frequencies = np.asarray(np.fft.rfftfreq(FILTER_FRAME, 1 / RATE), np.float64)
    spectra = np.fft.rfft(frames) * gains(at, frequencies[None, :])
    filtered = np.fft.irfft(spectra) * window
    out = np.zeros((count + 1) * hop)
    out[: count * hop] += filtered[:, :hop].ravel()
    out[hop:] += filtered[:, hop:].ravel()
    return out[hop : hop + len(sound)]


def resonant(cutoff: Callable[[Sound], Sound], resonance: float, order: int = 4) -> Gains:
    """Return the gains of a low-pass whose cutoff, in Hz, is a function of time, with a peak of `resonance` there."""

    def gains(t: Sound, f: Sound) -> Sound:
        ratio = f / np.maximum(cutoff(t), 30.0)
        peak = resonance * np.exp(-((np.log2(np.maximum(ratio, 1e-3)) / 0.22) ** 2))
        return np.asarray(1 / (1 + ratio**order) + peak)

    return gains


def room(rng: np.random.Generator, sound: Sound, seconds: float, wet: float, darkness: float = 1.0) -> Sound:
    """Put the sound into a room: a decaying noise as its impulse response, `seconds` long, `wet` of the mixture."""
    n = samples(seconds)
    tail = noise(rng, n, darkness) * fading(n, seconds / 5)
    tail[: samples(0.012)] *= np.linspace(0, 1, samples(0.012))
    tail /= np.sqrt(np.sum(tail**2))
    size = quick_size(len(sound) + n)
    echo = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: len(sound)]
    return (1 - wet) * sound + wet * echo


def echoes(sound: Sound, delay: float, feedback: float, count: int = 4) -> Sound:
    """Add repeats, `delay` seconds apart, each `feedback` times as loud as the one before."""
    out = sound.copy()
    step = samples(delay)
    for i in range(1, count + 1):
        if i * step >= len(sound):
            break
        out[i * step :] += sound[: -i * step] * feedback**i
    return np.asarray(out)


def place(out: Sound, sound: Sound, seconds: float, gain: float = 1.0) -> None:
    """Mix a sound into `out` at a time; what reaches past the end is cut."""
    begin = samples(seconds)
    part = sound[: max(0, len(out) - begin)]
    out[begin : begin + len(part)] += gain * part


def drive(sound: Sound, amount: float) -> Sound:
    """Saturate softly."""
    return np.asarray(np.tanh(sound * amount) / np.tanh(amount))


def finish(sound: Sound, peak: float = 0.8) -> Sound:
    """Remove the offset, round off both ends so that nothing clicks, and scale to a peak."""
    sound = sound - float(sound.mean())
    edge = samples(0.006)
    out = samples(0.08)
    sound[:edge] *= np.linspace(0, 1, edge)
    sound[-out:] *= np.linspace(1, 0, out)
    return np.asarray(sound * (peak / max(float(np.max(np.abs(sound))), 1e-9)))
