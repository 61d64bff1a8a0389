"""States of installations under way, each good for one browser, once and for a while."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from slack_sdk.oauth.sqlalchemy_utils import normalize_datetime_for_db
from slack_sdk.oauth.state_store.sqlalchemy import SQLAlchemyOAuthStateStore


class OneTimeStates(SQLAlchemyOAuthStateStore):
    """slack_sdk's store, which keeps expired states for ever, takes one twice where two requests come at once, and
    takes a database that is away for a state that is wrong."""

    def issue(self, *args: Any, **kwargs: Any) -> str:
        """Return a new state, once those that have expired are removed; raises SQLAlchemyError."""
        with self.engine.begin() as connection:
            connection.execute(self.oauth_states.delete().where(self.oauth_states.c.expire_at <= _now()))
        return super().issue(*args, **kwargs)

    def consume(self, state: str) -> bool:
        """Remove a state and return whether it was there; raises SQLAlchemyError."""
        columns = self.oauth_states.c
        one = self.oauth_states.delete().where(columns.state == state, columns.expire_at > _now())
        with self.engine.begin() as connection:
            return connection.execute(one).rowcount == 1


def _now() -> Any:
    return normalize_datetime_for_db(datetime.now(tz=timezone.utc))
