"""The sound of a clip, as the Listen button posts it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.audio.wav import read_wav
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.clips import clip_id
from recommender.errors import CannotDecode, UnknownClip
from recommender.library.building import build
from recommender.library.excerpts import excerpt
from tests.recommender.library.conftest import tune, write_song
from tests.support.audio import pcm16
from tests.support.spectral import SpectralPool


@pytest.mark.parametrize(("start", "seconds"), [(0, 10), (10, 10), (20, 11)])
def test_a_clip_sounds_as_in_its_file(music: Path, tmp_path: Path, start: int, seconds: int) -> None:
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    catalogue = LocalCatalogue.open(tmp_path / "out")
    clip = catalogue.clip(clip_id("Songs/long.wav", start))
    samples, rate = read_wav(excerpt(catalogue, clip))
    assert rate == 16_000
    assert np.array_equal(samples[:, 0], pcm16(tune(31, 20))[start * rate : (start + seconds) * rate])
    with pytest.raises(UnknownClip, match="no longer in the library"):
        excerpt(catalogue, replace(clip, source="gone.wav"))
    write_song(music / "Songs" / "long.wav", 1, 20)
    if start:
        with pytest.raises(CannotDecode, match="shorter than it was"):
            excerpt(catalogue, clip)
    catalogue.manifest.extra["kind"] = "audioset"
    with pytest.raises(UnknownClip, match="no sound files of its own"):
        excerpt(catalogue, clip)
    catalogue.close()
