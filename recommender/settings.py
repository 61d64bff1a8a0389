"""Settings of the recommender, from the environment or from a file: ENV_FILE's, else `.env` in the working folder."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from recommender import redis_keys
from recommender.errors import SettingsError

DAY_SECONDS = 24 * 60 * 60


def _redis_url(url: str) -> str:
    from redis.connection import parse_url

    try:
        parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        raise ValueError("must be like redis://HOST:6379/0, or rediss:// with TLS, or unix:///PATH") from None
    return url


RedisUrl = Annotated[str, AfterValidator(_redis_url)]


class Settings(BaseSettings):
    """Each field is set by the variable of the same name in capitals; its description is the README's."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    redis_url: RedisUrl = Field("redis://127.0.0.1:6379/0", description="where Redis or Valkey listens")
    cache_url: RedisUrl | None = Field(
        None, description="a Redis of its own for cached embeddings and answers, which may evict; `REDIS_URL` without"
    )
    key_prefix: str = Field(
        redis_keys.PREFIX,
        pattern=r"^[A-Za-z0-9._:-]+$",
        description="what each key in Redis begins with: another one for each installation that shares a Redis",
    )
    embedder_url: str | None = Field(
        None,
        description="address of an embedder that speaks the MAX contract; or of several of one model, separated by "
        "commas: the next is taken where one is down or busy",
    )
    labels_embedder_url: str | None = Field(
        None,
        description="address of an embedder of the default model, which takes over while `EMBEDDER_URL` does not "
        "answer: its labels for an upload are compared with AudioSet's",
    )
    catalogue: Annotated[str, BeforeValidator(str)] | None = Field(
        None,
        description="folder of the catalogue that is searched, or the address of a database that holds it; or several "
        "of one space, with commas between them",
    )
    weights: Path | None = Field(None, description="folder of VGGish's weights, or of Google's yamnet.h5")
    library_url: str | None = Field(
        None, description="address under which a library's files are served; turns their paths into links"
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    max_upload_seconds: float = Field(600, gt=0, description="longest audio that is accepted, in seconds")
    max_upload_bytes: int = Field(100_000_000, gt=0, description="largest file that is downloaded, in bytes")
    embedding_cache_seconds: int = Field(
        30 * DAY_SECONDS, gt=0, description="how long an upload's embedding is kept, in seconds"
    )
    result_cache_seconds: int = Field(DAY_SECONDS, gt=0, description="how long a result is kept, in seconds")


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


ENV_FILE = "ENV_FILE"


class _UseEnvFile(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        # In the environment, since gunicorn and other processes of our own read the settings, too.
        os.environ[ENV_FILE] = str(Path(str(values)).absolute())


def env_file() -> str:
    """Return the path of the file of settings, which need not exist."""
    return os.environ.get(ENV_FILE) or ".env"


def add_env_file(parser: argparse.ArgumentParser) -> None:
    """Add `--env-file FILE` to a command line."""
    text = "file of settings; default: ENV_FILE, else .env in the working directory"
    parser.add_argument("--env-file", action=_UseEnvFile, metavar="FILE", help=text)


def load(kind: type[SettingsT]) -> SettingsT:
    """Read settings of one kind, and spell keys in Redis by them from now on; raises `SettingsError` that names the
    variable which is wrong, never its value, or the file that cannot be read."""
    file = env_file()
    try:
        if os.environ.get(ENV_FILE):
            Path(file).open("rb").close()  # pydantic-settings passes over a file that is missing
        settings = kind(_env_file=file)
    except OSError as error:
        raise SettingsError(
            f"The file of settings {file} cannot be read ({error.strerror}): mend --env-file or ENV_FILE."
        ) from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        raise SettingsError(f"A setting is wrong: {wrong}. Mend it in the environment or in .env.") from None
    redis_keys.PREFIX = getattr(settings, "key_prefix", redis_keys.PREFIX)
    return settings
