"""A call of several people: what each says, with an open loudspeaker or a noise beside it, and what the bot does.

The same script is played in virtual time (a voice port in memory) and in real time (the daemon in the simulated
Discord). Words are marks in the padding of the packets (``voxbridge.rehearsal.marked``): the simulated speech server
says those of which it got most packets, whatever else is in the sound. What comes by loudspeaker has no mark.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import trio

from tests.support.microphones import clip
from voxbridge.audio.opus import Decoder, Encoder
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import (
    FRAME_S,
    SPEECH_FRAME_BYTES,
    SPEECH_FRAME_SAMPLES,
    SPEECH_RATE_HZ,
)
from voxbridge.core.text.phantoms import plain
from voxbridge.rehearsal.marked import mark, read_mark
from voxbridge.session.echo import SentSound
from voxbridge.session.report import TurnReport
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.whisperx import Heard

Samples = npt.NDArray[np.float32]

WORD_FRAMES = 15
WORD_S = WORD_FRAMES * FRAME_S
_UNDERSTOOD_FRAMES = 8
_ECHO_FRAMES = 15
_AUDIBLE = 20
_JITTER_FRAMES = 6
_SILENT_S = 0.4  # the pause between two sentences is 250 ms


@functools.cache
def _voiced(number: int) -> bytes:
    """Return a person's voice without its pauses, 24 kHz: whatever part is played, a word begins at once."""
    sound = clip(number)
    frames = [sound[at : at + SPEECH_FRAME_BYTES] for at in range(0, len(sound), SPEECH_FRAME_BYTES)]
    return b"".join(frame for frame in frames if np.abs(np.frombuffer(frame, "<i2").astype(int)).mean() > 400)


class Person:
    """Somebody in the call, 20 ms at a time. ``send`` takes a packet, or None where there is nothing to hear.

    ``bot_frames`` returns the bot's packets since it was asked last.
    """

    def __init__(
        self,
        user: UserId,
        name: str,
        voice: int,
        send: Callable[[bytes | None], None],
        bot_frames: Callable[[], Sequence[bytes]],
    ) -> None:
        self.user, self.name = user, name
        self.words: list[str] = []
        self.loudspeaker_db: float | None = None
        """So loud the bot's voice comes back by this microphone."""
        self.delay_s = 0.2
        self._voice, self._at = _voiced(voice), 0
        self._send, self._bot_frames = send, bot_frames
        self._own: list[tuple[bytes, int | None]] = []
        self._playing: deque[tuple[int, bytes]] = deque()
        self._last_due = 0
        self._encoder, self._decoder = Encoder(), Decoder(rate_hz=SPEECH_RATE_HZ)

    @property
    def is_speaking(self) -> bool:
        """Tell whether something is left to say."""
        return bool(self._own)

    def say(self, words: str) -> None:
        """Begin to speak, behind what is being said; "..." is a pause of a word's length."""
        for word in words.split():
            if word == "...":
                self.make(bytes(WORD_FRAMES * SPEECH_FRAME_BYTES))
                continue
            for _ in range(WORD_FRAMES):
                self._own.append((self._next_frame(), len(self.words)))
            self.words.append(word)

    def make(self, pcm: bytes) -> None:
        """Make a noise (24 kHz mono s16le), behind what is being said."""
        for at in range(0, len(pcm), SPEECH_FRAME_BYTES):
            self._own.append((pcm[at : at + SPEECH_FRAME_BYTES].ljust(SPEECH_FRAME_BYTES, b"\0"), None))

    def _next_frame(self) -> bytes:
        frame = self._voice[self._at : self._at + SPEECH_FRAME_BYTES]
        self._at = (self._at + SPEECH_FRAME_BYTES) % (len(self._voice) - SPEECH_FRAME_BYTES)
        return frame

    async def run(self) -> None:
        """Send for ever."""
        began = trio.current_time()
        for number in itertools.count(1):
            await trio.sleep_until(began + number * FRAME_S)
            self._receive(number)
            pcm, word = self._own.pop(0) if self._own else (b"", None)
            mixed = self._from_loudspeaker(number) + np.frombuffer(pcm.ljust(SPEECH_FRAME_BYTES, b"\0"), "<i2")
            if np.abs(mixed).max() < _AUDIBLE:
                self._send(None)
                continue
            opus = self._encoder.encode(np.clip(mixed, -32768, 32767).astype("<i2").tobytes())
            self._send(opus if word is None else mark(opus, str(word)))

    def _receive(self, number: int) -> None:
        """Take what has come of the bot; it is played evenly, whatever the network does, as a jitter buffer does."""
        for opus in self._bot_frames():
            due = number + round(self.delay_s / FRAME_S)
            due = due if due - self._last_due > _JITTER_FRAMES else self._last_due + 1
            self._last_due = due
            self._playing.append((due, opus))

    def _from_loudspeaker(self, number: int) -> Samples:
        """Play the frame of the bot that is due, and return what of it comes back."""
        opus = self._playing.popleft()[1] if self._playing and self._playing[0][0] <= number else None
        if self.loudspeaker_db is None or opus is None:
            return np.zeros(SPEECH_FRAME_SAMPLES, np.float32)
        sound = np.frombuffer(self._decoder.decode(opus), "<i2").astype(np.float32)
        return np.asarray(sound * 10 ** (self.loudspeaker_db / 20), np.float32)


