from __future__ import annotations

import numpy as np

from recommender.audio.mixing import mix
from tests.support.audio import melody


def test_what_does_not_cancel_is_averaged():
    channels = np.stack([melody(1, seed=n) for n in range(6)]).astype(np.float32)
    np.testing.assert_allclose(mix(channels), channels.mean(axis=0), atol=1e-6)
