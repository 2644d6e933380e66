"""Sentences become sound: asked for one after the other, in order, some way ahead of what is being played.

    add --(queue, bounded by the length of an answer)--> tts, a task a sentence --pcm--> track --> mouth
                                                    ^ not while much sound waits

The queue takes whatever text there is, so that nobody who writes text waits for us to speak it. What could not be
spoken is kept, to be written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs
import trio

from voxbridge.core.health.backoff import Backoff
from voxbridge.core.sound.evenness import VoiceLoudness
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_RATE_HZ, Pcm
from voxbridge.core.sound.track import Track
from voxbridge.core.text.pauses import pause_between_ms
from voxbridge.core.text.sentences import joined
from voxbridge.errors import StageError, StageProtocolError
from voxbridge.session.context import RoomContext
from voxbridge.session.limit import NO_LIMIT, Waiting
from voxbridge.session.mouth import Playing
from voxbridge.session.report import Trimmed
from voxbridge.session.sentence_sound import SentenceSound, bytes_of_ms, trimmed_of
from voxbridge.stages.contracts import TtsRequest
from voxbridge.stages.sinks import Mark, SoundInto

# 2: a server's answer may end long after its last sound (Chatterbox: 300 ms), and the next must not wait for it.
_SENTENCES_AT_ONCE = 2
# A server that restarts is back within seconds; it is asked now and then while what was spoken before is still played.
_RETRY_BASE_S, _RETRY_CAP_S = 0.25, 1.0


class Speech:
    """Everything that is said in one go, in one track. After ``close`` no frame of it leaves.

    ``waiting`` is told when there is sound and when there is none. While ``is_held``, the first sentence's sound is
    made, and has no way to the mouth before ``release``.
    """

    def __init__(
        self,
        context: RoomContext,
        mark: Mark,
        on_first_frame: Callable[[float], None],
        waiting: Waiting = NO_LIMIT,
        *,
        is_held: bool = False,
    ) -> None:
        self.error: StageError | None = None
        """Why a sentence could not be spoken, the last one's."""
        self.persona = context.tools.cast.first
        """Who speaks; to be set before the first sentence is added."""
        self._context, self._mark, self._on_first_frame, self._waiting = context, mark, on_first_frame, waiting
        self._track = Track()
        self._released = trio.Event()
        if not is_held:
            self._released.set()
        self._playing: Playing | None = None
        self._running = trio.CancelScope()
        self._queue: deque[TtsRequest] = deque()
        self._is_all_there = False
        self._added = trio.Event()
        self._unsaid: dict[int, str] = {}
        self._asking: dict[int, tuple[trio.CancelScope, SentenceSound]] = {}
        self._sounds: list[SentenceSound] = []
        self.address = ""
        """Said before the first sentence: whose answer it is. No part of the answer."""

    # What became of it

    @property
    def is_released(self) -> bool:
        """Tell whether it may be heard."""
        return self._released.is_set()

    @property
    def heard_text(self) -> str:
        """Return the words that were really played."""
        return self._track.heard_text

    @property
    def heard_s(self) -> float:
        """Return the seconds of sound that have left."""
        return self._track.played_samples / SPEECH_RATE_HZ

    @property
    def unheard(self) -> list[str]:
        """Return the sentences that were not played to their end, the one that broke off included."""
        return [text for text in (*self._track.unheard, *(request.text for request in self._queue)) if text]

    @property
    def unsaid(self) -> list[str]:
        """Return the sentences that could not be spoken to their end, in the order of the text.

        One that broke off is among them, whole: half a sentence cannot be read. So is one that the voice made no sound
        of. One whose sound just ended, without an error, counts as spoken: nothing tells it from a short one.
        """
        return [text for _, text in sorted(self._unsaid.items())]

    @property
    def trimmed(self) -> Trimmed:
        """Return how much silence of the voice's clips was left out."""
        return trimmed_of(self._sounds)

    @property
    def missing(self) -> set[str]:
        """Return the sentences that were not heard as they were meant: the unheard and the unsaid ones."""
        return {*self.unheard, *self.unsaid}

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is to come any more: neither a sentence nor a sound."""
        return self._track.is_whole

    @property
    def has_sound(self) -> bool:
        """Tell whether any sound of it has come."""
        return self._playing is not None or self._track.queued_s > 0

    @property
    def is_played(self) -> bool:
        """Tell whether all of it was played: a close after that cuts nothing short."""
        return self._track.is_played

    @property
    def was_stopped(self) -> bool:
        """Tell whether it was ended behind a sentence: what is behind that one is not wanted any more."""
        return self._running.cancel_called

    @property
    def was_given_up(self) -> bool:
        """Tell whether the mouth gave it up, since no frame could leave for too long."""
        return self._playing is not None and self._playing.was_given_up

    @property
    def last_frame_at(self) -> float | None:
        """Return the Trio time of the last frame out, or None."""
        return None if self._playing is None else self._playing.last_frame_at

    # What is done with it

    def add(self, request: TtsRequest) -> None:
        """Have a sentence spoken behind those that were added before; their indices count up from 0."""
        self._unsaid[request.index] = request.text  # until it is spoken
        self._queue.append(request)
        self._added.set()

    def add_sound(self, text: str, pcm: Pcm) -> None:
        """Put a sound that was rendered before at the end of the track, and nothing behind it."""
        sound = self._begin(text)
        sound.push(pcm)
        sound.end()
        self._finish()

    def release(self) -> None:
        """Let it be heard."""
        if not self._released.is_set():
            self._released.set()
            if self._asking:
                self._context.mouth.expect(self._track)  # asked for before, and not announced then
            self._sound_came()

    def end(self) -> None:
        """Note that no further sentence will be added."""
        self._is_all_there = True
        self._added.set()

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

    def lower(self, level: float, frames: int) -> None:
        """Bring the sound to ``level`` (0 to 1) over the next ``frames`` frames; 1.0 undoes it."""
        self._track.lower(level, frames)

    def pause(self) -> None:
        """Let no further frame leave until ``resume``; sound still comes, and waits."""
        self._track.pause()
        self._context.mouth.changed()

    def resume(self) -> None:
        """Go on with the sample that follows the last one that left."""
        self._track.resume()
        self._context.mouth.changed()

    async def played(self) -> None:
        """Wait until the last frame has left."""
        if self._playing is not None:
            await self._playing.done.wait()

    async def run(self) -> None:
        """Speak what was added, until all that will be has its sound. Failures are left in ``error``."""
        at_once = trio.Semaphore(_SENTENCES_AT_ONCE)
        try:
            with self._running:
                async with trio.open_nursery() as nursery:
                    while (request := await self._next()) is not None:
                        await _acquired(at_once)
                        if request.index:
                            await self._released.wait()
                        await self._wait_for_room()
                        if self._is_voiceless or self._track.is_closed:
                            self._queue.appendleft(request)
                            break
                        nursery.start_soon(
                            self._say, request, self._begin(request.text, self._voice_of(request)), at_once
                        )
                        # tasks of one instant start in any order: the next one asks after this
                        await trio.lowlevel.checkpoint()
        finally:
            self._finish()  # also when it is cut short by a limit: what has come is played

    async def _next(self) -> TtsRequest | None:
        while not self._queue:
            if self._is_all_there:
                return None
            self._added = trio.Event()
            await self._added.wait()
        request = self._queue.popleft()
        if self._queue and request.options == self._queue[0].options:
            text = joined(request.text, self._queue[0].text, is_first=request.index == 0)
            if text is not None:
                del self._unsaid[self._queue.popleft().index]
                self._unsaid[request.index] = text
                return attrs.evolve(request, text=text)
        return request

    async def _wait_for_room(self) -> None:
        """Wait while more sound is queued than should be thrown away by a barge-in."""
        ahead_s = self._context.tools.rules.turn.queue_ahead_s
        while self._track.queued_s > ahead_s and not self._track.is_closed and not self._is_voiceless:
            await self._context.mouth.until_changed()

    async def _say(self, request: TtsRequest, sound: SentenceSound, at_once: trio.Semaphore) -> None:
        with trio.CancelScope() as asking:
            self._asking[request.index] = asking, sound
            try:
                await self._ask(request, sound)
                sound.end()
                if sound.has_come:
                    del self._unsaid[request.index]
            except StageError as error:
                self._failed(error)
            finally:
                del self._asking[request.index]
                sound.end(is_broken=request.index in self._unsaid)
                self._end_if_whole()
                at_once.release()

    async def _ask(self, request: TtsRequest, sound: SentenceSound) -> None:
        """Ask for one sentence; again and again, while what was spoken before it is still played.

        Raises: StageError when that has been heard, or if asking again cannot help.
        """
        backoff = Backoff(base_s=_RETRY_BASE_S, cap_s=_RETRY_CAP_S)
        while True:
            try:
                await self.persona.tts.speak(self._addressed(request), self._sink(request, sound))
            except StageError as error:
                left_s = self._track.queued_before_s(sound.index)
                wait_s = backoff.failed(trio.current_time(), 0.0)
                # less than a frame waits for what follows it, and is not played before
                is_dry = left_s < FRAME_S
                if sound.has_come or not error.retryable or wait_s is None or is_dry:
                    raise
            else:
                return
            await trio.sleep(min(wait_s, left_s))

    def _addressed(self, request: TtsRequest) -> TtsRequest:
        if request.index or not self.address:
            return request
        return attrs.evolve(request, text=f"{self.address}: {request.text}")

    def _sink(self, request: TtsRequest, sound: SentenceSound) -> SoundInto:
        # What is measured and announced of a turn's speech is its first sentence.
        if request.index:
            return SoundInto(sound.push)
        return _FirstSound(sound.push, self._mark, self._announce)

    def _announce(self) -> None:
        if self._released.is_set():
            self._context.mouth.expect(self._track)

    def _voice_of(self, request: TtsRequest) -> VoiceLoudness:
        """Return what is known of the voice that will speak: the answer's own wish, or the usual one."""
        options = request.options
        voice = (options.voice if options else None) or request.voice or ""
        return self._context.loudness_of(f"{self.persona.name}:{voice}" if self.persona.has_own_tts else voice)

    @property
    def _is_voiceless(self) -> bool:
        """Tell that there is no use in asking for a further sentence: not an answer was broken, the server is dead."""
        return self.error is not None and not isinstance(self.error, StageProtocolError)

    def _failed(self, error: StageError) -> None:
        """Note that a sentence could not be spoken; one that has no sound by now is not waited for either."""
        self.error = error
        if self._is_voiceless:
            for asking, sound in self._asking.values():
                if not sound.has_come:
                    asking.cancel(reason="deadline:tts")

    def _begin(self, text: str, voice: VoiceLoudness | None = None) -> SentenceSound:
        sentences = self._track.sentences
        pause_ms = pause_between_ms(sentences[-1].text, text) if sentences else 0
        index = self._track.begin_sentence(text, bytes_of_ms(pause_ms))
        if not index:
            sentences[0].extra_words = len(self.address.split())
        sound = SentenceSound(self._track, index, self._sound_came, self._context.tools.rules.voice, voice)
        self._sounds.append(sound)
        return sound

    def _sound_came(self) -> None:
        if self._track.is_closed or not self._released.is_set():
            return
        if self._track.has_sound:
            self._waiting.sound()
        if self._playing is None and self._track.queued_s:
            self._playing = self._context.mouth.play(self._track, self._on_first_frame, self._fell_silent)
        else:
            self._context.mouth.changed()

    def _fell_silent(self) -> None:
        if not self._track.has_sound:  # else it is paused
            self._waiting.silence()

    def _end_if_whole(self) -> None:
        """Ask for no more once the last sentence that will be played has come."""
        if self._track.is_whole:
            self._running.cancel(reason="drain")

    def _finish(self) -> None:
        self._track.finish()
        self._context.mouth.changed()


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
        """Note that the server is at work: the speech is announced now, and not before it is asked."""
        super().asked()
        self._on_asked()
