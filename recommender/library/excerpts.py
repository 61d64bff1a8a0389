"""The sound of a library's clip, for the Listen button."""

from __future__ import annotations

from recommender.audio import decoding
from recommender.audio.wav import HEADER_BYTES
from recommender.catalogue.base import Catalogue
from recommender.clips import Clip
from recommender.errors import CannotDecode, UnknownClip
from recommender.library.additions import library_of
from recommender.library.naming import file_of

LONGEST_SECONDS = 15.0
"""A window is 10 s, the last one of a file up to 15 s."""


def excerpt(catalogue: Catalogue, clip: Clip) -> bytes:
    """Return a clip of a catalogue as a WAV file of its file's own quality, up to 48 kHz stereo.

    Raises `UnknownClip` where its file is no longer there, `AudioError` where it cannot be decoded.
    """
    home, clip = catalogue.member_of(clip)
    root = library_of(home.facts)
    if root is None:
        raise UnknownClip("This catalogue has no sound files of its own: follow the link instead.")
    path = file_of(root, clip.source)
    if not path.is_file():
        raise UnknownClip(f"{clip.source} is no longer in the library: build the catalogue again.")
    sound = decoding.excerpt(path, clip.start, min(clip.end, clip.start + LONGEST_SECONDS))
    if len(sound) <= HEADER_BYTES:
        raise CannotDecode(f"{clip.source} is shorter than it was: build the catalogue again.")
    return sound
