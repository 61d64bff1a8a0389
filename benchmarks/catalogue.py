"""`python -m benchmarks.catalogue FEATURES --labels CSV`: the catalogue's figures beside those of other ways.

All in one run, each in a process of its own: ingest against the seed notebook's way, build, size on disk, opening,
memory. Sizes: the real clips, 500k, and on request 2.08M. Queries stand beside those of others in `benchmarks.peers`.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks import features, processes

SIZES = {"real": 0, "500k": 500_000, "2m": 2_084_320}


def measure(source: Path, labels: Path, size: str, work: Path) -> dict[str, Any]:
    """Measure one size; the features and the catalogue are left in `work`."""
    archive = source
    if SIZES[size]:
        archive = work / f"features-{size}.tar.gz"
        if not archive.exists():
            features.write(source, archive, SIZES[size])
    figures: dict[str, Any] = {"size": size}
    for way in ("ours", "notebook"):
        done = processes.run(["-m", "benchmarks.ingest", way, str(archive), str(labels)])
        rate = done.json()["count"] / done.json()["seconds"]
        figures[f"ingest_{way}"] = {
            "clips_per_second": rate,
            "clips_per_cpu_second": done.json()["count"] / done.json()["cpu_seconds"],
            "peak_megabytes": done.peak_megabytes,
        }
    figures["ingest_ratio"] = (
        figures["ingest_ours"]["clips_per_second"] / figures["ingest_notebook"]["clips_per_second"]
    )
    if archive.is_file():
        figures["gunzip"] = processes.run(["-m", "benchmarks.ingest", "gunzip", str(archive)]).json()
    out = work / f"catalogue-{size}"
    built = processes.run(["-m", "benchmarks.ingest", "build", str(archive), str(labels), str(out)])
    manifest = json.loads((out / "manifest.json").read_text())
    figures["build"] = {
        "clips": manifest["counts"]["clips"],
        "seconds": built.seconds,
        "cpu_seconds": built.cpu_seconds,
        "stages": built.json(),
        "peak_megabytes": built.peak_megabytes,
        "disk_megabytes": sum(path.stat().st_size for path in out.iterdir()) / processes.MEGABYTE,
        "calibration": manifest["index"]["calibration"],
    }
    figures["opening"] = processes.run(["-m", "benchmarks.opening", str(out)]).json()
    if not SIZES[size]:
        figures["evaluation"] = processes.run(["-m", "recommender", "evaluate", str(out), "--json"]).json()
    return figures


def show(figures: dict[str, Any], smaller: dict[str, Any] | None) -> None:
    """Print one size as a table. smaller: what the smallest size measured."""
    build, opening = figures["build"], figures["opening"]
    print(f"\n{build['clips']:,} clips ({figures['size']})")
    for way, name in (("ours", "ingest"), ("notebook", "the notebook's way")):
        row = figures[f"ingest_{way}"]
        print(
            f"  {name:<22} {row['clips_per_second']:>10,.0f} clips/s {row['peak_megabytes']:>8,.0f} MB peak"
            f" {row['clips_per_cpu_second']:>8,.0f} clips per second of CPU"
        )
    print(f"  {'ratio':<22} {figures['ingest_ratio']:>10.1f}")
    print(
        f"  {'build, all of it':<22} {build['seconds']:>10.1f} s {build['peak_megabytes']:>13,.0f} MB peak"
        f" {build['disk_megabytes']:>8,.0f} MB on disk {build['cpu_seconds']:>8.1f} s of CPU"
    )
    gunzip = [{"stage": "gunzip alone", **figures["gunzip"]}] if "gunzip" in figures else []
    for stage in (*gunzip, *build["stages"]):
        print(f"    {stage['stage']:<30} {stage['seconds']:>8.1f} s {stage['cpu_seconds']:>8.1f} s of CPU")
    for measured in build["calibration"]:
        print(
            f"  {'calibration':<22} top {measured['top']:>5} search_k {measured['search_k']:>8,}"
            f" recall {measured['recall']:.4f}, {100 * measured['poor']:.1f} % of queries below 0.8"
        )
    second = opening["second"]
    print(f"  {'open to first answer':<22} {second['first_answer_seconds']:>10.2f} s (warm, a second process)")
    print(f"  {'answer, p50':<22} {second['answer_p50_ms']:>10.2f} ms (10 results, labels, votes)")
    print(f"  {'private memory':<22} {second['private_beyond_python_megabytes']:>10.1f} MB beyond Python's own")
    if smaller:
        larger = math.log(build["clips"] / smaller["build"]["clips"])
        power = math.log(build["cpu_seconds"] / smaller["build"]["cpu_seconds"]) / larger
        print(f"  {'growth':<22} CPU of the build by the power {power:.2f} of the clips ({smaller['size']})")
    for row in figures.get("evaluation", ()):
        print(
            f"  {'labels, ' + row['vectors']:<22} precision@10 {row['precision_at_10']:.4f}"
            f"  @1 {row['precision_at_1']:.4f}"
        )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("features", type=Path, help="folder of real features")
    parser.add_argument("--labels", type=Path, required=True, help="class_labels_indices.csv")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["real", "500k"])
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for what is made; needs 5 GB for 500k, 12 for 2m"
    )
    parser.add_argument("--keep", action="store_true", help="leave features and catalogues there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    measured = []
    for size in arguments.sizes:
        measured.append(measure(arguments.features, arguments.labels, size, arguments.work))
        show(measured[-1], measured[0] if len(measured) > 1 else None)
        sys.stdout.flush()
        if not arguments.keep:
            shutil.rmtree(arguments.work / f"catalogue-{size}")
            (arguments.work / f"features-{size}.tar.gz").unlink(missing_ok=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
