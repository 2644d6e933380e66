"""A voice channel in memory, and speech whose times are known to the sample: for tests in virtual time."""

from __future__ import annotations

import array
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import attrs
import trio

from voxbridge.audio.opus import Decoder, encode_speech
from voxbridge.core.call.events import MemberJoined, MemberLeft, VoiceEnded, VoiceEvent
from voxbridge.core.call.relay import Listener, Relay
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.sound.pcm import (
    FRAME_S,
    HEARING_RATE_HZ,
    RTP_TICKS_PER_FRAME,
    SILENCE_OPUS,
    SPEECH_RATE_HZ,
    OpusPacket,
)

GUILD, CHANNEL = GuildId(900_000_000_000_000_001), ChannelId(900_000_000_000_000_002)
VAD_FRAME_BYTES = 1024
_RECHECK_S = 0.01


def tone_pcm(seconds: float, hz: float = 440.0, rate_hz: int = SPEECH_RATE_HZ, *, scale: int = 16_000) -> bytes:
    """Make a sine, of half scale, mono s16le."""
    count = round(seconds * rate_hz)
    return array.array("h", (int(scale * math.sin(2 * math.pi * hz * n / rate_hz)) for n in range(count))).tobytes()


@functools.cache
def tone_packets(frames: int, hz: float = 440.0) -> tuple[bytes, ...]:
    """Make ``frames`` Opus packets of a tone, which the loudness detector takes for speech."""
    return tuple(encode_speech(tone_pcm(frames * FRAME_S, hz)))


@functools.cache
def chirp_packets(frames: int) -> tuple[bytes, ...]:
    """Make ``frames`` packets of a tone that rises as it goes, no two of them alike."""
    count, rate_hz = round(frames * FRAME_S * SPEECH_RATE_HZ), SPEECH_RATE_HZ
    phase = (2 * math.pi * (300 * n / rate_hz + 50 * (n / rate_hz) ** 2) for n in range(count))
    packets = tuple(encode_speech(array.array("h", (int(16_000 * math.sin(angle)) for angle in phase)).tobytes()))
    assert len(set(packets)) == frames
    return packets


class LoudnessDetector:
    """A voice detector for tones: a frame is voiced if it is loud. Stands in for Silero, which wants real speech."""

    LOUD = 1000

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, pcm: bytes) -> list[float]:
        self._rest += pcm
        found: list[float] = []
        while len(self._rest) >= VAD_FRAME_BYTES:
            samples = array.array("h", self._rest[:VAD_FRAME_BYTES])
            self._rest = self._rest[VAD_FRAME_BYTES:]
            loudness = math.sqrt(sum(s * s for s in samples) / len(samples))
            found.append(1.0 if loudness > self.LOUD else 0.0)
        return found

    def reset(self) -> None:
        self._rest = b""


@attrs.frozen
class SentFrame:
    """One frame that left the mouth."""

    at: float
    opus: bytes
    timestamp: int

    @property
    def is_silence(self) -> bool:
        return self.opus == SILENCE_OPUS


