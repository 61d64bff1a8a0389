from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from recommender.audio import decoding
from recommender.embedders.local import LocalEmbedder, in_process
from recommender.embedders.network import tensorflow
from recommender.embedders.yamnet import CLASS_MAP, MODEL, YAMNet
from recommender.errors import NoWeights
from tests.support.audio import melody, pcm16


@pytest.fixture(scope="session")
def folder(shared_data: Path) -> Path:
    return shared_data / "yamnet"


@pytest.fixture(scope="session")
def yamnet(folder: Path) -> YAMNet:
    return YAMNet(folder)


@pytest.mark.parametrize(("name", "label"), [("piano", "Music"), ("car-horn", "Vehicle"), ("snoring", "Snoring")])
def test_scores_name_what_is_heard(name: str, label: str, yamnet: YAMNet, shared_data: Path):
    heard = decoding.decode(shared_data / "max-samples" / f"{name}.wav", max_seconds=60)
    frames = LocalEmbedder(yamnet).embed(heard.pcm, tags=True)
    assert frames.vectors.shape == (len(frames.tags), 1024) and frames.tags.shape[1] == 521
    best = frames.tags.mean(0).argsort()[::-1][:3]
    assert label in {frames.tag_names[index] for index in best}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_rows_are_those_of_the_model_run_by_hand(yamnet: YAMNet, folder: Path):
    pcm = pcm16(melody(3))
    interpreter = tensorflow().lite.Interpreter(str(folder / MODEL), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    names = {tensor["name"]: tensor["index"] for tensor in interpreter.get_tensor_details()}
    vectors, scores = yamnet.run(yamnet.patches(pcm, 0, 3))
    for row in range(3):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], _window(pcm, row))
        interpreter.invoke()
        pooled = interpreter.get_tensor(names["yamnet_frames/global_average_pooling2d/Mean"])
        np.testing.assert_allclose(vectors[row], pooled[0], atol=1e-5)
        np.testing.assert_allclose(scores[row], interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])


def _window(pcm: np.ndarray, row: int) -> np.ndarray:
    return (pcm[row * 15_360 : row * 15_360 + 15_600] / 32_768).astype(np.float32)[None]


def test_the_model_is_known_and_the_names_are_optional(folder: Path, tmp_path: Path, yamnet: YAMNet):
    assert yamnet.verified and len(yamnet.tag_names) == 521
    shutil.copy(folder / MODEL, tmp_path)
    embedder = in_process("yamnet", tmp_path)
    assert embedder.embed(pcm16(melody(1)), tags=True).tags.shape == (1, 0)
    (tmp_path / CLASS_MAP).write_text("index,mid,display_name\n0,/m/09x0r,Speech\n")
    with pytest.raises(NoWeights, match="names 1 classes instead of 521"):
        YAMNet(tmp_path)


def test_missing_and_damaged_models_are_named(tmp_path: Path):
    with pytest.raises(NoWeights, match="tflite is missing"):
        YAMNet(tmp_path)
    (tmp_path / MODEL).write_bytes(b"<html>not found</html>" * 20)
    with pytest.raises(NoWeights, match="no TensorFlow Lite model"):
        YAMNet(tmp_path)
