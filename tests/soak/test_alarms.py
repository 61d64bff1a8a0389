"""Alarms that a real Prometheus fires at real processes, each by its fault and back to none without it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.conftest import REPOSITORY, free_port
from tests.support.ledger import Ledger
from tests.support.town import Town, pause, resume

RULES = REPOSITORY / "deploy/prometheus/rules.yaml"
FIRED_SECONDS = 60
SECONDS_FOR = "3s"
"""How long a fault lasts until it is told, in place of the rules' minutes."""


class Alarms:
    """A Prometheus that looks at one bot and one worker every second."""

    def __init__(self, town: Town, folder: Path) -> None:
        program = shutil.which("prometheus")
        if program is None:
            pytest.skip("there is no prometheus here: apt-get install prometheus")
        self._town = town
        ports = {"soundalike-bot": free_port(), "soundalike-worker": free_port()}
        town.populate(bots=0, workers=0)
        self.worker = town.start_worker(HEALTH_PORT=str(ports["soundalike-worker"]))
        town.start_bot(HEALTH_PORT=str(ports["soundalike-bot"]))
        rules = re.sub(r"for: \w+", f"for: {SECONDS_FOR}", RULES.read_text()).replace("[15m:1m]", "[15m:1s]")
        (folder / "rules.yaml").write_text(rules)
        jobs = [
            {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for name, port in ports.items()
        ]
        content = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": jobs,
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(content))
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        with (folder / "log").open("wb") as log:
            options: dict[str, object] = {
                "config.file": folder / "prometheus.yaml",
                "storage.tsdb.path": folder / "data",
            }
            options["web.listen-address"] = f"127.0.0.1:{port}"
            command = [program, *(f"--{name}={value}" for name, value in options.items())]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def firing(self) -> set[str]:
        try:
            found: dict[str, Any] = requests.get(f"{self._url}/api/v1/alerts", timeout=5).json()
        except (requests.RequestException, json.JSONDecodeError):
            return {"Prometheus"}
        return {each["labels"]["alertname"] for each in found["data"]["alerts"] if each["state"] == "firing"}

    def wait(self, wanted: set[str]) -> None:
        self._town.driver.wait_for(
            lambda: wanted <= self.firing() if wanted else not self.firing() & every_alarm(), FIRED_SECONDS, str(wanted)
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


def every_alarm() -> set[str]:
    return {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]} | {
        "Prometheus"
    }


@pytest.fixture
def alarms(town: Town, tmp_path: Path) -> Iterator[Alarms]:
    made = Alarms(town, tmp_path)
    yield made
    made.close()
    town.populate(bots=0, workers=0)


def test_faults_fire_their_alarms(town: Town, alarms: Alarms, ledger: Ledger):
    """alarms by faults"""
    alarms.wait(set())
    pause(alarms.worker)
    alarms.wait({"ProcessGone", "NoWorker"})
    resume(alarms.worker)
    alarms.wait(set())
    town.redis.freeze()
    alarms.wait({"RedisAway"})
    town.redis.thaw()
    alarms.wait(set())
    town.embedder.kill()
    alarms.wait({"EmbedderAway", "SoundDoesNotPass"})
    town.embedder.restart()
    alarms.wait(set())
    town.driver.fail("apps.connections.open", "internal_error", times=None)
    town.driver.faults(drop_sockets_every=0.2)
    alarms.wait({"SocketAway"})
    town.heal()
    alarms.wait(set())
    backup = shutil.copytree(town.catalogue, town.folder / "backup")
    os.utime(town.catalogue / "vectors.npy")  # as if somebody wrote into it
    alarms.wait({"CatalogueUnsound"})
    town.catalogue.rename(town.folder / "old")  # as the runbook says
    backup.rename(town.catalogue)
    alarms.wait(set())
    town.embedder.control(mode="error")
    ledger.upload(1)
    alarms.wait({"UploadsFailForGood"})
