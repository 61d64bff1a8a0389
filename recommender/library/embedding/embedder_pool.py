"""The embedders of a library: in this process, or services on one or several machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recommender.embedders import Embedder, registry
from recommender.embedders.client import EmbedderClient
from recommender.embedders.local import in_process
from recommender.errors import SettingsError


class EmbedderPool:
    """Embedders of one space, loaded when there is something to embed.

    name: of an embedder or a space, for this process; weights: its folder; urls: services that are used instead.
    """

    def __init__(self, name: str, weights: Path | None = None, urls: Sequence[str] = ()) -> None:
        self._name = name
        self._weights = weights
        self._clients = [EmbedderClient(url) for url in urls]

    @property
    def weights(self) -> str | None:
        """The folder of the weights, None where it was not named or a service has them."""
        return None if self._weights is None or self._clients else str(self._weights.resolve())

    @property
    def space(self) -> str:
        """Name of the space; raises `EmbedderError` where a service is down, `SettingsError` where they differ."""
        if not self._clients:
            # Known without loading the network: a build with nothing new needs none.
            return registry.named(self._name).space
        spaces = sorted({client.space for client in self._clients})
        if len(spaces) > 1:
            raise SettingsError(f"The embedder services emit different spaces ({', '.join(spaces)}): start equal ones.")
        return spaces[0]

    def embedders(self) -> list[Embedder]:
        """Load them; raises `NoWeights`."""
        return list(self._clients) or [in_process(self._name, self._weights)]
