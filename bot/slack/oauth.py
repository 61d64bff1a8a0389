"""Bolt's installation pages, and what it asks of the store of installations for each request."""

from __future__ import annotations

import html
import logging
import re
from typing import Any
from urllib.parse import urljoin

from slack_bolt import BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.authorize import Authorize
from slack_bolt.oauth import OAuthFlow
from slack_bolt.oauth.callback_options import CallbackOptions, FailureArgs, SuccessArgs
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk import WebClient

from bot.errors import NotInstalled
from bot.settings import BotSettings
from bot.slack.installations import NOT_HERE, STATE_SECONDS, Installations
from bot.slack.names import INSTALL_PATH, OPTIONAL_SCOPES, REDIRECT_PATH, scopes_of
from bot.workspaces import Workspace, current

REASONS = {
    "access_denied": "You cancelled, so nothing was installed.",
    "invalid_browser": "This installation was begun in another browser, or too long ago.",
    "invalid_code": "Slack does not take the code of this installation: it was used before, or is too old.",
    "invalid_state": "This installation was finished before, or begun too long ago.",
    "missing_code": "Slack sent no code for this installation.",
}
OTHER_REASON = "Slack could not install Soundalike."
AWAY = "The installation could not be kept: try again in a minute."
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Soundalike</title><link rel="icon" href="data:,">
<style>body {{ font-family: sans-serif; max-width: 34em; margin: 4em auto; padding: 0 1em; line-height: 1.5 }}</style>
</head><body><h1>Soundalike</h1><p>{sentence}</p><p><a href="{link}">{label}</a></p></body></html>
"""

_log = logging.getLogger(__name__)
_bolt_log = logging.getLogger(f"{__name__}.flow")
_bolt_log.addFilter(lambda record: _without_code(record))


def workspace_asking(context: BoltContext) -> Workspace:
    """Return the workspace, or the organisation, whose installation a request is meant for."""
    team, enterprise = (each if isinstance(each, str) else "" for each in (context.team_id, context.enterprise_id))
    if team.startswith("E"):  # some payloads name an organisation so
        team, enterprise = "", team
    return Workspace("" if context.is_enterprise_install else team, enterprise)


def authorization(settings: BotSettings, installations: Installations | None) -> dict[str, Any]:
    """Return the arguments of Bolt's `App` by which it knows installations; none with a static token."""
    if installations is None:
        return {}
    base = settings.slack_api_url if settings.slack_api_url.endswith("/") else settings.slack_api_url + "/"
    oauth = OAuthSettings(
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret.get_secret_value() if settings.slack_client_secret else "",
        scopes=sorted({*scopes_of(settings), *OPTIONAL_SCOPES}),
        user_scopes=[],
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        authorization_url=urljoin(base, "/oauth/v2/authorize"),
        installation_store=installations.store,
        installation_store_bot_only=True,
        state_store=installations.states,
        state_expiration_seconds=STATE_SECONDS,
        callback_options=CallbackOptions(_installed, _failed),
    )
    return {
        "oauth_flow": _Flow(installations, WebClient(base_url=base), oauth),
        "authorize": _Stored(installations),
        "user_facing_authorize_error_message": NOT_HERE,
    }


def page(sentence: str, label: str = "Begin again", link: str = INSTALL_PATH) -> str:
    """Return a page that says one sentence and leads on."""
    return _PAGE.format(sentence=html.escape(sentence), link=html.escape(link), label=html.escape(label))


class _Flow(OAuthFlow):
    """Bolt's flow; what the database raises is `InstallationsAway`."""

    def __init__(self, installations: Installations, client: WebClient, settings: OAuthSettings) -> None:
        super().__init__(client=client, settings=settings, logger=_bolt_log)
        self._installations = installations

    def handle_installation(self, request: Any) -> BoltResponse:
        """Answer the page that leads to Slack."""
        self._installations.prepare()
        with self._installations.reachable():
            return super().handle_installation(request)

    def handle_callback(self, request: Any) -> BoltResponse:
        """Answer the page that Slack leads back to."""
        self._installations.prepare()
        with self._installations.reachable():
            return super().handle_callback(request)

    def build_install_page_html(self, url: str, request: Any) -> str:
        """Return the page with the way to Slack."""
        sentence = "Soundalike finds clips that sound like yours. Slack asks what it may do before it is installed."
        return page(sentence, "Add to Slack", url)


class _Stored(Authorize):
    """Tells Bolt whose bot a request is for, by the store: no call of Slack for each event."""

    def __init__(self, installations: Installations) -> None:
        self._installations = installations

    def __call__(
        self, *, context: BoltContext, enterprise_id: str | None, team_id: str | None, user_id: str | None, **_: Any
    ) -> AuthorizeResult | None:
        """Return it, None where the app is not installed; raises `InstallationsAway`."""
        try:
            bot = self._installations.bot(current())
        except NotInstalled:
            _log.warning("an event of a workspace that has not installed the app: %s", current().id)
            return None
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_user_id=bot.bot_user_id,
            bot_id=bot.bot_id,
            bot_token=bot.bot_token,
            bot_scopes=bot.bot_scopes,
            user_id=user_id,
        )


def _without_code(record: logging.LogRecord) -> bool:
    """Take the code of an installation out of what Bolt logs of its failure."""
    record.msg = re.sub(r"(with code:) \S+", r"\1 …", str(record.msg))
    return True


def _installed(args: SuccessArgs) -> BoltResponse:
    installation = args.installation
    where = installation.team_name or installation.enterprise_name or "your workspace"
    _log.info("installed in %s", installation.team_id or installation.enterprise_id)
    team = "" if installation.is_enterprise_install else installation.team_id or ""
    link = f"slack://app?team={team}&id={installation.app_id}" if team else "slack://open"
    text = f"Soundalike is installed in {where}: invite it to a channel, or write to it directly."
    return _answer(args, 200, page(text, "Open Slack", link))


def _failed(args: FailureArgs) -> BoltResponse:
    _log.warning("an installation failed: %s", args.reason if args.reason in REASONS else "another reason")
    return _answer(args, args.suggested_status_code, page(REASONS.get(args.reason, OTHER_REASON)))


def _answer(args: SuccessArgs | FailureArgs, status: int, body: str) -> BoltResponse:
    cookie = args.settings.state_utils.build_set_cookie_for_deletion()
    return BoltResponse(
        status=status, headers={"Content-Type": "text/html; charset=utf-8", "Set-Cookie": cookie}, body=body
    )
