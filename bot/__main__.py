"""`python -m bot [run|web|worker|check|manifest|dead-letters|forget]`: Socket Mode is the default."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import redis

from bot.operations import logs
from bot.operations.redis_advice import advice
from bot.settings import BotSettings
from recommender import __version__
from recommender.errors import BadQuery, SoundalikeError
from recommender.settings import add_env_file, env_file, load
from recommender.spelling import shown
from recommender.terminal import guarded


def main(argv: Sequence[str] | None = None) -> int:
    """Run one kind of process or one command; returns its exit status."""
    arguments = _parser().parse_args(argv)
    with guarded():
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    try:
        return int(arguments.run(arguments))
    except SoundalikeError as error:
        sys.stderr.write(f"{error.code}: {shown(str(error))}\n")
    except redis.RedisError as error:
        sys.stderr.write(f"{advice(error)}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="The Slack bot.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"Soundalike {__version__}")
    add_env_file(parser)
    parser.set_defaults(run=_bot)
    commands = parser.add_subparsers(metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("run", _bot, "serve the workspace in Socket Mode (the default)")
    add("web", _web, "serve the workspace in HTTP mode: gunicorn on HOST and PORT")
    add("worker", _worker, "answer uploads")
    check = add(
        "check",
        _check,
        "say what is wrong with tokens, scopes, Redis, embedders and catalogue, and how to mend it; decode, embed and "
        "search for a second of sound. Exit status 1 where something is wrong",
    )
    check.add_argument("--say", metavar="CHANNEL", help="post the outcome to a channel, by its id, too")
    check.add_argument("--json", action="store_true", help="one JSON object: version, ok, findings")
    add("manifest", _manifest, "print the Slack app manifest").add_argument(
        "--url", help="address where Slack reaches HTTP mode, https://…; Socket Mode without"
    )
    letters = add("dead-letters", _dead_letters, "show the jobs that failed for good, try them again or remove them")
    letters.add_argument("what", nargs="?", choices=("show", "retry", "purge"), default="show", help="show by default")
    letters.add_argument("id", nargs="*", help="of letters or jobs; all of them without")
    forget = add("forget", _forget, "remove what is remembered of a person, or of a workspace")
    forget.add_argument("user", nargs="?", help="Slack's user id, U…; all people of the workspace without")
    forget.add_argument("--workspace", metavar="T…", help="Slack's id of the workspace, where there are many")
    return parser


def _settings() -> BotSettings:
    settings = load(BotSettings)
    logs.configure(settings)
    return settings


def _bot(arguments: argparse.Namespace) -> int:
    from bot import socket_mode

    return socket_mode.run(_settings())


def _web(arguments: argparse.Namespace) -> int:
    from dotenv import load_dotenv

    load(BotSettings)  # what is wrong is told before a server starts
    load_dotenv(env_file())  # for HOST and PORT, which gunicorn.conf.py reads
    config = Path(__file__).resolve().parents[1] / "gunicorn.conf.py"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "bot.wsgi:app", "-c", str(config)])  # noqa: S606


def _worker(arguments: argparse.Namespace) -> int:
    from bot import worker

    return worker.run(_settings())


def _check(arguments: argparse.Namespace) -> int:
    from bot.operations import check

    return check.run(load(BotSettings), sys.stdout.write, say=arguments.say, as_json=arguments.json)


def _manifest(arguments: argparse.Namespace) -> int:
    from bot.manifest import as_text

    sys.stdout.write(as_text(arguments.url, load(BotSettings)))
    return 0


def _dead_letters(arguments: argparse.Namespace) -> int:
    from bot.queue.dead_letters import DeadLetters
    from bot.queue.tasks import RedisQueue

    letters = DeadLetters(RedisQueue(load(BotSettings).redis_url))
    for letter in getattr(letters, arguments.what)(arguments.id):
        sys.stdout.write(json.dumps(letter.to_json()) + "\n")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    from bot.operations.forget import forget, forget_workspace
    from bot.queue.tasks import RedisQueue
    from bot.services import redis_client

    settings = load(BotSettings)
    client, queue = redis_client(settings), RedisQueue(settings.redis_url)
    workspace = arguments.workspace or ""
    if settings.many and not workspace:
        raise BadQuery("People's ids are unique within a workspace alone: name it by --workspace T….")
    if not settings.many and (workspace or not arguments.user):
        raise BadQuery("Name a person by Slack's user id, such as U012AB3CD; --workspace goes with SLACK_CLIENT_ID.")
    if arguments.user:
        removed = forget(client, queue, settings.catalogue, arguments.user, workspace)
    else:
        removed = forget_workspace(client, queue, workspace)
    told = ", ".join(f"{count} {kind}" for kind, count in removed.items())
    sys.stdout.write(f"Removed: {told}.\n" if told else "Nothing was remembered.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
