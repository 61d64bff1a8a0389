"""`python -m benchmarks.embedders speed|throughput|overhead|decoding|memory`: what embedding costs, against peers.

`speed` compares the embedders with each other and with version 0.1's quantised YAMNet, whose file it looks for in
../shared/data/yamnet; `overhead` an upload with the network alone. The others measure MusiCNN against its original
package, and decoding against ffmpeg.

Rounds of the peers alternate, and the median of the rounds' ratios is given, so that other work on the machine weighs
on all alike.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from recommender.audio import decoding as audio
from recommender.audio.preparation import EVEN
from recommender.audio.wav import wav_bytes
from recommender.embedders import registry
from recommender.embedders.client import EmbedderClient
from recommender.embedders.local import LocalEmbedder
from recommender.embedders.networks.batching import BatchedNetwork
from recommender.embedders.networks.network import Network
from recommender.settings import Settings
from recommender.timings import Timings
from recommender.uploads.upload_embedder import UploadEmbedder

CLIP_SECONDS = 10
CLIPS = 8
CALLERS = 8
ROUNDS = 3
REST_SECONDS = 0.05
"""TensorFlow's threads look for more work for some milliseconds, and would weigh on the step that comes next."""

QUANTISED = Path("../shared/data/yamnet")

Pcm = NDArray[np.int16]


