"""Which of the same lines, said again and again, are worth a place in the log."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import attrs

_KEYS_MAX = 256


@attrs.define
class _Said:
    since: float
    times: int = 0
    dropped: int = 0


class Repeats:
    """Lets ``at_once`` of a kind pass within ``window_s``, and then the first of each window, which tells the number.

    Without file descriptors Trio's ``serve_listeners`` says so ten times a second, with a traceback.
    """

    def __init__(self, *, at_once: int = 3, window_s: float = 60.0) -> None:
        self._at_once, self._window_s = at_once, window_s
        self._said: OrderedDict[Hashable, _Said] = OrderedDict()

    def dropped(self, kind: Hashable, now: float) -> int | None:
        """Take one at ``now``; return how many of its kind were dropped before it, or None if it is dropped itself."""
        said = self._said.pop(kind, None)
        if said is None:
            said = _Said(now)
        elif now - said.since >= self._window_s:
            said = _Said(now, times=self._at_once - 1 if said.dropped else 0, dropped=said.dropped)
        self._said[kind] = said
        if len(self._said) > _KEYS_MAX:
            self._said.popitem(last=False)
        said.times += 1
        if said.times > self._at_once:
            said.dropped += 1
            return None
        before, said.dropped = said.dropped, 0
        return before
