"""Commands, buttons, selects, modals and shortcuts: what the bot is asked, and what follows from its answer."""

from __future__ import annotations

from typing import Any

from sandbox import names
from sandbox.blocks.validation import problems_of_options
from sandbox.delivery.dispatch import Delivery, Outcome
from sandbox.delivery.response_urls import ResponseUrls
from sandbox.errors import PersonRefusal, SlackRefusal
from sandbox.files.store import Files
from sandbox.interactivity.inputs import Inputs, missing
from sandbox.interactivity.modals import Views, checked_view, public
from sandbox.workspace import Channel, Workspace

Json = dict[str, Any]


class Interactions:
    """Asks the bot on a person's behalf."""

    def __init__(
        self,
        workspace: Workspace,
        delivery: Delivery,
        urls: ResponseUrls,
        views: Views,
        inputs: Inputs,
        files: Files,
    ) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._urls = urls
        self._views = views
        self._inputs = inputs
        self._files = files

    async def command(self, command: str, text: str, channel: Channel, user: str, thread: str = "") -> Json:
        """Send a slash command; what its ack carries is shown as Slack shows it."""
        known = [c["command"] for c in self._workspace.app.commands]
        installed = self._workspace.grants.installed(self._workspace.team, self._workspace.enterprise_id)
        if command not in known or "commands" not in self._workspace.app.scopes or installed is None:
            self._slackbot(channel, user, f"{command} is not a valid command.")
            return Outcome("invalid_command", 0).to_json()
        if thread:
            self._slackbot(channel, user, f"{command} is not supported in threads. Sorry!", thread_ts=thread)
            return Outcome("not_supported_in_threads", 0).to_json()
        trigger, url = self._views.triggers.new(user), self._urls.new(channel.id, user)
        enterprise = self._workspace.enterprise()
        payload = {
            "token": names.VERIFICATION_TOKEN,
            "team_id": self._workspace.team,
            "team_domain": self._workspace.domain,
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": user,
            "user_name": self._workspace.users[user]["name"],
            "command": command,
            "text": text,
            "api_app_id": names.APP,
            "is_enterprise_install": str(self._workspace.org_wide).lower(),
            "response_url": url,
            "trigger_id": trigger,
        }
        if enterprise:
            payload |= {"enterprise_id": enterprise["id"], "enterprise_name": enterprise["name"]}
        outcome = await self._delivery.ask("slash_commands", command, payload)
        if not outcome.acked:
            self._slackbot(channel, user, f'{command} failed with the error "{outcome.error}"')
        elif outcome.response:
            self._command_answered(channel, user, command, outcome.response)
        return {**outcome.to_json(), "trigger_id": trigger, "response_url": url}

    async def action(self, container: Json, user: str, chosen: Json, values: Json) -> Json:
        """Press or choose something in a container, a message or a view. chosen: the action; values: the state of its
        inputs."""
        surface = self._surface(container, user)
        element = self._inputs.element(surface, chosen["block_id"], chosen["action_id"], chosen.get("value"))
        self._inputs.fill(surface, values, user)
        action = self._inputs.act(surface, chosen["block_id"], element, chosen.get("choice"), user)
        payload = {"type": "block_actions", **self._asker(user), "actions": [action], "container": container}
        payload["trigger_id"] = self._views.triggers.new(user)
        if container["type"] == "view":
            payload["container"] = {"type": "view", "view_id": surface["id"]}
            payload["view"] = public(surface)
        else:
            payload |= self._from_message(surface, user)
        outcome = await self._delivery.ask("interactive", f"block_actions {element['action_id']}", payload)
        return {**outcome.to_json(), "trigger_id": payload["trigger_id"], "response_url": payload.get("response_url")}

    async def options(self, container: Json, user: str, block_id: str, action_id: str, typed: str) -> Json:
        """Ask for the options of a container's external select, by its block and action id, for what was typed."""
        surface = self._surface(container, user)
        element = self._inputs.element(surface, block_id, action_id, None)
        payload = {"type": "block_suggestion", **self._asker(user), "value": typed}
        payload |= {"block_id": block_id, "action_id": action_id, "action_ts": self._workspace.clock.ts()}
        if container["type"] == "view":
            payload |= {"container": {"type": "view", "view_id": surface["id"]}, "view": public(surface)}
        else:
            payload |= self._from_message(surface, user)
        url = self._workspace.app.options_url
        outcome = await self._delivery.ask("interactive", f"block_suggestion {action_id}", payload, url=url)
        offered = outcome.response if isinstance(outcome.response, dict) else {}
        options = list(offered.get("options") or [])
        for group in offered.get("option_groups") or []:
            options += group.get("options", [])
        problems = problems_of_options(options)
        if problems:
            self._workspace.traffic.add("refusal", f"options {action_id}", error="; ".join(problems), request=offered)
            options = []
        self._inputs.offer(surface, element["action_id"], options)
        return {**outcome.to_json(), "options": options}

    async def submit(self, view_id: str, user: str, values: Json) -> Json:
        """Submit a modal; `errors` in the answer are what it shows under its inputs."""
        view = self._view(view_id, user)
        self._inputs.fill(view, values, user)
        absent = missing(view)
        if absent:
            errors = dict.fromkeys(absent, "Please complete this required field.")
            return {**Outcome("missing_required", 0).to_json(), "errors": errors}
        payload = {"type": "view_submission", **self._asker(user), "view": public(view), "response_urls": []}
        payload["trigger_id"] = self._views.triggers.new(user)
        outcome = await self._delivery.ask("interactive", f"view_submission {view['callback_id']}", payload)
        answer = outcome.to_json()
        if outcome.acked:
            answer["errors"] = self._submitted(view, outcome.response)
        else:
            answer["errors"] = {"": "We had some trouble connecting. Try again?"}
        return answer

    async def close(self, view_id: str, user: str) -> Json:
        """Close a modal by its cross; the bot is told where it asked to be."""
        view = self._view(view_id, user)
        self._views.close(view)
        if not view["notify_on_close"]:
            return Outcome("", 0).to_json()
        payload = {"type": "view_closed", **self._asker(user), "view": public(view), "is_cleared": False}
        return (await self._delivery.ask("interactive", f"view_closed {view['callback_id']}", payload)).to_json()

    async def shortcut(self, callback_id: str, user: str, message: Json | None) -> Json:
        """Run a message shortcut, or a global one without message; raises `PersonRefusal` for an unknown one."""
        kind = "message" if message else "global"
        if not any(s["callback_id"] == callback_id and s["type"] == kind for s in self._workspace.app.shortcuts):
            raise PersonRefusal(f"the app has no {kind} shortcut {callback_id!r}")
        payload: Json = {"type": "message_action" if message else "shortcut", **self._asker(user)}
        payload |= {"callback_id": callback_id, "action_ts": self._workspace.clock.ts()}
        payload["trigger_id"] = self._views.triggers.new(user)
        if message:
            channel = self._workspace.channels[message["channel"]]
            payload |= {
                "channel": {"id": channel.id, "name": channel.name},
                "message_ts": message["ts"],
                "message": self._files.shown(message),
                "response_url": self._urls.new(channel.id, user, None),
            }
        outcome = await self._delivery.ask("interactive", f"{payload['type']} {callback_id}", payload)
        return {**outcome.to_json(), "trigger_id": payload["trigger_id"], "response_url": payload.get("response_url")}

    def _command_answered(self, channel: Channel, user: str, command: str, response: Any) -> None:
        body = response if isinstance(response, dict) else {"text": str(response)}
        try:
            self._urls.answer(channel, user, body)
        except SlackRefusal as error:
            self._workspace.traffic.add("refusal", command, error=error.error, request=body, answer=error.more)
            self._slackbot(channel, user, f'{command} failed with the error "{error.error}"')

    def _submitted(self, view: Json, response: Any) -> Json:
        answer = response if isinstance(response, dict) else {}
        action = answer.get("response_action")
        try:
            if action == "errors":
                return self._errors(view, answer)
            if action == "update":
                self._views.replace(view, checked_view(answer.get("view"), "modal"))
            elif action == "push":
                self._views.push_for(view["_user"], checked_view(answer.get("view"), "modal"))
            elif action in (None, "", "clear"):
                self._views.close(view, everything=action == "clear")
            else:
                raise SlackRefusal("invalid_response_action")
        except SlackRefusal as error:
            name = f"view_submission {view['callback_id']}"
            self._workspace.traffic.add("refusal", name, error=error.error, request=answer, answer=error.more)
            return {"": "We had some trouble connecting. Try again?"}
        return {}

    @staticmethod
    def _errors(view: Json, answer: Json) -> Json:
        errors = answer.get("errors")
        inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
            raise SlackRefusal("invalid_errors_in_response_action")
        return errors

    def _surface(self, container: Json, user: str) -> Json:
        if container.get("type") == "view":
            return self._view(str(container.get("view_id")), user)
        found = self._workspace.find_message(str(container.get("channel")), str(container.get("ts")))
        if found is None or found.get("_user", user) != user:
            raise PersonRefusal(f"{user} sees no message {container.get('ts')} there")
        return found

    def _view(self, view_id: str, user: str) -> Json:
        home = self._workspace.homes.get(user)
        for view in (*self._workspace.views.get(user, []), *([home] if home else [])):
            if view["id"] == view_id:
                return view
        raise PersonRefusal(f"{user} has no view {view_id} open")

    def _asker(self, user: str) -> Json:
        name, org = self._workspace.users[user]["name"], self._workspace.org_wide
        return {
            "user": {"id": user, "username": name, "name": name, "team_id": self._workspace.team_of(user)},
            "api_app_id": names.APP,
            "token": names.VERIFICATION_TOKEN,
            "team": None if org else {"id": self._workspace.team, "domain": self._workspace.domain},
            "enterprise": self._workspace.enterprise(),
            "is_enterprise_install": org,
        }

    def _from_message(self, message: Json, user: str) -> Json:
        channel = self._workspace.channels[message["channel"]]
        ephemeral = bool(message.get("is_ephemeral"))
        container: Json = {
            "type": "message",
            "message_ts": message["ts"],
            "channel_id": channel.id,
            "is_ephemeral": ephemeral,
        }
        if message.get("thread_ts"):
            container["thread_ts"] = message["thread_ts"]
        about: Json = {
            "container": container,
            "channel": {"id": channel.id, "name": channel.name},
            "state": {"values": message.get("_state", {})},
            "response_url": self._urls.new(channel.id, user, message),
        }
        # Slack leaves the message itself out where it is ephemeral: a button must carry all that its listener needs.
        return about if ephemeral else {**about, "message": self._files.shown(message)}

    def _slackbot(self, channel: Channel, user: str, text: str, **more: str) -> None:
        self._workspace.post_ephemeral(channel, user, {"user": names.SLACKBOT, "text": text, **more})
