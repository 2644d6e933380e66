"""Conversations as they come: any order of tasks, any script of speech, any loss on the way. In virtual time."""

from __future__ import annotations

import functools
import itertools

import attrs
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.hall import ANSWER, Hall, open_hall
from tests.support.scheduling import over_seeds, run_virtual
from tests.support.stages import MADE_UP, ScriptedAgent, ScriptedStt, ScriptedTts
from tests.support.voices import GUILD, chirp_packets
from voxbridge.core.call.events import VoiceDown, VoiceUp
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, RTP_TICKS_PER_FRAME, OpusPacket
from voxbridge.rehearsal.discord import Impairment
from voxbridge.session.context import Tools
from voxbridge.session.notices import Notice, SpeakerStopped
from voxbridge.session.report import TurnReport

pytestmark = pytest.mark.integration

EXACT = pytest.approx


# -- any order of the tasks that are ready at one instant


async def whole_turn() -> None:
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report(0)
        parts = {part.name: part.ms for part in report.parts}
        assert report.outcome == "answered"
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(440, abs=1e-3), f"first audio after {report.first_audio.ms} ms: {parts}"
        assert (parts["stt"], parts["agent"], parts["tts"]) == EXACT((0, 400, 40), abs=1e-3)
        assert report.spoken == ANSWER
        gaps = [b.at - a.at for a, b in itertools.pairwise(hall.port.frames)]
        assert gaps == EXACT([FRAME_S] * len(gaps), abs=1e-9)
        announced, ended = hall.port.bursts[0]
        ahead_s = hall.port.frames[0].at - announced
        assert ahead_s == EXACT(0.039, abs=1e-9), "op 5 has all but 1 ms of the synthesis as its head start"
        assert ended is not None
    assert hall.net is not None
    hall.net.assert_all_closed()


def test_a_turn_is_the_same_in_any_order_of_tasks() -> None:
    """440 ms to the microsecond, and frames 20 ms apart, over 20 orders of the tasks that are ready at one instant."""
    over_seeds(whole_turn, range(20))


# -- any script


@attrs.frozen
class Stretch:
    """One stretch of speech after a pause, both in frames of 20 ms."""

    pause: int
    speech: int


STRETCHES = st.lists(st.builds(Stretch, pause=st.integers(0, 150), speech=st.integers(1, 80)), min_size=1, max_size=4)
SCRIPTS = st.lists(STRETCHES, min_size=1, max_size=3)


@attrs.define
class Story:
    """What came of a script."""

    hall: Hall
    stopped: list[SpeakerStopped]
    started: dict[str, float]
    """When each turn's speech began, in Trio's time."""


async def perform(script: list[list[Stretch]], *, by_sentences: int) -> Story:
    """Let each speaker speak his stretches; wait until all is over."""
    said = itertools.count(1)
    stopped: list[SpeakerStopped] = []

    class Counting(ScriptedStt):
        async def next_outcome(self, default: str) -> str:  # noqa: ARG002
            return await super().next_outcome(f"w{next(said)}")

    agent = ScriptedAgent(["One sentence here. " * by_sentences] * 100, delay_s=0.3)
    stt, tts = Counting(delay_s=0.2), ScriptedTts(delay_s=0.03, sound_s=0.7)
    started: dict[str, float] = {}

    def on_notice(notice: Notice) -> None:
        if isinstance(notice, SpeakerStopped) and notice.is_turn:
            stopped.append(notice)

    def change(tools: Tools) -> Tools:
        def on_report(report: TurnReport) -> None:
            started[report.turn_id] = trio.current_time() - report.marks["ended"]
            tools.on_report(report)

        return attrs.evolve(tools, on_notice=on_notice, on_report=on_report, stt=stt, agent=agent, tts=tts)

    async def speak(hall: Hall, user: UserId, stretches: list[Stretch]) -> None:
        for stretch in stretches:
            await trio.sleep(stretch.pause * FRAME_S)
            await hall.say(user, stretch.speech)
            await trio.sleep(FRAME_S)

    async with open_hall(change=change) as hall:
        users = [hall.port.join(number + 1, f"Speaker {number}") for number in range(len(script))]
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            for user, stretches in zip(users, script, strict=True):
                nursery.start_soon(speak, hall, user, stretches)
        await trio.sleep(1.5)
        await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)
        await trio.sleep(1)
        story = Story(hall, stopped, started)
        check(story)
    return story


