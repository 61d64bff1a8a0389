"""What holds for every embedder of the registry, and for one that is added to it by one line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from recommender.audio.wav import wav_bytes
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.cli import main
from recommender.embedders import client as embedder_client
from recommender.embedders import registry
from recommender.embedders.client import EmbedderClient
from recommender.embedders.local import LocalEmbedder, in_process
from recommender.embedders.spec import EmbedderSpec
from recommender.errors import BadEmbedding, NoWeights, Silent
from recommender.service.app import create_app
from tests.support import toy_embedder
from tests.support.audio import melody, pcm16
from tests.support.http import serving

README = Path(__file__).parents[3] / "README.md"
EVERY = (*registry.SPECS, toy_embedder.SPEC)


@pytest.fixture(autouse=True)
def _with_the_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SPECS", EVERY)


@pytest.fixture(scope="module")
def load(vggish_weights: Path) -> Callable[[EmbedderSpec], LocalEmbedder]:
    """Embedders by their spec, loaded once; VGGish with weights at random."""
    loaded: dict[str, LocalEmbedder] = {}

    def once(spec: EmbedderSpec) -> LocalEmbedder:
        if spec.name not in loaded:
            loaded[spec.name] = LocalEmbedder(spec.load(vggish_weights))
        return loaded[spec.name]

    return once


@pytest.fixture(params=EVERY, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> EmbedderSpec:
    found: EmbedderSpec = request.param
    return found


@pytest.fixture
def embedder(spec: EmbedderSpec, load: Callable[[EmbedderSpec], LocalEmbedder]) -> LocalEmbedder:
    return load(spec)


def test_names_and_spaces_are_its_own(spec: EmbedderSpec):
    assert registry.named(spec.name) is registry.named(spec.space) is registry.of_space(spec.space) is spec
    assert [other for other in EVERY if {other.name, other.space} & {spec.name, spec.space}] == [spec]
    assert spec.pooling in {"mean", "log-max-mean"} and "audio" in spec.modalities
    assert spec.model.license and spec.model.source.startswith("https://") and spec.weights and spec.purpose


def test_rows_are_as_the_spec_says(spec: EmbedderSpec, embedder: LocalEmbedder):
    pcm = _pcm(spec, 7)
    frames = embedder.embed(pcm, tags=True)
    rows = spec.framing.rows(len(pcm))
    assert rows > 1 and frames.vectors.shape == (rows, spec.dimension) and frames.vectors.dtype == np.float32
    assert np.isfinite(frames.vectors).all() and np.ptp(frames.vectors) > 0
    assert (frames.space, frames.hop, frames.tag_names) == (spec.space, spec.hop, embedder.network.tag_names)
    assert frames.tags.shape == (rows, len(frames.tag_names)) and frames.tags.dtype == np.float32
    assert ((frames.tags >= 0) & (frames.tags <= 1)).all()
    assert embedder.embed(pcm).tags.shape == (rows, 0)


def test_a_row_depends_on_its_own_samples_alone(spec: EmbedderSpec, embedder: LocalEmbedder):
    pcm, framing = _pcm(spec, 10), spec.framing
    vectors = embedder.embed(pcm).vectors
    for row in (0, 1, framing.rows(len(pcm)) - 1):
        # Centred frames reach as far beyond the window as before it.
        start = row * framing.hop - framing.before
        stop = row * framing.hop + framing.window + framing.before
        others = _pcm(spec, 10, seed=9)
        others[max(0, start) : stop] = pcm[max(0, start) : stop]
        _assert_alike(spec, embedder.embed(others).vectors[row], vectors[row])


def test_rows_do_not_depend_on_the_batch(spec: EmbedderSpec, embedder: LocalEmbedder):
    network = embedder.network
    pcm = _pcm(spec, 10)
    together, _ = network.run(network.patches(pcm, 0, 3))
    apart = np.concatenate([network.run(network.patches(pcm, row, row + 1))[0] for row in range(3)])
    _assert_alike(spec, apart, together)


def test_short_and_silent_audio(spec: EmbedderSpec, embedder: LocalEmbedder):
    assert embedder.embed(_pcm(spec, 0.5)).vectors.shape == (1, spec.dimension)
    with pytest.raises(Silent):
        embedder.embed(np.zeros(3 * spec.sample_rate, np.int16))


def test_its_label_head_scores_as_it_does(spec: EmbedderSpec, embedder: LocalEmbedder, vggish_weights: Path):
    if spec.label_head is None:
        assert embedder.tag_names == ()
        return
    head = spec.label_head(vggish_weights)
    frames = embedder.embed(_pcm(spec, 7), tags=True)
    assert head.names == frames.tag_names
    assert head.weights.shape == (len(head.names), spec.dimension) and head.biases.shape == (len(head.names),)
    np.testing.assert_allclose(head.scores(frames.vectors), frames.tags, rtol=0, atol=1e-5)


def test_its_service_says_what_it_is(spec: EmbedderSpec, embedder: LocalEmbedder):
    client: FlaskClient = create_app(embedder).test_client()
    said = client.get("/model/metadata").json
    assert said is not None
    for name in ("id", "name", "description", "type", "license", "source"):
        assert said[name] == getattr(spec.model, name) != ""
    assert (said["space"], said["dimension"], said["hop"]) == (spec.space, spec.dimension, spec.hop)
    assert said["sample_rate"] == spec.sample_rate and said["tag_names"] == list(embedder.tag_names)


def test_its_service_answers_what_it_computes(
    spec: EmbedderSpec, embedder: LocalEmbedder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedder_client, "PIECE_SECONDS", 10)
    pcm = _pcm(spec, 17)  # two pieces
    here = embedder.embed(pcm, tags=True)
    with serving(create_app(embedder)) as url:
        client = EmbedderClient(url)
        there = client.embed(pcm, tags=True)
        client.close()
    assert (there.space, there.hop, there.tag_names) == (here.space, here.hop, here.tag_names)
    _assert_alike(spec, there.vectors, here.vectors)
    np.testing.assert_allclose(there.tags, here.tags, rtol=0, atol=1e-4)


@pytest.mark.parametrize("served", [False, True], ids=["in process", "served"])
def test_a_new_embedder_is_one_module_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, served: bool
):
    """Built, searched and told apart through the command line, which knows of it by the registry alone; by sounds that
    only its sample rate holds."""
    music, out = tmp_path / "music", tmp_path / "out"
    music.mkdir()
    for number in range(6):
        tone = np.sin(2 * np.pi * (9000 + 1000 * number) * np.arange(14 * 44_100) / 44_100) * 9000
        (music / f"song {number}.wav").write_bytes(wav_bytes(tone.astype(np.int16), 44_100))
    with serving(create_app(in_process("toy", None))) if served else nullcontext() as url:
        embedder = ["--embedder-url", url] if url else ["--embedder", "toy"]
        assert main(["build", "library", str(music), "--out", str(out), *embedder]) == 0
        with_toy = LocalCatalogue.open(out)
        manifest, (clip,) = with_toy.manifest, with_toy.clips([0])
        with_toy.close()
        assert (manifest.space, manifest.dimension, manifest.clips) == ("toy-bands", 24, 6)
        assert (clip.start, clip.end) == (0, 14)  # the rest of a window belongs to the one before
        capsys.readouterr()
        monkeypatch.setenv("EMBEDDER_URL", url or "")
        (tmp_path / "like it.wav").write_bytes((music / "song 3.wav").read_bytes()[: 2 * 44_100 * 7])
        assert main(["similar", str(out), str(tmp_path / "like it.wav"), "--top", "1"]) == 0
        assert "song 3.wav" in capsys.readouterr().out


def test_what_there_is_not(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(NoWeights, match=f"choose one of {', '.join(registry.names())}"):
        in_process("openl3", None)
    with pytest.raises(BadEmbedding, match="'openl3-512' is a space"):
        registry.of_space("openl3-512")
    with pytest.raises(SystemExit):
        main(["embedder", "--model", "openl3"])
    assert ", ".join(repr(spec.name) for spec in EVERY) in capsys.readouterr().err


def test_readme_lists_the_embedders(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    assert registry.table() in README.read_text(encoding="utf-8")


def _pcm(spec: EmbedderSpec, seconds: float, seed: int = 0) -> np.ndarray:
    sound = pcm16(melody(min(seconds, 3), spec.sample_rate, seed=seed))
    return np.resize(sound, round(seconds * spec.sample_rate))


def _assert_alike(spec: EmbedderSpec, one: np.ndarray, other: np.ndarray) -> None:
    """Equal but for the order of summation; where values travel as bytes, but for the last step of one."""
    np.testing.assert_allclose(one, other, rtol=0, atol=4 / 255 + 1e-6 if spec.quantised else 2e-4)
