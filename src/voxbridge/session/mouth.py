"""The mouth of a room, and the one task that moves all mouths.

A room plays one track at a time; answers that are ready queue in the order in which their first sound came. Each
room keeps its own phase, so that the first frame of an answer leaves at once and not at somebody else's tick.

A burst is announced (voice op 5) over TCP and sent over UDP, so its first frame overtakes an announcement that is made
with it, and receivers may drop it. So speech is announced when its sound has been asked for: the synthesis, some 40 ms,
is the head start. That costs the first frame nothing, and no silence need be sent before it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import attrs
import structlog
import trio

from voxbridge.audio.gain import mixed, scaled
from voxbridge.audio.opus import Encoder
from voxbridge.audio.resample import to_stereo
from voxbridge.core.sound.bed import BedFrame
from voxbridge.core.sound.pcm import SILENCE_OPUS
from voxbridge.core.sound.playout import Begin, Done, Dry, End, Hum, Pause, Playout, PlayoutCommand, Silence, Speak
from voxbridge.core.sound.track import Track
from voxbridge.core.turns.waits import Waits
from voxbridge.session.counters import SessionCounters
from voxbridge.session.echo import SentSound
from voxbridge.session.thinking import ThinkingAloud
from voxbridge.session.voice import VoicePort

_log = structlog.get_logger(__name__)

# To announce takes half a millisecond of our thread, which the request for the sound must not wait for.
_ANNOUNCE_AFTER_S = 0.001

# A rejoin takes 25 to 50 ms and Discord's own trouble some seconds; an answer that waits longer answers nothing.
_HOLD_S = 10.0
_HOLD_MUTED_S = 2.0  # a moderator who meant it has not undone it by then

# The thinking sound comes so slowly that it startles nobody, and is gone before the first word of who speaks is over.
_RISE_FRAMES, _FALL_FRAMES = 15, 5


@attrs.define(eq=False)
class Playing:
    """A track on its way out. ``on_first`` is called with the Trio time of its first frame, ``on_dry`` whenever all the
    sound that there was has been played.
    """

    track: Track
    on_first: Callable[[float], None]
    on_dry: Callable[[], None]
    done: trio.Event = attrs.field(factory=trio.Event)
    last_frame_at: float | None = None
    was_given_up: bool = False


class PlayoutClock:
    """The one task that sends frames, for every room of the daemon.

    One ticker costs a fraction of a task per room (12 against 50 us a frame at 200 rooms), and keeps its schedule
    when the machine is busy. ``on_lateness`` is told of each frame by how many seconds it missed its time.
    """

    def __init__(self, on_lateness: Callable[[float], None] = lambda _seconds: None) -> None:
        self._on_lateness = on_lateness
        self._mouths: set[Mouth] = set()
        self._due = math.inf
        self._sleep = trio.CancelScope(deadline=-math.inf)  # the first round comes at once
        self.beats = 0
        self._went_round = trio.Event()

    def add(self, mouth: Mouth) -> None:
        """Serve this mouth from now on."""
        self._mouths.add(mouth)
        self.wake()

    def remove(self, mouth: Mouth) -> None:
        """Serve this mouth no longer."""
        self._mouths.discard(mouth)
        self.wake()

    def wake(self) -> None:
        """Look at the schedules again: one of them has changed."""
        self._due = min((mouth.due for mouth in self._mouths), default=math.inf)
        if self._due < self._sleep.deadline:  # a later one is found out when the clock wakes
            self._sleep.deadline = self._due

    async def beat(self) -> None:
        """Return once the clock has gone round: proof that it moves, also when nobody is speaking."""
        went_round = self._went_round
        self._sleep.deadline = -math.inf
        await went_round.wait()

    async def run(self) -> None:
        """Send each mouth's frames when they are due, for ever."""
        while True:
            with self._sleep:
                await trio.sleep_forever()
            self.beats += 1
            self.catch_up()
            self._sleep = trio.CancelScope(deadline=self._due)
            self._went_round.set()
            self._went_round = trio.Event()

    def catch_up(self) -> None:
        """Send what is due by now. Synchronous; may be called at any time, and costs next to nothing."""
        if self._due > trio.current_time():
            return
        for mouth in list(self._mouths):
            now = trio.current_time()
            if mouth.announce_at <= now:
                mouth.announce()
            if mouth.hum_at <= now:
                mouth.hum(now)
            due_at = mouth.next_due
            if due_at is not None and due_at <= now:
                self._on_lateness(now - due_at)
                mouth.tick(now)
        self.wake()


