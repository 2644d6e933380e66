"""What is measured of one turn while it runs, and the report that is made of it when it is over."""

from __future__ import annotations

from typing import Literal

import attrs
import trio

from voxbridge import clock
from voxbridge.core.turns.endpointing import TurnEnded
from voxbridge.core.turns.timeline import Timeline
from voxbridge.errors import StageError, StageTimeout, StageUnavailable, VoxBridgeError
from voxbridge.session.answer import Answer
from voxbridge.session.context import RoomContext
from voxbridge.session.question import Question
from voxbridge.session.report import Outcome, TurnReport
from voxbridge.session.rules import TurnRules
from voxbridge.session.utterance import Verdict
from voxbridge.stages.contracts import Speaker

_MOVING_MARKS = frozenset({"tts_last_pcm"})  # marked with each piece: the last one stands


@attrs.frozen
class Ending:
    """How a turn ended. ``speculation``: what became of its having been asked ahead, if it was."""

    outcome: Outcome
    error: VoxBridgeError | None
    verdict: Verdict
    speculation: Literal["kept", "wasted"] | None


class TurnRecord:
    """The timeline of one turn, from the first voiced frame on."""

    def __init__(
        self, turn_id: str, context: RoomContext, rules: TurnRules, speaker: Speaker, ended: TurnEnded
    ) -> None:
        self._turn_id, self._context, self._rules, self._speaker = turn_id, context, rules, speaker
        self.started_at = context.tools.wall_iso()
        self._monotonic_offset_s = clock.monotonic_s() - trio.current_time()
        self._timeline = Timeline(turn_id, ended.started_at)
        self._timeline.mark("speech_start", ended.started_at)
        self._timeline.mark("speech_end", ended.speech_end)

    @property
    def is_sounding(self) -> bool:
        """Tell whether a frame of the answer has left."""
        return self._timeline.at("first_audio") is not None

    def mark(self, name: str) -> None:
        """Note that something happens now."""
        self.mark_at(name, trio.current_time())

    def mark_at(self, name: str, at: float) -> None:
        """Note when something happened."""
        if name in _MOVING_MARKS:
            self._timeline.remark(name, at)
        else:
            self._timeline.mark(name, at)

    def first_frame(self, at: float) -> None:
        """Note that the first frame of the answer, or of the apology, has left."""
        self._timeline.mark("first_audio", at)

    def close(self, ending: Ending, question: Question, answer: Answer) -> None:
        """Make the report, and tell those who keep accounts."""
        speech = answer.speech
        self._context.allowance.spoke(speech.heard_s)
        if speech.last_frame_at is not None:
            self.mark_at("last_audio", speech.last_frame_at)
        self.mark("ended")
        won_ms = self._won_ms() if ending.speculation is not None else None
        self._account(answer, won_ms)
        rules, error = self._rules, ending.error
        self._context.tools.on_report(
            TurnReport(
                turn_id=self._turn_id,
                guild_id=self._speaker.guild_id,
                channel_id=self._speaker.channel_id,
                user_id=self._speaker.user_id,
                outcome=ending.outcome,
                # what people say to each other is theirs
                heard="" if ending.outcome == "not-addressed" else question.text,
                answer=answer.text,
                spoken=speech.heard_text,
                started_at=self.started_at,
                started_monotonic_s=self._timeline.started_at + self._monotonic_offset_s,
                marks=self._timeline.marks,
                parts=tuple(self._timeline.parts(rules.targets_ms)),
                first_audio=self._timeline.first_audio(rules.first_audio_target_ms),
                error=None if error is None else str(error),
                failed_stage=error.stage if isinstance(error, StageError) else None,
                turn_model=ending.verdict,
                trimmed=speech.trimmed,
                speculation=ending.speculation,
                won_ms=won_ms,
                profile=speech.persona.name if answer.has_asked else "",
            )
        )

    def _account(self, answer: Answer, won_ms: float | None) -> None:
        """Tell the account of what is asked ahead how the agent is, and what it won."""
        tools, now, error = self._context.tools, trio.current_time(), answer.agent_error
        first_text_s = self._timeline.between("agent_request", "agent_first_text")
        if isinstance(error, StageTimeout | StageUnavailable):
            is_limited = isinstance(error, StageUnavailable) and error.retry_after_s is not None
            tools.speculation.note_failure(now, is_limited=is_limited)
        elif first_text_s is not None:
            tools.speculation.note_answer(self._rules.speculation, first_text_s, now)
        if won_ms is not None:
            tools.speculation.note_won(won_ms / 1000)
            tools.counters.speculation_won_ms += round(won_ms)

    def _won_ms(self) -> float | None:
        """Return how much sooner the answer sounded: it was ready earlier, or asked for earlier, whichever is less."""
        lead_s = self._timeline.between("agent_request", "turn_decided")
        ready_s = self._timeline.between("agent_request", "tts_first_pcm")
        if lead_s is None or ready_s is None or not self.is_sounding:
            return None
        return round(max(0.0, min(lead_s, ready_s)) * 1000, 3)
