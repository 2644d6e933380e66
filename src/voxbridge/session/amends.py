"""No turn ends in silence: what could not be spoken is written, and what went wrong is said, or written as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from voxbridge.core.messages.catalogue import line
from voxbridge.core.sound.pcm import Pcm
from voxbridge.session.answer import Answer
from voxbridge.session.context import RoomContext
from voxbridge.session.speech import Speech
from voxbridge.stages.contracts import Speaker


class Amends:
    """What is written and said beside one turn's answer. ``is_unwanted``: nobody wants to hear more of it."""

    def __init__(
        self,
        context: RoomContext,
        speaker: Speaker,
        answer: Answer,
        new_speech: Callable[[], Speech],
        is_unwanted: Callable[[], bool],
    ) -> None:
        self._context, self._speaker, self._new_speech, self._is_unwanted = context, speaker, new_speech, is_unwanted
        self._answer, self._speech = answer, answer.speech
        self.apology: Speech | None = None
        self.written: set[str] = set()
        """The sentences that stand in the channel's text."""

    async def apologise(self) -> None:
        """Say that it went wrong, after what was said already; in text if there is no voice."""
        if not self._is_unwanted():
            await self.post_unsaid()
        await self.played_or_posted()
        tools = self._context.tools
        persona = self._speech.persona
        language = self._context.language_in_which(persona, self._speaker)
        told, sound = (
            line("apology"),
            _audible(tools.apology_of(persona, "apology", language) or tools.apology(language)),
        )
        is_written = bool(self._speech.unsaid)
        if is_written:  # the answer stands in the channel: asking again would be no help
            told = line("mute_apology")
            mute = tools.apology_of(persona, "mute_apology", language) or tools.mute_apology(language)
            sound = _audible(mute) or sound
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._is_unwanted():
            return
        if sound is not None:
            self.apology = self._new_speech()
            self.apology.add_sound(tools.rules.messages.spoken(told, language), sound)
            await self.apology.played()
        if not is_written and (self.apology is None or self.apology.was_given_up):
            await self._context.post(told)

    async def post_unsaid(self) -> None:
        """Write into the channel what could not be spoken, or is longer than may be: the words are not lost.

        If there is a notice that says why, it comes first.
        """
        if self._speech.unsaid or self._answer.unspoken:
            await self._context.outages.post_due()
            await self.write(self._speech.unsaid, self._answer.unspoken)

    async def write(self, unsaid: list[str], unspoken: Sequence[str] = ()) -> None:
        """Write sentences into the channel: those that were to be said, unless they stand there anyhow, and others."""
        if words := [*(() if self._context.is_mirrored else unsaid), *unspoken]:
            await self._context.port.post_text(" ".join(words))
        self.written.update(unsaid, unspoken)

    async def played_or_posted(self) -> None:
        """Wait for the last frame; what could not leave by the voice connection is written, unless it stands there."""
        await self._speech.played()
        if self._speech.was_given_up and not self._is_unwanted():
            await self.write([each for each in self._speech.unheard if each not in self.written])


def _audible(sound: Pcm | None) -> Pcm | None:
    """Return a sound if there is anything to be heard in it."""
    return sound if sound is not None and sound.data.strip(b"\0") else None
