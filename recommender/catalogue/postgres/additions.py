"""What was added to the catalogues of a schema since they were built: a table beside them, which outlasts a push."""

from __future__ import annotations

import json

import psycopg

from recommender.catalogue.base import Addition, Facts
from recommender.catalogue.growing import entry_of
from recommender.catalogue.postgres.address import Address
from recommender.catalogue.postgres.connections import connect
from recommender.catalogue.postgres.tables import Tables
from recommender.catalogue.remote import away
from recommender.errors import CannotWrite


def append(address: Address, addition: Addition, facts: Facts) -> None:
    """Write down an addition; raises `CannotWrite`."""
    tables = Tables(address.schema)
    try:
        with connect(address, away.ANSWER_SECONDS) as connection, connection.transaction():
            # Numbers of windows become items, which no two clips may share.
            connection.execute(tables.sql("LOCK TABLE {added} IN SHARE ROW EXCLUSIVE MODE"))
            row = connection.execute(tables.sql("SELECT coalesce(max(first + windows), 0) FROM {added}")).fetchone()
            first = int(row[0]) if row else 0
            entry = json.dumps(entry_of(addition, facts, first)).replace("\\u0000", "\\ufffd")
            insert = "INSERT INTO {added} (path, first, windows, entry) VALUES (%s, %s, %s, %s)"
            connection.execute(tables.sql(insert), (addition.source, first, len(addition.windows), entry))
    except psycopg.Error as error:
        raise CannotWrite(
            "The sound cannot be added: the catalogue's database does not take it. Try again in a minute; the log "
            "tells the operator more."
        ) from error
