"""A fresh place in the group that shares the keys (DAVE): when to ask for it, how often, and when to give up. Pure.

Asking (voice ops 31 and 26) makes the voice server remove us and add us again: everybody changes keys twice. Whoever
asks for every message that he cannot use asks again because of the messages that his asking brought about, hundreds of
times a second. So one request is open at a time; until its time is over nothing that fails counts.

    wrong commit, no keys though there is company, frames that do not open     ask
    no place after ``PATIENCE_S``, growing                                      ask again
    none after ``REQUESTS``                                                     leave the call and come back
"""

from __future__ import annotations

from typing import Literal

import attrs

Remedy = Literal["heal", "rejoin"]


@attrs.define
class Recovery:
    """One connection's requests. All times in seconds on any one clock."""

    PATIENCE_S = 0.8  # the server and one other member answer within 0.1 s; the first time
    REQUESTS = 3
    KEYLESS_S = 4.0  # company and no keys: a group of ten is founded within a second

    _requests: int = attrs.field(default=0, init=False)
    _until: float = attrs.field(default=0.0, init=False)
    _keyless_since: float | None = attrs.field(default=None, init=False)

    @property
    def is_open(self) -> bool:
        """Tell whether a request waits for its outcome."""
        return self._requests > 0

    def failed(self, now: float) -> bool:
        """Note that something of the group could not be used; True: ask now."""
        if self.is_open:
            return False
        self._request(now)
        return True

    def check(self, now: float, *, is_ready: bool, has_company: bool) -> Remedy | None:
        """Return what to do now. To be called a few times a second."""
        if is_ready or not has_company:
            self._requests, self._keyless_since = 0, None
            return None
        if self._keyless_since is None:
            self._keyless_since = now
        if not self.is_open:
            if now - self._keyless_since < self.KEYLESS_S:
                return None
        elif now < self._until:
            return None
        elif self._requests >= self.REQUESTS:
            return "rejoin"
        self._request(now)
        return "heal"

    def _request(self, now: float) -> None:
        self._until = now + self.PATIENCE_S * 2**self._requests
        self._requests += 1
