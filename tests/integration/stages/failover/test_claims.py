"""Who has a call is decided by what comes out of it, in virtual time: plug-ins that tell nothing included."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.integration.stages.agent.agent_client import SPEAKER, ask
from tests.support.stages import ScriptedAgent, ScriptedTts
from tests.support.voices import tone_pcm
from voxbridge.core.agents.tts_options import TtsOptions
from voxbridge.core.health.hedge import Hedge
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.errors import StageProtocolError, StageRefused
from voxbridge.stages.contracts import (
    AgentRequest,
    AnswerOptions,
    AnswerSink,
    SoundSink,
    TextDelta,
    TextFlush,
    TtsRequest,
)
from voxbridge.stages.failover import FailoverAgent, FailoverTts, Guard
from voxbridge.stages.sinks import SoundInto

pytestmark = pytest.mark.integration

SEEDS = 200


@attrs.define
class SilentlyWorking(ScriptedAgent):
    """A plug-in that passes text on and tells nothing else; an outcome that is an error is raised after half of it."""

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        self.requests.append(request)
        outcome = self.outcomes.popleft() if self.outcomes else "All of it."
        await trio.sleep(self.delay_s)
        if isinstance(outcome, Exception):
            await out.send(TextDelta("Half of"))
            raise outcome
        for word in outcome.split(" "):
            await out.send(TextDelta(f"{word} "))


def agents(*stages: ScriptedAgent, hedge: Hedge | None = None) -> FailoverAgent:
    return FailoverAgent([Guard(stage, "agent", reserve_s=0.5) for stage in stages], hedge=hedge)


def voices(*stages: ScriptedTts, hedge: Hedge | None = None) -> FailoverTts:
    return FailoverTts([Guard(stage, "tts", reserve_s=0.5) for stage in stages], hedge=hedge)


def eager_hedge(wait_s: float) -> Hedge:
    """Make a hedge that has seen this wait often enough, and may double every request."""
    hedge = Hedge(share=1.0, samples_min=1)
    hedge.came(wait_s / 1.1)
    return hedge


async def test_half_an_answer_is_not_followed_by_anothers_whole_one(autojump_clock: trio.testing.MockClock) -> None:
    """A plug-in that tells nothing has the turn with its first text: its error is final."""
    first, second = SilentlyWorking([StageProtocolError("agent", "cut")]), SilentlyWorking()
    async with agents(first, second) as stage:
        heard = await ask(stage, AgentRequest("turn-1", "Hello?", SPEAKER))
    assert heard.text == "Half of"
    assert isinstance(heard.error, StageProtocolError)
    assert second.requests == []
    assert heard.marks == {"agent_request": 0.0, "agent_first_text": pytest.approx(0.1)}


async def test_what_is_invisible_takes_no_turn(autojump_clock: trio.testing.MockClock) -> None:
    """Blanks, a flush and the options of who fails then are not heard; those of who answers are."""

    class Blank(ScriptedAgent):
        async def answer(self, request: AgentRequest, out: AnswerSink) -> None:  # noqa: ARG002
            await out.send(AnswerOptions(TtsOptions(voice="first")))
            await out.send(TextDelta(" \n"))
            await out.send(TextFlush())
            raise StageProtocolError("agent", "cut")

    class Speaks(ScriptedAgent):
        async def answer(self, request: AgentRequest, out: AnswerSink) -> None:  # noqa: ARG002
            await out.send(AnswerOptions(TtsOptions(voice="second")))
            await out.send(TextDelta("Yes."))

    async with agents(Blank(), Speaks()) as stage:
        heard = await ask(stage)
    assert heard.error is None
    assert [event for _at, event in heard.events] == [AnswerOptions(TtsOptions(voice="second")), TextDelta("Yes.")]


@pytest.mark.parametrize("is_sync", [True, False])
async def test_of_two_first_texts_in_one_step_one_is_spoken(
    autojump_clock: trio.testing.MockClock, is_sync: bool
) -> None:
    """Both agents have their first text in the same instant, whichever runs first: one answer, whole, and no word of
    the other's."""

    class Named(ScriptedAgent):
        async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
            self.requests.append(request)
            await trio.sleep(self.delay_s)
            for number in range(5):
                event = TextDelta(f"{self.name}{number} ")
                if is_sync:
                    try:
                        out.send_nowait(event)
                    except trio.WouldBlock:
                        await out.send(event)
                else:
                    await out.send(event)
            await trio.sleep(0.01)
            await out.send(TextDelta(f"{self.name}!"))

    winners = set()
    for number in range(SEEDS):
        first, second = Named(delay_s=0.25, name="A"), Named(delay_s=0.15, name="B")
        hedge = eager_hedge(0.1)  # B is asked 0.1 s after A, and needs 0.1 s less
        async with agents(first, second, hedge=hedge) as stage:
            stage.guards[0].tells_when_asked = stage.guards[1].tells_when_asked = False
            heard = await ask(stage, AgentRequest(f"turn-{number}", "Hello?", SPEAKER))
        assert len(second.requests) == 1, "the hedge did not ask"
        assert heard.text in ("A0 A1 A2 A3 A4 A!", "B0 B1 B2 B3 B4 B!"), f"turn {number}: {heard.text!r}"
        winners.add(heard.text[0])
    assert winners == {"A", "B"}, f"the order of the tasks never changed in {SEEDS} turns: the test tests nothing"


