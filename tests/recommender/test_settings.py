from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from bot.settings import BotSettings
from recommender import redis_keys
from recommender.errors import SettingsError
from recommender.settings import Settings, add_env_file, load

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No .env of the developer's is read."""
    monkeypatch.chdir(tmp_path)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MAX_UPLOAD_SECONDS", "12")
    monkeypatch.setenv("CATALOGUE", "some/where")
    settings = load(Settings)
    assert settings.max_upload_seconds == 12
    assert settings.catalogue == "some/where"


def test_keys_of_redis_are_spelt_by_the_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redis_keys, "PREFIX", redis_keys.PREFIX)
    monkeypatch.setenv("KEY_PREFIX", "staging:2")
    load(Settings)
    assert redis_keys.build("job", 1) == "staging:2:job:1"
    monkeypatch.setenv("KEY_PREFIX", "a*b")
    with pytest.raises(SettingsError, match="KEY_PREFIX"):
        load(Settings)


def test_settings_come_from_a_file(tmp_path: Path):
    (tmp_path / ".env").write_text("LOG_LEVEL=DEBUG\nSOMEBODY_ELSES=1\n")
    assert load(Settings).log_level == "DEBUG"


def test_settings_come_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    named = tmp_path / "soundalike.env"
    named.write_text("LOG_LEVEL=ERROR\n")
    (tmp_path / ".env").write_text("LOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("ENV_FILE", "")
    parser = argparse.ArgumentParser()
    add_env_file(parser)
    parser.parse_args(["--env-file", "soundalike.env"])
    assert load(Settings).log_level == "ERROR"
    named.unlink()
    with pytest.raises(SettingsError, match=r"soundalike\.env cannot be read .*--env-file"):
        load(Settings)


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBEDDER_URL", "")
    assert load(Settings).embedder_url is None


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MAX_UPLOAD_SECONDS", "xoxb-secret")
    with pytest.raises(SettingsError, match="MAX_UPLOAD_SECONDS") as raised:
        load(Settings)
    assert "xoxb-secret" not in str(raised.value)


def test_tokens_do_not_show(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    assert "xoxb-secret" not in repr(load(BotSettings))


@pytest.mark.parametrize("name", sorted(BotSettings.model_fields))
def test_every_setting_stands_in_the_readme_and_in_the_example(name: str):
    variable = re.compile(rf"\b{name.upper()}\b")
    assert variable.search((REPOSITORY / "README.md").read_text())
    assert variable.search((REPOSITORY / ".env.example").read_text())


def test_every_other_variable_that_is_read_stands_in_the_readme():
    table = (
        (REPOSITORY / "README.md").read_text().partition("What is read beside the settings:")[2].partition("\n## ")[0]
    )
    named = set(
        re.findall(r"`([A-Z_]{3,})`", "".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    )
    by_others = {"TMPDIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}
    parts = [path for part in ("bot", "recommender", "launcher") for path in (REPOSITORY / part).rglob("*.py")]
    code = "".join(path.read_text() for path in [*parts, REPOSITORY / "gunicorn.conf.py"])
    read = set(re.findall(r"""os\.(?:environ\.get\(|environ\[|getenv\()["']([A-Z_]+)""", code))
    read |= {name for name in ("ENV_FILE",) if f"os.environ.get({name})" in code}
    deployed = [
        REPOSITORY / "Procfile",
        REPOSITORY / "Procfile.http",
        *(REPOSITORY / "deploy/systemd").glob("*.service"),
    ]
    read |= set(re.findall(r"\$\{([A-Z_]+)", "".join(path.read_text() for path in deployed)))
    others = {"PATH", "PYTHONPATH"} | {name.upper() for name in BotSettings.model_fields}
    assert named == (read - others) | by_others
