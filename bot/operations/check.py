"""`python -m bot check`: is everything there that the bot needs, and how to mend what is not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import cast

import redis
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import workspaces
from bot.messages.notices import outcome_of_check
from bot.operations.redis_advice import advice
from bot.services import redis_client
from bot.settings import BotSettings
from bot.slack.client import posting_client, web_client, web_client_without_token
from bot.slack.errors import CLOSED, UNREACHED, code_of
from bot.slack.installations import Installations, workspace_of
from bot.slack.names import FILES_SCOPE, GROUPS_SCOPE, OPTIONAL_SCOPES, scopes_of
from recommender import __version__
from recommender.catalogue import locations, read_facts
from recommender.catalogue.base import Facts
from recommender.embedders import Frames, registry
from recommender.embedders.client import EmbedderClient
from recommender.embedders.http import shown_address
from recommender.embedders.spaces import require_same
from recommender.errors import NoCatalogue, SoundalikeError
from recommender.library.additions import library_of
from recommender.recommender import Recommender
from recommender.spelling import shown
from recommender.uploads import Upload
from recommender.uploads.sound_check import check_sound

NAME_WIDTH = 10
MOST_INSTALLED = 20
CACHE_SECONDS = 1.0
CLOCK_SECONDS = 60.0
"""How far this machine's clock may be from Slack's: requests count as forged from five minutes on."""
EMBEDDER_SECONDS = 10.0
"""For a second of audio, on an embedder that may be busy; somebody waits."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing; works: None where it is merely worth knowing."""

    name: str
    works: bool | None
    text: str

    def __str__(self) -> str:
        mark = {True: "ok", False: "WRONG", None: "note"}[self.works]
        return f"{self.name:<{NAME_WIDTH}} {mark:<5} {shown(self.text)}"


def run(settings: BotSettings, write: Callable[[str], object], *, say: str | None = None, as_json: bool = False) -> int:
    """Check everything and write a line for each, or one JSON object; returns the exit status. say: the channel that a
    line about the outcome is posted to."""
    found: list[Finding] = []

    def add(finding: Finding) -> None:
        found.append(finding)
        if not as_json:
            write(f"{finding}\n")

    for finding in findings(settings):
        add(finding)
    if say is not None:
        add(_said(settings, say, [finding.name for finding in found if finding.works is False]))
    wrong = sum(finding.works is False for finding in found)
    if as_json:
        body = {"version": __version__, "ok": not wrong, "findings": [asdict(finding) for finding in found]}
        write(json.dumps(body, ensure_ascii=False) + "\n")
    else:
        write("All is well.\n" if not wrong else f"{wrong} to mend.\n")
    return 1 if wrong else 0


def findings(settings: BotSettings) -> Iterator[Finding]:
    """Look at one thing after the other."""
    yield from _installations(settings) if settings.many else _bot_token(settings)
    yield _app_token(settings)
    yield _redis(settings)
    if settings.cache_url:
        yield _cache(settings.cache_url)
    embedder_space = yield from _embedders(settings)
    finding, frames = _sound(settings.embedder_url if embedder_space else None)
    yield finding
    finding, recommender = _catalogue(settings)
    yield finding
    if recommender is not None:
        with closing(recommender):
            facts = recommender.catalogue.facts
            if embedder_space:
                yield _spaces(facts, embedder_space)
            yield _search(recommender, frames if frames is not None and frames.space == facts.space else None)
    yield from _library(settings)


def _installations(settings: BotSettings) -> Iterator[Finding]:
    """Look at the token of each installation, the newest first, as many as somebody waits for."""
    try:
        installations = Installations(settings, web_client_without_token(settings))
        installed = installations.all()[::-1]
    except SoundalikeError as error:
        yield Finding("installs", False, str(error))
        return
    if not installed:
        yield Finding("installs", None, "no workspace has installed the app yet: open /slack/install.")
    else:
        yield Finding(
            "installs", True, f"{len(installed)}, of which {min(len(installed), MOST_INSTALLED)} are looked at"
        )
    client = web_client(settings, installations)
    workspaces.expect_many()
    try:
        for bot in installed[:MOST_INSTALLED]:
            with workspaces.within(workspace_of(bot)):
                yield from _token(
                    client, workspace_of(bot).id, "install the app there again, at /slack/install", settings
                )
    finally:
        workspaces.expect_many(False)


def _bot_token(settings: BotSettings) -> Iterator[Finding]:
    try:
        client = web_client(settings)
    except SoundalikeError as error:
        yield Finding("bot token", False, str(error))
        return
    yield from _token(client, "bot token", "copy SLACK_BOT_TOKEN from the app's page OAuth & Permissions", settings)


