"""Credentials for a webhook: the Authorization header of each request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

from voxbridge.stages.agent.settings import HttpSettings


def authorization(settings: HttpSettings, wall_s: Callable[[], float]) -> dict[str, str]:
    """Return the header that the settings ask for, or nothing. A JWT is signed anew, so that it is never stale."""
    secret, auth = settings.api_key.reveal(), settings.auth
    if not secret:
        return {}
    match auth.kind:
        case "basic":
            pair = f"{auth.user}:{secret}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        case "bearer" | "":
            return {"Authorization": f"Bearer {secret}"}
        case "jwt":
            issued_s = int(wall_s())
            claims = {**auth.claims, "iat": issued_s, "exp": issued_s + auth.ttl_ms // 1000}
            return {"Authorization": f"Bearer {jwt_hs256(claims, secret)}"}
        case _:
            return {}


def jwt_hs256(claims: dict[str, object], key: str) -> str:
    """Return a signed token (RFC 7519) with HMAC SHA-256 (RFC 7515, "HS256"), which n8n's JWT credential checks."""
    parts = [
        _base64url(json.dumps(part, separators=(",", ":")).encode())
        for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    ]
    signed = ".".join(parts)
    return f"{signed}.{_base64url(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
