"""Where answers may be posted: a response_url comes with a payload, and is trusted for its host alone."""

from __future__ import annotations

from urllib.parse import urlsplit

HOSTS = ("slack.com", "slack-gov.com")
"""Slack's; response_urls lie at hooks.slack.com today."""


def is_slacks(url: str, api_url: str) -> bool:
    """Whether a response_url lies on a host of Slack's, over https, or where the Web API of `api_url` is."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False  # parsers disagree on what is the host of such an address
    try:
        parts, api = urlsplit(url), urlsplit(api_url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme in ("http", "https") and (parts.scheme, parts.netloc) == (api.scheme, api.netloc):
        return True
    host = (parts.hostname or "").rstrip(".")
    known = any(host == slacks or host.endswith(f".{slacks}") for slacks in HOSTS)
    return known and parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc
