"""Backups in whole turns, in virtual time: who answers, how much later, and what is asked of whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import pytest
import trio

from tests.integration.stages.agent.agent_client import SPEAKER, ask
from tests.support.hall import ANSWER, Hall, open_hall
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AgentSettings
from voxbridge.config.turns import TurnSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import Pcm
from voxbridge.session.report import TurnReport
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.contracts import AgentRequest, TtsRequest
from voxbridge.stages.registry import agent_stage, tts_stage
from voxbridge.stages.sinks import SoundInto
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, Fault
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import Break, Line, Plan, agent, failure, stream, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = pytest.mark.integration

EXACT = pytest.approx
HEARD = "hello, can you hear me"


def when_it_comes(times: list[float]) -> SoundInto:
    """Return a sink that writes down when each piece of sound came."""
    return SoundInto(lambda _pcm: times.append(trio.current_time()))


@attrs.define
class Second:
    """The three backup servers, and the hall whose first servers are not they."""

    hall: Hall
    stt: WhisperXServer
    agent: N8nServer
    tts: ChatterboxServer
    ada: UserId

    async def turn(self, frames: int = 50) -> TurnReport:
        number = len(self.hall.reports)
        await self.hall.say(self.ada, frames)
        return await self.hall.wait_report(number)


@asynccontextmanager
async def two_of_each(settings: Settings | None = None, **fields) -> AsyncIterator[Second]:
    """Open a hall with a backup for each stage: STT 300, agent 400, TTS 40 ms as the first ones."""
    net = MemNet().install()
    stt, n8n = WhisperXServer(WhisperXScript(final_delay_s=0.3)), N8nServer(agent(words(ANSWER), first_s=0.4))
    tts = ChatterboxServer(attrs.evolve(PROMPT, head_s=0.04, synthesis_s=0.0))
    base = settings or Settings()
    async with AsyncExitStack() as stack:
        for server in (stt, n8n, tts):
            await stack.enter_async_context(server.running())
        base = attrs.evolve(
            base,
            stt=attrs.evolve(base.stt, backup=(WhisperXSettings(url=stt.url),)),
            agent=attrs.evolve(base.agent, backup=(N8nSettings(url=Secret(n8n.webhook_url)),)),
            tts=attrs.evolve(base.tts, backup=(ChatterboxSettings(url=tts.url),)),
        )
        hall = await stack.enter_async_context(open_hall(net=net, settings=base, **fields))
        ada = hall.port.join(1)
        await trio.sleep(1)
        yield Second(hall, stt, n8n, tts, ada)


def part(report: TurnReport, name: str) -> float:
    return next(part.ms for part in report.parts if part.name == name)


async def test_nobody_is_asked_twice_while_all_is_well(autojump_clock: trio.testing.MockClock) -> None:
    """With backups at hand an ordinary turn is as before, to the microsecond, and they hear nothing of it."""
    async with two_of_each() as both:
        report = await both.turn()
        assert report.outcome == "answered"
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(440, abs=1e-3), "the words are there when the turn ends"
        assert (both.stt.connections, both.agent.questions, both.tts.spoken) == (0, [], [])


@pytest.mark.orders
async def test_a_dead_stt_costs_nothing_but_its_backups_time(autojump_clock: trio.testing.MockClock) -> None:
    """No connection at the guess: the backup hears the whole utterance at once, from the ring, as early."""
    async with two_of_each() as both:
        await both.hall.stt.stop()
        report = await both.turn()
        assert (report.outcome, report.heard) == ("answered", HEARD)
        assert part(report, "stt") == EXACT(0, abs=1e-3)
        (heard,) = both.stt.heard
        assert heard.duration_s >= 1.0, f"the backup heard {heard.duration_s} s of a second of speech"


@pytest.mark.orders
async def test_an_stt_lost_in_mid_utterance_loses_no_word(autojump_clock: trio.testing.MockClock) -> None:
    """What the first one had heard is told to the backup."""
    async with two_of_each() as both:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(both.turn)
            await both.hall.port.wait_for(lambda: both.hall.stt.packets["1"] >= 20)
            await both.hall.stt.stop()
        assert both.hall.reports[0].heard == HEARD
        (heard,) = both.stt.heard
        assert len(heard.packets) >= 50


async def test_an_stt_that_hangs_is_backed_up_after_its_time(autojump_clock: trio.testing.MockClock) -> None:
    """Connected, and silent: 1.5 s after the guess the backup is asked as well, and 0.3 s later the words are there.

    That is after two seconds of silence, of which 1.2 s were the end of the turn: words on their way are waited for.
    """
    async with two_of_each() as both:
        both.hall.stt.script.ignored_finalizes = 1
        report = await both.turn()
        assert (report.outcome, report.heard) == ("answered", HEARD)
        assert part(report, "stt") == EXACT(800, abs=1e-3)


async def test_after_three_failures_the_backup_listens_from_the_first_packet(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """An open circuit is skipped: the fourth turn's packets go to the backup as they come."""
    async with two_of_each() as both:
        await both.hall.stt.stop()
        for _ in range(3):
            await both.turn()
        assert both.stt.connections == 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(both.turn)
            before = both.stt.packets["1"]
            await both.hall.port.wait_for(lambda: both.stt.packets["1"] >= before + 10)
            assert len(both.hall.reports) == 3, "the packets came only with the end of the turn"
        assert both.hall.reports[3].heard == HEARD


