"""Who may use the simulated webhook: n8n's ways to ask for credentials, and its words for no.

All seen with 2.8.4 and 2.40.7. They differ in two things: to a wrong user name or password a Webhook of 2.40 answers
401, where 2.8 and every Chat Trigger answer 403; and the realm of a Chat Trigger of 2.40 names its path.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
from typing import Literal

import attrs

from voxbridge import clock
from voxbridge.testing.servers.http import Request
from voxbridge.testing.servers.n8n_plans import Whole

Version = Literal["2.8", "2.40"]


@attrs.frozen
class Credentials:
    """What the webhook asks for: ``header`` (``name``: ``secret``), ``basic`` (``name`` and ``secret``) or ``jwt``.

    ``clock_ahead_s``: how far the clock of n8n's host is ahead of ours, by which a token's times are judged.
    """

    kind: Literal["header", "basic", "jwt"]
    secret: str
    name: str = ""
    clock_ahead_s: float = 0.0


@attrs.frozen
class Door:
    """Where the credentials are asked for: a Webhook or a Chat Trigger, of which n8n."""

    version: Version = "2.40"
    is_chat_trigger: bool = False


def refuse(request: Request, wanted: Credentials | None, door: Door) -> Whole | None:
    """Return n8n's refusal of a request, or None if it may come in."""
    if wanted is None:
        return None
    given = request.headers.get("authorization", "")
    match wanted.kind:
        case "header":
            is_right = request.headers.get(wanted.name.lower()) == wanted.secret
            return None if is_right else _no(403, "Authorization data is wrong!", door, request)
        case "basic":
            pair = _basic_pair(given)
            if pair is None:
                return _no(401, "Authorization is required!", door, request)
            if pair == f"{wanted.name}:{wanted.secret}":
                return None
            if door.version == "2.40" and not door.is_chat_trigger:
                return _no(401, "Authentication data is wrong!", door, request)
            return _no(403, "Authorization data is wrong!", door, request)
        case "jwt":
            token = given.partition(" ")[2]  # whatever the scheme
            if not token:
                return _no(401, "No token provided", door, request)
            problem = _jwt_problem(token, wanted.secret, clock.wall_s() + wanted.clock_ahead_s)
            return _no(403, problem, door, request) if problem else None


def _no(status: int, body: str, door: Door, request: Request) -> Whole:
    """Return n8n's refusal: it always claims Basic, and says no Content-Type."""
    realm = "Webhook"
    if door.is_chat_trigger and door.version == "2.40":
        realm = f"Webhook {request.path.removeprefix('/webhook/').removesuffix('/chat')}"
    return Whole(status, body.encode(), content_type=None, headers=(("WWW-Authenticate", f'Basic realm="{realm}"'),))


def _basic_pair(given: str) -> str | None:
    scheme, _, encoded = given.partition(" ")
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return pair if scheme.lower() == "basic" and ":" in pair else None


def _jwt_problem(token: str, key: str, now_s: float) -> str:
    """Return what is wrong with an HS256 token in n8n's words, in code of its own: the client's must not agree with
    itself.
    """
    if token.count(".") != 2:
        return "jwt malformed"
    try:
        head, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
        algorithm, times = json.loads(head)["alg"], json.loads(claims)
        until_s, from_s = times.get("exp", math.inf), times.get("nbf", 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        return "invalid token"
    if not signature:
        return "jwt signature is required"
    if algorithm != "HS256":
        return "invalid algorithm"
    good = hmac.new(key.encode(), token.rpartition(".")[0].encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(signature, good):
        return "invalid signature"
    if not isinstance(from_s, int | float):
        return "invalid nbf value"
    if from_s > now_s:
        return "jwt not active"
    if not isinstance(until_s, int | float):
        return "invalid exp value"
    return "" if until_s > now_s else "jwt expired"
