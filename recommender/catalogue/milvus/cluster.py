"""The connection to Milvus: bounded in time, made anew where it broke."""

from __future__ import annotations

import logging
import threading
from typing import Any

import grpc
from pymilvus import MilvusClient, MilvusException
from pymilvus.exceptions import ParamError

from recommender.catalogue.milvus.address import Address
from recommender.catalogue.remote import away
from recommender.catalogue.remote.away import Away, unavailable
from recommender.errors import CatalogueDamaged

WORK_SECONDS = 3600.0
"""Limit of what may take its time."""
NO_COLLECTION = 100
"""Milvus' code for a collection or an alias that is not there."""
_WRONG = {1, 1100, 1101, 1102, 65535}
"""Milvus' codes for a question that it does not understand."""
_OF_CONNECTION = {"batch_insert"}
"""The client takes rows alone, and forms their columns value by value, in five times the CPU time: its connection takes
columns. So does `Collection.insert`, which goes with pymilvus 3.1."""
_log = logging.getLogger(__name__)
# It logs each failure with its traceback; what matters is logged here.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


class Missing(Exception):
    """A collection or an alias is not there."""


class Cluster:
    """Safe to use from several threads. seconds: limit of a question in place of `ANSWER_SECONDS`."""

    def __init__(self, address: Address, seconds: float | None = None) -> None:
        self.address = address
        self._seconds = seconds
        self.away = Away()
        self._client: MilvusClient | None = None
        self._connecting = threading.Lock()

    def ask(self, method: str, *arguments: Any, limited: bool = True, **named: Any) -> Any:
        """Call a method of the client. limited: False for what may take its time. Raises `Missing`,
        `CatalogueUnavailable`, `CatalogueDamaged`."""
        try:
            with self.away.asking():
                seconds = (self._seconds or away.ANSWER_SECONDS) if limited else WORK_SECONDS
                client = self._connected()
                target = client._get_connection() if method in _OF_CONNECTION else client
                found = getattr(target, method)(*arguments, timeout=seconds, **named)
        except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError) as error:
            code = getattr(error, "code", None)
            if code == NO_COLLECTION or "not found[" in str(error):
                raise Missing from error
            if isinstance(error, ParamError) or (code in _WRONG and "not loaded" not in str(error)):
                _log.exception("%s cannot be asked", self.address.shown)
                message = str(getattr(error, "message", error)).strip().splitlines()[0]
                raise CatalogueDamaged(
                    f"{self.address.shown} cannot be asked ({message}): push the catalogue again."
                ) from None
            reason = _reason_of(error)
            self.away.gone(reason)
            self.close()
            _log.warning("%s does not answer: %s", self.address.shown, error)
            raise unavailable(reason) from error
        self.away.back()
        return found

    def close(self) -> None:
        """Let go of the connection; the next question makes another."""
        with self._connecting:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> MilvusClient:
        with self._connecting:
            if self._client is None:
                address = self.address
                self._client = MilvusClient(
                    address.uri, address.user, address.password, address.database, timeout=away.ANSWER_SECONDS
                )
            return self._client


def _reason_of(error: Exception) -> str:
    """Say in a few words why a cluster cannot be asked, without names of hosts and users."""
    text = str(error).lower()
    if "deadline" in text or isinstance(error, grpc.FutureTimeoutError):
        return away.LATE.format(away.ANSWER_SECONDS)
    if "auth" in text:
        return "it refuses the user or the password"
    if "database not found" in text:
        return "it has no such database"
    if "not loaded" in text or "not fully loaded" in text:
        return "it has not loaded the catalogue"
    if "not ready" in text or "not available" in text or "shard" in text:
        return "it is starting"
    return "no connection"
