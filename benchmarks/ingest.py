"""`python -m benchmarks.ingest WAY FEATURES LABELS`: reads features once, and prints how many clips, and seconds.

Ways: ours, notebook; gunzip, which unpacks a tar.gz for nothing and counts bytes; build, which also takes the folder of
a catalogue and prints what each stage of it took.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

NOTEBOOK_CLIPS = 6000
"""The notebook's way takes the same time for each record, so that some seconds of it are enough."""


def ours(features: Path, labels: Path) -> int:
    """Read all features into a table of clips and a file of vectors, as a build does before it indexes them."""
    from recommender.catalogue.local.builder import _collect
    from recommender.catalogue.local.clip_table import ClipTableWriter
    from recommender.catalogue.local.vector_file import VectorFile, finish_vectors
    from recommender.sources import audioset
    from recommender.sources.ontology import read_label_names
    from recommender.sources.shards import Wanted
    from recommender.vectors import Recipe

    wanted = Wanted(read_label_names(labels).names, None, "mean")
    with tempfile.TemporaryDirectory(dir=features.parent if features.is_file() else None) as folder:
        table = ClipTableWriter(Path(folder) / "clips.sqlite")
        with VectorFile(Path(folder) / "vectors.npy") as raw:
            _collect(audioset.batches(features, wanted, report=audioset.ReadReport()), table, raw)
        silent, _ = finish_vectors(Path(folder) / "vectors.npy", Recipe("mean", raw.mean))
        table.finish(silent)
        return table.count


def notebook(features: Path, labels: Path) -> int:
    """Read records as the seed notebook does: one at a time through TensorFlow into lists, then JSON."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        paths = _some_shards(features, Path(folder))
        audios: list[dict[str, Any]] = []
        for raw_record in tf.data.TFRecordDataset([str(path) for path in paths]):
            example = tf.train.SequenceExample()
            example.ParseFromString(raw_record.numpy())
            feature = example.context.feature
            frames = [
                list(f.bytes_list.value[0]) for f in example.feature_lists.feature_list["audio_embedding"].feature
            ]
            if len(frames) < 10:
                continue
            audios.append(
                {
                    "label": list(feature["labels"].int64_list.value),
                    "video_id": feature["video_id"].bytes_list.value[0],
                    "start_time": feature["start_time_seconds"].float_list.value[0],
                    "end_time": feature["end_time_seconds"].float_list.value[0],
                    "data": [value for frame in frames[:10] for value in frame],
                }
            )
            if len(audios) == NOTEBOOK_CLIPS:
                break
        with (Path(folder) / "set.json").open("w") as file:
            json.dump(repr(audios), file)
        return len(audios)


def gunzip(features: Path) -> int:
    """Unpack all of a tar.gz, and do nothing with it; returns its bytes."""
    with gzip.open(features) as stream:
        return sum(map(len, iter(lambda: stream.read(1 << 20), b"")))


def build(features: Path, labels: Path, out: Path) -> list[dict[str, Any]]:
    """Build a catalogue by the command line; returns each stage's name, seconds, and CPU seconds of all processes."""
    from recommender import cli
    from recommender.catalogue.local import builder

    stages: list[dict[str, Any]] = []
    before = [time.perf_counter(), _cpu()]

    def ended(stage: str) -> None:
        now = [time.perf_counter(), _cpu()]
        stages.append({"stage": stage, "seconds": now[0] - before[0], "cpu_seconds": now[1] - before[1]})
        before[:] = now

    def after(name: str, stage: str) -> None:
        step = getattr(builder, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            returned = step(*arguments, **named)
            ended(stage)
            return returned

        setattr(builder, name, timed)

    after("_collect", "features read")
    after("_store", "vectors and clips finished")
    after("Index", "words, index and neighbours")
    after("calibrate", "calibration")
    if cli.main(["build", "audioset", str(features), "--labels", str(labels), "--out", str(out)]):
        raise SystemExit("The build failed: its reason stands above.")
    ended("known answers, checksums, disk")
    return stages


def _some_shards(features: Path, folder: Path) -> Iterator[Path]:
    if features.is_dir():
        yield from sorted(features.rglob("*.tfrecord"))
        return
    size = 0
    with tarfile.open(features, "r|*") as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is None:
                continue
            path = folder / Path(member.name).name
            path.write_bytes(stream.read())
            yield path
            size += member.size
            if size > 2000 * NOTEBOOK_CLIPS:
                return


def main() -> None:
    """Time one way; what is imported is not part of the time, on either side."""
    way, features, *paths = sys.argv[1], *map(Path, sys.argv[2:])
    if way == "build":
        print(json.dumps(build(features, *paths)))
        return
    if way == "notebook":
        import tensorflow as tf

        # The first record through TensorFlow starts its thread pools.
        next(iter(tf.data.Dataset.range(1)))
    started, used = time.perf_counter(), _cpu()
    done = gunzip(features) if way == "gunzip" else {"notebook": notebook, "ours": ours}[way](features, *paths)
    seconds = time.perf_counter() - started
    print(json.dumps({"count": done, "seconds": seconds, "cpu_seconds": _cpu() - used}))


def _cpu() -> float:
    """Return the CPU time of this process and of its children, those that have ended and those that run."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    running = [child.cpu_times() for child in psutil.Process().children()]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + sum(each.user + each.system for each in running)


if __name__ == "__main__":
    main()
