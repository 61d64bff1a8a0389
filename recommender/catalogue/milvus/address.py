"""Where a catalogue in Milvus is: `milvus://USER:PASSWORD@HOST:PORT/ALIAS?database=NAME&secure=true`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from recommender.errors import NoCatalogue

PORT = 19530
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_OPTIONS = {"database", "secure"}


@dataclass(frozen=True, slots=True)
class Address:
    """uri: what the client takes; alias: the name under which the current catalogue is found; shown: without user and
    password."""

    uri: str
    user: str
    password: str
    database: str
    alias: str
    shown: str

    @classmethod
    def parse(cls, location: str) -> Address:
        """Read a URL; raises `NoCatalogue`."""
        try:
            url = urlsplit(location)
            host, port, options = (
                url.hostname or "",
                url.port or PORT,
                parse_qs(url.query, strict_parsing=bool(url.query)),
            )
        except ValueError:
            host, port, options = "", 0, {}
        alias = url.path.strip("/") if host else ""
        if not _NAME.fullmatch(alias) or options.keys() - _OPTIONS or url.netloc.count("@") > 1:
            raise NoCatalogue(
                "CATALOGUE is no address of a Milvus: write milvus://HOST/ALIAS, the alias of letters, digits and _, "
                "and @, : and / in a password as %40, %3A and %2F."
            )
        named = f"[{host}]" if ":" in host else host
        secure = options.get("secure", ["false"])[-1].lower() in {"true", "1", "yes"}
        return cls(
            uri=f"{'https' if secure else 'http'}://{named}:{port}",
            user=unquote(url.username or ""),
            password=unquote(url.password or ""),
            database=options.get("database", [""])[-1],
            alias=alias,
            shown=f"milvus://{named}:{port}/{alias}",
        )

    def collection(self, id_: str) -> str:
        """Return the name of the collection of one catalogue."""
        return f"{self.alias}_{id_}"

    def id_of(self, collection: str) -> str | None:
        """Return the id of the catalogue in a collection, None where it is none of this alias."""
        found = re.fullmatch(rf"{self.alias}_([0-9A-Za-z]+)", collection)
        return found[1] if found and collection != self.added else None

    @property
    def added(self) -> str:
        """The collection of what was added, which outlasts a push."""
        return f"{self.alias}_added"
