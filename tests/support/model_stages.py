"""The stages of random conversations. What they are asked and have done is written down: the model is held to it."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs
import trio

from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts
from tests.support.voices import tone_pcm
from voxbridge.config.secrets import Secret
from voxbridge.core.agents.history import HistoryRules
from voxbridge.core.health.hedge import Hedge
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.errors import (
    AgentFailed,
    NoReply,
    StageError,
    StageProtocolError,
    StageRefused,
    StageTimeout,
    StageUnavailable,
)
from voxbridge.stages.agent.memory import Memory
from voxbridge.stages.agent.openai import OpenAiAgentSettings
from voxbridge.stages.contracts import (
    AgentEvent,
    AgentRequest,
    AgentStage,
    AnswerOptions,
    AnswerSink,
    SoundSink,
    TextDelta,
    TtsOptions,
    TtsRequest,
)
from voxbridge.stages.failover import FailoverAgent, FailoverTts, Guard
from voxbridge.testing.servers.n8n import Question
from voxbridge.testing.servers.n8n_plans import Break, Head, Line, Plan, Step, Wait, failure


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
    told: dict[str, list[dict[str, str]]] = attrs.field(factory=dict)
    """The conversation that a model was told, by the turn that it was told it in."""
    strange_voices: list[str] = attrs.field(factory=list)
    """Voices that a server was asked for and has not: it has refused them."""
    begun: dict[str, trio.Event] = attrs.field(factory=dict)
    """Set when the agent is about to write the first sentence of a turn, or has failed before."""

    def has_begun(self, turn_id: str) -> trio.Event:
        return self.begun.setdefault(turn_id, trio.Event())

    def happens(self, chance: float) -> bool:
        return not self.is_well and self.rng.random() < chance


class Probed:
    """A stage whose probe may have a bug, as a plug-in's may."""

    __slots__ = ()
    facts: Facts

    async def probe(self) -> str:
        await trio.sleep(0.1)
        if self.facts.happens(0.3):
            raise RuntimeError("a bug in the probe")
        return "well"


@attrs.define
class Stt(Probed, ScriptedStt):
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
class Agent(Probed, ScriptedAgent):
    """Answers with sentences that name the turn, or fails: at once, in the middle, or by never ending."""

    facts: Facts = attrs.field(kw_only=True)
    voice: str | None = None
    """The voice that it wants its answers spoken with."""

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
        if self.voice is not None:
            await out.send(AnswerOptions(TtsOptions(voice=self.voice)))
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
class Twin(Probed, ScriptedAgent):
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


_MODEL = OpenAiAgentSettings(url=Secret("http://model.test"), model="m")


@attrs.define
class Model(Agent):
    """A language model: the bridge keeps its conversation, as for any other."""

    memory: Memory = attrs.field(factory=lambda: Memory(_MODEL), kw_only=True)

    @property
    def history_rules(self) -> HistoryRules:
        return self.memory.rules

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        remembered = self.memory.begin(request, trio.current_time())
        self.facts.told[request.turn_id] = remembered.messages
        try:
            await Agent.answer(self, request, Overheard(out, lambda event: remembered.add(event.text)))
        finally:
            remembered.close(trio.current_time())


@attrs.define
class Second(Model):
    """A model that is asked after another has failed with nothing said."""

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        asked = self.facts.requests
        asked[:] = [each for each in asked if each.turn_id != request.turn_id]  # it is one question
        self.facts.errors.pop(request.turn_id, None)
        await Model.answer(self, request, out)


def models(facts: Facts) -> FailoverAgent:
    """Return a model with another one behind it."""
    return FailoverAgent([Guard(stage, "agent", reserve_s=0.5) for stage in (Model(facts=facts), Second(facts=facts))])


@attrs.define
class Overheard:
    """A sink that somebody listens at."""

    out: AnswerSink
    on_text: Callable[[TextDelta], None]

    def asked(self) -> None:
        self.out.asked()

    def send_nowait(self, event: AgentEvent) -> None:
        self.out.send_nowait(event)
        self._note(event)

    async def send(self, event: AgentEvent) -> None:
        await self.out.send(event)
        self._note(event)

    def _note(self, event: AgentEvent) -> None:
        if isinstance(event, TextDelta):
            self.on_text(event)


@attrs.define
class Wired(Probed, ScriptedAgent):
    """The real client of n8n, and what it was asked and said. What the workflow does is in ``workflow``."""

    facts: Facts = attrs.field(kw_only=True)
    inner: AgentStage = attrs.field(kw_only=True)

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        facts = self.facts
        facts.requests.append(request)

        def heard(event: TextDelta) -> None:
            facts.came[request.turn_id] = facts.came.get(request.turn_id, "") + event.text

        try:
            await self.inner.answer(request, Overheard(out, heard))
        except StageError as error:
            facts.errors[request.turn_id] = error
            raise
        facts.finished.add(request.turn_id)


def workflow(facts: Facts, question: Question) -> Plan:
    """Return what a workflow does: answer, fail, or take the connection along, at once or after seconds of work."""
    fate = facts.rng.choice(("fails", "dies", "breaks", "hangs")) if facts.happens(0.4) else "well"
    work = Wait(0.1 if facts.is_well else facts.rng.choice((0.1, 0.4, 2.0)))
    if fate == "fails":
        return failure("status", after_s=work.seconds)
    if fate == "dies":
        return Plan((work, Break(facts.rng.choice(("cut", "reset")))), succeeds=False)
    count = 1 + facts.rng.randrange(4)
    pause = Wait(facts.rng.choice((0.05, 0.05, 1.5)) if not facts.is_well else 0.05)
    steps: list[Step] = [Head(), work, Line("begin")]
    for number in range(count):
        if fate != "well" and number == count - 1:
            return Plan((*steps, Break("cut" if fate == "breaks" else "hang")), succeeds=False)
        steps += [Line("item", f"This is {question.turn_id} part {number}. "), pause]
    return Plan((*steps, Line("end")))


@attrs.define
class Tts(Probed, ScriptedTts):
    """Speaks a tone for each sentence, or fails before, within or without a sound."""

    facts: Facts = attrs.field(kw_only=True)
    voice: str | None = None
    """The one that it has; None if it takes any name."""

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        facts = self.facts
        out.asked()
        wanted = (None if request.options is None else request.options.voice) or request.voice
        if self.voice is not None and wanted not in (None, self.voice):
            facts.strange_voices.append(f"{wanted} of {self.voice}")
            raise StageRefused("tts", 404, "no such voice")
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


def two_voices(facts: Facts) -> FailoverTts:
    """Return a voice with another one behind it; neither server has the other's."""
    return FailoverTts([Guard(Tts(facts=facts, voice=name), "tts", reserve_s=0.5) for name in ("anna", "bert")])
