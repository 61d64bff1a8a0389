"""`python -m recommender fetch`: fetches an embedder's weights, or AudioSet's features."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from recommender.embedders import yamnet
from recommender.embedders.networks.weights import DEFAULT_FOLDER
from recommender.embedders.vggish import CHECKPOINT, PCA, SHA512
from recommender.settings import Settings, load
from recommender.sources.fetch import Source, fetch
from recommender.terminal import bar_options

_WEIGHTS = "https://storage.googleapis.com/audioset"
_AUDIOSET = "https://storage.googleapis.com/us_audioset/youtube_corpus/v1"
SOURCES = {
    "vggish": tuple(Source(name, f"{_WEIGHTS}/{name}", ("sha512", SHA512[name])) for name in (PCA, CHECKPOINT)),
    "yamnet": tuple(
        Source(name, yamnet.URLS[name], ("sha256", yamnet.SHA256[name])) for name in (yamnet.CLASS_MAP, yamnet.H5)
    ),
    # Google publishes no digest of the features; gzip has its own checksum, which `build` meets.
    "audioset": (
        Source("class_labels_indices.csv", f"{_AUDIOSET}/csv/class_labels_indices.csv", magic=b"index,mid"),
        Source("features.tar.gz", f"{_AUDIOSET}/features/features.tar.gz", magic=b"\x1f\x8b"),
    ),
}
"""What can be fetched; the small file of each comes first, so that a wrong mirror shows at once."""
DEFAULT_FEATURES = Path("audioset")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser("fetch", help="fetch an embedder's weights or AudioSet's features")
    parser.add_argument("what", choices=sorted(SOURCES), help="vggish: 288 MB; yamnet: 15 MB; audioset: 2.4 GB")
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: WEIGHTS or ./weights; ./audioset")
    parser.add_argument("--from", dest="base", metavar="URL", help="a mirror that holds the files under their names")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    folder = arguments.to or _default_folder(arguments.what)
    for source in SOURCES[arguments.what]:
        with tqdm(desc=source.name, unit="B", unit_scale=True, unit_divisor=1024, **bar_options(True)) as bar:

            def show(done: int, total: int | None, bar: Any = bar) -> None:
                bar.total = total
                bar.update(done - bar.n)

            path, new = fetch(source, folder, base=arguments.base, progress=show)
        print(f"{'fetched' if new else 'there already':13}  {path}")
    return 0


def _default_folder(what: str) -> Path:
    if what == "audioset":
        return DEFAULT_FEATURES
    return load(Settings).weights or DEFAULT_FOLDER
