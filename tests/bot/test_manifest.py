"""The app manifest is valid against Slack's schema, and the file is what the source gives."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from bot.__main__ import main
from bot.manifest import as_text, manifest
from bot.slack.names import EVENTS, OPTIONAL_SCOPES, SCOPES
from sandbox.app_config import AppConfig
from sandbox.errors import PersonRefusal
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("url", [None, "https://sounds.example/"])
@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_valid_against_slacks_schema(shared_data: Path, url: str | None, version: str):
    schema = json.loads((shared_data / f"slack-manifest-schema/manifest.schema.{version}.json").read_text())
    jsonschema.Draft7Validator(schema).validate(manifest(url))


@pytest.mark.parametrize("url", [None, "https://sounds.example/"])
def test_valid_by_the_rules_that_no_schema_tells(url: str | None):
    made = manifest(url)
    scopes = made["oauth_config"]["scopes"]
    assert set(scopes["bot_optional"]) <= set(scopes["bot"])  # Slack's "Installing with OAuth"
    assert made["settings"]["org_deploy_enabled"] is True  # else no events on an Enterprise organisation
    assert {scope for scope in EVENTS.values() if scope} <= set(scopes["bot"])
    assert made["settings"]["socket_mode_enabled"] == (url is None)


def test_the_sandbox_refuses_optional_scopes_that_are_listed_once(tmp_path: Path):
    made = manifest()
    made["oauth_config"]["scopes"]["bot"].remove("channels:history")
    (tmp_path / "manifest.json").write_text(json.dumps(made))
    with pytest.raises(PersonRefusal, match="channels:history"):
        AppConfig.from_manifest(tmp_path / "manifest.json")


def test_the_file_is_what_the_source_gives():
    assert (REPOSITORY / "bot/manifest.json").read_text() == as_text()


def test_http_mode_names_its_address_everywhere():
    made = manifest("https://sounds.example/")
    settings = made["settings"]
    address = "https://sounds.example/slack/events"
    assert made["features"]["slash_commands"][0]["url"] == address
    assert settings["event_subscriptions"]["request_url"] == address
    assert settings["interactivity"]["request_url"] == address
    assert settings["interactivity"]["message_menu_options_url"] == address
    assert settings["socket_mode_enabled"] is False
    assert manifest()["settings"]["socket_mode_enabled"] is True


def test_the_command_prints_it(capsys):
    assert main(["manifest", "--url", "https://sounds.example"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed["oauth_config"]["scopes"]["bot"]) == {*SCOPES, *OPTIONAL_SCOPES}
    assert printed["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)
