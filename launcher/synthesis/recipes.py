"""The starter library's clips: twelve families, each a maker of sounds and the settings of every clip by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from launcher.synthesis import rhythm, scenes, strings, voices
from launcher.synthesis.tones import Sound

Maker = Callable[..., Sound]
"""Makes a sound out of a random generator and the settings of a clip."""
Clips = dict[str, tuple[Maker, dict[str, Any]]]

_I, _IV, _V, _VI = (0, 2, 4), (3, 5, 7), (4, 6, 8), (5, 7, 9)
_SEVENTH, _NINTH = (0, 2, 4, 6), (0, 4, 6, 8, 9)


def _all(maker: Maker, clips: dict[str, dict[str, Any]]) -> Clips:
    return {name: (maker, settings) for name, settings in clips.items()}


def _drums(*parts: rhythm.Part, **settings: Any) -> dict[str, Any]:
    return {"parts": parts, **settings}


_LOW_TOM, _HIGH_TOM = {"pitch": 95.0, "length": 0.45}, {"pitch": 170.0, "length": 0.35}
_CONGA = {"pitch": 210.0, "length": 0.28}
_OPEN_HAT, _SHAKER = {"length": 0.14}, {"length": 0.03, "low": 4500.0}
_EIGHT_O_EIGHT = {"pitch": 42.0, "length": 0.9, "click": 0.1}

FAMILIES: dict[str, Clips] = {
    "Plucked strings": _all(
        strings.plucked,
        {
            "Harp-like arpeggio in D": {
                "key": "D", "pattern": (0, 2, 4, 7, 9, 11, 14, 11, 9, 7, 4, 2), "beat": 0.21, "ring": 1.4, "hall": 2.5,
            },
            "Nylon melody in A minor": {
                "key": "A minor", "pattern": (4, 3, 2, 0, 1, 2, -1, 0), "beat": 0.44, "octave": 3, "brightness": 0.25,
            },
            "Banjo roll in G": {
                "key": "G", "pattern": (0, 4, 7, 2, 4, 7, 1, 4), "beat": 0.125, "brightness": 1.0, "ring": 0.22,
                "body": (450, 1100), "hall": 0.4,
            },
            "Koto phrase in E minor": {
                "key": "E minor", "pattern": (7, 4, 2, 4, 0, 1, 0, -3), "beat": 0.38, "brightness": 0.9, "ring": 0.6,
            },
            "Mandolin tremolo in C": {
                "key": "C", "pattern": (4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 7, 7, 7, 7, 7, 7), "beat": 0.085, "octave": 5,
                "brightness": 0.8, "ring": 0.2, "hold": 0.8, "body": (350, 800),
            },
            "Strummed guitar in E minor": {
                "key": "E minor", "pattern": ((-7, -3, 0, 2, 4, 7), (-7, -3, 0, 2, 4, 7), (-5, -1, 2, 4, 6),
                                              (-4, 0, 3, 5, 7)),
                "beat": 0.52, "octave": 3, "brightness": 0.7,
            },
            "Pizzicato walk in F": {
                "key": "F", "pattern": (0, 2, 4, 5, 6, 5, 4, 2), "beat": 0.33, "octave": 3, "brightness": 0.15,
                "ring": 0.13, "hall": 1.8,
            },
            "Lute dance in B flat": {
                "key": "B flat", "pattern": ((0, 7), 4, (2, 9), 4, (1, 8), 5, (0, 7), 4), "beat": 0.26, "octave": 3,
                "brightness": 0.45, "ring": 0.5,
            },
            "Twelve-string picking in A": {
                "key": "A", "pattern": ((-7, 0), (2, 9), (4, 11), (7, 14), (4, 11), (2, 9)), "beat": 0.24, "octave": 3,
                "brightness": 0.9, "ring": 0.9,
            },
        },
    ),
    "Electric piano": _all(
        strings.electric_piano,
        {
            "Late-night chords in E flat": {"key": "E flat", "chords": (_SEVENTH, (3, 5, 7, 9)), "beat": 1.6},
            "Barking funk in G minor": {
                "key": "G minor", "chords": (_SEVENTH, (0, 4), _NINTH, (3, 6)), "beat": 0.42, "bark": 3.0,
                "tremolo": 6.0,
            },
            "Glassy ballad in C": {
                "key": "C", "chords": (_I, _VI, _IV, _V), "beat": 1.5, "bell": 2.0, "bark": 0.6, "octave": 4,
            },
            "Solo line in D minor": {
                "key": "D minor", "chords": ((7,), (9,), (11,), (8,), (6,), (4,), (5,), (3,)), "beat": 0.36,
                "octave": 4, "bark": 1.8,
            },
            "Soul vamp in B flat": {
                "key": "B flat", "chords": (_NINTH, (1, 3, 5, 7)), "beat": 0.9, "tremolo": 3.2, "depth": 0.55,
            },
            "Rolled ninths in A": {"key": "A", "chords": (_NINTH, (3, 7, 9, 11)), "beat": 1.9, "roll": 0.09},
            "Low comping in F minor": {
                "key": "F minor", "chords": ((-7, 0, 2), (-4, 0, 3), (-3, 1, 4)), "beat": 0.75, "bark": 2.2,
                "octave": 3,
            },
            "Broken chords in G": {
                "key": "G", "chords": ((0,), (4,), (7,), (9,), (11,), (9,), (7,), (4,)), "beat": 0.28, "bell": 1.2,
            },
        },
    ),
    "Organ": _all(
        strings.organ,
        {
            "Gospel swell in F": {
                "key": "F", "chords": (_I, _IV, _I, _V), "beat": 1.6, "bars": "888806046", "dirt": 2.0,
            },
            "Chapel hymn in C": {
                "key": "C", "chords": ((-7, *_I), (-4, *_IV), (-3, *_V), (-7, *_I)), "beat": 1.7, "bars": "808606046",
                "rotor": 0, "hall": 4.0,
            },
            "Jazz trio in G minor": {
                "key": "G minor", "chords": (_SEVENTH, (1, 3, 5), (3, 5, 7), (2, 4, 6)), "beat": 0.7,
                "bars": "888400204",
            },
            "Reggae bubble in A minor": {
                "key": "A minor", "chords": (_I, (), _I, _I), "beat": 0.22, "bars": "808608004", "gap": 0.09,
            },
            "Carousel in D": {
                "key": "D", "chords": ((-7,), (4, 7, 9), (4, 7, 9), (-3,), (3, 6, 8), (3, 6, 8)), "beat": 0.3,
                "bars": "008080808", "rotor": 0, "octave": 4, "gap": 0.06,
            },
            "Full drawbars in E": {
                "key": "E", "chords": (_I, _VI, _IV, _V), "beat": 1.2, "bars": "888888888", "dirt": 3.0, "octave": 3,
            },
            "Flute stop in B flat": {
                "key": "B flat", "chords": ((7,), (8,), (9,), (11,), (9,), (8,), (6,), (7,)), "beat": 0.5,
                "bars": "408604046", "rotor": 0, "hall": 3.0,
            },
            "Low pedals in D minor": {
                "key": "D minor", "chords": ((-7, 0), (-9, -2), (-11, -4), (-10, -3)), "beat": 1.6,
                "bars": "888604406", "rotor": 0, "octave": 3, "hall": 3.5,
            },
        },
    ),
    "Bass": _all(
        rhythm.bass,
        {
            "Sub bass in F minor": {
                "key": "F minor", "line": (0, 0, None, 0, 3, None, 2, None), "tempo": 70, "wave": "sub", "octave": 1,
            },
            "Walking bass in B flat": {
                "key": "B flat", "line": (0, None, 2, None, 4, None, 5, None, 6, None, 5, None, 4, None, 2, None),
                "tempo": 140, "wave": "string", "cutoff": 900, "swing": 0.2, "octave": 1, "length": 1.6,
            },
            "Octave disco in A minor": {
                "key": "A minor", "line": (0, 7, 0, 7, 3, 10, 4, 11), "tempo": 118, "wave": "saw", "octave": 1,
            },
            "Square grime in E minor": {
                "key": "E minor", "line": (0, None, None, 0, 1, None, 0, None), "tempo": 140, "wave": "square",
                "octave": 1, "cutoff": 300, "punch": 6.0,
            },
            "Fingered groove in G": {
                "key": "G", "line": (0, None, 0, 2, 4, None, 5, 4), "tempo": 96, "wave": "string", "cutoff": 700,
                "octave": 1,
            },
            "Rubber bass in C minor": {
                "key": "C minor", "line": (0, 0, 4, 0, 7, 0, 6, 4), "tempo": 110, "wave": "fm", "octave": 1,
                "cutoff": 900,
            },
            "Growling bass in D minor": {
                "key": "D minor", "line": (0, None, 0, 0, None, 5, 4, None), "tempo": 87, "wave": "saw", "octave": 1,
                "punch": 9.0, "dirt": 4.0,
            },
            "Dub bass in A": {
                "key": "A", "line": (0, None, None, None, 4, None, 2, 0), "tempo": 72, "wave": "sub", "octave": 1,
                "length": 1.5, "dirt": 2.0,
            },
        },
    ),
    "Drum loops": _all(
        rhythm.drum_loop,
        {
            "Rock beat at 112": _drums(
                ("kick", "x-----x-x-------", 1.0, {}), ("snare", "----x-------x---", 0.8, {}),
                ("hat", "x-o-", 0.35, {}), tempo=112, hall=0.9, wet=0.18,
            ),
            "Boom bap at 90": _drums(
                ("kick", "x--x--x---x-----", 1.0, {"pitch": 58.0}),
                ("snare", "----x-------x--.", 0.9, {"pitch": 170.0}),
                ("hat", "x-x-", 0.3, {}), tempo=90, bars=2, swing=0.25, dirt=2.5,
            ),
            "Breakbeat at 172": _drums(
                ("kick", "x-x-------x-----", 1.0, {}), ("snare", "----x--.-.--x--.", 0.9, {"pitch": 230.0}),
                ("hat", "x-", 0.35, _OPEN_HAT), tempo=172, bars=5, dirt=2.0,
            ),
            "Trap hats at 140": _drums(
                ("kick", "x------x--x-----", 1.0, _EIGHT_O_EIGHT), ("clap", "--------x-------", 0.8, {}),
                ("hat", "x.x.x.xxx.x.xooo", 0.35, {"length": 0.025}), tempo=140, bars=4,
            ),
            "Conga groove at 104": _drums(
                ("skin", "x--x--x---x-x---", 0.9, _CONGA), ("skin", "--x--x-x-x---x.x", 0.6, {"pitch": 310.0}),
                ("block", "x--x--x---x-x---", 0.3, {}), ("hat", "xoxo", 0.25, _SHAKER), tempo=104,
            ),
            "Tom pattern at 120": _drums(
                ("skin", "x--x--x-----x---", 1.0, _LOW_TOM), ("skin", "--x--x---xx---xx", 0.8, _HIGH_TOM),
                ("kick", "x-------x-------", 0.8, {}), tempo=120, hall=1.6, wet=0.3,
            ),
            "Brushed swing at 132": _drums(
                ("hat", "x---x-.x", 0.4, {"length": 0.22, "low": 5000.0}),
                ("snare", "o-.-x-.-", 0.3, {"snap": 1.2, "length": 0.3}),
                ("kick", "x-------", 0.4, {"click": 0.1}), tempo=132, bars=4, swing=0.3,
            ),
            "Samba school at 116": _drums(
                ("skin", "----x-------x-x-", 1.0, {"pitch": 75.0, "length": 0.6}),
                ("snare", "x..xx..xx..xx.xx", 0.5, {"pitch": 260.0, "length": 0.12}),
                ("block", "x-x-xx-x-x-xx-x-", 0.3, {"pitch": 1400.0}), ("hat", "xoxx", 0.25, _SHAKER), tempo=116,
            ),
            "Drum machine at 100": _drums(
                ("kick", "x---x---x---x-x-", 1.0, {"length": 0.5}), ("clap", "----x-------x---", 0.7, {}),
                ("block", "--x--x----x--x--", 0.4, {"pitch": 2200.0}), ("hat", "--x-", 0.4, _OPEN_HAT), tempo=100,
            ),
        },
    ),
    "Techno": _all(
        rhythm.techno,
        {
            "Acid line in A minor": {
                "key": "A minor", "tempo": 132,
                "acid_line": (0, 0, 7, None, 0, 3, None, 0, 7, 0, None, 2, 0, None, 10, 0),
            },
            "Rolling bass in F minor": {"key": "F minor", "tempo": 136, "bass_line": (None, 0, 0, 0)},
            "Dub chords in C minor": {"key": "C minor", "tempo": 122, "chord": (0, 2, 4, 6)},
            "Peak hour in D minor": {
                "key": "D minor", "tempo": 140, "bass_line": (None, 0, 0, 1), "chord": (0, 4, 7), "kick_pitch": 54,
            },
            "Hypnotic acid in E minor": {
                "key": "E minor", "tempo": 128, "acid_line": (0, None, 0, 1, 0, None, 4, 0), "sweep": 3.5,
                "claps": "----------------",
            },
            "Detroit stabs in G minor": {
                "key": "G minor", "tempo": 130, "chord": (0, 2, 4, 6, 8), "stab": "x--x--x---x--x--",
                "bass_line": (0, None, None, 0, None, 0, None, 3),
            },
            "Minimal clicks in B flat": {
                "key": "B flat", "tempo": 125, "bass_line": (0, None, None, None, None, None, 2, None),
                "hats": "x-xxx-x-x-xxx-xx",
            },
            "Rave chords in A": {
                "key": "A", "tempo": 145, "chord": (0, 2, 4, 7), "stab": "x-x--x-x--x-x---", "acid_line": (0, 7, 0, 0),
            },
        },
    ),
    "Ambient pad": _all(
        voices.pad,
        {
            "Warm dawn in C": {"key": "C", "chords": (_I, _VI)},
            "Dark water in D minor": {"key": "D minor", "chords": ((-7, *_I), (-4, *_IV)), "cutoff": 450, "octave": 3},
            "Glass sky in E": {
                "key": "E", "chords": ((0, 4, 8), (3, 7, 11)), "wave": "soft", "octave": 4, "cutoff": 3000,
                "shimmer": 0.3,
            },
            "Slow tide in A flat": {"key": "A flat", "chords": (_NINTH,), "cutoff": 1400, "motion": 0.3, "air": 0.6},
            "Cold stars in F sharp minor": {
                "key": "F sharp minor", "chords": ((0, 4, 7), (5, 9, 12)), "wave": "square", "cutoff": 1200,
                "shimmer": 0.15,
            },
            "Low drone in G": {"key": "G", "chords": ((-7, -3, 0),), "cutoff": 600, "motion": 0.4, "each": 8.0},
            "Open fifths in B minor": {"key": "B minor", "chords": ((-7, -3, 0, 4), (-5, -1, 2, 6)), "cutoff": 1800},
            "Soft choir haze in D": {
                "key": "D", "chords": (_SEVENTH, (3, 5, 7, 9)), "wave": "soft", "cutoff": 1500, "air": 0.25,
            },
        },
    ),
    "Bells": _all(
        strings.bells,
        {
            "Church bell in D": {
                "key": "D", "pattern": (0,), "beat": 2.2, "kind": "church", "octave": 4, "ring": 2.6,
            },
            "Change ringing in F": {
                "key": "F", "pattern": (7, 6, 5, 4, 3, 2, 1, 0), "beat": 0.32, "kind": "church", "octave": 4,
            },
            "Glockenspiel tune in G": {
                "key": "G", "pattern": (0, 2, 4, 7, 4, 2, 5, 4), "beat": 0.27, "kind": "bar", "octave": 6, "ring": 0.8,
            },
            "Singing bowl in A": {
                "key": "A", "pattern": (0, -3), "beat": 3.6, "kind": "bowl", "octave": 3, "ring": 4.0,
            },
            "Wind chimes in E": {
                "key": "E", "pattern": (0, 4, 2, 7, 8, 5, 9, 3), "beat": 0.35, "kind": "bar", "octave": 6, "loose": 0.3,
                "ring": 1.4,
            },
            "Gamelan gongs in C minor": {
                "key": "C minor", "pattern": (0, 4, 2, 3, 0, 5, 4, 2), "beat": 0.5, "kind": "gong", "octave": 4,
                "ring": 1.2,
            },
            "Glass harp in B flat": {
                "key": "B flat", "pattern": (0, 4, 7, 9, 8, 4), "beat": 0.7, "kind": "glass", "octave": 5, "ring": 1.6,
            },
            "Tower clock in E flat": {
                "key": "E flat", "pattern": (2, 0, 1, -3, -3, 1, 2, 0), "beat": 0.75, "kind": "church", "octave": 4,
                "ring": 2.2, "hall": 3.0,
            },
            "Music box in C": {
                "key": "C", "pattern": (4, 2, 0, 2, 4, 4, 7, 5, 3, 5), "beat": 0.2, "kind": "glass", "octave": 6,
                "ring": 0.5, "hall": 0.6,
            },
        },
    ),
    "Vowels": _all(
        voices.voice,
        {
            "Solo ah to oh in G": {"key": "G", "melody": (0, 2, 4, 2), "each": 1.4, "vowels": ("ah", "oh")},
            "Choir oo in D": {
                "key": "D", "melody": (0, 2, 1, 0), "each": 1.6, "vowels": ("oo", "oh"), "singers": 6, "hall": 3.5,
            },
            "Soprano scale in C": {
                "key": "C", "melody": (0, 1, 2, 3, 4, 5, 6, 7), "each": 0.7, "vowels": ("ah", "eh"), "octave": 4,
                "size": 0.82,
            },
            "Monks on ah in A minor": {
                "key": "A minor", "melody": (0, 0, 1, 0, -1), "each": 1.2, "vowels": ("oh", "ah", "mm"), "octave": 2,
                "singers": 5, "vibrato": 4.0, "depth": 0.004, "hall": 4.0,
            },
            "Humming lullaby in F": {
                "key": "F", "melody": (4, 4, 2, 4, 4, 2, 0, None), "each": 0.75, "vowels": ("mm",), "size": 0.85,
            },
            "Child's ee-oo in B flat": {
                "key": "B flat", "melody": (2, 4, 2, 4), "each": 0.8, "vowels": ("ee", "oo"), "octave": 4, "size": 0.72,
            },
            "Sliding voice in E": {
                "key": "E", "melody": (0, 7, 4, -3), "each": 1.5, "vowels": ("ah", "ee"), "glide": 0.7,
            },
            "Vowel warm-up in D minor": {
                "key": "D minor", "melody": (0, 0, 0, 0, 0), "each": 1.1, "vowels": ("ah", "eh", "ee", "oh", "oo"),
            },
        },
    ),
    "Sirens": _all(
        scenes.siren,
        {
            "Slow wail": {"shape": "wail", "low": 480, "high": 1500, "period": 4.2, "seconds": 8.0},
            "Fast yelp": {"shape": "yelp", "low": 600, "high": 1500, "period": 0.32},
            "European two-tone": {"shape": "two-tone", "low": 435, "high": 580, "period": 1.4, "horn": 0.8},
            "Passing ambulance": {
                "shape": "two-tone", "low": 450, "high": 600, "period": 1.1, "passing": True, "street": 0.4,
                "seconds": 7.0,
            },
            "Air raid warning": {
                "shape": "rise", "low": 150, "high": 460, "period": 8, "horn": 1.0, "street": 0.5, "seconds": 8.0,
            },
            "Car alarm": {"shape": "yelp", "low": 900, "high": 2100, "period": 0.55, "horn": 0.3},
            "Factory alarm": {"shape": "pulse", "low": 620, "high": 620, "period": 0.9, "horn": 0.9},
            "Passing patrol car": {
                "shape": "wail", "low": 600, "high": 1400, "period": 2.2, "passing": True, "street": 0.3,
                "seconds": 7.0,
            },
        },
    ),
    "Rain and wind": {
        **_all(
            scenes.rain,
            {
                "Drizzle on leaves": {"drops": 25, "hiss": 0.12, "surface": 1800},
                "Downpour": {"drops": 220, "hiss": 0.9, "surface": 1500},
                "Rain on a tin roof": {"drops": 130, "hiss": 0.3, "surface": 3200},
                "Thunderstorm": {"drops": 120, "hiss": 0.5, "surface": 1300, "thunder": 0.5},
            },
        ),
        **_all(
            scenes.wind,
            {
                "Howling wind": {"pitch": 520, "howl": 0.9, "gusts": 0.8},
                "Storm at sea": {"pitch": 260, "howl": 0.25, "gusts": 0.5, "rustle": 0.15},
                "Breeze in the trees": {"pitch": 700, "howl": 0.1, "gusts": 0.7, "rustle": 0.6},
                "Draught under the door": {"pitch": 900, "howl": 0.8, "gusts": 0.6},
            },
        ),
    },
    "Engines": {
        **_all(
            scenes.engine,
            {
                "Lorry idling": {"firing": (16, 30), "shape": "idle", "rough": 0.6, "pipe": (90, 400), "cylinders": 6},
                "Motorbike revving": {
                    "firing": (35, 150), "shape": "rev", "rough": 0.7, "pipe": (160, 900), "cylinders": 2,
                },
                "Racing car passing": {
                    "firing": (120, 420), "shape": "pass", "rough": 0.15, "pipe": (500, 1500), "whine": 0.03,
                    "cylinders": 8,
                },
                "Lawn mower": {
                    "firing": (42, 60), "shape": "idle", "rough": 0.3, "pipe": (240, 1300), "air": 0.6, "cylinders": 1,
                },
                "Car through the gears": {"firing": (40, 170), "shape": "climb", "rough": 0.3, "pipe": (140, 600)},
                "Generator": {
                    "firing": (50, 52), "shape": "idle", "rough": 0.2, "pipe": (200, 700), "air": 0.4, "whine": 0.05,
                },
                "Tractor": {"firing": (12, 45), "shape": "rev", "rough": 0.5, "pipe": (110, 500), "cylinders": 3},
            },
        ),
        **_all(
            scenes.rotor,
            {
                "Helicopter hovering": {"blades": 11, "thump": 1.3, "turbine": 2400},
                "Propeller plane nearing": {"blades": 38, "thump": 1.0, "turbine": 320, "approach": True},
            },
        ),
    },
}  # fmt: skip