class MemoryPort:
    """A VoicePort without a network. ``gate`` closed: frames cannot leave."""

    def __init__(self) -> None:
        self.guild_id, self.channel_id = GUILD, CHANNEL
        self.locale = "en-US"
        self.own_name = "VoxBridge"
        self.dropped = 0
        self._relay = Relay(self._note_dropped)
        self._in_socket: list[VoiceEvent] = []
        self._is_stalled = False
        self.frames: list[SentFrame] = []
        self.bursts: list[tuple[float, float | None]] = []
        self.posted: list[tuple[float, str]] = []
        self.gate_open = True
        self.is_silenced = False
        self.is_full = False
        """The socket takes no frame, though the gate is open."""
        self._timestamp = 0
        self._positions: dict[UserId, int] = {}
        self._changed = trio.Event()

    def _note_dropped(self, count: int) -> None:
        self.dropped += count

    def listening(self, listener: Listener) -> AbstractContextManager[None]:
        return self._relay.listening(listener)

    def hand_over(self) -> float:
        while self._in_socket:
            self._relay.tell(self._in_socket.pop(0))
        return trio.current_time()

    @property
    def can_send(self) -> bool:
        return self.gate_open

    def begin_burst(self) -> None:
        self.bursts.append((trio.current_time(), None))

    def send_frame(self, opus: bytes) -> bool:
        if not self.gate_open or self.is_full:
            return False
        self.frames.append(SentFrame(trio.current_time(), opus, self._timestamp))
        self._timestamp += RTP_TICKS_PER_FRAME
        self.touch()
        return True

    def skip_frames(self, count: int) -> None:
        self._timestamp += count * RTP_TICKS_PER_FRAME

    def end_burst(self) -> None:
        self.bursts[-1] = (self.bursts[-1][0], trio.current_time())

    async def post_text(self, text: str) -> None:
        await trio.lowlevel.checkpoint()
        self.posted.append((trio.current_time(), text))
        self.touch()

    def touch(self) -> None:
        """Let those in ``wait_for`` look again."""
        self._changed.set()
        self._changed = trio.Event()

    # What the test does.

    @property
    def voice(self) -> list[SentFrame]:
        """The frames that hold sound."""
        return [frame for frame in self.frames if not frame.is_silence]

    def emit(self, event: VoiceEvent) -> None:
        if self._is_stalled:
            self._in_socket.append(event)
        else:
            self._relay.tell(event)

    def join(self, user: int, name: str = "Ada", *, is_bot: bool = False) -> UserId:
        self.emit(MemberJoined(UserId(user), name, is_bot))
        return UserId(user)

    def leave(self, user: UserId) -> None:
        self.emit(MemberLeft(user))

    def hang_up(self) -> None:
        """End the events: we have left for good."""
        self.emit(VoiceEnded())

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Let what comes wait in the socket, as when the reader's task does not have its turn."""
        self._is_stalled = True
        try:
            yield
        finally:
            self._is_stalled = False
            self.hand_over()

    def restart_stream(self, user: UserId) -> None:
        """Let the user's next packet begin a new stream, as after a rejoin."""
        self._positions[user] = (self._positions.get(user, 0) + 20_000) & 0xFFFF

    async def speak(self, user: UserId, packets: Iterable[bytes | None]) -> float:
        """Let ``user`` send the packets, 20 ms apart, the first now; None is lost on the way.

        Returns the Trio time of the last one.
        """
        began = trio.current_time()
        position = self._positions.get(user, 0)
        # silence advances the timestamp, not the sequence
        ticks = round(began / FRAME_S) * RTP_TICKS_PER_FRAME
        at = began
        for index, opus in enumerate(packets):
            at = began + index * FRAME_S
            await trio.sleep_until(at)
            timestamp = (ticks + index * RTP_TICKS_PER_FRAME) & 0xFFFF_FFFF
            if opus is not None:
                self.emit(OpusPacket(user, (position + index) & 0xFFFF, timestamp, opus, trio.current_time()))
            self._positions[user] = position + index + 1
        return at

    async def wait_for(
        self, condition: Callable[[], bool], timeout_s: float = 600.0, *, recheck_s: float = _RECHECK_S
    ) -> None:
        """Wait in virtual time until ``condition()`` holds; say what was sent if it does not.

        It is looked at after each frame and whatever else calls ``touch``, and every ``recheck_s``.
        """
        with trio.move_on_after(timeout_s):
            while not condition():
                with trio.move_on_after(recheck_s):  # a server's counters announce nothing
                    await self._changed.wait()
        assert condition(), (
            f"not within {timeout_s} s; {len(self.voice)} voice frames, the last at "
            f"{self.voice[-1].at if self.voice else None}, posted {self.posted}"
        )

    def pcm(self) -> bytes:
        """Decode all frames that left, 16 kHz mono."""
        decoder = Decoder(rate_hz=HEARING_RATE_HZ)
        return b"".join(decoder.decode(frame.opus) for frame in self.frames)
