"""Progress bars."""

from __future__ import annotations

import os


def disabled(progress: bool) -> bool | None:
    """Say whether tqdm shows nothing."""
    # None lets tqdm hide itself where nobody watches; see `TQDM_DISABLE` for the rest.
    return None if progress and "TQDM_DISABLE" not in os.environ else True
