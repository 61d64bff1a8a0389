"""The workspaces that installed the app, with their tokens: slack_sdk's store on SQLAlchemy, and Bolt's pages.

Tokens stay in the store, which each process reads when it needs one: neither jobs nor Redis carry any.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackTokenRotationError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation import TokenRotator

from bot.errors import InstallationsAway, NotInstalled
from bot.settings import BotSettings
from bot.slack.errors import UNREACHED
from bot.workspaces import Workspace
from recommender.errors import SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Engine, Table

KEPT_SECONDS = 30.0
"""How long a process takes a token that it has read for the store's; Slack refuses one that was revoked meanwhile."""
ROTATE_MINUTES = 120
"""Tokens are renewed so long before they end, so that whoever fails to goes on with the old one."""
STATE_SECONDS = 600
"""How long an installation may take, from the page to Slack's answer."""
CLAIM_SECONDS = 60
"""How long nobody else renews a token that somebody tries to renew."""
MOST_MAKING = 8
"""How often making the tables is tried again: there are four of them."""
WAIT_SECONDS = 3
"""How long the database may take for each step."""
NOT_HERE = "I am not installed in this workspace: ask whoever runs me for the page to install me."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    bot: Bot
    until: float


class Installations:
    """The store, with what was read of it lately. Thread-safe; raises `InstallationsAway` where it does not answer."""

    def __init__(self, settings: BotSettings, client: WebClient) -> None:
        """client: one without a token, for Slack's OAuth methods. Raises `SettingsError`."""
        self._client_id, self._client_secret = _credentials(settings)
        try:
            from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore

            from bot.slack.oauth_states import OneTimeStates
        except ImportError:
            raise SettingsError(
                "SLACK_CLIENT_ID needs SQLAlchemy: pip install -r requirements-workspaces.txt."
            ) from None
        self._engine = _engine(settings.installations_url)
        self.store = SQLAlchemyInstallationStore(self._client_id, self._engine, logger=_log)
        self.states = OneTimeStates(STATE_SECONDS, self._engine, logger=_log)
        self._rotator = TokenRotator(client_id=self._client_id, client_secret=self._client_secret, client=client)
        self._claims = _claims()
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._ready = False

    def prepare(self) -> None:
        """Make the tables where there are none."""
        from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

        with self.reachable(), self._lock:
            for left in range(MOST_MAKING, -1, -1) if not self._ready else ():
                try:
                    for tables in (self.store, self.states):
                        tables.create_tables()  # type: ignore[no-untyped-call]
                    self._claims.create(self._engine, checkfirst=True)
                    self._ready = True
                    break
                except (IntegrityError, OperationalError, ProgrammingError) as error:
                    # Another process makes them, too: the next attempt finds one more.
                    away = isinstance(error, OperationalError) and "already exists" not in str(error)
                    if away or not left:
                        raise

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Turn what the database raises into `InstallationsAway`."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except SQLAlchemyError as error:
            _log.error("the database of installations does not answer (%s)", type(error).__name__)
            _log.debug("it said", exc_info=error)
            raise InstallationsAway(
                "I cannot look up your workspace's installation at the moment: try again in a minute."
            ) from None

    def bot(self, workspace: Workspace, *, afresh: bool = False) -> Bot:
        """Return the app's bot of a workspace, with a token that has not ended; afresh: by a look at the store, where
        that answers. Raises `NotInstalled`."""
        with self._lock:
            kept = self._kept.get(workspace.id)
        if kept is not None and not afresh and kept.until > time.monotonic():
            return kept.bot
        try:
            found = self._found(workspace)
            renewed = None if found is None else self._renewed(workspace, found)
        except InstallationsAway:
            if kept is None:
                raise
            return kept.bot  # as long as Slack takes it
        with self._lock:
            self._kept.pop(workspace.id, None)
            if renewed is not None:
                self._kept[workspace.id] = _Kept(renewed, time.monotonic() + KEPT_SECONDS)
        if renewed is None:
            raise NotInstalled(NOT_HERE)
        return renewed

    def present(self, workspace: Workspace) -> bool:
        """Whether a workspace has the app installed, by a look at the store."""
        try:
            self.bot(workspace, afresh=True)
        except NotInstalled:
            return False
        return True

    def superseded(self, workspace: Workspace, token: str | None) -> bool:
        """Whether the store knows another token than one that Slack has just refused; raises `NotInstalled`."""
        try:
            return self.bot(workspace, afresh=True).bot_token != token
        except InstallationsAway:
            return False

    def remove(self, workspace: Workspace, at: float) -> bool:
        """Remove a workspace's installations and return True, unless it installed the app again after `at`, Unix
        time: Slack may tell of a removal late, and more than once."""
        with self._lock:
            self._kept.pop(workspace.id, None)
        while (latest := self._found(workspace)) is not None:
            if latest.installed_at > at + 1:
                return False
            with self.reachable():
                self.store.delete_all(enterprise_id=latest.enterprise_id, team_id=latest.team_id)
        return True

    def all(self) -> list[Bot]:
        """Return the newest bot of each installation."""
        from sqlalchemy import select

        self.prepare()
        table = self.store.bots
        of_app = select(table).where(table.c.client_id == self._client_id).order_by(table.c.installed_at, table.c.id)
        with self.reachable(), self._engine.connect() as connection:
            rows = [self.store.build_bot_entity(row) for row in connection.execute(of_app).mappings()]
        return list({workspace_of(bot).id: bot for bot in rows if bot.bot_token}.values())

    def _found(self, workspace: Workspace) -> Bot | None:
        """Return the newest. A team's is found by the team alone, whose id no other has: the organisation that a
        payload names may be that of a person from elsewhere, and a team may have joined one since."""
        from sqlalchemy import and_, select

        self.prepare()
        columns = self.store.bots.c
        organisation = and_(columns.team_id.is_(None), columns.enterprise_id == workspace.enterprise)
        own = columns.team_id == workspace.team if workspace.team else organisation
        newest = (
            select(self.store.bots)
            .where(columns.client_id == self._client_id, columns.bot_token.is_not(None), own)
            .order_by(columns.installed_at.desc(), columns.id.desc())
            .limit(1)
        )
        with self.reachable(), self._engine.connect() as connection:
            row = connection.execute(newest).mappings().first()
        return None if row is None else self.store.build_bot_entity(row)

    def _renewed(self, workspace: Workspace, bot: Bot) -> Bot:
        """Return the bot with a new token where its own soon ends; the others go on with the old one meanwhile."""
        ends = bot.bot_token_expires_at
        if bot.bot_refresh_token is None or ends is None or ends > time.time() + 60 * ROTATE_MINUTES:
            return bot
        if not self._claimed(bot.bot_refresh_token):
            return bot if ends > time.time() else self._awaited(workspace, bot)
        try:
            renewed = self._rotator.perform_bot_token_rotation(bot=bot, minutes_before_expiration=ROTATE_MINUTES)
        except (SlackApiError, SlackTokenRotationError, *UNREACHED) as error:
            _log.warning("the token of %s is not renewed (%s)", workspace.id, type(error).__name__)
            return bot
        if renewed is None:
            return bot
        with self.reachable():
            self.store.save_bot(renewed)
        return renewed

    def _claimed(self, refresh_token: str) -> bool:
        """Whether this caller alone may renew by a token, in all processes. Slack takes one twice where two come at
        once, and one of the two that it hands out is good for nothing (node-slack-sdk#2504)."""
        from sqlalchemy.exc import IntegrityError

        claim = {"token": hashlib.sha256(refresh_token.encode()).hexdigest(), "until": time.time() + CLAIM_SECONDS}
        with self.reachable():
            try:
                with self._engine.begin() as connection:
                    connection.execute(self._claims.delete().where(self._claims.c.until < time.time()))
                    connection.execute(self._claims.insert().values(claim))
            except IntegrityError:
                return False
        return True

    def _awaited(self, workspace: Workspace, bot: Bot) -> Bot:
        """Return the bot once somebody else has renewed its token, or as it is after a while."""
        deadline = time.monotonic() + WAIT_SECONDS / 2
        while time.monotonic() < deadline:
            found = self._found(workspace)
            if found is None or found.bot_token != bot.bot_token:
                return found or bot
            time.sleep(0.05)
        return bot