class Punctual(trio.abc.Instrument):
    """Has the clock catch up between any two steps of the loop, and not only when its own task has its turn.

    A round of the loop is as long as all that is ready: with 25 people speaking some 10 ms, of which no step is longer
    than a third. Without this a frame waited for the end of the round, and for its turn in the next one.
    """

    def __init__(self, clock: PlayoutClock) -> None:
        self._clock = clock

    def after_task_step(self, _task: trio.lowlevel.Task) -> None:
        """Send what has become due."""
        self._clock.catch_up()


class Mouth:
    """One room's mouth: a queue of tracks, the schedule, the encoder, and the port that the frames leave by."""

    def __init__(
        self, port: VoicePort, clock: PlayoutClock, counters: SessionCounters | None = None, *, stereo: bool = False
    ) -> None:
        self._port = port
        self._clock = clock
        self._playout = Playout()
        self._stereo = stereo
        self._encoder = Encoder(channels=2 if stereo else 1)
        self._queue: deque[Playing] = deque()
        self._current: Playing | None = None
        self._expected: list[Track] = []
        self.announce_at = math.inf
        """When to announce the sound that is expected, in Trio time."""
        self._is_announced = self._is_in_burst = False
        self._moved = trio.Event()
        self._counters = counters or SessionCounters()
        self.waits = Waits()
        """Who waits for an answer here."""
        self.thinking: ThinkingAloud | None = None
        self.sent = SentSound()
        """What has left in the last seconds."""

    @property
    def next_due(self) -> float | None:
        """Return the Trio time of the next frame, or None while there is nothing to send."""
        return self._playout.next_due

    @property
    def due(self) -> float:
        """Return the Trio time of the next frame, announcement or thinking sound, or infinity."""
        next_due = self._playout.next_due
        return min(self.announce_at, self.hum_at, math.inf if next_due is None else next_due)

    @property
    def hum_at(self) -> float:
        """Return the Trio time at which something should be heard though nothing is ready; infinity while it is."""
        if self.thinking is None or self.waits.is_empty or self._playout.bed.is_sounding:
            return math.inf
        return self.waits.due(self.thinking.after_s)

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is playing or waiting."""
        return self._current is None and not self._queue and self._playout.is_idle

    @property
    def is_taken(self) -> bool:
        """Tell whether what begins now is likely to wait for something else."""
        return self._current is not None or bool(self._queue) or bool(self._expected)

    @property
    def late_frames(self) -> int:
        """Return how many frames left more than half a frame late."""
        return self._playout.late_frames

    def expect(self, track: Track) -> None:
        """Announce in a moment that sound of ``track`` is on its way. Called off if it ends without a sound."""
        self._expected.append(track)
        if not self._is_announced:
            self.announce_at = trio.current_time() + _ANNOUNCE_AFTER_S
            self._clock.wake()

    def play(
        self, track: Track, on_first: Callable[[float], None], on_dry: Callable[[], None] = lambda: None
    ) -> Playing:
        """Queue a track; it is played when those before it are done."""
        self._expected = [each for each in self._expected if each is not track]
        playing = Playing(track, on_first, on_dry)
        self._queue.append(playing)
        self.changed()
        return playing

    def changed(self) -> None:
        """Note that a track got sound, was finished or was closed."""
        now = trio.current_time()
        self._retire()
        self._advance()
        self._playout.wake(now)
        self._tell()
        if self._playout.next_due is not None and self._playout.next_due <= now:
            self.tick(now)  # the first frame of a burst leaves in the very step in which its sound came
        self._call_off()
        self._clock.wake()

    async def until_changed(self) -> None:
        """Wait for the next frame, or the next change of a track."""
        await self._moved.wait()

    def _tell(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    def _retire(self) -> None:
        """Drop queued tracks that were closed before their turn came."""
        for playing in [p for p in self._queue if p.track.is_closed]:
            self._queue.remove(playing)
            playing.done.set()

    def _advance(self) -> None:
        if self._current is None and self._queue:
            self._current = self._queue.popleft()
            self._playout.load(self._current.track)
            self._encoder.reset()  # of an answer that was cut, the last 6.5 ms are still in it

    def hum(self, now: float) -> None:
        """Let the thinking sound begin, if a frame of it could leave."""
        thinking, track = self.thinking, self._playout.track
        has_answer = track is not None and track.has_sound  # it cannot leave: the gate is shut, or it is paused
        if thinking is None or has_answer or not self._port.can_send:
            self.waits.heard(now)
            return
        language = self.waits.take_filler() if thinking.fills and not self._expected else None
        opening = None if language is None else thinking.opening(language)
        self._playout.bed.begin(opening, thinking.loop, _RISE_FRAMES)
        if self._playout.bed.is_sounding:
            self._counters.thinking_sounds += 1
            self._playout.hum(now)
        else:
            self.waits.heard(now)

    def hush(self) -> None:
        """Note that somebody speaks: the thinking sound dies away, and comes back after as long a silence."""
        self.waits.heard(trio.current_time())
        self._playout.bed.fade(_FALL_FRAMES)

    def waited_for(self, turn_id: str, since: float, language: str) -> None:
        """Note that somebody waits for an answer since then; see ``Waits``."""
        self.waits.begin(turn_id, since, language)
        self._clock.wake()

    def waited_for_no_more(self, turn_id: str) -> None:
        """Note that nobody waits for that answer any more: all of its sound has come, or none will."""
        self.waits.end(turn_id)
        if self.waits.is_empty:
            self._playout.bed.fade(_FALL_FRAMES)
        self._clock.wake()

    def tick(self, now: float) -> None:
        """Carry out what the schedule says for ``now``."""
        self._lose_patience(now)
        for command in self._playout.tick(now, can_send=self._port.can_send):
            try:
                self._carry_out(command, now)
            except Exception as error:  # noqa: BLE001 - synchronous; one room's bug must not stop the clock of all
                self._give_up(error)
        self._call_off()
        self._tell()

    def _carry_out(self, command: PlayoutCommand, now: float) -> None:
        match command:
            case Begin(pause_frames):
                if pause_frames:
                    self._port.skip_frames(pause_frames)
                self._is_in_burst = True
                self.announce()
            case Pause(frames):
                self._port.skip_frames(frames)
            case Speak(pcm, loudness, under):
                self._speak(scaled(pcm, loudness), under, now)
            case Hum(frame):
                pcm = scaled(frame.pcm, frame.loudness)
                if self._send(pcm) and frame.text:
                    self.sent.filler(now, pcm, frame.text)
            case Dry():
                if self._current is not None:
                    self._current.on_dry()
            case Silence():
                self._port.send_frame(SILENCE_OPUS)
            case End():
                self._is_in_burst = False
            case Done():
                self._done(now)

    def announce(self) -> None:
        """Announce a burst, unless that is done."""
        self.announce_at = math.inf
        if not self._is_announced:
            self._is_announced = True
            self._port.begin_burst()

    def _call_off(self) -> None:
        """Announce silence when the burst is over and no sound is expected any more."""
        self._expected = [track for track in self._expected if not track.is_done]
        is_needed = self._is_in_burst or self._expected or self._queue or self._current is not None
        if not is_needed:
            self.announce_at = math.inf
        if self._is_announced and not is_needed:
            self._is_announced = False
            self._port.end_burst()

    def _give_up(self, error: Exception) -> None:
        current = self._current
        if current is not None and not current.was_given_up:
            _log.error("a frame could not be sent; the answer is given up", exc_info=error)
            self._drop(current)

    def _lose_patience(self, now: float) -> None:
        """Give up what could not leave for too long."""
        held_since, current = self._playout.held_since, self._current
        patience_s = _HOLD_MUTED_S if self._port.is_silenced else _HOLD_S
        if held_since is not None and now - held_since > patience_s and current is not None:
            self._drop(current)

    def _drop(self, playing: Playing) -> None:
        self._counters.dropped_answers += 1
        playing.was_given_up = True
        playing.track.close()
        playing.on_dry()  # from now on the user waits, and whoever is still making the answer has a limit again

    def _send(self, pcm: bytes) -> bool:
        return self._port.send_frame(self._encoder.encode(to_stereo(pcm) if self._stereo else pcm))

    def _speak(self, pcm: bytes, under: BedFrame | None, now: float) -> None:
        if not self._send(pcm if under is None else mixed(pcm, scaled(under.pcm, under.loudness))):
            self._playout.stayed()
            return
        self.waits.heard(now)
        current = self._current
        if current is None:
            return
        self.sent.frame(now, pcm, current.track.current_text)
        is_first, current.last_frame_at = current.last_frame_at is None, now
        if is_first:
            current.on_first(now)

    def _done(self, now: float) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.done.set()
        self._advance()
        self._playout.wake(now)
