"""auth.*, apps.* and users.*."""

from __future__ import annotations

from typing import Any

from sandbox import names
from sandbox.errors import SlackRefusal
from sandbox.methods.web_api import Api, method

Json = dict[str, Any]


@method("api.test")
def api_test(api: Api, arguments: Json) -> Json:
    return {"args": arguments}


@method("auth.test")
def auth_test(api: Api, arguments: Json) -> Json:
    enterprise, org = api.workspace.enterprise(), api.workspace.org_wide
    return {
        "url": api.origin + "/",
        "team": api.workspace.name,
        "user": api.workspace.users[names.BOT]["name"],
        "team_id": api.workspace.team,
        "user_id": names.BOT,
        "bot_id": names.BOT_ID,
        "is_enterprise_install": org,
        **({"enterprise_id": enterprise["id"]} if enterprise else {}),
    }


@method("apps.connections.open", token=names.APP_TOKEN)
def connections_open(api: Api, arguments: Json) -> Json:
    address = api.origin.replace("http", "ws", 1)
    return {"url": f"{address}/socket?ticket={api.sockets.ticket()}&app_id={names.APP}"}


@method("users.info", "users:read")
def users_info(api: Api, arguments: Json) -> Json:
    user = api.workspace.users.get(str(arguments.get("user")))
    if user is None:
        raise SlackRefusal("user_not_found")
    return {"user": user}


@method("bots.info", "users:read")
def bots_info(api: Api, arguments: Json) -> Json:
    bot = {"id": names.BOT_ID, "app_id": names.APP, "user_id": names.BOT, "name": api.workspace.app.name}
    return {"bot": {**bot, "deleted": False}}
