"""One sentence for what is wrong with Redis, and what to do."""

from __future__ import annotations

import redis
from redis.exceptions import AuthorizationError, NoPermissionError


def advice(error: Exception, setting: str = "REDIS_URL") -> str:
    """Return what Redis' error means, with no secret in it."""
    if isinstance(error, (redis.AuthenticationError, NoPermissionError, AuthorizationError)):
        return f"Redis refuses the name or the password: mend {setting}, redis://NAME:PASSWORD@HOST:6379/0."
    if isinstance(error, redis.BusyLoadingError):
        return "Redis is loading what it has on disk: wait until it answers."
    if isinstance(error, redis.ReadOnlyError):
        return f"Redis is a read-only copy: let {setting} name the one that takes writes."
    if isinstance(error, redis.OutOfMemoryError):
        return "Redis is full: raise its maxmemory."
    return f"Redis does not answer ({type(error).__name__}): start it, or set {setting}."
