"""The sound of a library's clip, for listening to the moment that was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recommender import audio
from recommender.clips import Clip
from recommender.embedders import SAMPLE_RATE
from recommender.errors import CannotDecode, UnknownClip
from recommender.library.additions import KIND
from recommender.manifest import Manifest

LONGEST_SECONDS = 15.0
"""A window is 10 s, the last one of a file up to 15 s."""


def excerpt(manifest: Manifest, clip: Clip) -> bytes:
    """Give a clip as a WAV file, 16 kHz mono: what the embedder heard. Raises `UnknownClip` where its file is no longer
    there, `AudioError` where it cannot be decoded."""
    root = manifest.extra.get("folder")
    if manifest.extra.get("kind") != KIND or not isinstance(root, str):
        raise UnknownClip("This catalogue has no files of its own to listen to: follow the link instead.")
    path = Path(root) / clip.source
    if not path.is_file():
        raise UnknownClip(f"{clip.source} is no longer in the library: build the catalogue again.")
    seconds = min(clip.end - clip.start, LONGEST_SECONDS)
    wanted = round((clip.start + seconds) * SAMPLE_RATE)
    parts = []
    position = 0
    for block in audio.decode_blocks(path, block_seconds=LONGEST_SECONDS):
        position += len(block)
        parts.append(block if position > clip.start * SAMPLE_RATE else block[:0])
        if position >= wanted:
            break
    sound = np.concatenate(parts) if parts else np.empty(0, np.int16)
    first = round(clip.start * SAMPLE_RATE) - (position - len(sound))
    sound = sound[max(0, first) : max(0, first) + round(seconds * SAMPLE_RATE)]
    if not len(sound):
        raise CannotDecode(f"{clip.source} is shorter than it was: build the catalogue again.")
    return audio.wav_bytes(sound)
