"""Files that people upload, and files that nobody should: each by name, with what `audio.decode` is to make of it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from recommender.audio.wav import wav_bytes
from tests.support.audio import melody, pcm16, write_audio

Maker = Callable[[int], bytes]
"""Makes a file's bytes; the argument is a port of this machine where a server would notice a request."""

ENCODED: dict[str, dict[str, object]] = {
    **{f"channels-{n}.wav": {"codec": "pcm_s16le", "channels": n} for n in range(1, 9)},
    **{
        f"rate-{rate}.wav": {"codec": "pcm_s16le", "rate": rate}
        for rate in (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 48_000, 88_200, 96_000, 176_400, 192_000)
    },
    **{
        f"{codec}.wav": {"codec": codec}
        for codec in ("pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw", "adpcm_ms")
    },
    "rf64.wav": {"codec": "pcm_s16le", "options": {"rf64": "always"}},
    "mp3.mp3": {"codec": "mp3"},
    "mp2.mp2": {"codec": "mp2"},
    "aac.m4a": {"codec": "aac"},
    "aac-8-channels.m4a": {"codec": "aac", "channels": 8},
    "aac.aac": {"codec": "aac", "container": "adts"},
    "alac.m4a": {"codec": "alac"},
    "alac.caf": {"codec": "alac"},
    "fragmented.mp4": {"codec": "aac", "options": {"movflags": "frag_keyframe+empty_moov"}},
    "flac.flac": {"codec": "flac"},
    "flac-24-bit-96k.flac": {"codec": "flac", "rate": 96_000, "sample_format": "s32"},
    "flac.oga": {"codec": "flac"},
    "vorbis.ogg": {"codec": "vorbis", "channels": 2, "codec_options": {"strict": "experimental"}},
    "opus.opus": {"codec": "libopus", "rate": 48_000},
    "voice.webm": {"codec": "libopus", "rate": 48_000},
    "unseekable.webm": {"codec": "libopus", "rate": 48_000, "options": {"live": "1"}},
    "wma.wma": {"codec": "wmav2", "bit_rate": 64_000},
    "aiff.aiff": {"codec": "pcm_s16be"},
    "aiff-24.aiff": {"codec": "pcm_s24be"},
    "pcm.caf": {"codec": "pcm_s16le"},
    "au.au": {"codec": "pcm_s16be"},
    "w64.w64": {"codec": "pcm_s16le"},
    "ac3.ac3": {"codec": "ac3", "rate": 48_000},
    "eac3.eac3": {"codec": "eac3", "rate": 48_000},
    "wavpack.wv": {"codec": "wavpack"},
    "wavpack-8-channels.wv": {"codec": "wavpack", "channels": 8},
    "tta.tta": {"codec": "tta"},
    "flac.mka": {"codec": "flac"},
    "voc.voc": {"codec": "pcm_u8"},
    "video.mp4": {"codec": "aac", "picture": "mpeg4"},
    "video.mov": {"codec": "pcm_s16le", "picture": "mjpeg"},
    "video.webm": {"codec": "libopus", "rate": 48_000, "picture": "libvpx"},
    "video.mkv": {"codec": "ac3", "rate": 48_000, "picture": "mpeg4"},
    "video.avi": {"codec": "mp3", "picture": "mpeg4"},
    "video.mpg": {"codec": "mp2", "picture": "mpeg1video"},
    "video.ts": {"codec": "mp2", "container": "mpegts"},
    "video.flv": {"codec": "mp3"},
    "video.3gp": {"codec": "aac"},
    "video.mxf": {"codec": "pcm_s16le", "rate": 48_000, "channels": 2, "picture": "mpeg2video"},
}
"""What ffmpeg can play: 1.5 s of melody each."""


@cache
def encoded(name: str, seconds: float = 1.5) -> bytes:
    """Make one of the files of `ENCODED`."""
    arguments = dict(ENCODED[name])
    with TemporaryDirectory() as folder:
        return write_audio(Path(folder) / name, str(arguments.pop("codec")), seconds=seconds, **arguments).read_bytes()  # type: ignore[arg-type]


def _wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    return wav_bytes(samples.astype(np.int16), rate)


def _float_wav(samples: np.ndarray) -> bytes:
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 16_000, 64_000, 4, 32)
    return struct.pack("<4sI4s", b"RIFF", 28 + len(form) + len(data), b"WAVE") + form + _chunk(b"data", data)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data


def _melody_wav() -> bytes:
    return _wav(pcm16(melody(1.5)))


