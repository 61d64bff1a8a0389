"""Alarms and dashboard: each is parsed by Prometheus' own tool, fired by figures of its fault, and has a page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY

RULES = REPOSITORY / "deploy/prometheus/rules.yaml"
DASHBOARD = REPOSITORY / "deploy/grafana/soundalike.json"
RUNBOOK = (REPOSITORY / "docs/runbook.md").read_text()

WELL = {
    'up{job="soundalike-bot",instance="b"}': "1x90",
    'up{job="soundalike-worker",instance="w"}': "1x90",
    'soundalike_up{part="redis",job="soundalike-bot",instance="b"}': "1x90",
    'soundalike_up{part="embedder",job="soundalike-bot",instance="b"}': "1x90",
    'soundalike_up{part="embedder a:5000",job="soundalike-bot",instance="b"}': "1x90",
    'soundalike_up{part="catalogue",job="soundalike-bot",instance="b"}': "1x90",
    'soundalike_up{part="socket",job="soundalike-bot",instance="b"}': "1x90",
    'soundalike_up{part="sound",job="soundalike-worker",instance="w"}': "1x90",
    'soundalike_queue_oldest_seconds{instance="b"}': "3x90",
    'soundalike_queue_length{instance="b"}': "3x90",
    'soundalike_queue_limit{instance="b"}': "500x90",
    'soundalike_dead_letters{instance="b"}': "5x90",
    'soundalike_errors_total{code="internal",instance="b"}': "4x90",
    'soundalike_requests_total{kind="upload",outcome="unpostable",instance="b"}': "0x90",
    'soundalike_embedder_step_seconds_bucket{step="embed",le="1"}': "0+100x90",
    'soundalike_embedder_step_seconds_bucket{step="embed",le="10"}': "0+100x90",
    'soundalike_embedder_step_seconds_bucket{step="embed",le="+Inf"}': "0+100x90",
    'soundalike_build_info{version="1",instance="b"}': "1x90",
    'soundalike_catalogue_info{id="a",instance="b"}': "1x90",
}
GOES = "1x30 0x30"
FAULTS: dict[str, dict[str, str]] = {
    "ProcessGone": {'up{job="soundalike-bot",instance="b"}': GOES},
    "NoWorker": {'up{job="soundalike-worker",instance="w"}': "1x30 _x60"},
    "RedisAway": {'soundalike_up{part="redis",job="soundalike-bot",instance="b"}': GOES},
    "EmbedderAway": {'soundalike_up{part="embedder",job="soundalike-bot",instance="b"}': GOES},
    "CatalogueUnsound": {'soundalike_up{part="catalogue",job="soundalike-bot",instance="b"}': GOES},
    "SocketAway": {'soundalike_up{part="socket",job="soundalike-bot",instance="b"}': GOES},
    "SoundDoesNotPass": {'soundalike_up{part="sound",job="soundalike-worker",instance="w"}': GOES},
    "UploadsWait": {'soundalike_queue_oldest_seconds{instance="b"}': "0+60x90"},
    "QueueNearlyFull": {'soundalike_queue_length{instance="b"}': "0+20x90"},
    "UploadsFailForGood": {'soundalike_dead_letters{instance="b"}': "5x35 6x25"},
    "UnforeseenErrors": {'soundalike_errors_total{code="internal",instance="b"}': "4x35 5x25"},
    "AnswersUnpostable": {'soundalike_requests_total{kind="upload",outcome="unpostable",instance="b"}': "0x30 0+2x30"},
    "OneEmbedderAway": {'soundalike_up{part="embedder a:5000",job="soundalike-bot",instance="b"}': GOES},
    "EmbedderSlow": {'soundalike_embedder_step_seconds_bucket{step="embed",le="1"}': "0x90"},
    "VersionsDiffer": {'soundalike_build_info{version="2",instance="w"}': "1x90"},
    "CataloguesDiffer": {'soundalike_catalogue_info{id="b",instance="w"}': "1x90"},
}
"""Alarm: the series that differ from a well installation's."""
LATE = {"VersionsDiffer": "70m"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    targets = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*(str(rule["expr"]) for rule in rules()), *targets]


def promtool(*arguments: str | Path) -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool here: apt-get install prometheus")
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_reads_its_configuration_and_the_rules():
    assert "SUCCESS" in promtool("check", "config", RULES.with_name("prometheus.yaml"))


def test_prometheus_reads_each_expression_of_the_dashboard(tmp_path: Path):
    records = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(expressions())]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "all", "rules": records}]}))
    promtool("check", "rules", tmp_path / "rules.yaml")


def test_each_alarm_is_fired_by_its_fault_alone_and_none_while_all_is_well(tmp_path: Path):
    assert {rule["alert"] for rule in rules()} == FAULTS.keys()
    tests = [scenario("", {})] + [scenario(alarm, changed) for alarm, changed in FAULTS.items()]
    content = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "test.yaml").write_text(json.dumps(content))
    promtool("test", "rules", tmp_path / "test.yaml")


def scenario(alarm: str, changed: dict[str, str]) -> dict[str, Any]:
    series = [{"series": name, "values": values} for name, values in {**WELL, **changed}.items()]
    fired = [{"labels": f'{{alertname="{alarm}"}}', "value": 1}] if alarm else []
    expression = 'count by (alertname) (ALERTS{alertstate="firing"})'
    test = {"expr": expression, "eval_time": LATE.get(alarm, "45m"), "exp_samples": fired}
    return {"interval": "1m", "input_series": series, "promql_expr_test": [test], "name": alarm or "well"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alarm_has_its_page_and_its_degree(rule: dict[str, Any]):
    page = re.search(rf"^## {rule['alert']}\n\n\*(\w+)\.\*", RUNBOOK, re.MULTILINE)
    assert page is not None
    assert page.group(1) == rule["labels"]["severity"]
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_no_page_is_without_its_alarm():
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == [rule["alert"] for rule in rules()]


def test_the_dashboard_names_its_parts_once():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
