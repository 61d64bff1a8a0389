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
