"""How much of one stream is worth opening: what a person can say in real time, and not more. Pure.

A frame of Opus in Discord is 20 ms, so a stream brings 50 a second, or 100 from clients with frames of 10 ms. Nobody
can say more, but anybody can send more: opened, decoded and judged, two thousand a second take a whole core, and the
conversation of everybody else stands still. So each stream has an allowance, asked before anything is opened.
"""

from __future__ import annotations

import attrs


@attrs.define
class Allowance:
    """Counts packets by stream. All times in seconds on any one clock."""

    PACKETS_PER_S = 110.0
    BURST = 110.0  # one second that was held up on the way and comes at once
    STREAMS = 64  # a bound on memory, should somebody spray stream numbers; the one that was silent longest goes

    _left: dict[int, tuple[float, float]] = attrs.field(factory=dict, init=False)  # packets, and as of when

    def takes(self, stream: int, now: float) -> bool:
        """Tell whether one more packet of this stream is to be opened."""
        left, at = self._left.pop(stream, (self.BURST, now))
        left = min(self.BURST, left + (now - at) * self.PACKETS_PER_S)
        is_taken = left >= 1.0
        self._left[stream] = (left - 1.0 if is_taken else left, now)
        if len(self._left) > self.STREAMS:
            del self._left[next(iter(self._left))]
        return is_taken
