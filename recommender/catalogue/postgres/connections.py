"""Connections to the database: kept open between questions, bounded in time, made anew where they broke."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from recommender.catalogue.postgres.address import Address
from recommender.errors import CatalogueDamaged, CatalogueUnavailable

ANSWER_SECONDS = 5.0
"""A statement that takes longer is given up, on both sides."""
CONNECT_SECONDS = 3
AGAIN_SECONDS = 1.0
"""A database that did not answer is left alone for so long."""
MOST_IDLE = 16
SESSION = {
    "jit": "off",  # compiling takes longer than most answers
    "plan_cache_mode": "force_generic_plan",  # so does planning each time; statements are written to need one plan
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.max_scan_tuples": "50000",
    "hnsw.scan_mem_multiplier": "8",
}

T = TypeVar("T")
Row = tuple[Any, ...]
_log = logging.getLogger(__name__)


class Connection(psycopg.Connection[Row]):
    """A connection whose waits end, also where the server holds still and says nothing. until: by time.monotonic(),
    None for no limit."""

    until: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server, as long as there is time."""
        left = timeout if self.until is None else max(self.until - time.monotonic(), 0.001)
        return super().wait(gen, interval, left)


def connect(address: Address, seconds: float | None = None) -> Connection:
    """Open a connection in autocommit; seconds: limit of each statement, None for none. Raises psycopg.Error."""
    known = conninfo_to_dict(address.conninfo)
    # The server gives up first, and says so, where it can.
    settings = {**SESSION, "statement_timeout": str(int((seconds or 0) * 900))}
    options = " ".join([str(known.get("options") or ""), *(f"-c {name}={value}" for name, value in settings.items())])
    return Connection.connect(
        address.conninfo,
        autocommit=True,
        connect_timeout=int(known.get("connect_timeout") or CONNECT_SECONDS),
        prepare_threshold=0 if seconds else None,
        application_name=str(known.get("application_name") or "soundalike"),
        options=options.strip(),
    )


class Connections:
    """Safe to use from several threads; each statement has a connection for itself.

    While the database is away, it is tried once a second by one thread, and the others are refused at once: a frozen
    server costs one thread its time limit, not all of them.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: list[Connection] = []
        self._closed = False
        self.away: str | None = None
        self._again = 0.0
        self._trying = threading.Lock()

    def rows(
        self, statement: sql.Composed, parameters: Any = None, *, binary: bool = False, limited: bool = True
    ) -> list[Row]:
        """Return the rows of a statement; raises `CatalogueUnavailable` or `CatalogueDamaged`."""
        return self.run(lambda connection: connection.execute(statement, parameters, binary=binary).fetchall(), limited)

    def run(self, work: Callable[[Connection], T], limited: bool = True) -> T:
        """Do some reading on a connection; it may be done twice. limited: False for what may take its time. Raises
        `CatalogueUnavailable`, `CatalogueDamaged`."""
        away = self.away
        if away is not None and (time.monotonic() < self._again or not self._trying.acquire(blocking=False)):
            raise unavailable(away)
        try:
            found = self._run(work) if limited else self._run_on(connect(self.address), work)
        except errors.UndefinedTable as error:
            _log.warning("%s: %s", self.address.shown, error)
            raise unavailable("it was replaced while it was asked") from error
        except errors.QueryCanceled as error:
            # One question took too long; others need not.
            _log.warning("%s: %s", self.address.shown, error)
            raise unavailable(reason_of(error)) from error
        except psycopg.OperationalError as error:
            self.away, self._again = reason_of(error), time.monotonic() + AGAIN_SECONDS
            self._drop()
            _log.warning("%s does not answer: %s", self.address.shown, error)
            raise unavailable(self.away) from error
        except psycopg.Error as error:
            _log.exception("%s cannot be asked", self.address.shown)
            message = str(error).strip().splitlines()[0]
            raise CatalogueDamaged(
                f"{self.address.shown} cannot be asked ({message}): push the catalogue again."
            ) from None
        finally:
            if away is not None:
                self._trying.release()
        self.away = None
        return found

    def close(self) -> None:
        """Close what is idle now, and the rest when it comes back."""
        self._closed = True
        self._drop()

    def _run(self, work: Callable[[Connection], T]) -> T:
        while True:
            try:
                connection, kept = self._idle.pop(), True
            except IndexError:
                connection, kept = connect(self.address, ANSWER_SECONDS), False
            connection.until = time.monotonic() + ANSWER_SECONDS
            try:
                found = work(connection)
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

    @staticmethod
    def _run_on(connection: Connection, work: Callable[[Connection], T]) -> T:
        with connection:
            return work(connection)

    def _drop(self) -> None:
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # another thread took the last
                return


def unavailable(reason: str) -> CatalogueUnavailable:
    """Return the error for a database that cannot be asked now."""
    return CatalogueUnavailable(
        f"The catalogue's database does not answer ({reason}): ask again in a minute. The log tells the operator more."
    )


def reason_of(error: Exception) -> str:
    """Say in a few words why a database cannot be asked, without names of hosts and users."""
    if isinstance(error, (errors._WaitTimeout, errors.QueryCanceled, errors.ConnectionTimeout)):
        return f"not within {ANSWER_SECONDS:.0f} s"
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
