"""One owner of the health: how often a dead server is probed, who learns what, and what a bug in a probe costs."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio

from tests.integration.stages.agent.agent_client import SPEAKER
from tests.support.hall import APOLOGY, Hall, open_hall
from tests.support.notices import TEXTS
from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts
from tests.support.voices import MemoryPort, tone_packets
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AgentSettings
from voxbridge.core.health.backend import HealthRules
from voxbridge.core.health.outages import Back, Down
from voxbridge.core.ids import UserId
from voxbridge.errors import StageError, StageName, StageUnavailable
from voxbridge.session.context import Tools
from voxbridge.stages.contracts import AgentEvent, AgentRequest, AnswerSink
from voxbridge.stages.failover import FailoverAgent, Guard
from voxbridge.stages.health import BackendChanged, Health, HealthEvent, StageBack
from voxbridge.stages.sinks import AnswerInto
from voxbridge.testing.servers.http import Reply, Request

pytestmark = pytest.mark.integration

LIKE_THE_DAEMON = HealthRules()


async def dead(_request: Request, reply: Reply) -> None:
    await reply.send(503)


def probes(hall: Hall, began: float) -> list[float]:
    """Return when n8n was probed, in seconds from ``began``."""
    return [
        request.received_at - began
        for request in hall.agent.requests
        if request.method != "POST" and request.received_at >= began
    ]


def to_nobody() -> trio.MemorySendChannel[AgentEvent]:
    return trio.open_memory_channel[AgentEvent](100)[0]


def states(hall: Hall) -> dict[str, str]:
    return {backend.stage: backend.state for backend in hall.health.all}


async def turns_in(port: MemoryPort, user: UserId, count: int) -> None:
    for _ in range(count):
        await port.speak(user, tone_packets(50))
        await trio.sleep(6)


@pytest.mark.parametrize("rooms", [1, 2])
async def test_a_dead_server_is_probed_as_often_for_two_rooms_as_for_one(
    autojump_clock: trio.testing.MockClock, rooms: int
) -> None:
    """Six failed turns in each room within 60 s: probes 2, 6, 14, 30 and 60 s after the first failure, and no other."""
    settings = Settings(agent=AgentSettings(retries=0))
    async with open_hall(settings=settings, health_rules=LIKE_THE_DAEMON) as hall:
        ports = [hall.port, *(hall.another_room() for _ in range(rooms - 1))]
        users = [port.join(1) for port in ports]
        await trio.sleep(1)
        assert states(hall) == {"stt": "up", "agent": "up", "tts": "up"}
        hall.agent.instead = dead
        changes: list[tuple[float, str]] = []

        def note(event: HealthEvent) -> None:
            if isinstance(event, BackendChanged) and event.backend.stage == "agent":
                changes.append((trio.current_time(), event.backend.state))

        with hall.health.listening(note):
            async with trio.open_nursery() as nursery:
                for port, user in zip(ports, users, strict=True):
                    nursery.start_soon(turns_in, port, user, 6)
            began = changes[0][0]
            await trio.sleep_until(began + 60.5)
        assert probes(hall, began) == pytest.approx([2, 6, 14, 30, 60], abs=1e-3)
        assert [state for _, state in changes] == ["failing", "down"]
        assert len([report for report in hall.reports if report.failed_stage == "agent"]) == 6 * rooms
        for port in ports:
            assert [text for _, text in port.posted] == [TEXTS[Down, "agent"]]


async def test_every_room_that_was_told_learns_of_the_end_from_one_probe(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Two rooms wait for the same server: one probe tells both, and a third that noticed nothing is told nothing."""
    settings = Settings(agent=AgentSettings(retries=0))
    async with open_hall(settings=settings) as hall:
        ports = [hall.port, hall.another_room(), hall.another_room()]
        users = [port.join(1) for port in ports]
        await trio.sleep(1)
        hall.agent.instead = dead
        for port, user in zip(ports[:2], users[:2], strict=True):
            await turns_in(port, user, 1)
        hall.agent.instead = None
        await trio.sleep(31)
        both = [TEXTS[Down, "agent"], TEXTS[Back, "agent"]]
        assert [[text for _, text in port.posted] for port in ports] == [both, both, []]
        assert ports[0].posted[1][0] == ports[1].posted[1][0], "not at the same time"