@attrs.define
class Party:
    """A call with people in it, for a script to play in."""

    people: dict[str, Person]
    agent: N8nServer
    reports: Callable[[], Sequence[tuple[float, TurnReport]]]
    """Each with when its speech began; all times are on the call's own clock."""
    until: Callable[[Callable[[], bool], str], Awaitable[None]]
    sent: SentSound
    """What the bot has sent lately."""
    frame_times: Callable[[], Sequence[float]]
    """When each frame of the bot's voice left, or came."""
    now: Callable[[], float]
    posted: Callable[[], list[str]]
    is_quiet: Callable[[], bool]
    """Whether nothing is being said or thought."""
    _seen: int = 0

    def transcript(self, heard: Heard) -> str:
        """Return what a speech server makes of an utterance: the words in it, and before them what echoed."""
        person = next(each for each in self.people.values() if str(each.user) == heard.user_id)
        marks = Counter(read_mark(packet) for packet in heard.packets)
        own = [int(number) for number, count in marks.items() if number is not None and count >= _UNDERSTOOD_FRAMES]
        words = " ".join(person.words[number] for number in sorted(own))
        if person.loudspeaker_db is None or marks[None] < _ECHO_FRAMES:
            return words
        echo = self.sent.said_since(trio.current_time() - heard.duration_s - person.delay_s)
        return f"{plain(echo).replace('fine', 'find')} {words}".strip()  # without marks, as all of its words

    async def spoken(self, name: str) -> None:
        """Wait until somebody has said it all."""
        await self.until(lambda: not self.people[name].is_speaking, f"{name} does not end")

    async def sounding(self, seconds: float) -> None:
        """Wait until so much more of the bot's voice was heard."""
        wanted = len(self.frame_times()) + round(seconds / FRAME_S)
        await self.until(lambda: len(self.frame_times()) >= wanted, f"nothing is said for {seconds} s")

    async def quiet(self) -> None:
        """Wait until everybody and the bot is silent."""
        await self.until(
            lambda: self.is_quiet() and not any(each.is_speaking for each in self.people.values()), "it does not end"
        )
        await trio.sleep(1.0)

    def new_reports(self) -> list[TurnReport]:
        """Return what was reported since this was asked last, in the order in which people spoke."""
        found = self.reports()[self._seen :]
        self._seen += len(found)
        return [report for _, report in sorted(found, key=lambda each: each[0])]

    def silent_after(self, at: float) -> float:
        """Return how long after ``at`` the voice fell silent for the first time."""
        times = [each for each in self.frame_times() if each >= at]
        last = next((a for a, b in itertools.pairwise(times) if b - a > _SILENT_S), times[-1] if times else at)
        return last + FRAME_S - at

    def told(self, reports: Sequence[TurnReport]) -> list[tuple[str, str, str]]:
        """Return who spoke, what became of it, and what was heard."""
        names = {each.user: each.name for each in self.people.values()}
        return [(names[each.user_id], each.outcome, each.heard) for each in reports]
