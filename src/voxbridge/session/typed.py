"""A question that was typed, and the last answer again: turns and speech that no ear began."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import trio

from voxbridge.core.messages.catalogue import Line, line
from voxbridge.core.turns.endpointing import TurnEnded
from voxbridge.session.allowance import words_of
from voxbridge.session.context import RoomContext
from voxbridge.session.saying import Saying
from voxbridge.session.turn import Turn
from voxbridge.session.utterance import Words
from voxbridge.stages.contracts import Speaker, Transcript

Tell = Callable[[str], Awaitable[None]]
"""Shows a text to who has asked."""


@attrs.frozen
class Typed:
    """What members ask of a room by typing."""

    context: RoomContext

    async def ask(self, speaker: Speaker, text: str, tell: Tell) -> Line | None:
        """Have a question answered: aloud, and in writing as soon as the answer is known. Return what went wrong."""
        context = self.context
        if context.tools.rules.floor.mode == "nobody":
            return line("ask_nobody")
        if not context.allowance.is_allowed(speaker.user_id):
            refusal = context.allowance.refusal(speaker.user_id)
            return None if refusal is None else words_of(refusal, speaker.name)
        now = trio.current_time()
        ended = TurnEnded(now, now, now, 0.0, confirmed=True, reason="typed")
        turn = Turn(context, speaker, ended, Words(Transcript(text), None), prior=None, before=None)
        has_told = False

        async def tell_soon() -> None:
            nonlocal has_told
            await turn.written()
            if answer := turn.answer_text:
                has_told = True
                await tell(answer)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell_soon)
            await turn.run()
            if not turn.answer_text:
                nursery.cancel_scope.cancel(reason="left")
        return None if has_told else line("apology")

    async def repeat(self) -> Line:
        """Say the last answer again, or the rest of it if it was cut short; return what is being said or why not."""
        context, last = self.context, self.context.last
        if (refusal := context.allowance.silence()) is not None:
            return words_of(refusal, "")
        rest = None if last is None else last.rest()
        text = last.text if last is not None and rest is None else " ".join(rest.unheard) if rest is not None else ""
        if not text:
            return line("nothing_to_repeat")
        was_said = await Saying(context).run(text)
        return line("repeated") if was_said else line("cannot_speak")
