"""What synthesis computes by a short way is what the long one makes."""

from __future__ import annotations

import numpy as np

from launcher.synthesis import tones


def test_a_table_is_read_by_straight_lines():
    table = np.random.default_rng(1).standard_normal(50)
    where = np.concatenate([np.random.default_rng(2).uniform(0, 49, 2000), [0.0, 49.0]])
    assert np.allclose(tones.between(table, where), np.interp(where, np.arange(50), table), atol=1e-12)


def test_powers_decay_and_turn():
    for n in (1, 511, 512, 5000):
        for exponent in (-0.001, -0.0002 + 0.3j, 1j):
            assert np.allclose(tones.powers(exponent, n), np.exp(exponent * np.arange(n)), atol=1e-11)
