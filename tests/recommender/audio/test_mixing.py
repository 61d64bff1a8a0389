from __future__ import annotations

import numpy as np

from recommender.audio.mixing import mix
from tests.support.audio import melody


def test_what_does_not_cancel_is_averaged():
    channels = np.stack([melody(1, seed=n) for n in range(6)]).astype(np.float32)
    np.testing.assert_allclose(mix(channels), channels.mean(axis=0), atol=1e-6)


def test_channels_that_cancel_are_turned_before_they_are_added():
    sound = melody(1, seed=1).astype(np.float32)
    side = melody(1, seed=2).astype(np.float32) / 4
    for signs in ([1, -1], [1, -1, 0], [0, 1, -1], [1, 1, 1, -1, -1]):
        mixed = mix(np.stack([sign * sound if sign else side for sign in signs]))
        assert abs(np.corrcoef(mixed, sound)[0, 1]) > 0.95
        assert np.std(mixed) > 0.5 * np.std(sound)