async def test_the_first_stt_serves_again_when_it_is_back(autojump_clock: trio.testing.MockClock) -> None:
    """The probe finds it, one utterance is the trial, and the backup is quiet from then on; no restart."""
    async with two_of_each() as both:
        await both.hall.stt.stop()
        for _ in range(4):
            await both.turn()
        await both.hall.stt.start()
        await trio.sleep(31)
        heard = len(both.stt.heard)
        for _ in range(3):
            assert (await both.turn()).heard == HEARD
        assert len(both.stt.heard) == heard
        assert len(both.hall.stt.heard) == 3


@pytest.mark.orders
async def test_a_dead_agent_is_stood_in_for_within_the_turn(autojump_clock: trio.testing.MockClock) -> None:
    """Three failed attempts, then the backup answers; the user hears one answer and no apology."""
    async with two_of_each() as both:
        both.hall.agent.plans.extend([failure("status")] * 3)
        report = await both.turn()
        assert (report.outcome, report.spoken) == ("answered", ANSWER)
        assert (len(both.hall.agent.questions), len(both.agent.questions)) == (3, 1)
        assert both.agent.questions[0].turn_id == both.hall.agent.questions[0].turn_id


async def test_an_agent_that_hangs_leaves_time_for_its_backup(autojump_clock: trio.testing.MockClock) -> None:
    """15 s for the first text, then the backup's 0.4 s: all within the turn."""
    settings = Settings(agent=AgentSettings(retries=0))
    async with two_of_each(settings) as both:
        both.hall.agent.plans.append(Plan((Break("hang"),)))
        report = await both.turn()
        assert report.outcome == "answered"
        assert part(report, "agent") == EXACT(15_400, abs=1e-3)


@pytest.mark.orders
async def test_no_second_agent_after_the_first_text(autojump_clock: trio.testing.MockClock) -> None:
    """A cut after some words keeps them and apologises: never half an answer of each."""
    async with two_of_each() as both:
        both.hall.agent.plans.append(stream(Line("begin"), Line("item", "The first half. And"), Break("cut")))
        report = await both.turn()
        assert report.outcome == "failed"
        assert report.spoken.startswith("The first half.")
        assert both.agent.questions == []


