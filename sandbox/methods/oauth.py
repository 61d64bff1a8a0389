"""oauth.v2.* and auth.revoke."""

from __future__ import annotations

from typing import Any

from sandbox import names
from sandbox.errors import SlackRefusal
from sandbox.grants import EXPIRES_SECONDS, Grant
from sandbox.methods.web_api import Api, method

Json = dict[str, Any]


@method("oauth.v2.access", token="")
def access(api: Api, arguments: Json) -> Json:
    _check_client(arguments)
    kind = arguments.get("grant_type") or "authorization_code"
    if kind == "refresh_token":
        return _answer(api, api.grants.refreshed(str(arguments.get("refresh_token") or "")))
    if kind != "authorization_code":
        raise SlackRefusal("invalid_grant_type")
    if not arguments.get("code"):
        raise SlackRefusal("invalid_code")
    return _answer(api, api.grants.exchanged(str(arguments["code"]), str(arguments.get("redirect_uri") or "")))


@method("oauth.v2.exchange", token="")
def exchange(api: Api, arguments: Json) -> Json:
    """Turn a token that never ends into one that rotates."""
    _check_client(arguments)
    old = api.grants.of(str(arguments.get("token") or ""))
    if not api.grants.rotating or old.refresh:
        raise SlackRefusal("token_already_exchanged" if old.refresh else "token_rotation_not_enabled")
    old.ended = "token_revoked"
    return _answer(api, api.grants.issue(old.team, old.enterprise))


@method("auth.revoke")
def revoke(api: Api, arguments: Json) -> Json:
    api.workspace.end_installation("token_revoked")
    return {"revoked": True}


def _check_client(arguments: Json) -> None:
    if arguments.get("client_id") != names.CLIENT_ID:
        raise SlackRefusal("invalid_client_id")
    if arguments.get("client_secret") != names.CLIENT_SECRET:
        raise SlackRefusal("bad_client_secret")


def _answer(api: Api, grant: Grant) -> Json:
    org = not grant.team
    named = {"id": grant.enterprise, "name": "Sandbox Organisation"} if grant.enterprise else None
    answer: Json = {
        "app_id": names.APP,
        "authed_user": {"id": names.ADA},
        "scope": ",".join(api.workspace.app.scopes),
        "token_type": "bot",
        "access_token": grant.token,
        "bot_user_id": names.BOT,
        "team": None if org else {"id": grant.team, "name": api.name_of(grant.team)},
        "enterprise": named,
        "is_enterprise_install": org,
    }
    if grant.refresh:
        answer |= {"refresh_token": grant.refresh, "expires_in": EXPIRES_SECONDS}
    return answer