def _claims() -> Table:
    from sqlalchemy import Column, Float, MetaData, String, Table

    columns = Column("token", String(64), primary_key=True), Column("until", Float, nullable=False)
    return Table("soundalike_renewals", MetaData(), *columns)


def workspace_of(bot: Bot) -> Workspace:
    """Return the workspace, or the organisation, that an installation is of."""
    return Workspace("" if bot.is_enterprise_install else bot.team_id or "", bot.enterprise_id or "")


def _credentials(settings: BotSettings) -> tuple[str, str]:
    if settings.slack_client_id is None or settings.slack_client_secret is None:
        raise SettingsError("SLACK_CLIENT_SECRET is not set: copy it from the app's page Basic Information into .env.")
    if settings.slack_bot_token is not None:
        raise SettingsError(
            "SLACK_BOT_TOKEN and SLACK_CLIENT_ID are both set: keep the token for one workspace, or the client id "
            "for any number of them."
        )
    listed = settings.librarians | settings.channel_changers
    if unnamed := sorted(who for who in listed if "/" not in who):
        raise SettingsError(
            f"LIBRARY_ADDERS or CHANNEL_SETTERS: {unnamed[0]} names no workspace: write T…/{unnamed[0]}, since ids are "
            "unique within a workspace alone."
        )
    return settings.slack_client_id, settings.slack_client_secret.get_secret_value()


def _engine(address: str) -> Engine:
    """Connect at first use; a file of SQLite is its owner's alone to read."""
    from sqlalchemy import create_engine, event, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        url = make_url(address)
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}  # errors repeat tokens otherwise
        if url.get_backend_name() == "sqlite":
            if not url.database or url.database == ":memory:":
                raise SettingsError("INSTALLATIONS_URL: several processes read it: name a file, sqlite:///PATH.")
            _make_private(Path(url.database))
            options["connect_args"] = {"timeout": WAIT_SECONDS}
        elif url.get_backend_name() == "postgresql":
            options |= {"connect_args": {"connect_timeout": WAIT_SECONDS}, "pool_timeout": WAIT_SECONDS}
        engine = create_engine(url, **options)
        if engine.driver == "psycopg":
            event.listen(engine, "do_connect", _connect_impatiently)
        return engine
    except (ArgumentError, NoSuchModuleError):
        raise SettingsError("INSTALLATIONS_URL must be like sqlite:///PATH or postgresql://USER@HOST/NAME.") from None
    except ImportError:
        raise SettingsError(
            "INSTALLATIONS_URL=postgresql://… needs psycopg: pip install -r requirements-postgres.txt."
        ) from None


def _connect_impatiently(_: Any, __: Any, arguments: Any, named: dict[str, Any]) -> Any:
    """Connect to PostgreSQL so that each wait ends, also where the server holds still and says nothing."""
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            return super().wait(gen, interval, WAIT_SECONDS)

    return Impatient.connect(*arguments, **named)


def _make_private(file: Path) -> None:
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
    except OSError as error:
        raise SettingsError(f"INSTALLATIONS_URL: {file} cannot be written ({error.strerror}).") from None
