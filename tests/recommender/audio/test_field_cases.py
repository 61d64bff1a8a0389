"""Files that version 0.1 read wrongly, and others of their kinds: made here, and those of the field where they are."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest

from recommender.audio import decoding
from recommender.audio.wav import wav_bytes
from recommender.errors import AudioError
from tests.support.audio import melody, pcm16, write_audio
from tests.support.corpus import encoded

GUID = bytes.fromhex("000000001000800000aa00389b71")
RATE = 16_000


def decoded(folder: Path, data: bytes, name: str = "a.wav") -> decoding.Audio:
    path = folder / name
    path.write_bytes(data)
    return decoding.decode(path, max_seconds=60)


def code_of(folder: Path, data: bytes) -> str:
    with pytest.raises(AudioError) as caught:
        decoded(folder, data)
    return caught.value.code


def container(
    sound: np.ndarray, width: int, bits: int, *, low: bool = False, order: str = "<", extensible: bool = True
) -> bytes:
    """A WAV file, RIFX where the order is big-endian, of samples (n, channels) of so many bits in wider containers."""
    spare = 8 * width - bits
    values = np.rint(np.clip(sound, -1, 1) * ((1 << (bits - 1)) - 1)).astype(np.int64) << (0 if low else spare)
    octets = (values[..., None] >> (8 * np.arange(width)) & 0xFF).astype(np.uint8)
    data: bytes = (octets[..., ::-1] if order == ">" else octets).tobytes()
    channels = sound.shape[1]
    block = width * channels
    tag = 0xFFFE if extensible else 1
    form = struct.pack(f"{order}HHIIHH", tag, channels, RATE, RATE * block, block, 8 * width if extensible else bits)
    if extensible:
        form += struct.pack(f"{order}HHIH", 22, bits, 0, 1) + GUID
    chunks = b"fmt " + struct.pack(f"{order}I", len(form)) + form + b"data" + struct.pack(f"{order}I", len(data)) + data
    return (b"RIFX" if order == ">" else b"RIFF") + struct.pack(f"{order}I", 4 + len(chunks)) + b"WAVE" + chunks


WIDER = [(2, 12), (3, 16), (3, 20), (4, 16), (4, 20), (4, 24), (2, 16), (3, 24), (4, 32)]


@pytest.mark.parametrize(("width", "bits"), WIDER)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_in_wider_containers(tmp_path: Path, width: int, bits: int, order: str, low: bool, channels: int):
    sound = np.stack([melody(1.5)] * channels, axis=1)
    found = decoded(tmp_path, container(sound, width, bits, low=low, order=order))
    assert found.incomplete is None
    np.testing.assert_allclose(found.pcm / 32_768, melody(1.5), atol=2.0 ** (2 - min(bits, 15)))


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("floats", [False, True])
def test_four_bytes_a_sample_without_a_word_are_integers_or_cool_edits_floats(tmp_path: Path, bits: int, floats: bool):
    sound = melody(1.5)[:, None]
    data = bytearray(container(sound, 4, bits, extensible=False))
    if floats:
        scale = 1 << (bits - 1)
        data[44:] = (sound * scale).astype("<f4").tobytes()
    if floats and bits == 16:
        pytest.skip("ffmpeg knows Cool Edit's 16.8 floats by another sign")
    found = decoded(tmp_path, bytes(data))
    np.testing.assert_allclose(found.pcm / 32_768, melody(1.5), atol=2e-3)


@pytest.mark.parametrize("form", ["<f4", "<f8", ">f4", ">f8"])
def test_floats_of_both_orders(tmp_path: Path, form: str):
    order, width = form[0], int(form[2])
    data = melody(1.5).astype(form).tobytes()
    head = struct.pack(f"{order}HHIIHH", 3, 1, RATE, RATE * width, width, 8 * width)
    chunks = b"fmt " + struct.pack(f"{order}I", 16) + head + b"data" + struct.pack(f"{order}I", len(data)) + data
    whole = (b"RIFX" if order == ">" else b"RIFF") + struct.pack(f"{order}I", 4 + len(chunks)) + b"WAVE" + chunks
    np.testing.assert_allclose(decoded(tmp_path, whole).pcm / 32_768, melody(1.5), atol=1e-4)


def link(folder: Path, codec: str, rate: int, channels: int, seed: int = 0) -> bytes:
    options = {"strict": "experimental"} if codec == "vorbis" else None
    sound = np.stack([melody(1.5, rate, seed=seed)] * channels)
    path = folder / f"{codec}{rate}{channels}.ogg"
    return write_audio(path, codec, rate=rate, channels=channels, sound=sound, codec_options=options).read_bytes()


LINKS = [
    ("vorbis", 44_100, 2),
    ("vorbis", 22_050, 2),
    ("libopus", 48_000, 1),
    ("libopus", 48_000, 2),
    ("flac", 8000, 1),
]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(LINKS, LINKS)))
def test_chains_are_read_to_their_end(tmp_path: Path, first: tuple[str, int, int], second: tuple[str, int, int]):
    parts = [decoded(tmp_path, link(tmp_path, *each)) for each in (first, second)]
    chain = decoded(tmp_path, link(tmp_path, *first) + link(tmp_path, *second))
    assert chain.incomplete is None
    assert chain.seconds == pytest.approx(sum(part.seconds for part in parts), abs=0.01)
    half = len(parts[0].pcm)
    for piece, part in ((chain.pcm[:half], parts[0].pcm), (chain.pcm[half:], parts[1].pcm)):
        size = min(len(piece), len(part)) - 200
        assert np.corrcoef(piece[200:size], part[200:size])[0, 1] > 0.95


CUT = [
    "rate-48000.wav", "pcm_s24le.wav", "pcm_f32le.wav", "pcm_alaw.wav", "rf64.wav", "w64.w64", "adpcm_ms.wav",
    "pcm.caf", "mp3.mp3", "flac.flac", "flac.oga", "vorbis.ogg", "opus.opus", "aiff.aiff", "aiff-24.aiff", "au.au",
    "tta.tta", "flac.mka", "voice.webm", "fragmented.mp4", "aac.aac",
]  # fmt: skip


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_off_is_used_and_said_to_be_incomplete(tmp_path: Path, name: str):
    data = encoded(name, 6)
    assert decoded(tmp_path, data).incomplete is None
    found = decoded(tmp_path, data[: len(data) * 6 // 10])
    assert found.incomplete is not None
    assert found.incomplete.seconds == pytest.approx(found.seconds, abs=0.05)
    assert 2 < found.seconds < 5


@pytest.mark.parametrize("name", ["flac.flac", "flac.oga", "vorbis.ogg", "opus.opus", "wavpack.wv"])
def test_a_hole_in_the_middle_is_told(tmp_path: Path, name: str):
    data = bytearray(encoded(name, 6))
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    found = decoded(tmp_path, bytes(data))
    assert found.incomplete is not None


def test_what_stands_behind_a_file_is_no_part_of_its_sound(tmp_path: Path):
    for name in ("mp3.mp3", "flac.flac", "rate-48000.wav"):
        tag = b"TAG" + bytes(125)
        assert decoded(tmp_path, encoded(name) + tag).incomplete is None


def atoms(codec_tag: bytes) -> bytes:
    """An MP4 file whose audio claims to be of another kind."""
    data = encoded("aac.m4a")
    at = data.index(b"mp4a", data.index(b"stsd"))
    return data[:at] + codec_tag + data[at + 4 :]


@pytest.mark.parametrize("tag", [b"drms", b"enca", b"aavd"])
def test_protected_files_are_called_so(tmp_path: Path, tag: bytes):
    assert code_of(tmp_path, atoms(tag)) == "protected"


def test_protected_asf(tmp_path: Path):
    data = bytearray(encoded("wma.wma"))
    extended = bytes.fromhex("14e68a292226174cb935dae07ee9289c") + struct.pack("<QI", 24 + 4, 0)
    size, count = struct.unpack_from("<QI", data, 16)
    struct.pack_into("<QI", data, 16, size + len(extended), count + 1)
    assert code_of(tmp_path, bytes(data[:30] + extended + data[30:])) == "protected"


@pytest.mark.parametrize(
    "name", ["rate-48000.wav", "aiff.aiff", "au.au", "w64.w64", "pcm.caf", "flac.oga", "opus.opus"]
)
def test_headers_alone(tmp_path: Path, name: str):
    data = encoded(name)
    start = {
        "aiff.aiff": data.find(b"SSND") + 16, "au.au": struct.unpack_from(">I", data, 4)[0],
        "w64.w64": 104, "pcm.caf": data.find(b"data") + 16, "rate-48000.wav": data.find(b"data") + 8,
    }.get(name)  # fmt: skip
    if start is None:  # the last page of the headers
        pages = [at for at in range(len(data)) if data.startswith(b"OggS", at)]
        start = pages[2]
    assert code_of(tmp_path, data[:start]) in {"no-samples", "cannot-decode"}
    if name.endswith("wav"):
        assert code_of(tmp_path, data[: start - 4] + bytes(4)) == "no-samples"


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("pitch", [9000, 12_000, 17_000])
def test_sound_above_8_khz_alone_is_called_so(tmp_path: Path, rate: int, pitch: int):
    time_axis = np.arange(2 * rate) / rate
    fade = np.minimum(1, np.minimum(time_axis, 2 - time_axis) * 50)
    high = (np.sin(2 * np.pi * pitch * time_axis) * fade * 20_000).astype(np.int16)
    assert code_of(tmp_path, wav_bytes(high, rate)) == "too-high"
    with_low = high + (np.sin(2 * np.pi * 500 * time_axis) * 1000).astype(np.int16)
    assert decoded(tmp_path, wav_bytes(with_low, rate)).seconds == pytest.approx(2, abs=0.01)


def tracks(*sounds: np.ndarray, name: str = "a.mov") -> bytes:
    """A file of several audio tracks."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=name.rpartition(".")[2].replace("mkv", "matroska")) as made:
        streams = [made.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in sounds]
        for stream, sound in zip(streams, sounds, strict=True):
            frame = av.AudioFrame.from_ndarray(pcm16(sound)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, 0
            made.mux(stream.encode(frame))
            made.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize("name", ["a.mov", "a.mkv"])
def test_the_track_that_sounds_is_taken(tmp_path: Path, name: str):
    sound, silence = melody(1.5), np.zeros(24_000, np.float32)
    for order in ([silence, sound], [sound, silence], [silence, silence, sound]):
        found = decoded(tmp_path, tracks(*order, name=name))
        np.testing.assert_allclose(found.pcm / 32_768, sound, atol=1e-3)
    first = decoded(tmp_path, tracks(melody(1.5, seed=1), melody(1.5, seed=2), name=name))
    np.testing.assert_allclose(first.pcm / 32_768, melody(1.5, seed=1), atol=1e-3)
    assert code_of(tmp_path, tracks(silence, silence, name=name)) == "silent"


def test_clicks_of_5_ms_are_sound(tmp_path: Path):
    assert decoded(tmp_path, wav_bytes(pcm16(melody(0.005)))).seconds == 0.005


FIELD = {
    "misread/as_16_bit.wav": (6.0, 0.0588), "misread/ext_24in32.wav": (6.0, 0.0588), "misread/rifx.wav": (6.0, 0.0588),
    "partial/chained_rate.ogg": (8.0, None), "partial/chained_mono.ogg": (8.0, None),
    "other/silent_first_track.mov": (6.0, None),
    "channels/inverted_stereo.wav": (6.0, 0.0610), "channels/inverted_98.wav": (6.0, None),
    "channels/wide_side.wav": (6.0, None), "level/quiet70.wav": (6.0, None),
    "level/uiclick_20ms.wav": (0.02, None), "level/uiclick_60ms.wav": (0.06, None),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELD)
def test_field_cases(shared_data: Path, name: str):
    seconds, level = FIELD[name]
    found = decoding.decode(shared_data / "field-cases" / name, max_seconds=60)
    assert found.seconds == pytest.approx(seconds, abs=0.02)
    assert found.incomplete is None
    if level is not None:
        assert np.sqrt(np.mean((found.pcm / 32_768) ** 2)) == pytest.approx(level, rel=0.01)


@pytest.mark.parametrize(("name", "seconds", "claimed"), [("cut_half.wav", 3.0, 6.0), ("cut.flac", 1.88, 4.0)])
def test_field_cases_that_are_cut(shared_data: Path, name: str, seconds: float, claimed: float):
    found = decoding.decode(shared_data / "field-cases" / "partial" / name, max_seconds=60).incomplete
    assert found is not None
    assert found.seconds == pytest.approx(seconds, abs=0.02)
    assert found.claimed == pytest.approx(claimed, abs=0.01)


@pytest.mark.parametrize(
    ("name", "code"), [("drm_real.m4p", "protected"), ("hdr_only.wav", "no-samples"), ("html.mp3", "not-audio")]
)
def test_field_cases_that_are_refused(shared_data: Path, name: str, code: str):
    with pytest.raises(AudioError) as caught:
        decoding.decode(shared_data / "field-cases" / "other" / name, max_seconds=60)
    assert caught.value.code == code


def test_tags_in_latin_1(shared_data: Path):
    for name in ("latin1_info.wav", "id3v1.mp3"):
        assert decoding.metadata(shared_data / "field-cases" / "tags" / name)["title"] == "Glöckchen"
