"""views.*."""

from __future__ import annotations

from typing import Any

from sandbox.interactivity.modals import public
from sandbox.methods.web_api import Api, method

Json = dict[str, Any]


@method("views.open")
def views_open(api: Api, arguments: Json) -> Json:
    return {"view": public(api.views.open(arguments.get("trigger_id"), arguments.get("view")))}


@method("views.push")
def views_push(api: Api, arguments: Json) -> Json:
    return {"view": public(api.views.push(arguments.get("trigger_id"), arguments.get("view")))}


@method("views.update")
def views_update(api: Api, arguments: Json) -> Json:
    names = ("view_id", "external_id", "hash", "view")
    return {"view": public(api.views.update(*(arguments.get(name) for name in names)))}


@method("views.publish")
def views_publish(api: Api, arguments: Json) -> Json:
    names = ("user_id", "hash", "view")
    return {"view": public(api.views.publish(*(arguments.get(name) for name in names)))}
