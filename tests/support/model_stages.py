"""The stages of random conversations. What they are asked and have done is written down: the model is held to it."""

from __future__ import annotations

import random

import attrs
import trio

from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts
from tests.support.voices import tone_pcm
from voxbridge.core.health.hedge import Hedge
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.errors import AgentFailed, NoReply, StageProtocolError, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import AgentRequest, AnswerSink, SoundSink, TextDelta, TtsRequest
from voxbridge.stages.failover import FailoverAgent, Guard


@attrs.define
class Facts:
    """What the stages were asked, and what they have done."""

    rng: random.Random
    is_well: bool = False
    words: int = 0
    heard: dict[str, str | None] = attrs.field(factory=dict)
    """By the word that was said: never asked for without an entry."""
    requests: list[AgentRequest] = attrs.field(factory=list)
    came: dict[str, str] = attrs.field(factory=dict)
    """What the agent wrote, by turn."""
    errors: dict[str, Exception] = attrs.field(factory=dict)
    """How the agent failed, by turn."""
    finished: set[str] = attrs.field(factory=set)
    """The turns whose answer was written to its end."""

    crashed: set[str] = attrs.field(factory=set)
    """The turns whose voice had a bug, which ends the agent's work as well."""
    begun: dict[str, trio.Event] = attrs.field(factory=dict)
    """Set when the agent is about to write the first sentence of a turn, or has failed before."""

    def has_begun(self, turn_id: str) -> trio.Event:
        return self.begun.setdefault(turn_id, trio.Event())

    def happens(self, chance: float) -> bool:
        return not self.is_well and self.rng.random() < chance


@attrs.define
class Stt(ScriptedStt):
    """Hears a new word in each utterance, or fails."""

    facts: Facts = attrs.field(kw_only=True)

    async def next_outcome(self, default: str) -> str:  # noqa: ARG002
        facts = self.facts
        fails, is_noise = facts.happens(0.2), facts.happens(0.1)
        await trio.sleep(facts.rng.choice((0.1, 0.3, 1.0)) if not facts.is_well else 0.1)
        if fails:
            raise facts.rng.choice(
                [StageTimeout("stt", "total", 5.0), RuntimeError("a bug"), StageUnavailable("stt", "")]
            )
        if is_noise:
            return ""
        facts.words += 1
        return f"w{facts.words}"


@attrs.define
class Agent(ScriptedAgent):
    """Answers with sentences that name the turn, or fails: at once, in the middle, or by never ending."""

    facts: Facts = attrs.field(kw_only=True)

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        facts = self.facts
        facts.requests.append(request)
        out.asked()
        fate = facts.rng.choice(("fails", "breaks", "hangs", "bug", "none")) if facts.happens(0.4) else "well"
        await trio.sleep(facts.rng.choice((0.1, 0.4, 2.0)) if not facts.is_well else 0.1)
        error: Exception | None = None
        match fate:
            case "fails":
                error = StageUnavailable("agent", "down")
            case "bug":
                error = RuntimeError("a bug")
            case "none":
                error = NoReply("agent", "nothing")
            case "breaks":
                error = AgentFailed("agent", "broke off")
        count = 1 + facts.rng.randrange(4)
        pause_s = facts.rng.choice((0.05, 0.05, 1.5)) if not facts.is_well else 0.05
        for number in range(count):
            if error is not None and (fate != "breaks" or number == 1 or number == count - 1):
                facts.errors[request.turn_id] = error
                facts.has_begun(request.turn_id).set()
                raise error
            if fate == "hangs" and number == count - 1:
                facts.has_begun(request.turn_id).set()
                await trio.sleep_forever()
            sentence = f"This is {request.turn_id} part {number}. "
            facts.came[request.turn_id] = facts.came.get(request.turn_id, "") + sentence
            facts.has_begun(request.turn_id).set()
            await out.send(TextDelta(sentence))
            await trio.sleep(pause_s)
        facts.finished.add(request.turn_id)


@attrs.define
class Twin(ScriptedAgent):
    """Is asked beside the agent when that one is late, and has its first sentence in the same instant."""

    facts: Facts = attrs.field(kw_only=True)

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        facts = self.facts
        out.asked()
        await facts.has_begun(request.turn_id).wait()
        if error := facts.errors.get(request.turn_id):
            raise error
        if request.turn_id in facts.came:
            await out.send(TextDelta(facts.came[request.turn_id]))
            facts.finished.add(request.turn_id)
        else:
            await trio.sleep_forever()


def doubled(facts: Facts) -> FailoverAgent:
    """Return an agent of which a second one is asked after 0.1 s."""
    hedge = Hedge(share=1.0, samples_min=1)
    hedge.came(0.09)
    stages = (Agent(facts=facts), Twin(facts=facts))
    return FailoverAgent([Guard(stage, "agent", reserve_s=0.5) for stage in stages], hedge=hedge)


@attrs.define
class Tts(ScriptedTts):
    """Speaks a tone for each sentence, or fails before, within or without a sound."""

    facts: Facts = attrs.field(kw_only=True)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        facts = self.facts
        out.asked()
        fate = facts.rng.choice(("fails", "breaks", "mute", "bug")) if facts.happens(0.15) else "well"
        await trio.sleep(0.04)
        match fate:
            case "fails":
                raise StageUnavailable("tts", "down")
            case "bug":
                facts.crashed.add(request.turn_id)
                raise RuntimeError("a bug")
            case "mute":
                return
        out.push(Pcm(tone_pcm(0.3), SPEECH_RATE_HZ))
        if fate == "breaks":
            raise StageProtocolError("tts", "cut")
        await trio.sleep(0.02)
        out.push(Pcm(tone_pcm(0.5), SPEECH_RATE_HZ))