async def test_a_turn_of_another_room_ends_an_outage_for_all(autojump_clock: trio.testing.MockClock) -> None:
    """One failed question is no reason to wait for one's own next turn."""
    settings = Settings(agent=AgentSettings(retries=0))
    async with open_hall(settings=settings) as hall:
        other = hall.another_room()
        ada, bob = hall.port.join(1), other.join(2)
        await trio.sleep(1)
        hall.agent.instead = dead
        await turns_in(hall.port, ada, 1)
        hall.agent.instead = None
        await turns_in(other, bob, 1)
        assert [text for _, text in hall.port.posted] == [TEXTS[Down, "agent"], TEXTS[Back, "agent"]]
        assert other.posted == []
        assert states(hall)["agent"] == "up"


async def test_nothing_heard_proves_no_health(autojump_clock: trio.testing.MockClock) -> None:
    """An utterance that comes back empty after an outage is not answered with "I can hear again."."""
    stt = ScriptedStt([StageUnavailable("stt", "refused"), "", "hello"])

    def change(tools: Tools) -> Tools:
        return attrs.evolve(tools, stt=stt)

    async with open_hall(change=change) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        told = []
        for number in range(3):
            await hall.say(ada)
            await hall.wait_report(number)
            await trio.sleep(1)
            told.append([text for _, text in hall.port.posted])
    assert told == [
        [TEXTS[Down, "stt"]],
        [TEXTS[Down, "stt"]],
        [TEXTS[Down, "stt"], TEXTS[Back, "stt"]],
    ]


