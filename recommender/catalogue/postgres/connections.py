"""Connections to the database: kept open between questions, bounded in time, made anew where they broke."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from recommender.catalogue.postgres.address import Address
from recommender.catalogue.remote import away
from recommender.catalogue.remote.away import Away, unavailable
from recommender.errors import CatalogueDamaged

CONNECT_SECONDS = 3
MOST_IDLE = 16
SESSION = {
    "jit": "off",  # compiling takes longer than most answers
    "plan_cache_mode": "force_generic_plan",  # so does planning each time; statements are written to need one plan
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.max_scan_tuples": "50000",
    "hnsw.scan_mem_multiplier": "8",
}
REACHED = "soundalike.reached"
"""Set with them, to see whether they reached the session: a pooler refuses them, or passes them over."""

Row = tuple[Any, ...]
_log = logging.getLogger(__name__)


class Connection(psycopg.Connection[Row]):
    """A connection whose waits end, also where the server holds still and says nothing. until: by time.monotonic(),
    None for no limit; pooled: what is to be set for each transaction, where a pooler may run the next one in another
    session (PgBouncer in transaction mode), empty where the session has it."""

    until: float | None = None
    pooled: Mapping[str, str] = {}

    def rows(self, statement: sql.Composed, parameters: Any = None, *, binary: bool = False) -> list[Row]:
        """Return the rows of a statement."""
        if not self.pooled:
            return self.execute(statement, parameters, binary=binary).fetchall()
        set_all = ", ".join(["set_config(%s, %s, true)"] * len(self.pooled))
        with self.pipeline(), self.transaction():
            self.execute(f"SELECT {set_all}", [text for setting in self.pooled.items() for text in setting])
            return self.execute(statement, parameters, binary=binary).fetchall()

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server, as long as there is time."""
        left = timeout if self.until is None else max(self.until - time.monotonic(), 0.001)
        return super().wait(gen, interval, left)


def connect(address: Address, seconds: float | None = None) -> Connection:
    """Open a connection in autocommit; seconds: limit of each statement, and
    of waiting for the first ones, None for none. Raises psycopg.Error."""
    known = conninfo_to_dict(address.conninfo)
    # The server gives up first, and says so, where it can.
    settings = {**SESSION, "statement_timeout": str(int((seconds or 0) * 900))}
    given = str(known.get("options") or "")
    options = " ".join([given, *(f"-c {name}={value}" for name, value in {**settings, REACHED: "yes"}.items())])
    try:
        connection = _opened(address, known, options.strip())
    except psycopg.OperationalError as error:
        if "unsupported startup parameter" not in str(error):
            raise
        connection = _opened(address, known, given)
    connection.until = None if seconds is None else time.monotonic() + seconds
    if connection.execute("SELECT current_setting(%s, true)", (REACHED,)).fetchone() != ("yes",):
        connection.pooled = settings
    elif seconds:
        connection.prepare_threshold = 0
    return connection


def _opened(address: Address, known: Mapping[str, Any], options: str) -> Connection:
    return Connection.connect(
        address.conninfo,
        autocommit=True,
        connect_timeout=int(known.get("connect_timeout") or CONNECT_SECONDS),
        prepare_threshold=None,
        application_name=str(known.get("application_name") or "soundalike"),
        options=options,
    )


class Connections:
    """Safe to use from several threads; each statement has a connection for itself. seconds: limit of a statement in
    place of `ANSWER_SECONDS`."""

    def __init__(self, address: Address, seconds: float | None = None) -> None:
        self.address = address
        self._seconds = seconds
        self.away = Away()
        self._idle: list[Connection] = []
        self._closed = False

    def rows(
        self, statement: sql.Composed, parameters: Any = None, *, binary: bool = False, limited: bool = True
    ) -> list[Row]:
        """Return the rows of a statement that only reads: it may be asked twice. limited: False for what may take its
        time. Raises `CatalogueUnavailable` or `CatalogueDamaged`."""
        try:
            with self.away.asking():
                if limited:
                    found = self._rows(statement, parameters, binary)
                else:
                    with connect(self.address) as connection:
                        found = connection.rows(statement, parameters, binary=binary)
        except errors.UndefinedTable as error:
            _log.warning("%s: %s", self.address.shown, error)
            raise unavailable("it was replaced while it was asked") from error
        except errors.QueryCanceled as error:
            # One question took too long; others need not.
            _log.warning("%s: %s", self.address.shown, error)
            raise unavailable(reason_of(error)) from error
        except psycopg.OperationalError as error:
            reason = reason_of(error)
            self.away.gone(reason)
            self._drop()
            _log.warning("%s does not answer: %s", self.address.shown, error)
            raise unavailable(reason) from error
        except psycopg.Error as error:
            _log.exception("%s cannot be asked", self.address.shown)
            message = str(error).strip().splitlines()[0]
            raise CatalogueDamaged(
                f"{self.address.shown} cannot be asked ({message}): push the catalogue again."
            ) from None
        self.away.back()
        return found

    def close(self) -> None:
        """Close what is idle now, and the rest when it comes back."""
        self._closed = True
        self._drop()

    def _rows(self, statement: sql.Composed, parameters: Any, binary: bool) -> list[Row]:
        seconds = self._seconds or away.ANSWER_SECONDS
        while True:
            try:
                connection, kept = self._idle.pop(), True
            except IndexError:
                connection, kept = connect(self.address, seconds), False
            connection.until = time.monotonic() + seconds
            try:
                found = connection.rows(statement, parameters, binary=binary)
            except psycopg.OperationalError as error:
                connection.close()
                if kept and not isinstance(error, (errors._WaitTimeout, errors.QueryCanceled)):
                    # It broke while it lay idle: the server was restarted.
                    self._drop()
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            if self._closed or len(self._idle) > MOST_IDLE:
                self._drop()
            return found

    def _drop(self) -> None:
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # another thread took the last
                return


def reason_of(error: Exception) -> str:
    """Say in a few words why a database cannot be asked, without names of hosts and users."""
    if isinstance(error, (errors._WaitTimeout, errors.QueryCanceled, errors.ConnectionTimeout)):
        return away.LATE.format(away.ANSWER_SECONDS)
    if isinstance(error, (errors.CannotConnectNow, errors.AdminShutdown, errors.CrashShutdown)):
        return "it is starting or stopping"
    if isinstance(error, errors.TooManyConnections):
        return "it has too many connections"
    text = str(error)
    if "authentication failed" in text or "role" in text:
        return "it refuses the user or the password"
    if "database" in text and "does not exist" in text:
        return "it has no such database"
    return "no connection"
