"""What all kinds of speech server share: whose turn it is, the limits, the attempts, the passing on of sound.

slot -> attempt -> (no sound: wait, attempt again) -> sound ... -> end
 |        one request of the backend's own kind              |
 fair among turns                                            nothing is asked for again after the first sample
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import attrs
import structlog
import trio

from voxbridge.config.stages import TtsSettings
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.sound.pcm import Pcm
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.stages.contracts import SoundSink, TtsRequest
from voxbridge.stages.tts.bound import SoundBound
from voxbridge.stages.tts.deadline import SentenceDeadline
from voxbridge.stages.tts.fair import FairLimiter, Slot

log = structlog.get_logger(__name__)

UNAVAILABLE_RETRIES_MAX = 2
CUT_RETRIES_MAX = 1
RETRY_BASE_S, RETRY_CAP_S = 0.1, 1.0


@attrs.define
class Habits:
    """What a server was seen to do."""

    sends_files: bool = False
    """Its answers may be several files in a row, a pause of any length between them."""


class Sentence:
    """One sentence on its way: what was asked, what came so far, how long and how much it may be."""

    def __init__(
        self,
        request: TtsRequest,
        out: SoundSink,
        slot: Slot,
        deadline: SentenceDeadline,
        bound: SoundBound,
        habits: Habits,
        *,
        frees_slot_at_first_sound: bool,
    ) -> None:
        self.request = request
        self.text = request.text.strip()
        self.sound_s = 0.0
        """Seconds of sound passed on."""
        self.is_heard_until = 0.0
        """Until when it is heard if it is played at once, in Trio time."""
        self.bound, self.habits = bound, habits
        self._out, self._slot, self._deadline = out, slot, deadline
        self._frees_slot_at_first_sound = frees_slot_at_first_sound
        self._has_byte = False

    def byte_came(self) -> None:
        """Note that something of the answer came; what counts is the first of each attempt."""
        if self.sound_s:
            return
        if not self._has_byte:
            self._has_byte = True
            self._out.first_byte()
        self._deadline.first_byte()

    def pass_on(self, pcm: Pcm | None) -> None:
        """Hand sound to the caller, as far as its text can take it."""
        if pcm is None or not pcm.data or (pcm := self.bound.fit(pcm)) is None:
            return
        if not self.sound_s:
            self.is_heard_until = trio.current_time()
            if self._frees_slot_at_first_sound:
                self.model_is_free()
        self.sound_s += pcm.duration_s
        self.is_heard_until += pcm.duration_s
        self._out.push(pcm)
        self._deadline.sound(self.sound_s)

    def model_is_free(self) -> None:
        """Let the next request go out while we take the rest of this answer."""
        self._slot.release()


Attempt = Callable[[Sentence], Awaitable[None]]
"""Asks the server once and passes the sound on. Raises: StageError."""


class SentenceSpeaker:
    """Has one sentence after the other spoken by a server, however the server is asked.

    ``rng`` gives the jitter of the retries. ``first_byte_s`` is the limit of the first byte; None for a server that
    sends nothing, not even a head, before it has made the first sound. ``speed`` is how many times faster than usual
    the voice speaks.
    """

    def __init__(
        self,
        settings: TtsSettings,
        *,
        backend: str,
        chars_max: int,
        first_byte_s: float | None = None,
        speed: float = 1.0,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._settings, self._backend, self._chars_max, self._rng = settings, backend, chars_max, rng
        self._first_byte_s, self._speed = first_byte_s, speed
        self._limiter = FairLimiter(settings.concurrency)
        self._habits = Habits()
        self.retry_count = 0
        """Repeated attempts of all turns."""
        self.is_failing = False
        """The last sentence that ended was not spoken to its end by the server's fault."""

    @property
    def free_slots(self) -> int:
        """Return how many further requests would be sent at once."""
        return self._limiter.free

    @property
    def is_idle(self) -> bool:
        """Tell whether no request is under way."""
        return self._limiter.free == self._settings.concurrency

    async def speak(
        self,
        request: TtsRequest,
        out: SoundSink,
        attempt: Attempt,
        *,
        frees_slot_at_first_sound: bool = False,
    ) -> None:
        """Speak one sentence by ``attempt``; see ``TtsStage``.

        Tried again only while there was no sound: a server that cannot be reached or cannot serve (twice), an
        answer that broke off or is no sound (once).

        Raises: StageRefused, StageUnavailable, StageProtocolError, StageTimeout. Those raised after sound was passed
        on have ``retryable`` False.

        A voice that goes on when its text can take no more is left: what fits is passed on, and is a success.
        """
        size = len(request.text.strip())
        if not size:
            return
        if size > self._chars_max:
            detail = f"a sentence of {size} characters is too long to be spoken (at most {self._chars_max})"
            raise StageRefused("tts", 0, detail, backend=self._backend)
        async with self._limiter.slot(request.turn_id) as slot:
            deadline = SentenceDeadline(self._settings, backend=self._backend, first_byte_s=self._first_byte_s)
            bound = SoundBound(request.text, backend=self._backend, speed=self._speed)
            sentence = Sentence(
                request,
                out,
                slot,
                deadline,
                bound,
                self._habits,
                frees_slot_at_first_sound=frees_slot_at_first_sound,
            )
            out.asked()
            try:
                with bound.enough, deadline:
                    await self._attempts(sentence, deadline, attempt)
                self.is_failing = False
            except StageError as error:
                self.is_failing = True
                if sentence.sound_s:
                    error.retryable = False
                raise

    async def _attempts(self, sentence: Sentence, deadline: SentenceDeadline, attempt: Attempt) -> None:
        retries = _Retries(self._rng, reserve_s=self._settings.first_byte_target_ms / 1000)
        while True:
            deadline.attempt()
            try:
                await attempt(sentence)
            except (StageUnavailable, StageProtocolError) as error:
                wait_s = None if sentence.sound_s or not error.retryable else retries.wait_s(error)
                if wait_s is None:
                    raise
                log.warning("speech is asked for again", error=type(error).__name__, wait_ms=round(wait_s * 1000))
            else:
                return
            self.retry_count += 1
            await trio.sleep(wait_s)


class _Retries:
    """Says whether an attempt that gave no sound is repeated, and after how many seconds."""

    def __init__(self, rng: Callable[[], float], *, reserve_s: float) -> None:
        self._backoff = Backoff(base_s=RETRY_BASE_S, cap_s=RETRY_CAP_S, rng=rng)
        self._reserve_s = reserve_s
        self._unavailable = self._cut = 0

    def wait_s(self, error: StageUnavailable | StageProtocolError) -> float | None:
        """Return the seconds to wait, or None if the error is to be raised."""
        now = trio.current_time()
        if isinstance(error, StageProtocolError):
            self._cut += 1
            wait_s: float | None = 0.0 if self._cut <= CUT_RETRIES_MAX else None
        else:
            self._unavailable += 1
            wait_s = self._backoff.failed(now, 0.0) if self._unavailable <= UNAVAILABLE_RETRIES_MAX else None
            if wait_s is not None and error.retry_after_s is not None:
                wait_s = max(wait_s, error.retry_after_s)
        # An attempt that could not end in time would turn the real error into a timeout.
        if wait_s is None or now + wait_s + self._reserve_s > trio.current_effective_deadline():
            return None
        return wait_s
