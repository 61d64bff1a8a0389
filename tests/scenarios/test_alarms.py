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
    message = slack.upload(SOUNDS, sound)
    slack.wait_reply(message)
    addresses = [stack.health["bot"], stack.health["worker"], stack.embedder_url]
    told = "".join(requests.get(f"{address}/metrics", timeout=5).text for address in addresses)
    wanted = {name for each in expressions() for name in re.findall(r"\b(?:soundalike|process)_\w+", each)}
    assert len(wanted) > 10
    assert not {name for name in wanted if not re.search(rf"^{name}[ {{]", told, re.MULTILINE)}
    for part in ("redis", "embedder", "catalogue", "socket", "threads", "sound", "model"):
        assert f'soundalike_up{{part="{part}"}} 1.0' in told