def check(story: Story) -> None:
    """Check what holds for every conversation."""
    reports, frames = story.hall.reports, story.hall.port.frames
    # Each confirmed utterance is one turn, and each turn is told of once.
    assert len(reports) == len(story.stopped)
    assert len({report.turn_id for report in reports}) == len(reports)
    assert {report.outcome for report in reports} <= {"answered", "superseded", "interrupted"}
    for user in {report.user_id for report in reports}:
        own = [report for report in reports if report.user_id == user]
        check_speaker(sorted(own, key=lambda report: story.started[report.turn_id]))
    for report in reports:
        if report.first_audio is not None:
            total = sum(part.ms for part in report.parts if part.name != "endpointing")
            assert total == EXACT(report.first_audio.ms, abs=1.0), f"parts sum to {total}: {report.parts}"
    gaps = [b.at - a.at for a, b in itertools.pairwise(frames)]
    assert min(gaps, default=1.0) >= FRAME_S - 1e-9, f"frames {min(gaps) * 1000:.3f} ms apart"
    sounding = sorted(
        (report.marks["first_audio"] + at, report.marks["last_audio"] + at)
        for report in reports
        if "last_audio" in report.marks
        for at in [story.started[report.turn_id]]
    )
    for (_, ended), (began, _) in itertools.pairwise(sounding):
        assert began > ended, "two answers at once"
    ready = [  # ready in the same instant, the order is the scheduler's
        (round(story.started[report.turn_id] + report.marks["tts_first_pcm"], 6), story.started[report.turn_id] + first)
        for report in reports
        if (first := report.marks.get("first_audio")) is not None
    ]
    assert [began for _, began in sorted(ready)] == sorted(began for _, began in ready), "answers in another order"
    assert all(end is not None for _, end in story.hall.port.bursts)


def check_speaker(reports: list[TurnReport]) -> None:
    """Check that no word of a speaker is lost or answered twice; the reports in order of speech."""
    carried: list[str] = []
    taken: set[str] = set()
    for report in reports:
        words = report.heard.split()
        assert words[: len(carried)] == carried, f"{carried} went lost: the next turn heard {words}"
        own = words[len(carried) :]  # several words if it was heard in segments
        assert own, f"{report.heard} after {carried}"
        assert not taken & {*own}, f"{report.heard}: words of another turn"
        taken |= {*own}
        carried = words if report.outcome == "superseded" else []
    assert carried == [], f"{carried} were superseded by nothing"


