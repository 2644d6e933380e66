"""Live events for whoever follows them, under the names the original has for them (facts: its WebSocket).

notice, report, backend -> {"event": name, "data": {...}} -> each follower's own bounded queue

Speech and names are in the data only with ``[log] speech``. A follower that is too slow loses the newest events and
is told how many, so that nobody can hold the daemon up or fill its memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import trio

from voxbridge.clock import wall_iso
from voxbridge.session.notices import (
    AnswerText,
    BargeIn,
    FinalTranscript,
    Notice,
    PartialTranscript,
    SpeakerStarted,
    SpeakerStopped,
    TurnTaken,
)
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import Speaker
from voxbridge.stages.health import BackendChanged

# A busy room makes some ten events a second: half a minute of a follower's pause.
_QUEUE_EVENTS = 256
_KEPT_EVENTS = 100

Event = dict[str, Any]


@attrs.define(eq=False)
class Follower:
    """One reader of the events. ``dropped`` counts what it was too slow for and has not been told of."""

    _send: trio.MemorySendChannel[Event]
    _receive: trio.MemoryReceiveChannel[Event]
    dropped: int = 0

    def offer(self, event: Event) -> None:
        """Queue an event, or count it. Never blocks."""
        try:
            if self.dropped:
                self._send.send_nowait(make_event("dropped", count=self.dropped))
                self.dropped = 0
            self._send.send_nowait(event)
        except trio.WouldBlock:
            self.dropped += 1

    async def next(self) -> Event:
        """Return the next event once it is there."""
        return await self._receive.receive()


class EventHub:
    """Hands what happens to those who follow, and keeps the last events for those who come later."""

    def __init__(self, speech: Callable[[], bool]) -> None:
        self._speech = speech
        self._followers: set[Follower] = set()
        self.recent: deque[Event] = deque(maxlen=_KEPT_EVENTS)

    @property
    def followers(self) -> int:
        """Return how many follow."""
        return len(self._followers)

    @contextmanager
    def follow(self) -> Iterator[Follower]:
        """Have a queue of one's own for as long as the block lasts."""
        send, receive = trio.open_memory_channel[Event](_QUEUE_EVENTS)
        follower = Follower(send, receive)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    def publish(self, name: str, **data: Any) -> None:
        """Tell everybody. Never blocks."""
        event = make_event(name, **data)
        self.recent.append(event)
        for follower in self._followers:
            follower.offer(event)

    def on_notice(self, notice: Notice) -> None:
        """Tell what happened in a room."""
        match notice:
            case SpeakerStarted(speaker):
                self.publish("speaker_started", **self._who(speaker))
            case SpeakerStopped(speaker, duration_s, is_turn):
                duration_ms = round(duration_s * 1000)
                self.publish("speaker_stopped", **self._who(speaker), durationMs=duration_ms, isTurn=is_turn)
            case PartialTranscript(speaker, text):
                if self._speech():
                    self.publish("partial_transcript", **self._who(speaker), text=text)
            case FinalTranscript(speaker, turn_id, text):
                self.publish("final_transcript", **self._who(speaker), turnId=turn_id, **self._said(text))
            case BargeIn(speaker, turn_id, answered):
                who = None if answered is None else str(answered)
                self.publish(
                    "user_interruption", **self._who(speaker), turnId=turn_id, answered=who, strategy="barge-in"
                )
            case TurnTaken() | AnswerText():
                pass  # for the chat; the answer is told whole, with its turn's end

    def on_report(self, report: TurnReport) -> None:
        """Tell how a turn ended, and what was answered."""
        data: dict[str, Any] = {"id": report.turn_id, "guildId": str(report.guild_id), "userId": str(report.user_id)}
        if report.answer:
            self.publish("ai_response", **data, **self._said(report.answer), isFinal=True, outcome=report.outcome)
        first_ms = None if report.first_audio is None else round(report.first_audio.ms, 1)
        self.publish("turn", **data, outcome=report.outcome, firstAudioMs=first_ms)
        if report.failed_stage is not None:
            self.publish(
                "service_error",
                service_name=report.failed_stage,
                error_type="turn_failed",
                technical_details=report.error,
                turnId=report.turn_id,
                severity="error",
                retry_suggested=True,
            )

    def on_backend(self, change: BackendChanged) -> None:
        """Tell that a server went down, or is up again; one that fails at its work is told of by the turns."""
        backend = change.backend
        if backend.state == "down":
            self.publish(
                "service_error",
                service_name=backend.stage,
                error_type="down",
                technical_details=backend.detail,
                severity="critical",
                retry_suggested=False,
            )
        elif backend.state == "up" and change.was != "failing":
            self.publish("service_up", service_name=backend.stage)

    def _who(self, speaker: Speaker) -> dict[str, str]:
        who = {"guildId": str(speaker.guild_id), "userId": str(speaker.user_id)}
        return who | {"username": speaker.name} if self._speech() else who

    def _said(self, text: str) -> dict[str, Any]:
        return {"text": text} if self._speech() else {"characters": len(text)}


def make_event(name: str, **data: Any) -> Event:
    """Return an event as it goes over the wire."""
    return {"event": name, "data": {**data, "timestamp": wall_iso()}}
