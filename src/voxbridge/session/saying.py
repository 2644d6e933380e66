"""A ready text that the operator or a command has spoken: an answer without a turn."""

from __future__ import annotations

import trio

from voxbridge.core.ids import UserId
from voxbridge.core.turns.floor import CutReason
from voxbridge.session.answer import Answer
from voxbridge.session.context import RoomContext
from voxbridge.stages.sinks import no_mark


class Saying:
    """Speaks one text in a room, and can be cut like a turn. On the floor while ``run`` runs."""

    user_id: UserId | None = None

    def __init__(self, context: RoomContext) -> None:
        self.id = context.tools.new_turn_id()
        self._floor = context.floor
        self._scope = trio.CancelScope()
        self._answer = Answer(context, no_mark, lambda _at: None)

    @property
    def is_sounding(self) -> bool:
        """Tell whether a frame of it has left."""
        return self._answer.last_frame_at is not None

    def cut(self, reason: CutReason) -> None:
        """End it now."""
        self._answer.close()
        self._scope.cancel(reason=reason)

    def wind_up(self) -> None:
        """Let the sentence that is being played be the last."""
        self._answer.stop_after_sentence()

    def fade_out(self, frames: int) -> None:
        """Let it die away over ``frames`` frames."""
        self._answer.fade_out(frames)

    async def run(self, text: str) -> bool:
        """Speak ``text`` and wait for its last frame; False if it failed or was cut."""
        self._floor.opened(self)
        try:
            with self._scope:
                await self._answer.say(text, self.id)
                await self._answer.played()
        finally:
            self._floor.closed(self)
            self._answer.close()
        return not self._scope.cancelled_caught and self._answer.tts_error is None
