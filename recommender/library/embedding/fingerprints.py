"""Tells whether two files hold the same recording in other encodings, from the sound itself."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from recommender.audio import SAMPLE_RATE

LOW_RATE = 4000
"""Samples a second, about, to which audio is thinned out: fingerprints look below 2 kHz, which every encoding keeps."""
FRAME_SECONDS = 0.37
"""Haitsma and Kalker's frame (A Highly Robust Audio Fingerprinting System, ISMIR 2002)."""
HOP_SECONDS = 0.0465
"""The same moment in two encodings is at most half of it off, a sixteenth of a frame."""
BANDS = 33
LOWEST_HZ, HIGHEST_HZ = 100.0, 1900.0
QUIET = 1e-5
"""Frames that much weaker than the block's strongest (50 dB) hold the encoder's noise; they are not compared."""
LONGEST_SECONDS = 600
"""What two recordings have in common for ten minutes they have in common."""
LARGEST_SHIFT = 3
"""Frames, 0.14 s, that encoders put before the sound: MP3 up to 0.07 s, AAC up to 0.13 s."""
LARGEST_ERROR = 0.2
"""Share of bits that may differ. By `benchmarks/library_copies.py` 95 % of copies differ in less than 0.16, also at
48 kbit/s, and no two of 130 different sounds in less than 0.42; between them lie takes and mixes of one piece."""
FEWEST_BITS = 32 * 20
"""Less than a second of sound is too little evidence."""

Fingerprint = NDArray[np.uint32]


def fingerprint(pcm: NDArray[np.int16], rate: int = SAMPLE_RATE) -> Fingerprint:
    """Return one 32-bit word per 46.5 ms of samples (n,) at a rate: in which of 33 bands the energy rises over the next
    band and the last frame. Words of quiet frames are 0. Fingerprints of different rates are not compared."""
    every = max(1, round(rate / LOW_RATE))
    low = pcm[: len(pcm) // every * every].reshape(-1, every).mean(axis=1, dtype=np.float32)
    size, hop = round(FRAME_SECONDS * rate / every), round(HOP_SECONDS * rate / every)
    if (len(low) - size) // hop < 1:
        return np.empty(0, np.uint32)
    frames = np.lib.stride_tricks.sliding_window_view(low, size)[::hop]
    energy = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1)) ** 2 @ _bands(size, rate / every)
    rising = np.diff(np.diff(energy, axis=1), axis=0) < 0
    words = np.packbits(rising, axis=1, bitorder="little").view("<u4")[:, 0].astype(np.uint32)
    loudness = energy.sum(axis=1)
    audible = loudness > max(float(loudness.max()) * QUIET, 1.0)
    return np.where(audible[1:] & audible[:-1], np.maximum(words, 1), 0).astype(np.uint32)


def same_recording(first: Fingerprint, second: Fingerprint) -> bool:
    """Say whether two fingerprints are of one recording, at the best shift against each other."""
    return difference(first, second) <= LARGEST_ERROR


def difference(first: Fingerprint, second: Fingerprint) -> float:
    """Return the smallest share of bits that differ, over small shifts; 1 where there is too little to compare."""
    best = 1.0
    for shift in range(-LARGEST_SHIFT, LARGEST_SHIFT + 1):
        a, b = first[max(0, shift) :], second[max(0, -shift) :]
        size = min(len(a), len(b))
        a, b = a[:size], b[:size]
        compared = (a != 0) & (b != 0)
        bits = 32 * int(compared.sum())
        if bits >= FEWEST_BITS:
            wrong = int(np.unpackbits((a ^ b)[compared].view(np.uint8)).sum())
            best = min(best, wrong / bits)
    return best


@functools.cache
def _bands(size: int, rate: float) -> NDArray[np.float32]:
    """Return which of a frame's frequencies belong to which band."""
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    inside = (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])
    return inside.astype(np.float32)
