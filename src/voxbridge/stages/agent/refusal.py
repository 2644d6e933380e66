"""What n8n's refusals mean, in sentences that say what to do.

The refusals are n8n's own (seen with 2.8.4 and 2.40.7). A 404 names the path of the webhook, which is a password, so
it is told in our words; other messages are quoted through ``Hidden``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from voxbridge.core.wire.json_text import json_value
from voxbridge.core.wire.quote import Hidden, quotable
from voxbridge.errors import AgentFailed, StageError, StageRefused, StageUnavailable
from voxbridge.stages.http_status import status_error

_ASKS_FOR_METHODS = re.compile(r"Did you mean to make an? (.{1,60}) request")
_METHOD = re.compile(r"[A-Z]{3,7}")
_TEST_URL = (
    "n8n does not listen on this test URL: it works for one call after 'Execute workflow'; "
    "activate the workflow and use its production URL, with /webhook/ instead of /webhook-test/"
)
_NOT_REGISTERED = (
    "n8n knows no active workflow with this webhook: activate (publish) the workflow and check the URL's path; "
    "imported workflows are never active"
)
_WRONG_METHOD = "n8n's webhook does not take POST: set its HTTP method to POST"
_NOT_THERE = "n8n has nothing at this address: it is starting up, or agent.url is not that of a webhook"
_NO_ROUTE = b"<pre>Cannot P"  # the page for POST and PUT, of a path without a route
_WANTS_JWT = "n8n asks for a signed token; set agent.auth with kind = jwt"
_WRONG_KEY = "n8n does not accept our signed token; agent.api_key must be the key of its JWT credential"
_WRONG_TIME = "n8n says that our signed token is out of its time; set both hosts' clocks, check agent.auth.claims"
_CREDENTIALS = {
    "Authorization is required!": "n8n asks for a user name and a password; set agent.auth with kind = basic",
    "Authorization data is wrong!": "n8n does not accept our credentials; check agent.headers and agent.auth",
    "Authentication data is wrong!": "n8n does not accept our user name and password; check agent.auth",
    "No token provided": _WANTS_JWT,
    "jwt malformed": _WANTS_JWT,
    "invalid token": _WRONG_KEY,
    "invalid signature": _WRONG_KEY,
    "invalid algorithm": "n8n's JWT credential asks for another algorithm; set it to HS256",
    "jwt expired": _WRONG_TIME,
    "jwt not active": _WRONG_TIME,
    "IP is not allowed to access the webhook!": "n8n's webhook does not allow this host's address",
}


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, backend: str, hidden: Hidden, is_test_url: bool
) -> StageError:
    """Return the error that a status outside 2xx stands for."""
    message = _message(body)
    if status == 404 and message is not None and "not registered" in message:
        hint = _TEST_URL if is_test_url else _WRONG_METHOD if "Did you mean" in message else _NOT_REGISTERED
        return StageRefused("agent", status, f"{hint} (HTTP 404)", backend=backend)
    if status == 404 and _NO_ROUTE in body:
        return StageUnavailable("agent", f"{_NOT_THERE} (HTTP 404)", backend=backend)
    if status in (401, 403) and (hint := _CREDENTIALS.get(body.decode("utf-8", "replace").strip(), "")):
        return StageRefused("agent", status, f"{hint} (HTTP {status})", backend=backend)
    if status == 500 and message is not None:
        said = quotable(body, hidden) or "no message"
        return AgentFailed("agent", f"the workflow failed (HTTP 500: {said}); see n8n's executions", backend=backend)
    return status_error("agent", status, headers, body, backend=backend, hidden=hidden)


def methods_taken(status: int, headers: Mapping[str, str], body: bytes) -> frozenset[str]:
    """Return the methods that a refusal of another one names: what is there takes them.

    n8n asks "Did you mean to make a POST request?", for a Chat Trigger "a GET or POST request?".
    """
    named = ""
    if status == 405:
        named = headers.get("allow", "").upper()
    elif status == 404 and (asked := _ASKS_FOR_METHODS.search(_message(body) or "")):
        named = asked[1]
    return frozenset(_METHOD.findall(named))


def _message(body: bytes) -> str | None:
    value = json_value(body)
    message = value.get("message") if isinstance(value, dict) else None
    return message if isinstance(message, str) else None
