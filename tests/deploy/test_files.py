"""Units, images, manifests and Procfiles: each is read by its own tool, and what it starts is there.

No container is built or run here. What an image would hold is put into a folder, and started there.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

from bot import __main__ as bot_command
from bot.settings import BotSettings
from launcher.processes import procfile_lines
from recommender import __version__, cli
from recommender.service.probes import LIVE, READY
from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("soundalike*"))
DOCKERFILES = sorted((DEPLOY / "docker").glob("*.Dockerfile"))
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
EXPOSURE = 15
"""Of 100, at most: what `systemd-analyze security` counts as well protected ends at 20."""


def run(program: str, *arguments: str | Path, package: str = "", **environment: str) -> str:
    """Run a tool that is there and require that it finds nothing; skip where it is not."""
    found = shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"there is no {program} here: apt-get install {package or program}")
    done = subprocess.run(
        [found, *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def require_command(line: str) -> None:
    """Require that a command line of ours is one that bot or recommender takes."""
    words = shlex.split(re.sub(r"\$\{(?:\w+:-)?([\w.]+)\}", r"\1", line))
    while words and ("=" in words[0] or words[0].endswith("python")):
        words.pop(0)
    assert words[0] == "-m", line
    parser = {"bot": bot_command._parser, "recommender": cli.parser}[words[1]]()
    arguments = [{"EMBEDDER": "yamnet", "EMBEDDER_PORT": "5000"}.get(word, word) for word in words[2:]]
    parser.parse_args(arguments)


def test_systemd_reads_the_units(tmp_path: Path):
    for unit in UNITS:
        text = unit.read_text().replace("/opt/soundalike/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text)
    units = [tmp_path / unit.name.replace("@", "@1") for unit in UNITS]
    assert not run("systemd-analyze", "verify", *units, package="systemd", SYSTEMD_UNIT_PATH=f"{tmp_path}:")


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_a_unit_may_do_little(unit: Path):
    require_command(re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)[0])
    run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", unit, package="systemd")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing_in_a_dockerfile(path: Path):
    assert not run("hadolint", path)


@pytest.mark.parametrize(
    ("role", "modules"),
    [
        ("bot", "bot.__main__ bot.socket_mode bot.worker bot.app bot.operations.check launcher.preflight"),
        ("embedder", "recommender.cli recommender.service.app recommender.commands.embedder launcher.preflight"),
    ],
)
def test_an_image_holds_what_its_process_needs(tmp_path: Path, role: str, modules: str):
    entries = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in (path for entry in entries for path in REPOSITORY.glob(entry)):
        target = tmp_path / path.relative_to(REPOSITORY)
        target.parent.mkdir(exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, target)
    code = f"""
import importlib, pathlib, sys
sys.path = [""] + [path for path in sys.path if path and not pathlib.Path(path, "recommender").is_dir()]
for name in {modules.split()}:
    importlib.import_module(name)
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    subprocess.run([sys.executable, tmp_path / "launcher/preflight.py", role], check=True)
    assert (tmp_path / "Makefile").is_file() and (tmp_path / f"requirements-{role}.txt").is_file()


def test_compose_reads_its_file_and_starts_one_consistent_set():
    text = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", (DEPLOY / "docker/compose.yaml").read_text())
    content = yaml.safe_load(text)
    compose = PyCompose.from_yaml(yaml.safe_dump(content))
    compose.validate()
    services = content["services"]
    assert set(services) == set(compose.service_names()) == {"bot", "web", "worker", "embedder", "redis"}
    assert (services["bot"]["profiles"], services["web"]["profiles"]) == (["socket"], ["http"])
    for name in ("bot", "web", "worker"):
        require_command(f"-m bot {shlex.join(services[name]['command'])}")
    for service in services.values():
        require_known(service.get("environment", {}))
        image, _, tag = service["image"].partition(":")
        assert tag == (__version__ if image.startswith("soundalike") else tag) and tag
    commands = [yaml.safe_load(re.findall(r"^CMD (.*)$", path.read_text(), re.MULTILINE)[0]) for path in DOCKERFILES]
    require_command(f"-m bot {shlex.join(commands[0])}")
    require_command(f"-m recommender {shlex.join(commands[1])}")


def require_known(environment: dict[str, Any]) -> None:
    assert environment.keys() <= {name.upper() for name in BotSettings.model_fields}


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_kubernetes_takes_a_manifest(path: Path):
    for resource in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
        if resource["kind"] == "ConfigMap":
            require_known(resource["data"])
        for container in resource.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            if not container["image"].startswith("soundalike"):
                continue
            package = "bot" if container["image"] == "soundalike-bot" else "recommender"
            require_command(f"-m {package} {shlex.join(container['args'])}")
            assert container["livenessProbe"]["httpGet"]["path"] == LIVE
            assert container["readinessProbe"]["httpGet"]["path"] == READY


@pytest.mark.parametrize("mode", ["bot.yaml", "web.yaml"])
def test_kustomize_puts_the_manifests_together(tmp_path: Path, mode: str):
    folder = shutil.copytree(DEPLOY / "kubernetes", tmp_path / "kubernetes")
    kustomization = folder / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("- bot.yaml ", f"- {mode} "))
    resources = list(yaml.safe_load_all(run("kubectl", "kustomize", folder, package="kubernetes-client")))
    names = {resource["metadata"]["name"] for resource in resources if resource["kind"] == "Deployment"}
    assert names == {"soundalike-embedder", "soundalike-worker", f"soundalike-{Path(mode).stem}"}
    for resource in resources:
        kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
        if resource["kind"] == "Deployment":
            (container,) = resource["spec"]["template"]["spec"]["containers"]
            assert container["image"].endswith(f":{__version__}")


@pytest.mark.parametrize("name", ["Procfile", "Procfile.http"])
def test_honcho_reads_a_procfile(name: str):
    assert "Valid procfile" in run("honcho", "check", "-f", name, "-d", REPOSITORY)
    for line in procfile_lines(REPOSITORY / name).values():
        require_command(line)
