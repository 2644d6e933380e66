"""People of a call who never stop talking, in numbered words, and what of it was heard on the other side."""

from __future__ import annotations

import functools
import itertools

import attrs
import trio

from tests.support.speech import clips
from voxbridge.clock import monotonic_s
from voxbridge.core.sound.pcm import FRAME_S, SILENCE_OPUS, Pcm
from voxbridge.rehearsal.call import opus_of
from voxbridge.rehearsal.discord import Member
from voxbridge.rehearsal.discord.hearing import Heard
from voxbridge.rehearsal.discord.world import BOT_ID
from voxbridge.rehearsal.marked import mark, read_mark

WORD_PACKETS = 20
WORD_S = WORD_PACKETS * FRAME_S
# A word of which a quarter is missing is still understood; more, and it is lost.
_UNDERSTOOD_PACKETS = 15
# People breathe. Who makes no pause for minutes is not taken down any more, and told so (session/speaker.py).
_WORDS_IN_A_BREATH = 25
_BREATH_S = 1.0
# What hides in the rhythm of speech, or of a synthesiser between two sentences, is no silence.
GAP_S = 0.3


@functools.cache
def voiced_packets() -> tuple[bytes, ...]:
    """Return Opus of people reading, the pauses left out: whatever part of it is heard, a word begins at once."""
    sound = b"".join(clip.pcm for clip in clips())
    frame_bytes = 640  # 20 ms of 16 kHz, s16le
    frames = [sound[at : at + frame_bytes] for at in range(0, len(sound) - frame_bytes, frame_bytes)]
    return tuple(opus_of(Pcm(b"".join(frame for frame in frames if _is_loud(frame)), 16_000)))


def _is_loud(frame: bytes) -> bool:
    samples = memoryview(frame).cast("h")
    return sum(abs(sample) for sample in samples) > 400 * len(samples)


@attrs.frozen
class Account:
    """What got through between one person and the bot."""

    name: str
    words_said: int
    words_heard: int
    deaf_s: float
    """How much of what was said did not come to the speech-to-text server."""
    longest_deaf_s: float
    frames_heard: int
    mute_s: float
    """How long the bot was not heard, pauses of under ``GAP_S`` left out."""
    longest_mute_s: float

    @property
    def words_lost(self) -> int:
        return self.words_said - self.words_heard


class Talker:
    """A member who talks all the time, whether anybody hears it or not. ``start`` and ``stop`` frame the account."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.said: list[tuple[int, float]] = []
        """Each word by its number, and when it began (CLOCK_MONOTONIC)."""
        self.heard: dict[int, set[int]] = {}
        self._numbers = itertools.count()
        self._is_talking = True

    @property
    def name(self) -> str:
        return self.member.name

    async def run(self) -> None:
        """Talk whenever there is a call to talk in."""
        packets = voiced_packets()
        due = trio.current_time()
        while True:
            due = max(due + WORD_S, trio.current_time())
            if self.member.is_in_call and self._is_talking:
                number = next(self._numbers)
                at = number * WORD_PACKETS
                word = [
                    mark(packets[(at + index) % len(packets)], f"{self.member.id} {number} {index}")
                    for index in range(WORD_PACKETS)
                ]
                self.said.append((number, monotonic_s()))
                is_last = number % _WORDS_IN_A_BREATH == _WORDS_IN_A_BREATH - 1
                await self.member.speak(word, tail=is_last)
                due += _BREATH_S if is_last else 0.0
            await trio.sleep_until(due)

    def hush(self, *, on: bool = True) -> None:
        """Say no more (or talk again); it takes until the end of the word."""
        self._is_talking = not on

    def forget(self) -> None:
        """Throw away what was said and heard so far."""
        self.said.clear()
        self.heard.clear()

    def take(self, number: int, index: int) -> None:
        """Note that a packet of a word was heard."""
        self.heard.setdefault(number, set()).add(index)

    def is_understood(self, number: int) -> bool:
        return len(self.heard.get(number, ())) >= _UNDERSTOOD_PACKETS

    def voice_of_bot(self, since: float, until: float) -> list[Heard]:
        """Return the bot's frames that he heard and could open."""
        return [
            heard
            for heard in self.member.heard
            if heard.user_id == BOT_ID
            and since <= heard.arrived_at <= until
            and heard.opus is not None
            and heard.opus != SILENCE_OPUS
        ]

    def account(self, since: float, until: float) -> Account:
        """Say what got through between two times (CLOCK_MONOTONIC); the bot is taken to talk all the time."""
        numbers = [number for number, at in self.said if since <= at and at + WORD_S <= until]
        packets = [index in self.heard.get(number, ()) for number in numbers for index in range(WORD_PACKETS)]
        voice = self.voice_of_bot(since, until)
        times = [since, *(heard.arrived_at for heard in voice), until]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times) if later - earlier > GAP_S]
        return Account(
            name=self.name,
            words_said=len(numbers),
            words_heard=sum(map(self.is_understood, numbers)),
            deaf_s=packets.count(False) * FRAME_S,
            longest_deaf_s=max((len(run) for run in _runs_of_false(packets)), default=0) * FRAME_S,
            frames_heard=len(voice),
            mute_s=sum(gaps),
            longest_mute_s=max(gaps, default=0.0),
        )


def _runs_of_false(values: list[bool]) -> list[list[bool]]:
    return [list(run) for value, run in itertools.groupby(values) if not value]


def read_word(packet: bytes) -> tuple[int, int, int] | None:
    """Return the speaker, the word and the place in it that a packet is marked with."""
    text = read_mark(packet)
    if text is None:
        return None
    user_id, number, index = text.split()
    return int(user_id), int(number), int(index)
