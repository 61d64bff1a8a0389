"""The text encoder's vectors of AudioSet's labels and their everyday words, kept as bytes: encoding these 2,813 texts
takes 5 s of each build, which encodes what else its labels are called.

`python -m recommender.catalogue.everyday_vectors` writes them anew, after the words or the encoder were changed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.phrases import google_names, phrases
from recommender.embedders.text import MiniLM
from recommender.vectors import unit_rows

_FILE = Path(__file__).with_suffix(".npz")
_LARGEST = 127


@cache
def everyday_vectors() -> dict[str, NDArray[np.float32]]:
    """Return unit vectors float32 (384,) by their texts; their cosines with the encoder's are .9999."""
    with np.load(_FILE, allow_pickle=False) as arrays:
        texts = arrays["texts"].tobytes().decode().split("\n")
        return dict(zip(texts, unit_rows(arrays["values"]), strict=True))


def main() -> None:
    """Encode the texts and write the file."""
    texts = list(dict.fromkeys(text for _, text in phrases(google_names())))
    vectors = MiniLM().encode(texts)
    # A row's length is 1 again when it is read, so that its scale need not be kept.
    values = np.rint(vectors / np.abs(vectors).max(axis=1, keepdims=True) * _LARGEST).astype(np.int8)
    np.savez(_FILE, texts=np.frombuffer("\n".join(texts).encode(), np.uint8), values=values)


if __name__ == "__main__":
    main()