async def test_an_answer_without_a_word_and_a_sentence_without_a_sound_prove_no_health(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The same for the two other stages."""
    agent = ScriptedAgent([StageUnavailable("agent", "refused"), "", "Yes."])
    voice = ScriptedTts(sound_s=0.0)
    health = []

    def change(tools: Tools) -> Tools:
        return attrs.evolve(tools, agent=agent, tts=voice)

    async with open_hall(change=change) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        for number in range(3):
            await hall.say(ada)
            await hall.wait_report(number)
            health.append((states(hall)["agent"], states(hall)["tts"]))
        voice.sound_s = 1.0
        await hall.say(ada)
        await hall.wait_report(3)
        health.append((states(hall)["agent"], states(hall)["tts"]))
    assert health == [("failing", "unknown"), ("failing", "unknown"), ("up", "unknown"), ("up", "up")]


@attrs.define
class Buggy(ScriptedAgent):
    """A plug-in whose probe raises what no stage may raise, as often as the script says; then it is well."""

    bugs: int = 0
    probes: int = 0

    async def probe(self) -> str:
        self.probes += 1
        await trio.lowlevel.checkpoint()
        if self.probes <= self.bugs:
            raise KeyError("models")
        return "well"


async def test_a_probe_with_a_bug_is_a_finding_and_ends_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """It counts as a failed one, is tried again in its time, and all other backends are probed as ever."""
    buggy = Buggy(bugs=4)
    stages: dict[StageName, list[Guard[Any]]] = {
        "agent": [Guard(buggy, "agent", reserve_s=0)],
        "stt": [Guard(ScriptedStt(), "stt", reserve_s=0)],
    }
    health = Health(stages)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(health.run)
        await health.asked.wait()
        down = {backend.stage: (backend.state, backend.detail) for backend in health.all}
        assert down["stt"] == ("up", "scripted")
        assert down["agent"] == ("down", "its probe has a bug: the daemon's log has the traceback")
        await trio.sleep(29)
        assert buggy.probes == 4
        await trio.sleep(2)
        assert [backend.state for backend in health.all] == ["up", "up"]
        nursery.cancel_scope.cancel()


async def test_a_crash_in_a_call_counts_as_a_failure_and_a_circuit_opens(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Three bugs in a row: the backup is asked first, and one trial brings the first one back when a probe is well."""

    class Crashing(ScriptedAgent):
        async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
            if self.outcomes:
                self.outcomes.popleft()
                raise KeyError("a bug")
            await super().answer(request, out)

    first, second = Crashing(["bug"] * 3), ScriptedAgent()
    guards = [Guard(stage, "agent", reserve_s=0.0) for stage in (first, second)]
    health = Health({"agent": guards}, HealthRules(at_start=False))
    async with FailoverAgent(guards) as stage, trio.open_nursery() as nursery:
        nursery.start_soon(health.run)
        for _ in range(3):
            with pytest.RaisesGroup(KeyError, flatten_subgroups=True):
                await stage.answer(AgentRequest("turn", "Hi?", SPEAKER), AnswerInto(to_nobody()))
        assert [backend.is_in_use for backend in health.all] == [False, True]
        assert "bug" in health.all[0].detail
        await stage.answer(AgentRequest("turn", "Hi?", SPEAKER), AnswerInto(to_nobody()))
        assert len(second.requests) == 1
        await trio.sleep(3)
        await stage.answer(AgentRequest("turn", "Hi?", SPEAKER), AnswerInto(to_nobody()))
        assert len(first.requests) == 1
        assert [backend.state for backend in health.all] == ["up", "up"]
        nursery.cancel_scope.cancel()


async def test_a_turn_whose_time_is_over_has_somebody_suspected(autojump_clock: trio.testing.MockClock) -> None:
    """No call has failed, it was cancelled with the turn; all the same the server is looked at."""
    events: list[HealthEvent] = []
    agent = ScriptedAgent([StageUnavailable("agent", "never raised")])
    health = Health({"agent": [Guard(agent, "agent", reserve_s=0)]}, HealthRules(at_start=False))
    error: StageError = StageUnavailable("agent", "no answer in time")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(health.run)
        with health.listening(events.append):
            health.turn_failed("agent", error)
            await trio.sleep(100)
            assert [event.backend.state for event in events if isinstance(event, BackendChanged)] == ["failing"]
            health.turn_served("agent")
            assert events[-1] == StageBack("agent")
            assert health.all[0].state == "up"
        nursery.cancel_scope.cancel()


async def test_a_speech_server_that_never_answers_is_down_after_three_and_back_with_its_first_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It lets us connect and passes every probe. From the fourth on a turn waits for half of the limit."""
    waited_s, known = [], []
    async with open_hall(health_rules=LIKE_THE_DAEMON) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.stt.script.ignored_finalizes = 99
        for number in range(5):
            await hall.say(ada)
            report = await hall.wait_report(number)
            assert report.failed_stage == "stt"
            [stt] = [backend for backend in hall.health.all if backend.stage == "stt"]
            waited_s.append(report.marks["ended"] - report.marks["turn_decided"] - APOLOGY.duration_s)
            known.append(stt.state)
        assert "no answer" in stt.detail
        hall.stt.script.ignored_finalizes = 0
        await hall.say(ada)
        report = await hall.wait_report(5)
        assert report.failed_stage is None
        assert states(hall)["stt"] == "up"
        assert [text for _, text in hall.port.posted] == [TEXTS[Down, "stt"], TEXTS[Back, "stt"]]
    assert known == ["failing", "failing", "down", "down", "down"]
    # from the decision on: the words were asked for at the first pause, and their limit runs from there
    assert waited_s[1:3] == pytest.approx([waited_s[0]] * 2, abs=0.01)
    assert waited_s[3:] == pytest.approx([waited_s[0] - 2.5] * 2, abs=0.01)
