"""usergroups.*."""

from __future__ import annotations

from typing import Any

from sandbox.errors import SlackRefusal
from sandbox.methods.web_api import Api, method

Json = dict[str, Any]


@method("usergroups.users.list", "usergroups:read")
def users_list(api: Api, arguments: Json) -> Json:
    group = arguments.get("usergroup")
    if not isinstance(group, str) or not group:
        raise SlackRefusal("invalid_arguments")
    if api.workspace.org_wide and arguments.get("team_id") != api.workspace.team:
        raise SlackRefusal("team_not_found" if arguments.get("team_id") else "missing_argument")
    members = api.workspace.groups.get(group)
    if members is None:
        raise SlackRefusal("no_such_subteam")
    return {"users": sorted(members)}
