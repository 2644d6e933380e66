"""The floor: whose turns are open in a room, and whose speech cuts whose answer short.

    hearing/thinking --first frame out--> sounding --last frame out--> closed
        |  the same speaker goes on: superseded      |  barge-in
        v  (the words are carried into the next turn) v  (the agent is told what was heard)

A speaker who goes on before the answer began has not finished: the turn is superseded and its words are joined to
the next one's. Speech over a sounding answer is a barge-in. Answers wait for each other in the order in which they
are ready; that is the mouth's queue, not decided here.
"""

from __future__ import annotations

from typing import Literal

import attrs

from voxbridge.core.ids import UserId

CutReason = Literal["barge-in", "superseded", "drain", "stop"]


@attrs.frozen
class Cut:
    """End this turn now, for this reason."""

    turn_id: str
    reason: CutReason


@attrs.define
class _Open:
    user_id: UserId
    is_sounding: bool = False


@attrs.define
class Floor:
    """The open turns of one room."""

    _turns: dict[str, _Open] = attrs.field(factory=dict, init=False)

    @property
    def open_turns(self) -> list[str]:
        """Return the ids of the open turns, oldest first."""
        return list(self._turns)

    def opened(self, turn_id: str, user_id: UserId) -> None:
        """Note that a turn of ``user_id`` has begun."""
        self._turns[turn_id] = _Open(user_id)

    def sounding(self, turn_id: str) -> None:
        """Note that the first frame of a turn's answer has left."""
        if turn_id in self._turns:
            self._turns[turn_id].is_sounding = True

    def closed(self, turn_id: str) -> None:
        """Note that a turn has ended, however."""
        self._turns.pop(turn_id, None)

    def on_speech(self, user_id: UserId, *, barge_in: bool = True, by_anyone: bool = False) -> list[Cut]:
        """Decide what the confirmed speech of ``user_id`` cuts short. The turns stay open until ``closed``.

        ``barge_in`` False lets every answer end. An answer may be interrupted by the speaker it answers, and by
        others only with ``by_anyone``.
        """
        cuts: list[Cut] = []
        for turn_id, turn in self._turns.items():
            if not turn.is_sounding:
                if turn.user_id == user_id:
                    cuts.append(Cut(turn_id, "superseded"))
            elif barge_in and (by_anyone or turn.user_id == user_id):
                cuts.append(Cut(turn_id, "barge-in"))
        return cuts
