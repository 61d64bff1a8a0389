"""Who has installed the app, and the tokens that Slack issued for it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from sandbox import names
from sandbox.errors import SlackRefusal

EXPIRES_SECONDS = 12 * 60 * 60
CODE_SECONDS = 10 * 60


@dataclass
class Grant:
    """A token of the bot. team: empty where a whole organisation installed the app; ended: Slack's code for it from now
    on; expires: Unix time, 0 for never; refresh: the token by which it is renewed, once."""

    token: str
    team: str
    enterprise: str = ""
    ended: str = ""
    expires: float = 0.0
    refresh: str = ""


@dataclass
class _Code:
    team: str
    enterprise: str
    redirect_uri: str
    made: float
    used: bool = False


class Grants:
    """All tokens of the app; that of the first workspace is there from the start."""

    def __init__(self) -> None:
        self.rotating = False
        self.withheld: set[str] = set()
        """Workspaces that their organisation lets the app into no more."""
        self._by_token = {names.BOT_TOKEN: Grant(names.BOT_TOKEN, names.TEAM)}
        self._codes: dict[str, _Code] = {}

    def of(self, token: str) -> Grant:
        """Return the grant of a token that works; raises `SlackRefusal`."""
        grant = self._by_token.get(token)
        if grant is None:
            raise SlackRefusal("invalid_auth")
        if grant.ended:
            raise SlackRefusal(grant.ended)
        if grant.expires and grant.expires < time.time():
            raise SlackRefusal("token_expired")
        return grant

    def installed(self, team: str, enterprise: str) -> Grant | None:
        """Return the grant by which a workspace has the app, its own before its organisation's."""
        active = [grant for grant in self._by_token.values() if not grant.ended]
        own = next((grant for grant in active if grant.team == team), None)
        if own is not None or not enterprise or team in self.withheld:
            return own
        return next((grant for grant in active if not grant.team and grant.enterprise == enterprise), None)

    def issue(self, team: str, enterprise: str) -> Grant:
        """Return a new grant."""
        secret = secrets.token_hex(8)
        grant = Grant(f"{'xoxe.' if self.rotating else ''}xoxb-{team or enterprise}-{secret}", team, enterprise)
        if self.rotating:
            grant.expires, grant.refresh = time.time() + EXPIRES_SECONDS, f"xoxe-1-{secret}"
        self._by_token[grant.token] = grant
        return grant

    def code(self, team: str, enterprise: str, redirect_uri: str) -> str:
        """Return the code that an installation page hands to the app."""
        code = secrets.token_urlsafe(12)
        self._codes[code] = _Code(team, enterprise, redirect_uri, time.time())
        return code

    def exchanged(self, code: str, redirect_uri: str) -> Grant:
        """Return the grant that a code stands for; raises `SlackRefusal`."""
        known = self._codes.get(code)
        if known is None or known.made < time.time() - CODE_SECONDS:
            raise SlackRefusal("invalid_code")
        if known.used:
            raise SlackRefusal("code_already_used")
        if known.redirect_uri != redirect_uri:
            raise SlackRefusal("bad_redirect_uri")
        known.used = True
        return self.issue(known.team, known.enterprise)

    def refreshed(self, refresh: str) -> Grant:
        """Return a new grant for a refresh token, which is spent by it; the old token works until it ends by itself.
        Raises `SlackRefusal`."""
        old = next((grant for grant in self._by_token.values() if refresh and grant.refresh == refresh), None)
        if old is None or old.ended:
            raise SlackRefusal("invalid_refresh_token")
        old.refresh = ""
        return self.issue(old.team, old.enterprise)

    def end(self, team: str, enterprise: str, code: str) -> None:
        """End all tokens of one installation: calls with them are refused by Slack's code."""
        for grant in self._by_token.values():
            if (grant.team, grant.enterprise) == (team, enterprise) and not grant.ended:
                grant.ended = code

    def expire(self) -> None:
        """Let all tokens that end by themselves end now."""
        for grant in self._by_token.values():
            grant.expires = min(grant.expires, 1.0)
