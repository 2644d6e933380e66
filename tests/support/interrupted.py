"""Conversations in which every answer is spoken over, at any time; and of which answer each frame that left is.

Each turn's answer is a tone of its own, so the sound itself tells whose frame it is, whatever the reports say.
"""

from __future__ import annotations

import functools
import itertools
import random

import attrs
import numpy as np
import trio

from tests.support.hall import Hall, open_hall
from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts
from tests.support.voices import tone_pcm
from voxbridge.audio.opus import Decoder
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_RATE_HZ, Pcm
from voxbridge.session.context import Tools
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import AgentRequest, AnswerSink, SoundSink, TextDelta, TtsRequest

CUT = frozenset({"superseded", "interrupted", "cancelled"})
_PITCHES_HZ = tuple(range(400, 2800, 200))  # apart by four times what 20 ms can tell
_LEAD = round(0.005 * SPEECH_RATE_HZ)  # an encoder gives out sound 6.5 ms late; what comes before is older
_QUESTIONS = 8


def pitch_of(turn_id: str) -> int:
    """Return the number of the tone of a turn's answer."""
    return int(turn_id.removeprefix("turn-")) % len(_PITCHES_HZ)


@functools.cache
def _tone(pitch: int, seconds: float) -> bytes:
    return tone_pcm(seconds, _PITCHES_HZ[pitch])


@attrs.define
class _Stt(ScriptedStt):
    """Hears "no I meant wN" in each utterance."""

    rng: random.Random = attrs.field(kw_only=True)
    words: itertools.count[int] = attrs.field(factory=lambda: itertools.count(1))

    async def next_outcome(self, default: str) -> str:  # noqa: ARG002
        await trio.sleep(self.rng.choice((0.05, 0.2, 0.6)))
        return f"no I meant w{next(self.words)}"


@attrs.define
class _Agent(ScriptedAgent):
    """Answers with three sentences that name the turn, some of them late."""

    rng: random.Random = attrs.field(kw_only=True)

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        self.requests.append(request)
        out.asked()
        for number in range(3):
            await trio.sleep(self.rng.choice((0.0, 0.1, 0.4)))
            await out.send(TextDelta(f"This is sentence {number} of the answer to {request.turn_id}. "))


@attrs.define
class _Tts(ScriptedTts):
    """Speaks the turn's tone, in two pieces."""

    rng: random.Random = attrs.field(kw_only=True)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        out.asked()
        for seconds in (0.3, 0.9):
            await trio.sleep(self.rng.choice((0.01, 0.04, 0.3)))
            out.push(Pcm(_tone(pitch_of(request.turn_id), seconds), SPEECH_RATE_HZ))


async def interrupted(seed: int) -> int:
    """Play the conversation of a seed and check every frame of it; return how many answers were cut short."""
    rng = random.Random(seed)
    random.seed(seed)
    barge_in = BargeInSettings(
        policy=rng.choice(("duck", "duck", "yield", "finish")), by=rng.choice(("speaker", "anyone"))
    )
    began: dict[str, float] = {}

    def change(tools: Tools) -> Tools:
        def on_report(report: TurnReport) -> None:
            began[report.turn_id] = trio.current_time() - report.marks["ended"]
            tools.on_report(report)

        stt = _Stt(rng=rng, can_peek=rng.random() < 0.7)
        return attrs.evolve(tools, on_report=on_report, stt=stt, agent=_Agent(rng=rng), tts=_Tts(rng=rng))

    async with open_hall(settings=Settings(barge_in=barge_in), change=change) as hall:
        users = [hall.port.join(1), hall.port.join(2, "Bob")]
        await trio.sleep(1)
        for _ in range(_QUESTIONS):
            await _question(hall, rng, users)
        await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)
        check(hall, began, f"seed {seed}, {barge_in.policy} by {barge_in.by}")
        return sum(each.outcome in CUT for each in hall.reports)


async def _question(hall: Hall, rng: random.Random, users: list[UserId]) -> None:
    """Let somebody speak, most often over what is being thought or said, at any time of it."""
    await hall.say(users[rng.random() < 0.15], rng.choice((15, 25, 40, 60)))
    await trio.sleep(rng.uniform(0.0, 3.0))
    if rng.random() < 0.05:
        hall.room.stop()


def check(hall: Hall, began: dict[str, float], where: str) -> None:
    """Check that each frame is of the answer that sounds then, and of none that was cut before."""
    spans = sorted(
        (began[each.turn_id] + each.marks["first_audio"], _silent_at(each, began), each.turn_id)
        for each in hall.reports
        if "first_audio" in each.marks
    )
    decoder = Decoder(rate_hz=SPEECH_RATE_HZ)
    heard: set[str] = set()
    for frame in hall.port.frames:
        sound = np.frombuffer(decoder.decode(frame.opus), "<i2").astype(np.float64)
        if frame.is_silence:
            continue
        sounding = [turn_id for first, last, turn_id in spans if first - 1e-9 <= frame.at <= last + 1e-9]
        at = f"{where}: the frame at {frame.at:.3f} s"
        assert len(sounding) == 1, f"{at} is of {sounding}: {spans}"
        if sounding[0] not in heard:
            assert np.abs(sound[:_LEAD]).max() < 500, f"{at}, the first of {sounding[0]}, begins with something older"
        _check_sound(sound, pitch_of(sounding[0]), at)
        heard.add(sounding[0])
    assert heard == {turn_id for _, _, turn_id in spans}, f"{where}: an answer without a frame"


def _silent_at(report: TurnReport, began: dict[str, float]) -> float:
    marks = report.marks
    return began[report.turn_id] + min(marks.get("cut", marks["last_audio"]), marks["last_audio"])


def _check_sound(sound: np.ndarray[tuple[int], np.dtype[np.float64]], pitch: int, at: str) -> None:
    """Check that a frame holds its own tone."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    if np.abs(sound).max() < 1000:
        return  # it fades in
    energies = [spectrum[round(hz * FRAME_S) - 1 : round(hz * FRAME_S) + 2].sum() for hz in _PITCHES_HZ]
    loudest = int(np.argmax(energies))
    assert loudest == pitch, f"{at} sounds like {_PITCHES_HZ[loudest]} Hz, and the answer is {_PITCHES_HZ[pitch]} Hz"
