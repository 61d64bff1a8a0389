"""Faults that can be switched on: what real bots trip over."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sandbox.errors import PersonRefusal, SlackRefusal

CLOSED, CUT = "connection_closed", "answer_cut"
"""Failures that are no answers of Slack: the connection ends before the call is made, or, once it is made, within the
answer."""


@dataclass
class Faults:
    """All switches; the defaults are a healthy Slack. Times are seconds.

    rate: one message a second and channel, enforced by 429.
    api_delay: each Web API answer waits so long.
    drop_sockets_every: each socket is cut that long after it opened.
    refresh_every: each socket gets `disconnect` with `refresh_requested` that long after it opened.
    doubled_events: each event is sent twice, to two sockets where there are two.
    mention_without_files: `app_mention` comes without `files`.
    file_delay, file_bytes_per_second: downloads begin late; downloads are slow.
    files_html: downloads are Slack's login page with status 200.
    file_access: `check_file_info`: messages carry a stub and `files.info` the file; `access_denied`: it, too, a stub.
    file_mode: `tombstone` or `hidden_by_limit`, in `files.info` and in messages.
    shares_missing_for: `files.info` lacks `shares` until so long after the upload.
    redirect_files_to: downloads redirect to this URL.
    redirect_files: `origin`: downloads redirect to another host that wants the token; `edge`: to one that refuses it,
    since its addresses are signed.
    login_page_for: downloads are Slack's login page until so long after the upload.
    url_missing_for: `files.info` lacks the file's addresses until so long after the upload.
    unknown_for: `files.info` answers `file_not_found` until so long after the upload.
    binary_types: Slack knows no file's type, whatever its suffix.
    no_duration: audio files come without `duration_ms`.
    response_urls_expired: every response_url is refused.
    ack_timeout: how long an acknowledgement may take.
    retry_delays: waits before each repeat of an event (Slack's own are 0, 60 and 300).
    """

    rate: bool = False
    api_delay: float = 0.0
    drop_sockets_every: float = 0.0
    refresh_every: float = 0.0
    doubled_events: bool = False
    mention_without_files: bool = False
    file_delay: float = 0.0
    file_bytes_per_second: float = 0.0
    files_html: bool = False
    file_access: str = ""
    file_mode: str = ""
    shares_missing_for: float = 0.0
    redirect_files_to: str = ""
    redirect_files: str = ""
    login_page_for: float = 0.0
    url_missing_for: float = 0.0
    unknown_for: float = 0.0
    binary_types: bool = False
    no_duration: bool = False
    response_urls_expired: bool = False
    ack_timeout: float = 3.0
    retry_delays: tuple[float, ...] = (0.0, 10.0, 60.0)

    def switch(self, switches: dict[str, Any]) -> None:
        """Set some switches; raises `PersonRefusal` for a switch or a value that does not exist."""
        known = {f.name: f for f in fields(self)}
        for name, value in switches.items():
            if name not in known:
                raise PersonRefusal(f"no fault {name!r}; there are: {', '.join(known)}")
            setattr(self, name, _as(type(getattr(self, name)), name, value))

    def to_json(self) -> dict[str, Any]:
        """Return all switches."""
        return asdict(self)


def _as(kind: type, name: str, value: Any) -> Any:
    if kind is tuple and isinstance(value, (list, tuple)):
        return tuple(float(item) for item in value)
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, kind):
        return value
    raise PersonRefusal(f"fault {name} is a {kind.__name__}, not {value!r}")


@dataclass
class Failure:
    """The next `times` calls of a method (None: all of them) fail with `error`."""

    error: str
    times: int | None
    retry_after: int


@dataclass
class Failures:
    """Failures of Web API methods, by method; `*` is every method."""

    planned: dict[str, Failure] = field(default_factory=dict)

    def plan(self, method: str, error: str, times: int | None, retry_after: int) -> None:
        """Let calls of a method fail; `times` 0 lets them succeed again."""
        if times == 0:
            self.planned.pop(method, None)
        else:
            self.planned[method] = Failure(error, times, retry_after)

    def raise_for(self, method: str) -> str:
        """Raise `SlackRefusal` where a failure of this call is planned, and count it; returns `CLOSED` or `CUT` where
        the connection is to break, else nothing."""
        name = method if method in self.planned else "*"
        failure = self.planned.get(name)
        if failure is None:
            return ""
        if failure.times is not None:
            failure.times -= 1
            if failure.times <= 0:
                del self.planned[name]
        if failure.error in (CLOSED, CUT):
            return failure.error
        if failure.error == "ratelimited":
            raise rate_limited(failure.retry_after)
        if failure.error == "internal_error":
            raise SlackRefusal("internal_error", status=500)
        if failure.error == "missing_scope":
            raise SlackRefusal("missing_scope", needed="files:read", provided="commands")
        raise SlackRefusal(failure.error)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return the failures that are still planned."""
        return {method: asdict(failure) for method, failure in self.planned.items()}


def rate_limited(retry_after: int) -> SlackRefusal:
    """A 429 as Slack sends it."""
    return SlackRefusal("ratelimited", status=429, headers={"Retry-After": str(retry_after)})
