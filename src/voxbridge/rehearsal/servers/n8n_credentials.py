"""Who may use the simulated webhook: n8n's ways to ask for credentials, and its words for no (all seen)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Literal

import attrs

from voxbridge import clock
from voxbridge.rehearsal.servers.http import Request
from voxbridge.rehearsal.servers.n8n_plans import Whole


@attrs.frozen
class Credentials:
    """What the webhook asks for: ``header`` (``name``: ``secret``), ``basic`` (``name`` and ``secret``) or ``jwt``."""

    kind: Literal["header", "basic", "jwt"]
    secret: str
    name: str = ""


def refuse(request: Request, wanted: Credentials | None) -> Whole | None:
    """Return n8n's refusal of a request, or None if it may come in."""
    if wanted is None:
        return None
    if wanted.kind == "header":
        is_right = request.headers.get(wanted.name.lower()) == wanted.secret
        return None if is_right else _no(403, "Authorization data is wrong!")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if wanted.kind == "basic":
        if scheme.lower() != "basic":
            return _no(401, "Authorization is required!")
        pair = base64.b64encode(f"{wanted.name}:{wanted.secret}".encode()).decode()
        return None if given == pair else _no(403, "Authorization data is wrong!")
    if scheme.lower() != "bearer" or not given:
        return _no(401, "No token provided")
    return None if _is_signed(given, wanted.secret) else _no(403, "invalid token")


def _no(status: int, body: str) -> Whole:
    """Return n8n's refusal: it always claims Basic, says no Content-Type and closes."""
    headers = (("WWW-Authenticate", 'Basic realm="Webhook"'), ("Connection", "close"))
    return Whole(status, body.encode(), content_type=None, headers=headers)


def _is_signed(token: str, key: str) -> bool:
    """Check an HS256 token and its time, in code of its own: the client's must not agree with itself."""
    try:
        head, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
        signed = token.rpartition(".")[0].encode()
        good = hmac.new(key.encode(), signed, hashlib.sha256).digest()
        algorithm, until_s = json.loads(head)["alg"], float(json.loads(claims).get("exp", 0))
    except (ValueError, KeyError, TypeError):
        return False
    return hmac.compare_digest(signature, good) and algorithm == "HS256" and until_s > clock.wall_s()
