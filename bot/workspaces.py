"""Whose wish is being worked: what is kept, counted and asked of Slack belongs to that workspace alone.

With one static token there is one workspace, and nothing names it. With installations each event and each job runs
within its workspace (`within`); where none is known, keys of a workspace are refused, not shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workspace:
    """One installation. team: empty where an organisation (enterprise) installed the app for all its workspaces;
    enterprise: empty for a workspace outside of any; both empty: the workspace of the static token."""

    team: str = ""
    enterprise: str = ""

    @property
    def id(self) -> str:
        """What keys and log lines name it by, empty for the static token's. An organisation counts as one: its people
        and channels have one id in all of its workspaces."""
        return self.team or self.enterprise

    @classmethod
    def parse(cls, text: str) -> Workspace:
        """Read what `str` returned."""
        team, _, enterprise = text.partition(".")
        return cls(team, enterprise)

    def __str__(self) -> str:
        return f"{self.team}.{self.enterprise}".rstrip(".")


SINGLE = Workspace()
_default: Workspace | None = SINGLE
_current: ContextVar[Workspace | None] = ContextVar("workspace", default=None)


def expect_many(many: bool = True) -> None:
    """Have this process refuse, from now on, what is of a workspace and is asked for outside of any; or not."""
    global _default
    _default = None if many else SINGLE


def known() -> Workspace | None:
    """Return the workspace that is being worked, None outside of any."""
    return _current.get() or _default


def current() -> Workspace:
    """Return the workspace that is being worked; raises LookupError outside of any."""
    found = known()
    if found is None:
        raise LookupError("this belongs to a workspace, and none is being worked")
    return found


def scope() -> tuple[str, ...]:
    """Return the parts that stand in keys of the workspace being worked: none with the static token."""
    found = current()
    return (found.id,) if found.id else ()


def named(who: str) -> str:
    """Return a person's or a group's id as it is told from those of other workspaces: T…/U…, as it is with the static
    token."""
    return "/".join((*scope(), who))


@contextmanager
def within(workspace: Workspace) -> Iterator[None]:
    """Work a workspace's wish in a block, in this thread; with the static token all are of one workspace."""
    token = _current.set(workspace if _default is None else None)
    try:
        yield
    finally:
        _current.reset(token)


def here(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function as it runs, once, in any thread, within the workspace of now."""
    context = copy_context()

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.run(function, *args, **kwargs)

    return call
