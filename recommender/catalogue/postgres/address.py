"""Where a catalogue in PostgreSQL is: `postgresql://USER@HOST/DATABASE?schema=NAME`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from recommender.errors import NoCatalogue

DEFAULT_SCHEMA = "soundalike"
_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Address:
    """conninfo: what libpq takes; schema: where the tables are; shown: without user, password and options."""

    conninfo: str
    schema: str
    shown: str

    @classmethod
    def parse(cls, location: str) -> Address:
        """Read a URL; raises `NoCatalogue`."""
        try:
            url = urlsplit(location)
            fields = parse_qsl(url.query)
            # libpq takes several hosts, and asks the first that answers.
            hosts = [urlsplit(f"//{host}") for host in url.netloc.rpartition("@")[2].split(",")]
            named = ",".join(f"{host.hostname or ''}{f':{host.port}' if host.port else ''}" for host in hosts)
            shown = f"postgresql://{named}{url.path}"
        except ValueError:
            raise NoCatalogue(
                "CATALOGUE is no address of a database: write postgresql://USER:PASSWORD@HOST/DATABASE."
            ) from None
        schema = dict(fields).get("schema", DEFAULT_SCHEMA)
        if not _SCHEMA_NAME.fullmatch(schema):
            raise NoCatalogue("A schema's name has small letters, digits and _: mend ?schema=… in CATALOGUE.")
        # As they were written: libpq reads + as a plus, and %20 alone as a space.
        rest = "&".join(field for field in url.query.split("&") if field.partition("=")[0] != "schema")
        conninfo = location.partition("?")[0] + (f"?{rest}" if rest else "")
        try:
            conninfo_to_dict(conninfo)
            if url.netloc.count("@") > 1:
                raise ProgrammingError
        except ProgrammingError:
            # Its message may hold parts of a password.
            raise NoCatalogue(
                f"PostgreSQL's client does not take the address in CATALOGUE ({shown}): mend what stands behind ?, and "
                "write @, : and / in a password as %40, %3A and %2F."
            ) from None
        return cls(conninfo, schema, shown)
