"""Sirens, rain and wind, engines: what goes on outdoors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from launcher.synthesis import tones
from launcher.synthesis.tones import Sound

Generator = np.random.Generator


def siren(
    rng: Generator,
    *,
    shape: str,
    low: float,
    high: float,
    period: float,
    seconds: float = 6.0,
    horn: float = 0.6,
    street: float = 0.15,
    passing: bool = False,
) -> Sound:
    """Sound a siren between two pitches in Hz, once up and down in `period` seconds.

    shape: wail, yelp, two-tone, rise or pulse; horn: 0 to 1, how brassy; street: how much town is around it;
    passing: whether it drives by, with the fall in pitch that goes with it.
    """
    n = tones.samples(seconds)
    t = tones.times(seconds)
    turn = (t / period + rng.random()) % 1
    shapes: dict[str, Callable[[], Sound]] = {
        "wail": lambda: 0.5 - 0.5 * np.cos(2 * np.pi * turn),
        "yelp": lambda: np.where(turn < 0.85, turn / 0.85, (1 - turn) / 0.15),
        "two-tone": lambda: (turn < 0.5).astype(np.float64),
        "rise": lambda: np.clip(t / (0.55 * seconds), 0, 1) ** 0.5 * np.clip((seconds - t) / (0.4 * seconds), 0, 1),
        "pulse": lambda: np.ones(n),
    }
    pitch = low * (high / low) ** shapes[shape]()
    level = np.ones(n)
    if shape == "pulse":
        level = (turn < 0.55).astype(np.float64)
    if passing:
        pitch *= 1 - 0.09 * np.tanh((t - seconds / 2) / 0.35)
        level = level / (0.25 + ((t - seconds / 2) / (seconds / 3)) ** 2) / 4
    order = np.arange(1, 40)
    tone = tones.oscillate(pitch, n, np.where(order % 2, 1.0, horn) / order ** (2.2 - 1.3 * horn))
    sound = tones.bandpass(tones.drive(tone, 1 + 2 * horn), 350, 5000) * level
    echoed = tones.echoes(sound, rng.uniform(0.11, 0.23), 0.3, 3)
    traffic = tones.noise(rng, n, 1.2) * (1 + 0.3 * tones.wander(rng, n, 1))
    return tones.finish(tones.room(rng, echoed, 2.0, street + 0.1) + 0.25 * street * traffic)


def rain(
    rng: Generator, *, drops: float, hiss: float, surface: float, seconds: float = 7.0, thunder: float = 0.0
) -> Sound:
    """Let it rain: `drops` single ones a second on a surface that rings at so many Hz, above hissing of many."""
    n = tones.samples(seconds)
    out = hiss * tones.highpass(tones.noise(rng, n, 0.6), 500) * (1 + 0.12 * tones.wander(rng, n, 1.5))
    for _ in range(int(drops * seconds)):
        length = int(rng.integers(150, 700))
        pitch = surface * rng.lognormal(0, 0.5)
        drop = np.sin(2 * np.pi * pitch / tones.RATE * np.arange(length)) * tones.fading(length, 0.003)
        drop += 0.5 * rng.standard_normal(length) * tones.fading(length, 0.0015)
        tones.place(out, drop, rng.uniform(0, seconds), rng.pareto(2.5) * 1.5)
    if thunder:
        rumble = tones.lowpass(tones.noise(rng, n, 1.8), 160)
        t = tones.times(seconds) - rng.uniform(0.5, 1.5)
        roll = np.where(t > 0, np.exp(-np.clip(t, 0, None) / 2.2), 0) * (1 + 0.6 * tones.wander(rng, n, 6))
        out += thunder * 14 * rumble * roll
    return tones.finish(tones.drive(out / (4 * float(out.std())), 1.0))


def wind(
    rng: Generator, *, pitch: float, howl: float, gusts: float, rustle: float = 0.0, seconds: float = 7.5
) -> Sound:
    """Let the wind blow: noise through a wandering band at about `pitch` Hz; howl: 0 to 1, how narrow it is.

    gusts: changes a second; rustle: how loud leaves or snow are.
    """
    n = tones.samples(seconds)
    source = tones.noise(rng, n, 1.0)
    path = tones.wander(rng, n, gusts)
    strength = np.exp(0.55 * path)

    def gains(t: Sound, f: Sound) -> Sound:
        at = np.clip((t[:, 0] * tones.RATE).astype(int), 0, n - 1)
        centre = pitch * 2 ** (0.7 * path[at])[:, None]
        width = 1.1 - 0.9 * howl
        band = np.exp(-((np.log2(np.maximum(f, 20.0) / centre) / width) ** 2))
        return np.asarray(band + 0.25 / (1 + (f / 250) ** 2))

    out = tones.moving_filter(source, gains) * strength
    out /= float(out.std())
    if rustle:
        out += rustle * tones.highpass(tones.noise(rng, n), 2500) * np.exp(0.9 * path + 0.4 * tones.wander(rng, n, 9))
    return tones.finish(out)


def engine(
    rng: Generator,
    *,
    firing: tuple[float, float],
    shape: str,
    rough: float,
    pipe: tuple[float, float],
    air: float = 0.2,
    seconds: float = 6.5,
    cylinders: int = 4,
    whine: float = 0.0,
) -> Sound:
    """Run an engine that fires between two rates in Hz.

    shape: idle, rev, climb or pass; rough: 0 to 1, how unevenly it fires; pipe: two resonances of the exhaust in Hz;
    air: loudness of the intake's noise; cylinders: firings until the pattern repeats; whine: loudness of the gears.
    """
    n = tones.samples(seconds)
    t = tones.times(seconds)
    curves: dict[str, Callable[[], Sound]] = {
        "idle": lambda: 0.1 + 0.05 * tones.wander(rng, n, 2),
        "rev": lambda: np.abs(np.sin(np.pi * t / rng.uniform(1.6, 2.4))) ** 1.5,
        "climb": lambda: (t / 2.2) % 1 * 0.6 + 0.4 * t / seconds,
        "pass": lambda: 0.75 - 0.22 * np.tanh((t - seconds / 2) / 0.3),
    }
    rate = firing[0] + (firing[1] - firing[0]) * np.clip(curves[shape](), 0, 1)
    rate = rate * (1 + 0.02 * rough * tones.wander(rng, n, 12))
    # One table holds a whole cycle: each cylinder's bang a little different from the next one's.
    strengths = 1 + rough * rng.uniform(-0.5, 0.5, cylinders)
    length = tones.TABLE_LENGTH
    cycle = np.zeros(length)
    for i, strength in enumerate(strengths):
        shift = int((i + rough * rng.uniform(-0.12, 0.12)) * length / cylinders) % length
        bang = np.exp(-np.arange(length) / (length / cylinders / 6)) * strength
        cycle += np.roll(bang, shift)
    cycle -= cycle.mean()
    where = tones.phase(rate / cylinders, n) % 1 * length
    bangs = tones.between(np.append(cycle, cycle[0]), where)
    hiss = tones.noise(rng, n, 0.7) * (0.4 + np.clip(bangs, 0, None))
    sound = bangs + air * hiss
    first, second = pipe
    piped = tones.still_filter(
        sound,
        lambda f: (
            0.15
            + np.exp(-((np.log2(np.maximum(f, 10) / first) / 0.5) ** 2))
            + 0.6 * np.exp(-((np.log2(np.maximum(f, 10) / second) / 0.4) ** 2))
        ),
    )
    out = tones.drive(piped / max(float(np.max(np.abs(piped))), 1e-9), 2.5)
    if whine:
        out += whine * tones.oscillate(np.minimum(rate * 9.5, 5000), n, (1.0, 0.4, 0.2))
    if shape == "pass":
        out *= 1 / (0.3 + ((t - seconds / 2) / (seconds / 4)) ** 2)
    return tones.finish(tones.lowpass(out, 6500, 2))


def rotor(
    rng: Generator, *, blades: float, thump: float, turbine: float, seconds: float = 6.5, approach: bool = False
) -> Sound:
    """Turn a rotor whose blades pass `blades` times a second: thumps, rushing air and a turbine's whistle in Hz."""
    n = tones.samples(seconds)
    t = tones.times(seconds)
    turn = (tones.phase(blades * (1 + 0.01 * tones.wander(rng, n, 1)), n)) % 1
    chop = np.exp(-turn / 0.16) + 0.35 * np.exp(-np.abs(turn - 0.5) / 0.06)
    low = tones.lowpass(tones.noise(rng, n, 1.2), 500)
    rush = tones.bandpass(tones.noise(rng, n, 0.8), 300, 3500)
    whistle = tones.oscillate(turbine * (1 + 0.002 * tones.wander(rng, n, 3)), n, (1.0, 0.3, 0.15))
    out = thump * chop * (low + 0.8 * np.sin(2 * np.pi * 70 * t)) + 0.4 * (0.4 + chop) * rush + 0.08 * whistle
    if approach:
        out *= 0.15 + (t / seconds) ** 1.5
    return tones.finish(tones.drive(out / (3 * float(out.std())), 1.2))
