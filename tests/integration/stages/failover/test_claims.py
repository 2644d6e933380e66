"""Who has a call is decided by what comes out of it, in virtual time: plug-ins that tell nothing included."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.integration.stages.agent.agent_client import SPEAKER, ask
from tests.support.hall import open_hall
from tests.support.scheduling import over_seeds
from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts
from tests.support.voices import tone_packets, tone_pcm
from voxbridge.audio.opus import Decoder
from voxbridge.core.agents.tts_options import TtsOptions
from voxbridge.core.health.hedge import Hedge
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.errors import StageProtocolError, StageRefused
from voxbridge.session.context import Tools
from voxbridge.stages.contracts import (
    AgentEvent,
    AgentRequest,
    AnswerOptions,
    AnswerSink,
    SoundSink,
    TextDelta,
    TextFlush,
    TtsRequest,
)
from voxbridge.stages.failover import FailoverAgent, FailoverStt, FailoverTts, Guard
from voxbridge.stages.sinks import AnswerInto, SoundInto

pytestmark = pytest.mark.integration

SEEDS = 100


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


@attrs.define
class Starter:
    """Lets two backends go in one step of the scheduler, as two packets from the net would; Trio shuffles them.

    After a sleep it would be too easy: who was beaten wakes up cancelled.
    """

    asked: int = 0
    _go: trio.Event = attrs.field(factory=trio.Event)

    async def wait(self) -> None:
        self.asked += 1
        await self._go.wait()

    async def start(self) -> None:
        await trio.sleep(1)
        self._go.set()


@pytest.mark.parametrize("is_sync", [True, False])
def test_of_two_first_texts_in_one_step_one_is_spoken(is_sync: bool) -> None:
    """Both agents have their first text in the same instant, whichever runs first: one answer, whole, and no word of
    the other's."""
    winners = set()

    class Named(ScriptedAgent):
        starter: Starter

        async def answer(self, request: AgentRequest, out: AnswerSink) -> None:  # noqa: ARG002
            out.asked()
            await self.starter.wait()
            for number in range(5):
                event = TextDelta(f"{self.name}{number} ")
                if is_sync:
                    out.send_nowait(event)
                else:
                    await out.send(event)
            await trio.sleep(0.01)
            await out.send(TextDelta(f"{self.name}!"))

    async def scenario() -> None:
        first, second = Named(name="A"), Named(name="B")
        first.starter = second.starter = starter = Starter()
        send, receive = trio.open_memory_channel[AgentEvent](64)  # as much room as in a turn: nobody has to wait
        async with agents(first, second, hedge=eager_hedge(0.1)) as stage, receive:
            async with send, trio.open_nursery() as nursery:
                nursery.start_soon(starter.start)
                await stage.answer(AgentRequest("turn-1", "Hello?", SPEAKER), AnswerInto(send))
            heard = "".join([event.text async for event in receive if isinstance(event, TextDelta)])
        assert starter.asked == 2, "the hedge did not ask"
        assert heard in ("A0 A1 A2 A3 A4 A!", "B0 B1 B2 B3 B4 B!")
        winners.add(heard[0])

    over_seeds(scenario, range(SEEDS))
    assert winners == {"A", "B"}, f"the order of the tasks never changed in {SEEDS} turns: the test tests nothing"


def test_of_two_first_sounds_in_one_step_one_is_heard() -> None:
    """The same for speech: all samples of a sentence are of one voice."""
    winners = set()

    class Tone(ScriptedTts):
        starter: Starter

        async def speak(self, request: TtsRequest, out: SoundSink) -> None:  # noqa: ARG002
            out.asked()
            await self.starter.wait()
            for _ in range(5):
                out.push(Pcm(tone_pcm(0.02, self.sound_s), SPEECH_RATE_HZ))
            await trio.sleep(0.01)
            out.push(Pcm(tone_pcm(0.02, self.sound_s), SPEECH_RATE_HZ))

    async def scenario() -> None:
        first, second = Tone(sound_s=300.0), Tone(sound_s=500.0)
        first.starter = second.starter = starter = Starter()
        heard: list[bytes] = []
        async with voices(first, second, hedge=eager_hedge(0.1)) as stage, trio.open_nursery() as nursery:
            nursery.start_soon(starter.start)
            await stage.speak(TtsRequest("Hi.", "turn-1", 0), SoundInto(lambda pcm: heard.append(pcm.data)))
        assert starter.asked == 2, "the hedge did not ask"
        assert len(heard) == 6
        assert len(set(heard)) == 1, "both voices were heard"
        winners.add(heard[0])

    over_seeds(scenario, range(SEEDS))
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


async def test_a_turn_with_plug_ins_that_tell_nothing_is_an_ordinary_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Heard whole, announced, and measured from the calls' begin: no part of the timeline is missing."""

    class Voice(ScriptedTts):
        async def speak(self, request: TtsRequest, out: SoundSink) -> None:
            await trio.sleep(self.delay_s)
            self.spoken.append(request.text)
            out.push(Pcm(tone_pcm(self.sound_s), SPEECH_RATE_HZ))

    def change(tools: Tools) -> Tools:
        return attrs.evolve(tools, agent=SilentlyWorking(), tts=Voice(delay_s=0.2))

    async with open_hall(change=change) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report()
        assert (report.outcome, report.spoken.strip()) == ("answered", "All of it.")
        took_ms = {part.name: round(part.ms) for part in report.parts}
        assert (took_ms["agent"], took_ms["tts"]) == (100, 200), took_ms
        assert hall.port.bursts, "the speech was not announced"


@pytest.mark.parametrize("crashes", [1, 99])
async def test_a_line_with_a_bug_costs_neither_the_speaker_nor_the_backup(
    autojump_clock: trio.testing.MockClock, crashes: int
) -> None:
    """Once, it is opened again; for ever, it is given up, and the backup hears the speaker."""

    first, second = ScriptedStt(["the first"], open_errors=crashes), ScriptedStt(["the second"])
    guards = [Guard(stage, "stt", reserve_s=0.5) for stage in (first, second)]
    async with FailoverStt(guards, backup_after_s=1.0) as stage, stage.open(SPEAKER) as line:
        decoder = Decoder()
        for opus in tone_packets(5):
            line.feed(decoder.hear(opus))
        assert (await line.finish()).text == ("the first" if crashes == 1 else "the second")
