"""What an HTTP status outside 2xx means to a stage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from voxbridge.core.wire.quote import NOTHING_HIDDEN, Hidden, is_html, quotable
from voxbridge.errors import StageError, StageName, StageRefused, StageUnavailable

_WAIT_DIGITS_MAX = 9
_WAIT_S_MAX = 999_999_999.0  # thirty years: nobody waits for what is longer, and it stays a number


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3: seconds or a date), or None.

    A date is compared with the answer's own Date header: the server's clock, not ours, made both.
    """
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value) if len(value) <= _WAIT_DIGITS_MAX else _WAIT_S_MAX
    until, now = _http_date(value), _http_date(headers.get("date", ""))
    return None if until is None or now is None else min(max(0.0, (until - now).total_seconds()), _WAIT_S_MAX)


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def status_error(
    stage: StageName,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    backend: str = "",
    hidden: Hidden = NOTHING_HIDDEN,
) -> StageError:
    """Return the error that an HTTP status outside 2xx stands for, with what the server said if it may be quoted.

    An HTML 404 is a server that is still starting (n8n 2.40.7 answers so for seconds, seen) or a proxy without its
    server, so it counts as unavailable.
    """
    said = quotable(body, hidden)
    tail = f": {said}" if said else ""
    if status in (401, 403):
        hint = "the server refuses our credentials; check the headers and secrets in the configuration"
        return StageRefused(stage, status, f"{hint} (HTTP {status}{tail})", backend=backend)
    if 300 <= status < 400:
        hint = f"the server redirects (HTTP {status}), and redirects are not followed: configure the final address"
        return StageRefused(stage, status, hint, backend=backend)
    page = is_html(body.decode("utf-8", "replace"))
    if status >= 500 or status in (408, 425, 429) or (status == 404 and page):
        hint = "the server cannot serve now"
        wait_s = retry_after_s(headers)
        return StageUnavailable(stage, f"{hint} (HTTP {status}{tail})", backend=backend, retry_after_s=wait_s)
    return StageRefused(stage, status, f"the server refuses the request (HTTP {status}{tail})", backend=backend)
