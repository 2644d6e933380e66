"""One answer: the agent's text becomes sentences, sentences become sound, sound becomes a track for the mouth.

    agent --events--> splitter, speakable filter --> tts, a task a sentence --pcm--> track --> mouth

Agent and speech are tasks joined by a channel; a stage that fails ends its half, and the other finishes what there is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress

import trio

from voxbridge.audio.resample import Resampler, to_mono
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.core.sound.track import Track
from voxbridge.core.text.speakable import SpokenPieces
from voxbridge.errors import StageError, StageProtocolError
from voxbridge.session.context import RoomContext
from voxbridge.session.mouth import Playing
from voxbridge.stages.contracts import (
    AgentEvent,
    AgentRequest,
    AnswerOptions,
    TextDelta,
    TextFlush,
    TtsOptions,
    TtsRequest,
)
from voxbridge.stages.sinks import AnswerInto, Mark, SoundInto

# 2: a server's answer may end long after its last sound (Chatterbox: 300 ms), and the next must not wait for it.
_SENTENCES_AT_ONCE = 2
# A token is a few bytes; 64 let the agent's reader run ahead of the splitter for a second without a task switch each.
_EVENTS_AHEAD = 64


class Answer:
    """The answer of one turn. After ``close`` no frame of it leaves."""

    def __init__(self, context: RoomContext, mark: Mark, on_first_frame: Callable[[float], None]) -> None:
        self._context = context
        self._mark = mark
        self._on_first_frame = on_first_frame
        self._track = Track()
        self._producing = trio.CancelScope()
        self._playing: Playing | None = None
        self._text: list[str] = []
        self._options: TtsOptions | None = None
        self._unsaid: dict[int, str] = {}
        self._asking: dict[int, tuple[trio.CancelScope, _SentenceSound]] = {}
        self.has_all_text = False
        self.agent_error: StageError | None = None
        self.tts_error: StageError | None = None

    @property
    def text(self) -> str:
        """Return what the agent has said so far, as it said it."""
        return "".join(self._text)

    @property
    def heard_text(self) -> str:
        """Return the words that were really played."""
        return self._track.heard_text

    @property
    def is_played(self) -> bool:
        """Tell whether all of it was played: a close after that cuts nothing short."""
        return self._track.is_played

    @property
    def was_given_up(self) -> bool:
        """Tell whether the mouth gave it up, since no frame could leave for too long."""
        return self._playing is not None and self._playing.was_given_up

    @property
    def unheard_text(self) -> str:
        """Return the sentences that were not played to their end, the one that broke off included."""
        return self._track.unheard_text

    @property
    def has_sound(self) -> bool:
        """Tell whether any sound of it has come."""
        return any(sentence.came_bytes for sentence in self._track.sentences)

    @property
    def last_frame_at(self) -> float | None:
        """Return the Trio time of the last frame out, or None."""
        return None if self._playing is None else self._playing.last_frame_at

    @property
    def unsaid(self) -> list[str]:
        """Return the sentences that could not be spoken to their end, in the order of the answer.

        One that broke off is among them, whole: half a sentence cannot be read. One whose sound just ended, without an
        error, counts as spoken: nothing tells it from a short one.
        """
        return [text for _, text in sorted(self._unsaid.items())]

    def close(self) -> None:
        """Stop at once: no frame leaves after this."""
        self._track.close()
        self._context.mouth.changed()

    def stop_after_sentence(self) -> None:
        """Let the sentence that is being played be the last."""
        self._track.stop_after_sentence()
        self._end_if_whole()
        self._context.mouth.changed()

    def fade_out(self, frames: int) -> None:
        """Let the sound die away over ``frames`` frames."""
        self._track.fade_out(frames)

    async def produce(self, request: AgentRequest) -> None:
        """Ask the agent and synthesise its answer to the end. Failures are left in the two ``error`` fields."""
        send, receive = trio.open_memory_channel[AgentEvent](_EVENTS_AHEAD)
        with self._producing:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._speak, request, receive)
                await self._ask(request, send)

    async def say(self, text: str, turn_id: str) -> None:
        """Synthesise a ready text, without an agent. Failures are left in ``tts_error``."""
        pieces = SpokenPieces()
        for number, sentence in enumerate([*pieces.feed(text), *pieces.flush()]):
            await self._say(TtsRequest(sentence, turn_id, number), self._begin(sentence))
        self._finish()

    def add_sound(self, text: str, pcm: Pcm) -> None:
        """Put a sound that was rendered before at the end of the track."""
        sound = self._begin(text)
        sound.push(pcm)
        sound.end()
        self._finish()

    async def played(self) -> None:
        """Wait until the last frame has left."""
        if self._playing is not None:
            await self._playing.done.wait()

    def _pieces_of(self, event: AgentEvent, pieces: SpokenPieces) -> list[str]:
        match event:
            case TextDelta(text):
                self._text.append(text)
                return pieces.feed(text)
            case TextFlush():
                return pieces.flush()
            case AnswerOptions(options):
                self._options = options
                return []

    async def _ask(self, request: AgentRequest, events: trio.MemorySendChannel[AgentEvent]) -> None:
        async with events:
            try:
                await self._context.tools.agent.answer(request, AnswerInto(events, self._mark))
            except StageError as error:
                self.agent_error = error
            else:
                self.has_all_text = True

    async def _speak(self, request: AgentRequest, events: trio.MemoryReceiveChannel[AgentEvent]) -> None:
        pieces, numbers, at_once = SpokenPieces(), itertools.count(), trio.Semaphore(_SENTENCES_AT_ONCE)

        async def say(text: str) -> None:
            await _acquired(at_once)
            number = next(numbers)
            if self._is_voiceless:
                self._unsaid[number] = text
                at_once.release()
                return
            await self._wait_for_room()
            language = request.speaker.language
            asked = TtsRequest(text, request.turn_id, number, language=language, options=self._options)
            nursery.start_soon(self._say, asked, self._begin(text), at_once)
            await trio.lowlevel.checkpoint()  # tasks of one instant start in any order: the next one asks after this

        try:
            async with trio.open_nursery() as nursery:
                async for first in events:
                    for event in _burst(first, events):
                        for sentence in self._pieces_of(event, pieces):
                            await say(sentence)
                for sentence in pieces.flush():
                    await say(sentence)
        finally:
            self._finish()  # also at the turn's limit: what has come is played

    async def _wait_for_room(self) -> None:
        """Wait while more sound is queued than should be thrown away by a barge-in."""
        ahead_s = self._context.tools.settings.turn.queue_ahead_ms / 1000
        while self._track.queued_s > ahead_s and not self._track.is_closed:
            await self._context.mouth.until_changed()

    async def _say(self, request: TtsRequest, sound: _SentenceSound, at_once: trio.Semaphore | None = None) -> None:
        # What is measured and announced of a turn's speech is its first sentence.
        sink = _FirstSound(sound.push, self._mark, self._announce) if request.index == 0 else SoundInto(sound.push)
        with trio.CancelScope() as asking:
            self._asking[request.index] = asking, sound
            try:
                await self._context.tools.tts.speak(request, sink)
            except StageError as error:
                self._unsaid[request.index] = request.text
                self._failed(error)
            finally:
                del self._asking[request.index]
                sound.end()
                self._end_if_whole()
                if at_once is not None:
                    at_once.release()
        if asking.cancelled_caught:
            self._unsaid[request.index] = request.text

    @property
    def _is_voiceless(self) -> bool:
        """Tell that there is no use in asking for a further sentence: not an answer was broken, the server is dead."""
        return self.tts_error is not None and not isinstance(self.tts_error, StageProtocolError)

    def _failed(self, error: StageError) -> None:
        """Note that a sentence could not be spoken; one that has no sound by now is not waited for either."""
        self.tts_error = error
        if self._is_voiceless:
            for asking, sound in self._asking.values():
                if not sound.has_come:
                    asking.cancel(reason="deadline:tts")

    def _announce(self) -> None:
        """Announce the speech while the server is at work, not before it is asked."""
        self._context.mouth.expect(self._track)

    def _begin(self, text: str) -> _SentenceSound:
        return _SentenceSound(self._track, self._track.begin_sentence(text), self._sound_came)

    def _sound_came(self) -> None:
        if self._track.is_closed:
            return
        if self._playing is None:
            self._playing = self._context.mouth.play(self._track, self._on_first_frame)
        else:
            self._context.mouth.changed()

    def _end_if_whole(self) -> None:
        """Ask for no more once the last sentence that will be played has come."""
        if self._track.is_whole:
            self._producing.cancel(reason="drain")

    def _finish(self) -> None:
        self._track.finish()
        self._context.mouth.changed()


def _burst(first: AgentEvent, receive: trio.MemoryReceiveChannel[AgentEvent]) -> Iterator[AgentEvent]:
    """Yield an event and those that wait behind it: a burst of tokens costs one task switch, not one each."""
    yield first
    with suppress(trio.WouldBlock, trio.EndOfChannel):
        while True:
            yield receive.receive_nowait()


async def _acquired(semaphore: trio.Semaphore) -> None:
    """Take a place: at once, without a task switch, if there is one."""
    try:
        semaphore.acquire_nowait()
    except trio.WouldBlock:
        await semaphore.acquire()


class _FirstSound(SoundInto):
    """The first sentence's sink: the request is told to the mouth as well."""

    def __init__(self, take: Callable[[Pcm], None], mark: Mark, on_asked: Callable[[], None]) -> None:
        super().__init__(take, mark)
        self._on_asked = on_asked

    def asked(self) -> None:
        """Note that the server is at work."""
        super().asked()
        self._on_asked()


class _SentenceSound:
    """The sound of one sentence on its way into the track: any rate in, 24 kHz mono out."""

    def __init__(self, track: Track, index: int, on_sound: Callable[[], None]) -> None:
        self._track, self._index, self._on_sound = track, index, on_sound
        self._resampler: Resampler | None = None

    @property
    def has_come(self) -> bool:
        """Tell whether any sound has come."""
        return self._track.sentences[self._index].came_bytes > 0

    def push(self, pcm: Pcm) -> None:
        """Add a piece; all pieces of a sentence have one rate."""
        if self._resampler is None:
            self._resampler = Resampler(pcm.rate_hz, SPEECH_RATE_HZ)
        self._add(self._resampler.feed(pcm.data if pcm.channels == 1 else to_mono(pcm.data)))

    def end(self) -> None:
        """End the sentence: what the resampler still holds is its last sound."""
        if self._resampler is not None:
            self._add(self._resampler.flush())
            self._resampler = None
        self._track.end_sentence(self._index)
        self._on_sound()

    def _add(self, data: bytes) -> None:
        if data:
            self._track.push(self._index, data)
            self._on_sound()
