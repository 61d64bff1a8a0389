"""What alarms and dashboard ask for is there in the metrics of real processes."""

from __future__ import annotations

import re
from pathlib import Path

import requests

from sandbox.client.driver import Driver
from sandbox.names import SOUNDS
from tests.deploy.test_monitoring import expressions
from tests.scenarios.stack import Stack


def test_each_metric_of_alarms_and_dashboard_is_told_by_some_process(slack: Driver, stack: Stack, sound: Path):
    slack.upload(SOUNDS, sound)
    addresses = [stack.health["bot"], stack.health["worker"], stack.embedder_url]
    wanted = {name for each in expressions() for name in re.findall(r"\b(?:soundalike|process)_\w+", each)}
    wanted |= {
        f'soundalike_up{{part="{part}"}} 1.0'
        for part in ("redis", "embedder", "catalogue", "socket", "threads", "sound", "model", "network")
    }
    assert len(wanted) > 20

    def missing() -> set[str]:
        told = "".join(requests.get(f"{address}/metrics", timeout=5).text for address in addresses)
        return {each for each in wanted if not re.search(rf"^{re.escape(each)}\b", told, re.MULTILINE)}

    slack.wait_for(lambda: not missing())
    assert not missing()
