"""One speaker of a room: an inbox, an ear, a line to the speech-to-text server, and the turns that come of it.

Everything here lives in the speaker's own nursery: a crash ends this speaker's work and nobody else's. The line
survives turns and barge-in; a turn that crashes ends alone.
"""

from __future__ import annotations

import math
from collections import deque

import structlog
import trio

from voxbridge.config.settings import EndpointingSettings, Settings
from voxbridge.core.backoff import Backoff
from voxbridge.core.endpointing import (
    Endpointer,
    EndpointRules,
    Guess,
    SpeechConfirmed,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from voxbridge.core.sound import FRAME_MS, OpusPacket
from voxbridge.core.voice import VoiceDown
from voxbridge.session.context import RoomContext
from voxbridge.session.ear import Ear, EarEvent, Heard
from voxbridge.session.notices import BargeIn, PartialTranscript, SpeakerStarted, SpeakerStopped
from voxbridge.session.supervise import supervise
from voxbridge.session.turn import Turn
from voxbridge.session.utterance import Utterance
from voxbridge.stages import Previous, Speaker, SttSession

_log = structlog.get_logger(__name__)

# 2 s of packets: the loop may stall for that long before the oldest sound is dropped.
_INBOX_PACKETS = 100


def endpoint_rules(settings: Settings) -> EndpointRules:
    """Return the settings' endpointing times in seconds."""
    rules: EndpointingSettings = settings.endpointing
    return EndpointRules(
        threshold=rules.vad_threshold,
        start_s=rules.start_ms / 1000,
        confirm_s=settings.barge_in.min_speech_ms / 1000,
        guess_s=rules.guess_ms / 1000,
        commit_s=rules.commit_ms / 1000,
        hesitant_commit_s=rules.hesitant_commit_ms / 1000,
        packet_gap_s=rules.packet_gap_ms / 1000,
        max_utterance_s=rules.max_utterance_ms / 1000,
    )


class SpeakerSession:
    """Listens to one speaker. ``hear`` and ``cut_off`` never block; ``run`` may be started again after a crash."""

    def __init__(self, context: RoomContext, speaker: Speaker) -> None:
        self.speaker = speaker
        self._context = context
        self._inbox, self._packets = trio.open_memory_channel[OpusPacket | VoiceDown](_INBOX_PACKETS)
        preroll_frames = context.tools.settings.endpointing.preroll_ms // FRAME_MS
        self._preroll: deque[OpusPacket] = deque(maxlen=preroll_frames)
        self._utterance: Utterance | None = None
        self._superseded: Turn | None = None
        self._previous: Previous | None = None
        self._line: SttSession | None = None
        context.tools.counters.speakers += 1

    @property
    def is_speaking(self) -> bool:
        """Tell whether an utterance is open."""
        return self._utterance is not None

    @property
    def is_line_up(self) -> bool:
        """Tell whether the line to the speech-to-text server is up."""
        return self._line is not None and self._line.is_connected

    @property
    def line_reconnects(self) -> int:
        """Return how often the open line was lost and made anew; a closed one is in the counters."""
        return 0 if self._line is None else self._line.reconnect_count

    def hear(self, item: OpusPacket | VoiceDown) -> None:
        """Take what the voice port says of this speaker; the oldest is dropped when we are too slow."""
        while True:
            try:
                self._inbox.send_nowait(item)
            except trio.WouldBlock:
                self._packets.receive_nowait()
                self._context.tools.counters.dropped_packets += 1
            else:
                return

    async def run(self) -> None:
        """Listen until cancelled."""
        tools = self._context.tools
        ear = Ear(Endpointer(endpoint_rules(tools.settings)), tools.new_detector(), tools.counters)
        # partial transcripts cost the server work: only where somebody may read them
        on_partial = self._on_partial if tools.settings.log.speech else None
        async with tools.stt.open(self.speaker, on_partial) as line, trio.open_nursery() as nursery:
            self._line = line
            try:
                await self._listen(ear, line, nursery)
            finally:
                tools.counters.stt_reconnects += line.reconnect_count
                self._line = None

    async def _listen(self, ear: Ear, line: SttSession, nursery: trio.Nursery) -> None:
        while True:
            due = ear.next_due()
            with trio.move_on_at(math.inf if due is None else due):
                item = await self._packets.receive()
                if isinstance(item, VoiceDown):
                    self._on_events(ear.cut_off(trio.current_time()), ear, line, nursery)
                else:
                    ear.push(item)
            self._on_events(ear.pull(trio.current_time()), ear, line, nursery)

    def _on_partial(self, text: str) -> None:
        self._context.tools.on_notice(PartialTranscript(self.speaker, text))

    def _on_events(self, events: list[EarEvent], ear: Ear, line: SttSession, nursery: trio.Nursery) -> None:
        for event in events:
            match event:
                case Heard(packet):
                    self._on_packet(packet)
                case SpeechStarted():
                    self._utterance = utterance = Utterance(line)
                    self._context.tools.on_notice(SpeakerStarted(self.speaker))
                    for packet in self._preroll:
                        utterance.feed(packet)
                    self._preroll.clear()
                case SpeechConfirmed():
                    self._take_floor()
                case Guess() if self._utterance is not None:
                    self._utterance.hold()
                    judge = self._context.tools.judge
                    nursery.start_soon(self._utterance.guess, ear.recent_pcm(), judge, ear.on_completion)
                case SpeechResumed() if self._utterance is not None:
                    self._utterance.resume()
                case TurnEnded():
                    self._on_turn_ended(event, nursery)

    def _on_packet(self, packet: OpusPacket) -> None:
        if self._utterance is None:
            self._preroll.append(packet)
        else:
            self._utterance.feed(packet)

    def _take_floor(self) -> None:
        """Cut short what this speech cuts short, ours and (if the room has it so) others' answers."""
        tools = self._context.tools
        rules = tools.settings.barge_in
        for cut in self._context.floor.on_speech(
            self.speaker.user_id, barge_in=rules.enabled, by_anyone=rules.by == "anyone"
        ):
            turn = self._context.turns[cut.turn_id]
            turn.cut(cut.reason)
            if cut.reason == "barge-in":
                tools.counters.barge_ins += 1
                answered = turn.user_id if isinstance(turn, Turn) else None
                tools.on_notice(BargeIn(self.speaker, cut.turn_id, answered))
            if not isinstance(turn, Turn) or turn.user_id != self.speaker.user_id:
                continue
            if cut.reason == "superseded":
                self._superseded = turn
            if turn.was_asked:
                self._previous = Previous(interrupted=True, heard=turn.heard_text)

    def _on_turn_ended(self, ended: TurnEnded, nursery: trio.Nursery) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return
        self._context.tools.on_notice(
            SpeakerStopped(self.speaker, ended.speech_end - ended.started_at, is_turn=ended.confirmed)
        )
        if not ended.confirmed:
            utterance.discard()
            return
        turn = Turn(
            self._context,
            self.speaker,
            ended,
            utterance.end(),
            prior=self._superseded,
            previous=self._previous,
        )
        self._superseded = self._previous = None
        nursery.start_soon(self._guarded, turn)

    async def _guarded(self, turn: Turn) -> None:
        """Run a turn so that a bug in it ends this turn only."""
        await supervise("turn", turn.run, backoff=Backoff(circuit=1), turn=turn.id)
