from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.audio import decoding
from recommender.embedders.local import LocalEmbedder
from recommender.embedders.musicnn import TAGS, MusiCNN, label_head, wheel_checkpoint
from recommender.errors import NoWeights, Silent, TooShort
from tests.support.audio import melody, pcm16

SAMPLES = ("applause", "birds1", "car-horn", "cinematic", "piano", "snoring", "train")


@pytest.mark.parametrize("name", SAMPLES)
def test_agrees_with_the_original_package(name: str, musicnn: MusiCNN, shared_data: Path):
    """The reference was resampled by resampy. Noise-like audio shows the difference most: one tag of the train's."""
    reference = np.load(shared_data / "musicnn-reference" / "musicnn_0.1.0.npz")
    sound = decoding.decode(shared_data / "max-samples" / f"{name}.wav", max_seconds=60)
    frames = LocalEmbedder(musicnn).embed(sound.pcm, tags=True)
    vectors, expected = frames.vectors, reference[f"{name}.penultimate"]
    assert vectors.shape == expected.shape
    cosine = (vectors * expected).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosine.min() > 0.9998
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=0.05)
    apart = 0.01 if name == "train" else 0.002
    np.testing.assert_allclose(frames.tags, reference[f"{name}.tags"], rtol=0, atol=apart)


def test_network_equals_the_layers_by_hand(musicnn: MusiCNN):
    """16 kHz input, no resampling: one patch through numpy, from the checkpoint's variables as the paper joins them."""
    patch = musicnn.patches(pcm16(melody(3)), 0, 1)
    vectors, tags = musicnn.run(patch)
    expected_vectors, expected_tags = _by_hand(patch[0].astype(np.float64))
    np.testing.assert_allclose(vectors[0], expected_vectors, rtol=0, atol=2e-4)
    np.testing.assert_allclose(tags[0], expected_tags, rtol=0, atol=1e-5)


def test_front_end_equals_its_definition(musicnn: MusiCNN):
    """Frame by frame: centred, zero-padded, Hann, power, Slaney bands, log10(10000 x + 1)."""
    from recommender.embedders.networks.mel import slaney_bands

    pcm = pcm16(melody(3))
    padded = np.concatenate([np.zeros(256), pcm / 32_768, np.zeros(256)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    patch = musicnn.patches(pcm, 0, 1)[0]
    for frame in (0, 1, 93, 186):
        power = np.abs(np.fft.rfft(padded[256 * frame : 256 * frame + 512] * window)) ** 2
        np.testing.assert_allclose(patch[frame], np.log10(10_000 * power @ slaney_bands(96) + 1), atol=2e-4)


def test_label_head_scores_as_the_network_does(musicnn: MusiCNN):
    vectors, tags = musicnn.run(musicnn.patches(pcm16(melody(6)), 0, 1))
    head = label_head()
    assert head.names == TAGS and head.weights.shape == (50, 200)
    np.testing.assert_allclose(head.scores(vectors), tags, rtol=0, atol=1e-6)


def test_rows_do_not_depend_on_where_the_work_is_cut(musicnn: MusiCNN):
    pcm = pcm16(melody(3 * 187 * 256 / 16_000))
    together = musicnn.patches(pcm, 0, 3)
    apart = np.concatenate([musicnn.patches(pcm, row, row + 1) for row in range(3)])
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-5)


def test_short_audio_is_repeated_up_to_three_seconds(musicnn: MusiCNN):
    short = pcm16(melody(0.5))
    embedder = LocalEmbedder(musicnn)
    repeated = embedder.embed(np.tile(short, 6))
    np.testing.assert_array_equal(embedder.embed(short).vectors, repeated.vectors)


def test_silence_and_clicks_are_errors(musicnn: MusiCNN):
    embedder = LocalEmbedder(musicnn)
    with pytest.raises(Silent):
        embedder.embed(np.zeros(48_000, np.int16))
    with pytest.raises(TooShort):
        embedder.embed(np.array([9000, -9000, 9000], np.int16))
    assert np.isfinite(embedder.embed_piece(np.zeros(48_000, np.int16)).vectors).all()


def test_loudest_and_strangest_input_gives_numbers(musicnn: MusiCNN):
    random = np.random.default_rng(0)
    loud = random.choice(np.array([-32_768, 32_767], np.int16), 48_000)
    assert np.isfinite(LocalEmbedder(musicnn).embed(loud, tags=True).tags).all()


def test_tags_come_on_request(musicnn: MusiCNN):
    embedder = LocalEmbedder(musicnn)
    pcm = pcm16(melody(6.5))
    with_tags, without = embedder.embed(pcm, tags=True), embedder.embed(pcm)
    assert with_tags.tags.shape == (2, 50) and with_tags.tag_names == TAGS and len(set(TAGS)) == 50
    assert without.tags.shape == (2, 0) and without.tag_names == ()
    assert with_tags.tags.min() >= 0 and with_tags.tags.max() <= 1


def test_missing_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(NoWeights, match="no TensorFlow checkpoint"):
        MusiCNN(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NoWeights, match="make install"):
        wheel_checkpoint()


def _by_hand(patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from recommender.embedders.networks.network import read_checkpoint

    reader = read_checkpoint(f"{wheel_checkpoint()}/")

    def get(layer: str, number: int, name: str) -> Any:
        return reader.get_tensor(f"{layer}_{number}/{name}" if number else f"{layer}/{name}").astype(np.float64)

    def normal(x: Any, number: int) -> Any:
        names = ("moving_mean", "moving_variance", "gamma", "beta")
        mean, variance, gamma, beta = (get("batch_normalization", number, name) for name in names)
        return (x - mean) / np.sqrt(variance + 0.001) * gamma + beta

    def convolve(x: Any, number: int) -> Any:
        kernel, bias = get("conv2d", number, "kernel")[:, :, 0], get("conv2d", number, "bias")
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2])
        return np.maximum(np.einsum("tfhw,hwc->tfc", windows, kernel, optimize=True) + bias, 0)

    x = normal(patch[..., None], 0)[..., 0]
    front = [normal(convolve(np.pad(x, ((3, 3), (0, 0))), n), n + 1).max(1) for n in (0, 1)]
    for number, size in ((2, 128), (3, 64), (4, 32)):
        padded = np.pad(x, (((size - 1) // 2, size // 2), (0, 0)))
        front.append(normal(convolve(padded, number), number + 1).max(1))
    features = [np.concatenate(front, 1)]
    for number in (5, 6, 7):
        new = normal(convolve(np.pad(features[-1], ((3, 3), (0, 0))), number), number + 1)[:, 0]
        features.append(new if number == 5 else new + features[-1])
    everything = np.concatenate(features, 1)
    pooled = np.stack([everything.max(0), everything.mean(0)], 1).ravel()
    hidden = np.maximum(normal(pooled, 9) @ get("dense", 0, "kernel") + get("dense", 0, "bias"), 0)
    vector = normal(hidden, 10)
    logits = vector @ get("dense", 1, "kernel") + get("dense", 1, "bias")
    return vector, 1 / (1 + np.exp(-logits))