def _token(client: WebClient, name: str, mend: str, settings: BotSettings) -> Iterator[Finding]:
    """Look whether Slack takes a client's token, and what it may do."""
    try:
        answer = client.auth_test()
    except SoundalikeError as error:
        yield Finding(name, False, str(error))
        return
    except SlackApiError as error:
        yield Finding(name, False, f"Slack refuses it ({code_of(error)}): {mend}.")
        return
    except UNREACHED as error:
        text = f"Slack does not answer ({type(error).__name__}): check the network and SLACK_API_URL."
        yield Finding(name, False, text)
        return
    yield Finding(name, True, f"{answer.get('user', 'bot')} in {answer.get('team', 'the workspace')}")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    yield from clock(headers.get("date", ""))
    yield _scopes(headers.get("x-oauth-scopes", ""), scopes_of(settings))


def clock(date: str) -> Iterator[Finding]:
    """Yield a finding where this machine's clock is far from a Date header of now."""
    try:
        apart = abs(time.time() - parsedate_to_datetime(date).timestamp())
    except (ValueError, TypeError):
        return
    if apart > CLOCK_SECONDS:
        text = f"{apart:.0f} s apart from Slack's; from 300 s on requests look forged: synchronise it (NTP)."
        yield Finding("clock", False, text)


def _scopes(header: str, needed: Sequence[str]) -> Finding:
    granted = {scope.strip() for scope in header.split(",") if scope.strip()}
    if not granted:
        return Finding("scopes", None, "Slack does not say which scopes the token has")
    missing = [_with_reason(scope) for scope in needed if scope not in granted]
    if missing:
        text = f"missing {', '.join(missing)}: add them on the app's page OAuth & Permissions and reinstall the app."
        return Finding("scopes", False, text)
    optional = [scope for scope in OPTIONAL_SCOPES if scope not in granted]
    return Finding(
        "scopes", True, ", ".join(needed) + (f" (optional, not granted: {', '.join(optional)})" if optional else "")
    )


def _with_reason(scope: str) -> str:
    """Return a scope with the setting that needs it."""
    setting = {FILES_SCOPE: "LISTEN_BUTTON", GROUPS_SCOPE: "LIBRARY_ADDERS or CHANNEL_SETTERS"}.get(scope)
    return f"{scope} (for {setting})" if setting else scope


def _app_token(settings: BotSettings) -> Finding:
    if settings.slack_app_token is None:
        if settings.slack_signing_secret is not None:
            return Finding("app token", None, "none: HTTP mode alone (gunicorn bot.wsgi:app)")
        text = (
            "neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP mode) is set: "
            "copy one from the app's page Basic Information."
        )
        return Finding("app token", False, text)
    try:
        web_client_without_token(settings).apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
    except SlackApiError as error:
        text = (
            f"Slack refuses it ({code_of(error)}): make one with connections:write on the app's page "
            "Basic Information, and turn Socket Mode on."
        )
        return Finding("app token", False, text)
    except UNREACHED:
        return Finding("app token", False, "could not be tried: mend the network first.")
    return Finding("app token", True, "Socket Mode connects")


def _redis(settings: BotSettings) -> Finding:
    """Look whether Redis answers and never throws away what it holds: marks and jobs are lost under any policy that
    evicts, since they end by themselves, too."""
    client = redis_client(settings)
    try:
        client.ping()
    except redis.RedisError as error:
        return Finding("redis", False, advice(error))
    policy, limit = _memory(client)
    if policy is None:
        text = "answers; its maxmemory-policy cannot be read (INFO and CONFIG are forbidden): it has to be noeviction"
        return Finding("redis", None, text)
    if policy != "noeviction":
        text = f"maxmemory-policy {policy} may evict the queue: set noeviction, and CACHE_URL to one that may evict."
        return Finding("redis", False, text)
    if limit and not settings.cache_url:
        text = f"answers; the cache shares its {limit:,} bytes with the queue, which refuses uploads once they are full"
        return Finding("redis", None, f"{text}: set CACHE_URL to a Redis that may evict.")
    return Finding("redis", True, "answers")


def _cache(url: str) -> Finding:
    client = redis.Redis.from_url(url, socket_timeout=CACHE_SECONDS, socket_connect_timeout=CACHE_SECONDS)
    try:
        client.ping()
    except redis.RedisError as error:
        return Finding("cache", False, advice(error, "CACHE_URL"))
    policy, limit = _memory(client)
    if limit and policy == "noeviction":
        return Finding("cache", None, "answers; with noeviction nothing is cached once it is full: set allkeys-lru.")
    return Finding("cache", True, "answers")


def _memory(client: redis.Redis) -> tuple[str | None, int]:
    """Return a Redis' policy of eviction, None where it may not be asked, and the most bytes it takes, 0 for no end."""
    with suppress(redis.RedisError, ValueError):
        told = client.info("memory")
        if "maxmemory_policy" in told:
            return str(told["maxmemory_policy"]), int(told.get("maxmemory", 0))
    with suppress(redis.RedisError, ValueError):
        config = cast("dict[str, str]", client.config_get("maxmemory*"))
        if "maxmemory-policy" in config:
            return config["maxmemory-policy"], int(config.get("maxmemory", 0))
    return None, 0


