"""A ready text that the operator or a command has spoken: an answer without a turn."""

from __future__ import annotations

import trio

from voxbridge.core.ids import UserId
from voxbridge.core.text.pauses import ends_in_question
from voxbridge.core.text.speakable import SpokenPieces
from voxbridge.core.turns.floor import CutReason
from voxbridge.session.context import RoomContext
from voxbridge.session.speech import Speech
from voxbridge.stages.contracts import TtsRequest
from voxbridge.stages.sinks import no_mark


class Saying:
    """Speaks one text in a room, and can be cut like a turn. On the floor while ``run`` runs."""

    user_id: UserId | None = None

    def __init__(self, context: RoomContext) -> None:
        self.id = context.tools.new_turn_id()
        self._floor, self._language = context.floor, context.language
        self._scope = trio.CancelScope()
        self._allowance = context.allowance
        self._speech = Speech(context, no_mark, lambda _at: None)

    @property
    def is_sounding(self) -> bool:
        """Tell whether a frame of it has left."""
        return self._speech.last_frame_at is not None

    @property
    def heard_s(self) -> float:
        """Return the seconds of its sound that have left."""
        return self._speech.heard_s

    @property
    def has_asked_aloud(self) -> bool:
        """Tell whether the last thing heard of it is a question."""
        return ends_in_question(self._speech.heard_text)

    def cut(self, reason: CutReason) -> None:
        """End it now."""
        self._speech.close()
        self._scope.cancel(reason=reason)

    def wind_up(self, reason: CutReason = "drain") -> None:  # noqa: ARG002
        """Let the sentence that is being played be the last."""
        self._speech.stop_after_sentence()

    def fade_out(self, frames: int) -> None:
        """Let it die away over ``frames`` frames."""
        self._speech.fade_out(frames)

    def lower(self, level: float, frames: int) -> None:
        """Bring it to ``level`` (0 to 1) over ``frames`` frames; 1.0 undoes it."""
        self._speech.lower(level, frames)

    def pause(self) -> None:
        """Let no further frame leave until ``resume``."""
        self._speech.pause()

    def resume(self) -> None:
        """Go on with the sample that follows the last one that left."""
        self._speech.resume()

    async def run(self, text: str) -> bool:
        """Speak ``text`` and wait for its last frame; True if every sentence of it was heard to its end."""
        pieces = SpokenPieces(language=self._language)
        for number, sentence in enumerate([*pieces.feed(text), *pieces.flush()]):
            voice = self._speech.persona.voice
            self._speech.add(TtsRequest(sentence, self.id, number, voice=voice, language=self._language))
        self._speech.end()
        self._floor.opened(self)
        try:
            with self._scope:
                await self._speech.run()
                await self._speech.played()
        finally:
            self._floor.closed(self)
            self._speech.close()
            self._allowance.spoke(self._speech.heard_s)
        return self.is_sounding and self._speech.is_played and not self._speech.unsaid