async def test_of_two_first_sounds_in_one_step_one_is_heard(autojump_clock: trio.testing.MockClock) -> None:
    """The same for speech: all samples of a sentence are of one voice."""

    class Tone(ScriptedTts):
        async def speak(self, request: TtsRequest, out: SoundSink) -> None:
            self.spoken.append(request.text)
            await trio.sleep(self.delay_s)
            for _ in range(5):
                out.push(Pcm(tone_pcm(0.02, self.sound_s), SPEECH_RATE_HZ))
            await trio.sleep(0.01)
            out.push(Pcm(tone_pcm(0.02, self.sound_s), SPEECH_RATE_HZ))

    winners = set()
    for number in range(SEEDS):
        first, second = Tone(delay_s=0.25, sound_s=300.0), Tone(delay_s=0.15, sound_s=500.0)
        heard: list[bytes] = []
        async with voices(first, second, hedge=eager_hedge(0.1)) as stage:
            stage.guards[0].tells_when_asked = stage.guards[1].tells_when_asked = False
            await stage.speak(
                TtsRequest("Hi.", f"turn-{number}", 0), SoundInto(lambda pcm, h=heard: h.append(pcm.data))
            )
        assert len(second.spoken) == 1, "the hedge did not ask"
        assert len(heard) == 6
        assert len(set(heard)) == 1, f"turn {number}: both voices were heard"
        winners.add(heard[0])
    assert len(winners) == 2, f"the order of the tasks never changed in {SEEDS} turns: the test tests nothing"


async def test_a_backend_that_does_not_tell_when_it_asks_is_hedged_from_its_call(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Once it was seen to answer without a word before, its waits count from the call's begin."""
    first, second = SilentlyWorking(delay_s=1.0), SilentlyWorking(delay_s=0.1)
    async with agents(first, second, hedge=eager_hedge(0.3)) as stage:
        waits = []
        for number in range(2):
            heard = await ask(stage, AgentRequest(f"turn-{number}", "Hello?", SPEAKER))
            waits.append(heard.marks["agent_first_text"])
    assert waits == [pytest.approx(1.0), pytest.approx(0.4)]


@pytest.mark.parametrize("by", ["request", "options"])
async def test_a_voice_by_name_goes_to_the_first_backend_only(autojump_clock: trio.testing.MockClock, by: str) -> None:
    """A backup speaks with a voice of its own, though it would refuse the first one's; other wishes it keeps."""

    class Choosy(ScriptedTts):
        voices: tuple[str, ...] = ()
        asked_for: list[TtsRequest]

        async def speak(self, request: TtsRequest, out: SoundSink) -> None:
            self.asked_for.append(request)
            wished = request.voice or (request.options and request.options.voice)
            if wished and wished not in self.voices:
                raise StageRefused("tts", 0, f"no voice {wished}")
            await super().speak(request, out)

    first, second = Choosy(), Choosy()
    first.asked_for, second.asked_for = [], []
    first.voices, second.voices = ("anna",), ("bob",)
    options = TtsOptions(voice="anna" if by == "options" else None, exaggeration=0.7)
    request = TtsRequest("Hi.", "turn-1", 0, voice="anna" if by == "request" else None, options=options)
    heard: list[Pcm] = []
    async with voices(first, second) as stage:
        await stage.speak(request, SoundInto(heard.append))
        assert (len(heard), second.asked_for) == (1, [])
        assert first.asked_for == [request]
        first.outcomes.append(StageRefused("tts", 0, "gone"))
        first.sound_s = 0.0
        await stage.speak(attrs.evolve(request, turn_id="turn-2"), SoundInto(heard.append))
    assert len(heard) == 2, "the fail-over was refused"
    (asked,) = second.asked_for
    assert (asked.voice, asked.options) == (None, TtsOptions(exaggeration=0.7))
