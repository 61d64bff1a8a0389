"""The embedders that there are. To add one: a module that defines its `EmbedderSpec`, and a line in `SPECS`."""

from __future__ import annotations

from recommender.embedders import musicnn, vggish, yamnet
from recommender.embedders.spec import EmbedderSpec
from recommender.errors import BadEmbedding, NoWeights

SPECS: tuple[EmbedderSpec, ...] = (
    yamnet.SPEC,
    musicnn.SPEC,
    vggish.SPEC,
    vggish.RELU,
)
"""Every embedder; the first is the default."""


def default() -> EmbedderSpec:
    """Return the embedder that is used where none is named."""
    return SPECS[0]


def names() -> tuple[str, ...]:
    """Return the names to choose from."""
    return tuple(spec.name for spec in SPECS)


def named(name: str) -> EmbedderSpec:
    """Return the embedder of a name, or of a space; raises `NoWeights` where there is none."""
    for spec in SPECS:
        if name in {spec.name, spec.space}:
            return spec
    raise NoWeights(f"There is no embedder {name!r}: choose one of {', '.join(names())}.")


def of_space(space: str) -> EmbedderSpec:
    """Return the embedder whose vectors are of a space; raises `BadEmbedding` where none is."""
    for spec in SPECS:
        if spec.space == space:
            return spec
    raise BadEmbedding(f"{space[:40]!r} is a space that this version does not know: start one of its own embedders.")


def knows(space: str) -> bool:
    """Whether an embedder's vectors are of this space."""
    return any(spec.space == space for spec in SPECS)


def table() -> str:
    """Return the embedders as a table in Markdown: README's, which a test compares with this one."""
    rows = ["| embedder | space | vectors | weights | licence | for |", "|---|---|---|---|---|---|"]
    for spec in SPECS:
        name = f"`{spec.name}`" + (" (default)" if spec is default() else "")
        vectors = f"{spec.dimension} values every {spec.hop:.3g} s, {spec.sample_rate / 1000:g} kHz"
        rows.append(f"| {name} | `{spec.space}` | {vectors} | {spec.weights} | {spec.model.license} | {spec.purpose} |")
    return "\n".join(rows)
