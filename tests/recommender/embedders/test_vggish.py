"""VGGish with weights that the test writes; with the real ones (WEIGHTS) also against what Google published."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recommender.embedders.local import LocalEmbedder, in_process
from recommender.embedders.networks.network import tensorflow
from recommender.embedders.vggish import _LAYERS, CHECKPOINT, PCA, PcaParameters, VGGish
from recommender.errors import NoWeights
from recommender.vectors import quantise
from tests.support.audio import melody, pcm16
from tests.support.checkpoints import write_checkpoint


@pytest.fixture(scope="session")
def vggish(vggish_weights: Path) -> VGGish:
    return VGGish(vggish_weights)


def test_network_equals_the_layers_by_hand(vggish: VGGish, vggish_weights: Path):
    patches = vggish.patches(pcm16(melody(2)), 0, 2)
    np.testing.assert_allclose(vggish.raw(patches)[1], by_hand(vggish_weights, patches[1]), rtol=0, atol=1e-4)


def by_hand(vggish_weights: Path, patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve 3x3 by shifting, pool 2x2 by maximum, after the first, second, fourth and sixth convolution."""
    reader = tensorflow().compat.v1.train.NewCheckpointReader(str(vggish_weights / CHECKPOINT))
    x = patch[..., None]
    for number, (name, shape) in enumerate(_LAYERS):
        kernel, bias = reader.get_tensor(f"vggish/{name}/weights"), reader.get_tensor(f"vggish/{name}/biases")
        if len(shape) == 2:
            x = x.reshape(-1) @ kernel + bias
            x = x if name == "fc2" else np.maximum(x, 0)
            continue
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        high, wide = x.shape[:2]
        shifted = {
            (i, j): padded[i : i + high, j : j + wide].reshape(high * wide, -1) for i in range(3) for j in range(3)
        }
        x = np.maximum(sum(plane @ kernel[shift] for shift, plane in shifted.items()) + bias, 0).reshape(high, wide, -1)
        if number in {0, 1, 3, 5}:
            x = x.reshape(high // 2, 2, wide // 2, 2, -1).max((1, 3))
    return x


def test_vectors_are_what_max_would_send(vggish: VGGish):
    frames = LocalEmbedder(vggish).embed(pcm16(melody(3)))
    assert frames.space == "vggish-pca" and frames.hop == 0.96 and frames.vectors.shape == (3, 128)
    assert np.abs(frames.vectors).max() <= 2
    levels = (frames.vectors.astype(np.float64) + 2) / 4 * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    np.testing.assert_array_equal(quantise(frames.vectors), np.rint(levels))


def test_relu_is_another_space(vggish: VGGish, vggish_weights: Path):
    pcm = pcm16(melody(2))
    relu = VGGish(vggish_weights, relu=True)
    assert relu.spec.space == "vggish-relu-pca"
    raw = vggish.raw(vggish.patches(pcm, 0, 2))
    assert (raw < 0).any()
    pca = PcaParameters.read(vggish_weights / PCA)
    vectors, _ = relu.run(relu.patches(pcm, 0, 2))
    np.testing.assert_array_equal(quantise(vectors), pca.bytes_of(np.maximum(raw, 0)))


def test_pca_is_google_s_formula():
    random = np.random.default_rng(1)
    eigenvectors, means = random.standard_normal((128, 128)), random.standard_normal(128)
    raw = random.standard_normal((5, 128)).astype(np.float32)
    applied = np.dot(eigenvectors, raw.astype(np.float64).T - means.reshape(-1, 1)).T
    clipped = np.clip(applied, -2.0, 2.0)
    expected = ((clipped + 2.0) * (255.0 / 4.0)).astype(np.uint8)
    np.testing.assert_array_equal(PcaParameters(eigenvectors, means.reshape(-1, 1)).bytes_of(raw), expected)


def test_pca_of_the_published_embedding(shared_data: Path):
    """Published for the whole sine: mean 122.0, deviation 93.5, with the ReLU 123.0 and 75.0; this is its first row."""
    pca = PcaParameters.read(shared_data / "vggish-pca" / PCA)
    raw = np.load(shared_data / "vggish-reference" / "sine1k_44100_first_example.npz")["raw_embedding"][None]
    plain, relu = pca.bytes_of(raw), pca.bytes_of(np.maximum(raw, 0))
    assert (round(plain.mean(), 2), round(plain.std(), 2)) == (121.98, 93.32)
    assert (round(relu.mean(), 2), round(relu.std(), 2)) == (123.00, 75.46)


def test_weights_of_other_origin_are_not_verified(vggish: VGGish):
    assert not vggish.verified


def test_missing_and_damaged_weights_are_named(vggish_weights: Path, tmp_path: Path):
    with pytest.raises(NoWeights, match="fetch vggish"):
        in_process("vggish", tmp_path)
    (tmp_path / PCA).write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(NoWeights, match="PCA"):
        VGGish(tmp_path)
    (tmp_path / PCA).write_bytes((vggish_weights / PCA).read_bytes())
    (tmp_path / CHECKPOINT).write_bytes(b"<html>not found</html>" * 50)
    with pytest.raises(NoWeights, match="no TensorFlow checkpoint"):
        VGGish(tmp_path)
    write_checkpoint(tmp_path / CHECKPOINT, {"vggish/conv1/weights": np.zeros((3, 3, 1, 32), np.float32)})
    with pytest.raises(NoWeights, match="vggish/conv1/weights is missing or misshapen"):
        VGGish(tmp_path)


@pytest.fixture(scope="session")
def real() -> VGGish:
    folder = Path(os.environ.get("WEIGHTS", "weights"))
    if not (folder / CHECKPOINT).is_file():
        pytest.skip(f"no real weights: {folder / CHECKPOINT} does not exist (fetch vggish, or set WEIGHTS)")
    return VGGish(folder)


def test_real_weights_are_verified(real: VGGish):
    assert real.verified


def test_real_weights_give_the_published_embedding(real: VGGish, shared_data: Path):
    published = np.load(shared_data / "vggish-reference" / "sine1k_44100_first_example.npz")
    raw = real.raw(published["log_mel"][None].astype(np.float32))
    np.testing.assert_allclose(raw[0], published["raw_embedding"], rtol=0, atol=1e-4)


def test_real_weights_give_max_s_rows(real: VGGish, shared_data: Path):
    from recommender.audio import decoding

    expected = json.loads((shared_data / "vggish-reference" / "published_reference.json").read_text())
    assert expected
    sound = decoding.decode(shared_data / "max-samples" / "car-horn.wav", max_seconds=60)
    assert LocalEmbedder(real).embed(sound.pcm).vectors.shape == (4, 128)
