"""Settings of the bot, on top of the recommender's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from recommender.settings import Settings


class BotSettings(Settings):
    """Slack's side of the settings; tokens never show in a repr or a log."""

    slack_bot_token: SecretStr | None = Field(None, description="bot token, xoxb-…")
    slack_app_token: SecretStr | None = Field(None, description="app token, xapp-…, for Socket Mode")
    slack_signing_secret: SecretStr | None = Field(None, description="signing secret, for HTTP mode")
    slack_client_id: str | None = Field(
        None,
        description="client id, for any number of workspaces, which install the app at /slack/install; in place of "
        "`SLACK_BOT_TOKEN`",
    )
    slack_client_secret: SecretStr | None = Field(None, description="client secret, beside the client id")
    installations_url: str = Field(
        "sqlite:///installations.sqlite",
        description="database of the workspaces that installed the app, with their tokens: sqlite:///PATH or "
        "postgresql://…; all processes of the bot read it",
    )
    slack_api_url: str = Field("https://slack.com/api/", description="Slack's Web API; the sandbox's for trying")
    slack_file_hosts: str = Field(
        "slack.com,slack-files.com,slack-edge.com",
        description="domains that files are downloaded from, over https, with all hosts below them; an entry like "
        "http://127.0.0.1:8090 also allows that origin",
    )
    listen_button: bool = Field(
        False,
        description="Export below answers, and Listen in the menu of a library's results; the app then needs the scope "
        "files:write",
    )
    library_adders: str = Field(
        "",
        description="who may add uploads to the library: ids of people (U…) and of user groups (S…, which need the "
        "scope usergroups:read), separated by commas; with a client id as T…/U… and T…/S…, so that each names its "
        "workspace",
    )
    channel_answers: Literal["every", "mentioned", "ear"] = Field(
        "every",
        description="what is answered in channels without settings of their own: every sound, only when mentioned, or "
        "on a click on the ear that the bot reacts with",
    )
    answer_speech: bool = Field(True, description="whether sounds that are speech alone are answered there, too")
    channel_setters: str = Field(
        "",
        description="who may change the settings of channels: ids of people and user groups, as above; everybody where "
        "empty",
    )
    uploads_per_minute: int = Field(10, gt=0, description="uploads a person may send each minute")
    team_uploads_per_minute: int = Field(200, gt=0, description="uploads a workspace may send each minute")
    questions_per_minute: int = Field(
        60, gt=0, description="commands and clicks of a person that are answered a minute"
    )
    queue_limit: int = Field(500, gt=0, description="uploads that may wait; beyond it the bot says that it is busy")
    worker_threads: int = Field(2, gt=0, description="uploads that one worker process works on at a time")
    health_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="first port for probes and metrics of bot and worker: each takes the next free one; 0 for none",
    )
    health_host: str = Field("127.0.0.1", description="address that probes and metrics of bot and worker listen on")

    @property
    def many(self) -> bool:
        """Whether workspaces install the app by themselves, in place of the one of the static token."""
        return self.slack_client_id is not None

    @property
    def librarians(self) -> frozenset[str]:
        """Who may add uploads to the library: ids of people and of user groups."""
        return _ids(self.library_adders)

    @property
    def channel_changers(self) -> frozenset[str]:
        """Who may change the settings of channels; nobody listed means everybody."""
        return _ids(self.channel_setters)


def _ids(listed: str) -> frozenset[str]:
    return frozenset(who.strip() for who in listed.split(",") if who.strip())
