"""What the embedder's service says of its model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from recommender.embedders.networks.network import Network


def metadata_of(network: Network) -> dict[str, Any]:
    """Describe an embedder: the fields of MAX, and those that tell its space.

    hop: seconds between rows. packed: whether `?packed=true` is understood.
    """
    spec = network.spec
    return {
        **asdict(spec.model),
        "space": spec.space,
        "dimension": spec.dimension,
        "hop": spec.hop,
        "sample_rate": spec.sample_rate,
        "tag_names": list(network.tag_names),
        "packed": True,
        "verified": network.verified,
    }
