"""`python -m benchmarks.ingest ours|notebook FEATURES LABELS`: reads features once, and prints clips and seconds."""

from __future__ import annotations

import json
import resource
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    way, features, labels = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if way == "notebook":
        import tensorflow as tf

        # The first record through TensorFlow starts its thread pools.
        next(iter(tf.data.Dataset.range(1)))
    started, used = time.perf_counter(), _cpu()
    clips = notebook(features, labels) if way == "notebook" else ours(features, labels)
    seconds = time.perf_counter() - started
    print(json.dumps({"clips": clips, "seconds": seconds, "cpu_seconds": _cpu() - used}))


def _cpu() -> float:
    """Return the CPU time of this process and of the children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
