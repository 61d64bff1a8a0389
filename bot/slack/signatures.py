"""Slack's signature of a request: HMAC-SHA256 over its time and its raw body.

As Slack's page "Verifying requests from Slack" says. The SDK's verifier raises at a time that is no number and at a
signature that is not ASCII, and Bolt then answers whatever address the unverified body names.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time

MAX_AGE_SECONDS = 300
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)


def refusal(secret: str, timestamp: str, signature: str, body: bytes) -> str:
    """Return why a request is not Slack's, empty where it is; nothing of the request is in it.

    timestamp, signature: the headers X-Slack-Request-Timestamp and X-Slack-Signature, empty where there is none.
    """
    if not timestamp or not signature:
        return "it is not signed"
    if not _TIME.fullmatch(timestamp):
        return "its time is no number"
    age = abs(time.time() - int(timestamp))
    if age > MAX_AGE_SECONDS:
        return f"it is {age:.0f} s old or early, {MAX_AGE_SECONDS} at most are taken: is this machine's clock right?"
    digest = hmac.new(secret.encode(), b"v0:%s:%s" % (timestamp.encode(), body), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v0={digest}".encode(), signature.encode(errors="surrogatepass")):
        return "its signature is wrong: is SLACK_SIGNING_SECRET that of this app?"
    return ""