def _lying_wav(**fields: int) -> bytes:
    """A WAV file whose header has other values at the offsets of these fields."""
    offsets = {"riff": (4, "<I"), "channels": (22, "<H"), "rate": (24, "<I")}
    offsets |= {"block": (32, "<H"), "bits": (34, "<H"), "data": (40, "<I")}
    lying = bytearray(_melody_wav())
    for name, value in fields.items():
        offset, form = offsets[name]
        struct.pack_into(form, lying, offset, value)
    return bytes(lying)


def _png() -> bytes:
    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" + b"\x40\x80\xc0" * 8 * 8)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", rows) + part(b"IEND", b"")


def _with_cover(mp3: bytes) -> bytes:
    picture = b"\0image/png\0\x03\0" + _png()
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    size = len(frame)
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + syncsafe + frame + mp3


def _caf_with_huge_cookie() -> bytes:
    described = struct.pack(">d4sIIIII", 44_100.0, b"alac", 0, 0, 4096, 1, 0)
    return b"caff\0\x01\0\0desc" + struct.pack(">q", 32) + described + b"kuki" + struct.pack(">q", 1_900_000_000)


def _mp4_with_huge_table() -> bytes:
    """An MP4 file whose sample size table claims two thousand million entries."""
    moov = bytearray(encoded("aac.m4a"))
    at = moov.index(b"stsz")
    struct.pack_into(">I", moov, at + 8, 0)
    struct.pack_into(">I", moov, at + 12, 0x7FFFFFFF)
    return bytes(moov)


def _noise(count: int) -> bytes:
    return np.random.default_rng(5).bytes(count)


def _still_video() -> bytes:
    from tests.support.audio import write_video

    with TemporaryDirectory() as folder:
        return write_video(Path(folder) / "silent.mp4").read_bytes()


_PASSWD = "/etc/passwd"

PLAYS: dict[str, Maker] = {
    "trailing-junk.mp3": lambda port: encoded("mp3.mp3") + b"junk" * 500,
    "leading-junk.mp3": lambda port: b"\0" * 700 + encoded("mp3.mp3"),
    "cover-art.mp3": lambda port: _with_cover(encoded("mp3.mp3")),
    "trailing-junk.flac": lambda port: encoded("flac.flac") + _noise(2000),
    "trailing-junk.wav": lambda port: _melody_wav() + b"\0junk" * 99,
    "two-in-a-row.mp3": lambda port: encoded("mp3.mp3") * 2,
    "two-in-a-row.ogg": lambda port: encoded("vorbis.ogg") + encoded("opus.opus"),
    "mislabelled.txt": lambda port: encoded("flac.flac"),
    "mislabelled.mp3": lambda port: encoded("voice.webm"),
    "unknown-length.wav": lambda port: _lying_wav(riff=0xFFFFFFFF, data=0xFFFFFFFF),
    "zero-length.wav": lambda port: _lying_wav(riff=0, data=0),
    "ten-hours-claimed.wav": lambda port: _lying_wav(riff=1_152_000_036, data=1_152_000_000),
    "some-nan.wav": lambda port: _float_wav(np.where(np.arange(24_000) % 50 == 7, np.nan, melody(1.5))),
    "too-loud.wav": lambda port: _float_wav(melody(1.5) * 1e30),
    "full-scale-square.wav": lambda port: _wav(np.where(np.arange(24_000) // 20 % 2, 32_767, -32_768)),
    "one-click.wav": lambda port: _wav(np.where(np.arange(24_000) == 9000, 30_000, 0)),
    # Frames of the best mode with nothing but noise for parameters: PyAV 19 has no encoder for it any more.
    "noise.amr": lambda port: b"#!AMR\n" + b"".join(b"\x3c" + np.random.default_rng(n).bytes(31) for n in range(75)),
    "loud-with-offset.wav": lambda port: _wav(pcm16(melody(1.5)) // 4 + 20_000),
}
"""Odd files that are to be decoded all the same."""

REFUSED: dict[str, tuple[str, Maker]] = {
    "empty.wav": ("not-audio", lambda port: b""),
    "one-byte.wav": ("not-audio", lambda port: b"R"),
    "text.txt": ("not-audio", lambda port: b"Dear all, the recording is attached.\n" * 40),
    "page.mp3": ("not-audio", lambda port: b"<!DOCTYPE html><html><title>Sign in</title></html>" * 20),
    "table.json": ("not-audio", lambda port: json.dumps({"audio": [1, 2, 3]}).encode()),
    "picture.png": ("not-audio", lambda port: _png()),
    "paper.pdf": ("not-audio", lambda port: b"%PDF-1.7\n" + _noise(3000)),
    "archive.zip": ("not-audio", lambda port: b"PK\x03\x04" + _noise(3000)),
    "program.exe": ("not-audio", lambda port: b"\x7fELF\x02\x01\x01" + bytes(3000)),
    "zeros.wav": ("not-audio", lambda port: bytes(5000)),
    "silent-film.mp4": ("not-audio", lambda port: _still_video()),
    "http.m3u8": ("not-audio", lambda port: _hls(f"http://127.0.0.1:{port}/a.ts")),
    "file.m3u8": ("not-audio", lambda port: _hls(f"file://{_PASSWD}")),
    "http.m3u": ("not-audio", lambda port: f"#EXTM3U\nhttp://127.0.0.1:{port}/a.mp3\n".encode()),
    "http.pls": ("not-audio", lambda port: f"[playlist]\nFile1=http://127.0.0.1:{port}/a.mp3\n".encode()),
    "file.ffconcat": ("not-audio", lambda port: f"ffconcat version 1.0\nfile '{_PASSWD}'\n".encode()),
    "http.ffconcat": ("not-audio", lambda port: f"ffconcat version 1.0\nfile http://127.0.0.1:{port}/a\n".encode()),
    "stream.sdp": (
        "not-audio",
        lambda port: (
            f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n".encode()
        ),
    ),
    "dash.mpd": ("not-audio", lambda port: _dash(port)),
    "picture.svg": (
        "not-audio",
        lambda port: f'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:{port}/"/></svg>'.encode(),
    ),
    "rtsp.rm": ("not-audio", lambda port: f"rtsp://127.0.0.1:{port}/a.rm\n".encode()),
    "three-samples.wav": ("too-short", lambda port: _wav(np.array([9000, -9000, 9000]))),
    "no-samples.wav": ("no-samples", lambda port: _wav(np.empty(0))),
    "silence.wav": ("silent", lambda port: _wav(np.zeros(24_000))),
    "dither.wav": ("silent", lambda port: _wav(np.random.default_rng(1).integers(-2, 3, 24_000))),
    "full-scale-offset.wav": ("silent", lambda port: _wav(np.full(24_000, 32_767))),
    "all-nan.wav": ("silent", lambda port: _float_wav(np.full(24_000, np.nan))),
    "header-only.flac": ("cannot-decode", lambda port: encoded("flac.flac")[:42]),
    "no-moov.m4a": ("cannot-decode", lambda port: encoded("aac.m4a")[:1500]),
    "no-channels.wav": ("cannot-decode", lambda port: _lying_wav(channels=0)),
    "no-rate.wav": ("cannot-decode", lambda port: _lying_wav(rate=0)),
    "4-ghz.wav": ("cannot-decode", lambda port: _lying_wav(rate=4_000_000_000)),
    "huge-cookie.caf": ("cannot-decode", lambda port: _caf_with_huge_cookie()),
}
"""Files that are no audio, or none that could be compared, with the code of the error."""

EITHER: dict[str, Maker] = {
    **{
        f"cut-{tenth}-{name}": lambda port, name=name, tenth=tenth: (  # type: ignore[misc]
            encoded(name)[: len(encoded(name)) * tenth // 10]
        )
        for name in ("mp3.mp3", "aac.m4a", "flac.flac", "vorbis.ogg", "voice.webm", "rate-48000.wav")
        for tenth in range(10)
    },
    **{f"noise-{count}": lambda port, count=count: _noise(count) for count in (10, 1000, 100_000)},  # type: ignore[misc]
    **{
        f"scratched-{name}": lambda port, name=name: _scratched(encoded(name))  # type: ignore[misc]
        for name in ("mp3.mp3", "aac.m4a", "flac.flac", "vorbis.ogg", "voice.webm", "video.mkv", "video.avi")
    },
    "odd-bits.wav": lambda port: _lying_wav(bits=7),
    "no-block.wav": lambda port: _lying_wav(block=0),
    "many-channels.wav": lambda port: _lying_wav(channels=65_535),
    "3-hz.wav": lambda port: _lying_wav(rate=3),
    "infinite.wav": lambda port: _float_wav(np.where(np.arange(24_000) % 2, np.inf, -np.inf)),
    "huge-table.m4a": lambda port: _mp4_with_huge_table(),
    "id3-only.mp3": lambda port: _with_cover(b""),
    "half-a-second-of-mp3-frames.bin": lambda port: encoded("mp3.mp3")[3000:9000],
}
"""Damaged files: audio or a named error, whichever the damage leaves."""


def _hls(url: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n".encode()


def _dash(port: int) -> bytes:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        f'<Representation id="1"><BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ).encode()


def _scratched(data: bytes) -> bytes:
    """Overwrite a hundredth of the bytes, past the first hundred."""
    random = np.random.default_rng(3)
    scratched = bytearray(data)
    for position in random.integers(100, len(data), len(data) // 100):
        scratched[position] = int(random.integers(256))
    return bytes(scratched)