@contextmanager
def service(model: str = "musicnn") -> Iterator[tuple[str, psutil.Process]]:
    """An embedder's service as operators start it: its address, and the process that holds the model."""
    command = [sys.executable, "-m", "recommender", "embedder", "--model", model, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            ready = next(line for line in server.stderr if "is ready at" in line)
            yield str(json.loads(ready)["message"]).split()[-1], psutil.Process(server.pid).children()[0]
        finally:
            server.terminate()


def sound(seconds: float, seed: int = 0) -> Pcm:
    """Noise whose loudness and colour change: the network's time does not depend on its input."""
    random = np.random.default_rng(seed)
    noise = np.convolve(random.standard_normal(round(seconds * 16_000)), random.random(9), "same")
    return np.asarray(noise / np.abs(noise).max() * 20_000, np.int16)


def speed() -> dict[str, float]:
    """Of each embedder in a process of its own: seconds to load, megabytes, hours of audio a minute, and 8 callers'."""
    figures: dict[str, float] = {}
    for name in ("yamnet", "musicnn", "yamnet-0.1"):
        if name == "yamnet-0.1" and not (QUANTISED / "yamnet.tflite").is_file():
            continue
        code = f"from benchmarks import embedders; embedders.measure({name!r})"
        done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
        figures |= {f"{name}, {figure}": value for figure, value in json.loads(done.stdout).items()}
    return figures


def measure(name: str) -> None:
    """Print the figures of one embedder as JSON."""
    from recommender.embedders.networks.network import tensorflow

    tensorflow()
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    network: Network
    if name == "yamnet-0.1":
        from benchmarks.quantised_yamnet import QuantisedYAMNet

        network = QuantisedYAMNet(QUANTISED)
    else:
        network = registry.named(name).load(None)
    local = LocalEmbedder(network)
    local.embed(sound(CLIP_SECONDS))
    loading = time.perf_counter() - started
    clips = [sound(CLIP_SECONDS, seed) for seed in range(CLIPS)]
    minutes = np.concatenate(clips * 6)
    together = LocalEmbedder(BatchedNetwork(network))
    with ThreadPoolExecutor(CALLERS) as threads:
        ways: dict[str, Callable[[], object]] = {
            "hours a minute, long audio": lambda: local.embed(minutes, tags=True),
            "hours a minute, clips of 10 s": lambda: [local.embed(clip, tags=True) for clip in clips * 6],
            f"hours a minute, {CALLERS} callers": lambda: list(threads.map(together.embed, clips * 6)),
        }
        best = {way: min(_seconds(work) for _ in range(ROUNDS)) for way, work in ways.items()}
    figures = {way: 6 * CLIPS * CLIP_SECONDS / seconds / 60 for way, seconds in best.items()}
    memory = (psutil.Process().memory_info().rss - before) / 1e6
    print(json.dumps({"seconds to load and run once": loading, "megabytes beside TensorFlow": memory, **figures}))


def throughput() -> dict[str, float]:
    """Seconds of audio embedded per second."""
    from benchmarks.original_musicnn import OriginalMusiCNN
    from recommender.embedders.musicnn import MusiCNN

    clips = [sound(CLIP_SECONDS, seed) for seed in range(CLIPS)]
    network = OriginalMusiCNN()
    original, local = LocalEmbedder(network), LocalEmbedder(MusiCNN())
    with service() as (url, _), ThreadPoolExecutor(CALLERS) as threads:
        client = EmbedderClient(url)
        ways: dict[str, Callable[[], object]] = {
            "original, patch by patch": lambda: [original.embed(clip) for clip in clips],
            "original, built for each file": lambda: [LocalEmbedder(network.rebuilt()).embed(clip) for clip in clips],
            "in process": lambda: [local.embed(clip) for clip in clips],
            "service, 1 caller": lambda: [client.embed(clip) for clip in clips],
            f"service, {CALLERS} callers": lambda: list(threads.map(client.embed, clips)),
        }
        rounds = [{name: _seconds(way) for name, way in ways.items()} for _ in range(ROUNDS + 1)][1:]
    audio_seconds = CLIP_SECONDS * CLIPS
    figures = {name: audio_seconds / statistics.median(each[name] for each in rounds) for name in ways}
    kept, rebuilt, _, one, eight = ways
    for peer in (kept, rebuilt):
        figures[f"{eight} / {peer}"] = statistics.median(each[peer] / each[eight] for each in rounds)
    figures[f"{eight} / sequential requests"] = statistics.median(each[one] / each[eight] for each in rounds)
    return figures


def overhead() -> dict[str, float]:
    """Milliseconds of a file's way, of 10 s and of ten minutes, and what is added to the network's own, in per cent."""
    figures: dict[str, float] = {}
    for name, seconds in (("yamnet", 10), ("yamnet", 600), ("musicnn", 10)):
        rounds = 8 * ROUNDS if seconds == CLIP_SECONDS else ROUNDS
        figures |= {
            f"{name}, {seconds} s, {figure}": value for figure, value in _overhead(name, seconds, rounds).items()
        }
    return figures


def _overhead(name: str, seconds: int, count: int) -> dict[str, float]:
    settings = Settings(_env_file=None)
    network = registry.named(name).load(None)
    local = LocalEmbedder(network)
    with tempfile.TemporaryDirectory() as folder, service(name) as (url, _):
        path = Path(folder) / "sound.wav"
        path.write_bytes(wav_bytes(sound(seconds * 44_100 / 16_000), 44_100))
        client = EmbedderClient(url)
        pcm = audio.decode(path, max_seconds=seconds + 1).pcm
        patches = network.patches(pcm, 0, network.spec.framing.rows(len(pcm)))

        def upload() -> None:
            uploads = UploadEmbedder(settings, client, None)
            uploads.embed_file(path, network.spec.space, Timings(), EVEN)

        steps: dict[str, Callable[[], object]] = {
            "network": lambda: [network.run(patches[row : row + 64]) for row in range(0, len(patches), 64)],
            "spectra, network": lambda: local.embed(pcm),
            "HTTP, queue, spectra, network": lambda: client.embed(pcm),
            "decoding": lambda: audio.decode(path, max_seconds=seconds + 1),
            "an upload": upload,
        }
        rounds = [{step: _seconds(work, REST_SECONDS) for step, work in steps.items()} for _ in range(count + 2)][2:]
    figures = {f"{step}, ms": 1000 * statistics.median(each[step] for each in rounds) for step in steps}
    for step, less in (
        ("HTTP, queue, spectra, network", "spectra, network"),
        ("decoding", ""),
        ("an upload", "network"),
    ):
        shares = [(each[step] - (each[less] if less else 0)) / each["network"] for each in rounds]
        figures[f"{step}{less and f' - {less}'}, % of the network"] = 100 * statistics.median(shares)
    return figures


def decoding() -> dict[str, float]:
    """Seconds of audio decoded per second, warm, for a minute of each format; and against the ffmpeg program."""
    import imageio_ffmpeg

    program = imageio_ffmpeg.get_ffmpeg_exe()
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "minute.wav"
        source.write_bytes(wav_bytes(np.repeat(sound(60 * 44_100 / 16_000), 1), 44_100))
        for name in ("minute.wav", "minute.mp3", "minute.m4a", "minute.flac", "minute.opus"):
            path = Path(folder) / name
            if path != source:
                subprocess.run([program, "-v", "error", "-i", source, "-ac", "2", path], check=True)
            theirs = [program, "-v", "error", "-i", str(path), "-ac", "1", "-ar", "16000", "-f", "s16le", "-"]
            rounds = [
                (
                    _seconds(lambda path=path: audio.decode(path, max_seconds=100)),  # type: ignore[misc]
                    _seconds(lambda theirs=theirs: subprocess.run(theirs, check=True, stdout=subprocess.PIPE)),  # type: ignore[misc]
                )
                for _ in range(ROUNDS + 1)
            ][1:]
            figures[f"{path.suffix[1:]}, audio seconds per second"] = 60 / statistics.median(ours for ours, _ in rounds)
            figures[f"{path.suffix[1:]}, speed / ffmpeg"] = statistics.median(ff / ours for ours, ff in rounds)
    return figures


def memory() -> dict[str, float]:
    """Megabytes of the service's process: loaded, at most with eight callers, and at most with ten minutes at once."""
    with service() as (url, process), ThreadPoolExecutor(CALLERS) as threads:
        client = EmbedderClient(url)
        figures = {"loaded": process.memory_info().rss / 1e6}
        clips = [sound(CLIP_SECONDS, seed) for seed in range(CLIPS)]
        with _watched(process) as peak:
            list(threads.map(client.embed, clips))
        figures["eight callers, 10 s each"] = peak[0] / 1e6
        with _watched(process) as peak:
            client.embed(np.resize(sound(60), 600 * 16_000))
        figures["one caller, 10 minutes"] = peak[0] / 1e6
    return figures


@contextmanager
def _watched(process: psutil.Process) -> Iterator[list[int]]:
    """Sample a process's memory; the list's one value is the most that was seen."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield peak
    done.set()
    watcher.join()


def _seconds(work: Callable[[], object], rest: float = 0) -> float:
    time.sleep(rest)
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


MEASURES = {each.__name__: each for each in (speed, throughput, overhead, decoding, memory)}


def main(arguments: list[str]) -> int:
    """Run the measures that are named, or all, and print their figures."""
    if not set(arguments) <= set(MEASURES):
        print(__doc__, file=sys.stderr)
        return 2
    for name in arguments or MEASURES:
        for figure, value in MEASURES[name]().items():
            print(f"{name:12}{figure:64}{value:10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