@given(script=SCRIPTS, by_sentences=st.integers(1, 4), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_script_is_answered_to_the_last_word(script: list[list[Stretch]], by_sentences: int, seed: int) -> None:
    """One to three speakers, pauses, overlaps and barge-ins: every utterance is answered, joined or interrupted."""
    over_seeds(functools.partial(perform, script, by_sentences=by_sentences), [seed])


# -- any loss on the way


async def impaired(impairment: Impairment) -> None:
    """Say 3 s of speech through a bad network and compare what the line got with what was said."""
    stt = ScriptedStt()
    packets = chirp_packets(150)
    async with open_hall(change=lambda tools: attrs.evolve(tools, stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        arrivals = sorted(
            (number * FRAME_S + delay, copy, number, opus)
            for number, opus in enumerate(packets)
            for copy, delay in enumerate(impairment.copies())
        )
        began = trio.current_time()
        for at, _, number, opus in arrivals:
            await trio.sleep_until(began + at)
            hall.port.emit(
                OpusPacket(ada, 1000 + number, 5000 + number * RTP_TICKS_PER_FRAME, opus, trio.current_time())
            )
        await hall.wait_report(0)
        await trio.sleep(3)
        assert len(hall.reports) == 1, f"the utterance was split into {len(hall.reports)}"
        (heard,) = stt.utterances
    arrived = {number for _, _, number, _ in arrivals}
    position = {opus: number for number, opus in enumerate(packets)}
    numbers = [position[opus] for opus in heard if opus != MADE_UP]
    assert numbers == sorted(set(numbers)), "packets were heard twice or out of order"
    late = arrived - set(numbers)
    assert len(late) <= 3, f"{sorted(late)} arrived in time and were not heard"
    assert abs(len(heard) - len(packets)) <= 6, f"{len(heard)} frames reached the line, {len(packets)} were said"


@pytest.mark.parametrize(
    "impairment",
    [
        pytest.param({"loss": 0.05}, id="5 % lost"),
        pytest.param({"duplicate": 0.2}, id="20 % twice"),
        pytest.param({"reorder": 0.1, "reorder_s": 0.05}, id="10 % overtaken by two"),
        pytest.param({"jitter_s": 0.05, "delay_s": 0.02}, id="50 ms of jitter"),
        pytest.param({"loss": 0.05, "duplicate": 0.1, "reorder": 0.1, "jitter_s": 0.03}, id="all at once"),
    ],
)
def test_an_utterance_survives_the_network(impairment: dict[str, float]) -> None:
    """Loss, duplicates, disorder and jitter: in order, each once, and never split in two."""
    for seed in range(8):
        try:
            run_virtual(functools.partial(impaired, Impairment(seed=seed, **impairment)))
        except BaseException as error:
            error.add_note(f"with the network's seed {seed}")
            raise


# -- long silence


async def test_after_ten_minutes_of_silence_the_first_word_is_whole(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing falls asleep: not the line, not the endpointer, not the mouth."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.wait_report(0)
        await trio.sleep(600)
        await hall.port.speak(ada, chirp_packets(50))
        report = await hall.wait_report(1)
        assert report.outcome == "answered"
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(440, abs=1e-3)
        heard = hall.stt.heard[1].packets
        missing = [number for number, opus in enumerate(chirp_packets(50)) if opus not in heard]
        assert missing == [], f"packets {missing} of 50 were not heard"
        assert hall.stt.connections == 1
        gap = hall.port.frames[-1].timestamp - hall.port.frames[0].timestamp
        assert gap / 48_000 == EXACT(hall.port.frames[-1].at - hall.port.frames[0].at, abs=0.011)


# -- the voice connection comes and goes at any time of a turn


@pytest.mark.parametrize("gone_s", [0.0, 0.04, 1.0, 5.0])
@pytest.mark.parametrize("at_s", [0.0, 0.1, 0.5, 1.0, 1.2, 1.6, 1.8, 2.0, 2.5])
async def test_a_second_turn_works_whenever_the_connection_was_lost(
    autojump_clock: trio.testing.MockClock, at_s: float, gone_s: float
) -> None:
    """Down while listening, thinking, speaking or at rest, for no time or for 5 s: the turn ends, a second works."""
    async with open_hall() as hall:
        hall.stt.script.text = "yes"
        ada = hall.port.join(1)
        await trio.sleep(1)

        async def lose() -> None:
            await trio.sleep(at_s)
            hall.port.gate_open = False
            hall.port.emit(VoiceDown("test"))
            await trio.sleep(gone_s)
            hall.port.gate_open = True
            hall.port.emit(VoiceUp())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lose)
            await hall.say(ada)
        await hall.port.wait_for(lambda: any(report.outcome == "answered" for report in hall.reports))
        await trio.sleep(1)
        number = len(hall.reports)
        assert [report.outcome for report in hall.reports].count("answered") == 1, [r.outcome for r in hall.reports]
        assert hall.reports[-1].spoken == ANSWER
        hall.port.restart_stream(ada)
        await hall.say(ada)
        second = await hall.wait_report(number)
        assert second.outcome == "answered"
        assert second.guild_id == GUILD
        assert second.first_audio is not None
        assert second.first_audio.ms == EXACT(440, abs=1e-3)