async def test_a_workflow_that_says_nothing_is_not_run_again_elsewhere(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """An acknowledgement proves that the first agent has done its work: a second one would do it twice."""
    async with two_of_each() as both:
        both.hall.agent.plans.append(failure("empty"))
        await both.turn()
        assert both.agent.questions == []


async def test_an_agent_that_often_has_nothing_to_say_is_no_sick_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """However many answers say nothing, the next question goes to the first agent: it has done its work each time."""
    async with two_of_each() as both:
        both.hall.agent.plans.extend([failure("empty")] * 4)
        for _ in range(4):
            await both.turn()
        assert (await both.turn()).outcome == "answered"
        assert both.agent.questions == []


async def test_a_dead_tts_changes_the_voice_for_the_rest_of_the_turn(autojump_clock: trio.testing.MockClock) -> None:
    """The first sentence falls over, and the second does not go back though the first server is well again."""
    async with two_of_each(answer="First sentence here. Second sentence here.") as both:
        both.hall.tts.fail_next(3, 503)
        report = await both.turn()
        assert (report.outcome, report.spoken) == ("answered", report.answer)
        spoken = [speech.fields.text for speech in both.tts.spoken]
        assert spoken == ["First sentence here.", "Second sentence here."]
        assert (await both.turn()).outcome == "answered"
        assert len(both.tts.spoken) == 2, "the next turn goes to the first server again"


@pytest.mark.orders
async def test_no_second_voice_after_the_first_sound(autojump_clock: trio.testing.MockClock) -> None:
    """A sentence cut in its middle is not said again by somebody else."""
    async with two_of_each(answer="A sentence that is cut.") as both:
        both.hall.tts.faults.append(Fault("cut", "pcm", pcm_bytes=24_000))
        report = await both.turn()
        assert report.failed_stage == "tts"
        assert both.tts.spoken == []


async def test_when_all_are_down_the_first_ones_error_is_told(autojump_clock: trio.testing.MockClock) -> None:
    """The operator reads what is wrong with the backend that should have answered."""
    async with two_of_each() as both:
        both.hall.agent.plans.extend([failure("status")] * 3)
        await both.agent.stop()
        report = await both.turn()
        assert (report.outcome, report.failed_stage) == ("failed", "agent")
        assert report.error is not None
        assert "the workflow failed (HTTP 500" in report.error


@pytest.mark.parametrize("who", ["first", "backup"])
async def test_when_all_were_down_the_next_turn_after_their_return_is_an_ordinary_one(
    autojump_clock: trio.testing.MockClock, who: str
) -> None:
    """Open circuits are a last resort, not a wall: no probe has to come first."""
    async with two_of_each() as both:
        for server in (both.hall.agent, both.agent):
            await server.stop()
        for _ in range(4):
            assert (await both.turn()).outcome == "failed"
        await {"first": both.hall.agent, "backup": both.agent}[who].start()
        report = await both.turn()
        assert (report.outcome, report.spoken) == ("answered", ANSWER)


async def test_a_hang_near_the_turns_end_leaves_the_backup_its_share(autojump_clock: trio.testing.MockClock) -> None:
    """Of a turn of 3 s the backup keeps its target of 0.5 s: asked at 2.5 s, heard at 2.94 s, in time."""
    async with two_of_each(Settings(turn=TurnSettings(limit_ms=3000))) as both:
        both.hall.agent.plans.append(Plan((Break("hang"),)))
        report = await both.turn()
        assert (report.outcome, report.spoken) == ("answered", ANSWER), report.error
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(2940, abs=1e-3)


async def test_what_is_left_too_short_to_be_shared_is_the_first_ones(autojump_clock: trio.testing.MockClock) -> None:
    """With 0.45 s left nobody is asked in the first one's stead, and it has all of it: 0.4 s are enough."""
    async with two_of_each(Settings(turn=TurnSettings(limit_ms=450)), tts_s=0.01) as both:
        report = await both.turn()
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(410, abs=1e-3), report.error
        assert both.agent.questions == []


async def test_no_backup_is_begun_that_cannot_end_in_time(autojump_clock: trio.testing.MockClock) -> None:
    """The first one fails with 0.3 s left: the operator reads why, and the user need not wait for the limit."""
    settings = Settings(turn=TurnSettings(limit_ms=700), agent=AgentSettings(retries=0))
    async with two_of_each(settings) as both:
        both.hall.agent.plans.append(failure("status", after_s=0.4))
        both.hall.stt.script.final_delay_s = 0.3
        report = await both.turn()
        assert (report.outcome, report.failed_stage) == ("failed", "agent")
        assert report.error is not None
        assert "HTTP 500" in report.error
        assert both.agent.questions == []
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(400, abs=1e-3), "the apology waited for the turn's limit"


@pytest.mark.parametrize("hedge", [True, False])
async def test_a_slow_tail_of_speech_is_cut_by_a_second_request(
    autojump_clock: trio.testing.MockClock, hedge: bool
) -> None:
    """One sentence in 20 takes 2.5 s: hedged, it is heard 44 ms late, for at most 5 % more requests."""
    net = MemNet().install()
    first, second = ChatterboxServer(), ChatterboxServer()
    for server in (first, second):
        server.timing = attrs.evolve(PROMPT, head_s=0.04, synthesis_s=0.0)
    async with first.running(), second.running():
        backup = ChatterboxSettings(url=second.url)
        settings = ChatterboxSettings(url=first.url, hedge=hedge, backup=(backup,))
        waits = []
        async with tts_stage(settings, "") as stage:
            for number in range(400):
                slow_s = 2.5 if number % 20 == 19 else 0.04
                first.timing = attrs.evolve(PROMPT, head_s=slow_s, synthesis_s=0.0)
                began, came = trio.current_time(), list[float]()
                await stage.speak(
                    TtsRequest("Good day.", f"turn-{number}", 0),
                    when_it_comes(came),
                )
                waits.append(came[0] - began)
                await trio.sleep(5.0)
    net.assert_all_closed()
    worst = max(waits[20:])
    assert worst == EXACT(0.044 + 0.04 if hedge else 2.5, abs=1e-6)
    assert len(second.spoken) == (19 if hedge else 0), "more than 5 % of the sentences were asked for twice"
    assert len(second.spoken) <= 0.05 * len(first.spoken)


async def test_a_sentence_that_was_asked_for_twice_is_heard_once(autojump_clock: trio.testing.MockClock) -> None:
    """Both servers answer, in any order: every sample comes from one of them, and the other is hung up on."""
    MemNet().install()
    first, second = ChatterboxServer(), ChatterboxServer()
    first.timing = second.timing = attrs.evolve(PROMPT, head_s=0.04, synthesis_s=0.0)
    async with first.running(), second.running():
        settings = ChatterboxSettings(url=first.url, hedge=True, backup=(ChatterboxSettings(url=second.url),))
        async with tts_stage(settings, "") as stage:
            lengths = set()
            for number in range(200):
                # Each 20th is so late that its sound is due when the second server's is: 44 ms and 40 ms after.
                first.timing = attrs.evolve(PROMPT, head_s=0.084 if number % 20 == 19 else 0.04, synthesis_s=0.0)
                sound: list[Pcm] = []
                await stage.speak(TtsRequest("Good day to you.", f"turn-{number}", 0), SoundInto(sound.append))
                lengths.add(sum(len(pcm.data) for pcm in sound))
                await trio.sleep(1.0)
        assert len(second.spoken) == 9
        assert len(lengths) == 1, f"sentences of different lengths were heard: {lengths}"


async def test_agents_are_hedged_only_if_their_work_may_be_done_twice(autojump_clock: trio.testing.MockClock) -> None:
    """Slow for once: without hedge_safe one workflow runs, with it the second one's answer is heard, once."""
    for is_safe in (False, True):
        net = MemNet().install()
        first, second = N8nServer(agent(words("First."), first_s=0.1)), N8nServer(agent(words("Second."), first_s=0.1))
        async with first.running(), second.running():
            settings = N8nSettings(
                url=Secret(first.webhook_url),
                hedge_safe=is_safe,
                backup=(N8nSettings(url=Secret(second.webhook_url)),),
            )
            async with agent_stage(settings, "") as stage:
                for number in range(25):
                    if number == 24:
                        first.plans.append(agent(words("First."), first_s=2.0))
                    heard = await ask(stage, AgentRequest(f"turn-{number}", "Hello?", SPEAKER))
                    assert heard.error is None
                    await trio.sleep(1.0)
            await trio.sleep(3.0)  # n8n's run goes on though nobody listens
            assert heard.text == ("Second." if is_safe else "First.")
            assert heard.marks["agent_first_text"] == EXACT(0.11 + 0.1 if is_safe else 2.0, abs=1e-6)
            assert len(second.questions) == (1 if is_safe else 0)
        net.assert_all_closed()


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_an_only_server_is_asked_twice_if_it_can_do_two_things(
    autojump_clock: trio.testing.MockClock, concurrency: int
) -> None:
    """With one sentence at a time the second request would only wait for the first: it is not made."""
    MemNet().install()
    server = ChatterboxServer()
    async with server.running():
        settings = ChatterboxSettings(url=server.url, hedge=True, concurrency=concurrency)
        async with tts_stage(settings, "") as stage:
            for number in range(40):
                server.timing = attrs.evolve(PROMPT, head_s=1.0 if number == 39 else 0.04, synthesis_s=0.0)
                began, came = trio.current_time(), list[float]()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(
                        stage.speak,
                        TtsRequest("Good day.", f"turn-{number}", 0),
                        when_it_comes(came),
                    )
                    await trio.sleep(0.041)
                    server.timing = attrs.evolve(PROMPT, head_s=0.04, synthesis_s=0.0)
                await trio.sleep(1.0)
        assert came[0] - began == EXACT(0.084 if concurrency == 2 else 1.0, abs=1e-6)
        assert len(server.spoken) == (41 if concurrency == 2 else 40)