def _embedders(settings: BotSettings) -> Generator[Finding, None, str | None]:
    """Look at each address; returns the space of the first that works."""
    if not settings.embedder_url:
        text = "EMBEDDER_URL is not set: start `python -m recommender embedder` and set its address."
        yield Finding("embedder", False, text)
        return None
    found: str | None = None
    urls = _client(settings.embedder_url).urls
    for url in urls:
        at = f"{shown_address(url)}: " if len(urls) > 1 else ""
        client = _client(url)
        try:
            space = client.space
        except SoundalikeError as error:
            yield Finding("embedder", False, f"{at}{error}")
            continue
        finally:
            client.close()
        found = found or space
        if space == found:
            yield Finding("embedder", True, f"{at}{space}")
        else:
            text = f"{at}{space}, and another address {found}: have all addresses of EMBEDDER_URL serve one model."
            yield Finding("embedder", False, text)
    return found


def _client(url: str) -> EmbedderClient:
    return EmbedderClient(url, timeout=EMBEDDER_SECONDS)


def _sound(embedder_url: str | None) -> tuple[Finding, Frames | None]:
    client = _client(embedder_url) if embedder_url else None
    try:
        frames = check_sound(client)
    except SoundalikeError as error:
        return Finding("sound", False, str(error)), None
    finally:
        if client is not None:
            client.close()
    return Finding("sound", True, f"a second of it is decoded{' and embedded' if client else ''}"), frames


def _catalogue(settings: BotSettings) -> tuple[Finding, Recommender | None]:
    try:
        if settings.catalogue is None:
            raise NoCatalogue("CATALOGUE is not set: build one with `python -m recommender build`, and set its folder.")
        recommender = Recommender.open(settings)
    except SoundalikeError as error:
        return Finding("catalogue", False, str(error)), None
    facts = recommender.catalogue.facts
    each = ", ".join(f"{name} {len(one):,}" for name, one in recommender.catalogue.members.items() if name)
    found = f"{facts.clips:,} clips{each and f' ({each})'}, {facts.space}, built {facts.built}"
    return Finding("catalogue", True, found), recommender


def _search(recommender: Recommender, frames: Frames | None) -> Finding:
    """Search for the second of sound that was embedded, or for any clip."""
    try:
        if frames is not None:
            answer = recommender.similar_to(Upload(sha256(b"check").hexdigest(), 1.0, frames))
        else:
            answer = recommender.similar(recommender.random().clip_id)
    except SoundalikeError as error:
        return Finding("search", False, str(error))
    what = "the second of sound" if frames is not None else "a clip"
    if not answer.results:
        return Finding("search", None, f"{what} is like nothing: the catalogue holds that alone")
    nearest = answer.results[0]
    return Finding("search", True, f"{what} is like {nearest.clip.clip_id} ({nearest.similarity:.1%})")


def _said(settings: BotSettings, channel: str, wrong: Sequence[str]) -> Finding:
    """Post the outcome."""
    if settings.many:
        return Finding("post", False, "with SLACK_CLIENT_ID there is no workspace of its own to post to.")
    try:
        message = outcome_of_check(__version__, wrong)
        posting_client(settings).chat_postMessage(channel=channel, **message.payload())
    except SoundalikeError as error:
        return Finding("post", False, str(error))
    except SlackApiError as error:
        code = code_of(error)
        told = CLOSED.get(code)
        text = f"Slack does not take it ({code}): " + (
            f"{told}: name a channel by its id (C…), and /invite the bot there."
            if told
            else "see what is wrong with the token above."
        )
        return Finding("post", False, text)
    except UNREACHED as error:
        return Finding("post", False, f"Slack does not answer ({type(error).__name__}): check the network.")
    return Finding("post", True, f"posted to {channel}")


def _library(settings: BotSettings) -> Iterator[Finding]:
    """Whether the folders that libraries' catalogues were built from are there."""
    for location in () if settings.catalogue is None else locations(settings.catalogue):
        try:
            folder = library_of(read_facts(location))
        except SoundalikeError:
            continue
        if folder is not None and folder.is_dir():
            yield Finding("library", True, str(folder))
        elif folder is not None:
            text = (
                f"{folder} is gone: mount it, or build the catalogue from where it is now. Nothing can be played or "
                "added."
            )
            yield Finding("library", False, text)


def _spaces(facts: Facts, embedder: str) -> Finding:
    try:
        require_same(facts.space, embedder)
    except SoundalikeError as error:
        if facts.kind == "audioset" and registry.of_space(embedder).label_head:
            return Finding(
                "spaces", True, f"uploads are compared by labels alone, since {str(error)[:1].lower()}{str(error)[1:]}"
            )
        return Finding("spaces", False, str(error))
    return Finding("spaces", True, "catalogue and embedder agree")
