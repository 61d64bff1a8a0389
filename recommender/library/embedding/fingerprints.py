"""Tells whether two files hold the same recording, or one a part of the other, from the sound itself."""

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
LEAST_SHARE = 0.9
"""Of the shorter sound's audible frames, those that must be compared: a cut-out lies within its original, and what two
recordings merely begin or end with makes no copies."""
LARGEST_ERROR = 0.28
"""Share of bits that may differ in either half. Of cut-outs, which begin anywhere between two frames, 93 % differ less
where 5 s of 10 s are compared; no two different sounds of ESC-10 do in less than 0.35, halves of one with the others
included. Between them lie takes and mixes of one piece."""
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
    """Say whether two fingerprints are of one recording, or one of a part of the other."""
    return difference(first, second) <= LARGEST_ERROR


def difference(first: Fingerprint, second: Fingerprint) -> float:
    """Return the share of bits that differ in the worse half of what is compared, at the shift where fewest differ; 1
    where there is too little to compare. Halves, since what merely begins or ends alike is another take or mix.

    All shifts at once: the correlation of bits as -1 and 1, quiet frames as 0, by the Fourier transform.
    """
    size = 1 << (len(first) + len(second)).bit_length()
    a, b = (np.fft.rfft(_signs(words), size) for words in (first, second))
    products = a * b.conj()
    alike, compared = np.fft.irfft(np.stack([products[:32].sum(axis=0), products[32]]), size)
    least = max(FEWEST_BITS / 32, LEAST_SHARE * min(np.count_nonzero(first), np.count_nonzero(second)))
    enough = np.rint(compared) >= least
    if not enough.any():
        return 1.0
    shift = int(np.argmax(np.where(enough, alike / np.maximum(compared, 1), -np.inf)))
    shift -= size if shift >= len(first) else 0
    x, y = first[max(0, shift) :], second[max(0, -shift) :]
    x, y = x[: len(y)], y[: len(x)]
    apart = (x ^ y)[(x != 0) & (y != 0)]
    halves = np.array_split(np.unpackbits(apart.view(np.uint8).reshape(-1, 4), axis=1), 2)
    return max(float(half.mean()) for half in halves)


def _signs(words: Fingerprint) -> NDArray[np.float32]:
    """Return a fingerprint's bits as -1 and 1, then whether a frame is compared: (33, n), all 0 for quiet ones."""
    bits = np.unpackbits(words.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    signs = np.vstack([bits.T * np.float32(2) - 1, np.ones((1, len(words)), np.float32)])
    return np.where(words != 0, signs, 0).astype(np.float32)


@functools.cache
def _bands(size: int, rate: float) -> NDArray[np.float32]:
    """Return which of a frame's frequencies belong to which band."""
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    inside = (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])
    return inside.astype(np.float32)
