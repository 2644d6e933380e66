"""One answer: the agent's text, read as it comes, cut into sentences, and handed to the speech.

    agent --events--> splitter, speakable filter --sentences--> speech

Agent and speech are tasks joined by a queue; a stage that fails ends its half, and the other finishes what there is.
The text is read ahead of the speech: who writes it never waits for it to be spoken, and its connection does not hang
while sound plays. What bounds it is the longest answer that is spoken at all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import attrs
import trio

from voxbridge.breath import Breath
from voxbridge.core.messages.catalogue import line
from voxbridge.core.text.gaps import Gaps
from voxbridge.core.text.speakable import SpokenPieces
from voxbridge.errors import NoReply, StageError
from voxbridge.session.cast import Persona
from voxbridge.session.context import RoomContext
from voxbridge.session.limit import NO_LIMIT, Waiting
from voxbridge.session.notices import AnswerText
from voxbridge.session.speech import Speech
from voxbridge.stages.contracts import (
    AgentEvent,
    AgentRequest,
    AnswerOptions,
    TextDelta,
    TextFlush,
    ToolsCalled,
    TtsOptions,
    TtsRequest,
)
from voxbridge.stages.sinks import AnswerInto, Mark

# A token is a few bytes; 64 let the agent's reader run ahead of the splitter for a second without a task switch each.
_UNSPACED = "\u2e80"  # from here on lie the scripts that write no spaces between words
_EVENTS_AHEAD = 64
_STEP_CHARS = 256  # what is read of a text in one step, before others have their turn
# Behind the turn's limit an agent that still writes is read on: so long in all, and so long without a text.
_READ_ON_S, _READ_ON_IDLE_S = 60.0, 5.0


# After two minutes "go on" means something else.
REST_KEPT_S = 120.0


@attrs.frozen
class Rest:
    """What was cut off of an answer: what had been heard of it before, and the sentences that were not, the broken one
    whole.
    """

    heard: str
    unheard: tuple[str, ...]
    turn_id: str
    language: str
    persona: Persona


def joined_text(*texts: str) -> str:
    """Return texts as one."""
    return " ".join(text for text in texts if text)


class Answer:
    """The answer of one turn, and its speech."""

    def __init__(
        self,
        context: RoomContext,
        mark: Mark,
        on_first_frame: Callable[[float], None],
        waiting: Waiting = NO_LIMIT,
        address_now: Callable[[], str] = lambda: "",
        *,
        is_held: bool = False,
    ) -> None:
        self._context, self._address_now = context, address_now
        self._mark = mark
        self.speech = Speech(context, mark, on_first_frame, waiting, is_held=is_held)
        self._producing = trio.CancelScope()
        self._reading = trio.CancelScope()
        self._first = trio.CancelScope()  # until the agent has written something: the turn's own limit
        self._text: list[str] = []
        self._gaps = Gaps()
        rules = context.tools.rules.turn
        self._spoken_left, self._chars_left = rules.answer_chars_max, rules.read_chars_max
        self.unspoken: list[str] = []
        """What is longer than may be spoken, to be written."""
        self.to_say: list[str] = []
        """The sentences of it that were handed to the voice."""
        self._has_spoken = False  # a sentence goes to the voice, however short the longest answer may be
        self.is_out_of_time = False
        self._has_read = trio.Event()
        self._written_until = math.inf
        self._numbers = itertools.count()
        self._options: TtsOptions | None = None
        self._language = ""
        self.has_asked = False
        self.has_all_text = False
        self.agent_error: StageError | None = None

    @property
    def text(self) -> str:
        """Return what the agent has said so far, its parts apart."""
        return "".join(self._text)

    @property
    def has_come_through(self) -> bool:
        """Tell whether something came back that shows that the agent has taken the request."""
        return self.text != "" or self.has_all_text or isinstance(self.agent_error, NoReply)

    async def produce(self, request: AgentRequest, limit: trio.CancelScope, persona: Persona | None = None) -> None:
        """Ask the agent of who answers and speak its answer to the end, or to the end of ``limit``.

        Failures are left in ``agent_error``, ``speech.error`` and ``is_out_of_time``.
        """
        self.speech.persona = persona or self.speech.persona
        self._language = self._context.language_in_which(self.speech.persona, request.speaker)
        send, receive = trio.open_memory_channel[AgentEvent](_EVENTS_AHEAD)
        with self._producing:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read, request, receive)
                nursery.start_soon(self._speak, limit)
                self._first.deadline = limit.deadline  # those who stand in for an agent share what is left of it
                await self._ask(request, send)

    async def written(self) -> None:
        """Wait until no more text comes."""
        await self._has_read.wait()

    async def say_rest(self, rest: Rest, turn_id: str, limit: trio.CancelScope) -> None:
        """Say the rest of an older answer, to the end of ``limit``; the agent is not asked."""
        self._text.append(joined_text(*rest.unheard))
        persona = self.speech.persona = rest.persona
        self.to_say.extend(rest.unheard)
        self._has_read.set()
        for text in rest.unheard:
            self.speech.add(TtsRequest(text, turn_id, next(self._numbers), voice=persona.voice, language=rest.language))
        self.speech.end()
        self.has_asked = self.has_all_text = True
        with limit:
            await self.speech.run()
        self.is_out_of_time = limit.cancelled_caught

    async def _ask(self, request: AgentRequest, events: trio.MemorySendChannel[AgentEvent]) -> None:
        self.has_asked = True
        self._context.allowance.asked()
        async with events:
            with self._reading, self._first:
                try:
                    await self.speech.persona.agent.answer(request, AnswerInto(events, self._mark))
                except StageError as error:
                    self.agent_error = error
                else:
                    self.has_all_text = True
            if self._reading.cancelled_caught:
                self.has_all_text = True  # all of it that may be

    async def _read(self, request: AgentRequest, events: trio.MemoryReceiveChannel[AgentEvent]) -> None:
        pieces, breath = SpokenPieces(language=self._language), Breath()
        parts: Iterator[AgentEvent] = iter(())
        try:
            async for first in events:
                self._first.deadline = math.inf
                if self.is_out_of_time:
                    self._read_on()
                parts = _parts(_burst(first, events))
                for part in parts:
                    self._add(self._pieces_of(part, pieces), request)
                    await breath.take()
                if self._chars_left < 0:
                    self._reading.cancel(reason="deadline:agent")
                    break
        finally:
            for part in parts:
                self._add(self._pieces_of(part, pieces), request)
            rest = pieces.flush()  # also when it is cut short: what has come can be written
            is_broken = self.agent_error is not None or self._chars_left < 0
            self._add(self._whole_words(rest) if is_broken else rest, request)
            self.speech.end()
            self._has_read.set()

    async def _speak(self, limit: trio.CancelScope) -> None:
        with limit:
            await self.speech.run()
            if not self.speech.was_stopped:
                await self._has_read.wait()
        if limit.cancelled_caught:
            self.is_out_of_time = True
            self._written_until = trio.current_time() + _READ_ON_S
            self._read_on()
        elif self.speech.was_stopped:
            self._producing.cancel(reason="drain")

    def _read_on(self) -> None:
        """Go on reading, for a while, what is not spoken any more: it is written. Not if there was no sound at all."""
        now = trio.current_time()
        until = min(self._written_until, now + _READ_ON_IDLE_S) if self.speech.has_sound else now
        self._producing.deadline = until

    def _pieces_of(self, event: AgentEvent, pieces: SpokenPieces) -> list[str]:
        match event:
            case TextDelta(text):
                text = text[: max(0, self._chars_left)]  # a stage of ours ends there by itself
                self._chars_left -= len(event.text)
                self._text.append(self._gaps.add(text))
                return pieces.feed(text)
            case TextFlush():
                self._gaps.part()
                return pieces.flush()
            case AnswerOptions(options):
                self._options = options
                return []
            case ToolsCalled():
                return self._word_of_patience()

    def _word_of_patience(self) -> list[str]:
        """Return what is said before tools are called: nothing, unless it is wanted and nothing has been said yet."""
        rules = self._context.tools.rules
        if not rules.turn.says_tool_calls or self._has_spoken:
            return []
        return [rules.messages.spoken(line("tool_wait"), self._language)]

    def _whole_words(self, rest: list[str]) -> list[str]:
        """Leave out what may be half a word, at the end of an answer that broke off; a word alone says nothing."""
        if not rest or not self.text[-1:].isalnum() or self.text[-1:] >= _UNSPACED:
            return rest
        *whole, broken = rest
        words, _, _ = broken.rpartition(" ")
        return [*whole, words] if " " in words else whole

    def _add(self, sentences: list[str], request: AgentRequest) -> None:
        for text in sentences:
            self._spoken_left -= len(text)
            if self._spoken_left < 0 and self._has_spoken:
                self.unspoken.append(text)
                continue
            self._has_spoken = True
            number, language = next(self._numbers), self._language
            if not number:
                self.speech.address = self._address_now()
            voice = self.speech.persona.voice
            self.speech.add(TtsRequest(text, request.turn_id, number, voice, language, self._options))
            self.to_say.append(text)
        if self.to_say and sentences:
            name = next(iter(self.speech.persona.names), "")
            told = AnswerText(request.speaker, request.turn_id, " ".join(self.to_say), self.speech.is_released, name)
            self._context.tools.on_notice(told)


def _parts(events: Iterable[AgentEvent]) -> Iterator[AgentEvent]:
    """Yield events, a long text in pieces: one that is odd takes a tenth of a second to read."""
    for event in events:
        if isinstance(event, TextDelta) and len(event.text) > _STEP_CHARS:
            yield from (TextDelta(event.text[at : at + _STEP_CHARS]) for at in range(0, len(event.text), _STEP_CHARS))
        else:
            yield event


def _burst(first: AgentEvent, receive: trio.MemoryReceiveChannel[AgentEvent]) -> Iterator[AgentEvent]:
    """Yield an event and those that wait behind it, a run of tokens as one: it costs one task switch and one look."""
    events = [first]
    with suppress(trio.WouldBlock, trio.EndOfChannel):
        while True:
            events.append(receive.receive_nowait())
    for is_text, run in itertools.groupby(events, key=lambda event: isinstance(event, TextDelta)):
        if is_text:
            yield TextDelta("".join(event.text for event in run if isinstance(event, TextDelta)))
        else:
            yield from run
