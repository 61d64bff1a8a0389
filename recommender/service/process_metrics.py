"""The metrics that every kind of process has: what it is, what it takes, and which of its parts work."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

from recommender import __version__
from recommender.service.probes import State


def register_process(registry: CollectorRegistry) -> None:
    """Add the process's memory, CPU time, open files and start, as Prometheus names them; on Linux alone."""
    ProcessCollector(registry=registry)


def families(states: Mapping[str, State]) -> Iterator[GaugeMetricFamily | InfoMetricFamily]:
    """Return the version as `soundalike_build_info`, and `soundalike_up` by part."""
    versions = {"version": __version__, "python": platform.python_version()}
    yield InfoMetricFamily("soundalike_build", "Versions", value=versions)
    up = GaugeMetricFamily("soundalike_up", "Whether a part that the process needs works", labels=["part"])
    for part, state in states.items():
        up.add_metric([part], float(state.works))
    yield up
