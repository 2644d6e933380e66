"""What asking ahead wins and costs, at three habits of pausing: whole turns in virtual time, the same on any machine.

Words after 100 ms, agent 400, voice 40 ms. A speaker of each habit asks 30 questions of one to three stretches, with
pauses between them as the habit has it; the words are always those of a whole sentence, which is the hard case: after
an unfinished phrase nothing is asked ahead.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator

import attrs
import trio
import trio.testing

from tests.support.hall import Hall, open_hall
from voxbridge.config.settings import Settings
from voxbridge.core.sound.pcm import FRAME_S
from voxbridge.session.report import TurnReport

_QUESTIONS = 30
HABITS: dict[str, tuple[float, tuple[float, float]]] = {
    "fluent": (0.05, (0.25, 0.4)),
    "usual": (0.35, (0.25, 0.7)),
    "hesitant": (0.7, (0.3, 1.2)),
}
"""How often a speaker pauses within a question, and for how long, in seconds."""


def _safe(settings: Settings) -> Settings:
    return attrs.evolve(settings, agent=attrs.evolve(settings.agent, speculate="safe", speculations_wasted_max=1000))


async def _converse(habit: str, *, is_safe: bool) -> list[TurnReport]:
    often, (shortest_s, longest_s) = HABITS[habit]
    rng = random.Random(7)
    async with open_hall(stt_s=0.1, point=_safe if is_safe else lambda settings: settings, answer="Yes.") as hall:
        hall.stt.script.text = "Tell me something."
        ada = hall.port.join(1)
        await trio.sleep(1)
        for _ in range(_QUESTIONS):
            await hall.say(ada, rng.randrange(40, 80))
            for _ in range(2):
                if rng.random() < often:
                    await trio.sleep(rng.uniform(shortest_s, longest_s))
                    await hall.say(ada, rng.randrange(20, 60))
            await _answered(hall)
            await trio.sleep(1)
        return list(hall.reports)


async def _answered(hall: Hall) -> None:
    await trio.sleep(1.5)
    await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)


def _delay_ms(reports: list[TurnReport]) -> float:
    delays = sorted(
        (report.marks["first_audio"] - report.marks["speech_end"]) * 1000
        for report in reports
        if report.outcome == "answered" and "first_audio" in report.marks
    )
    return delays[len(delays) // 2]


def table() -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"asked ahead, {_QUESTIONS} questions: words 100, agent 400, voice 40 ms; a frame is {FRAME_S * 1000:.0f} ms"
    for habit, (often, (shortest_s, longest_s)) in HABITS.items():
        found = {
            is_safe: trio.run(
                functools.partial(_converse, habit, is_safe=is_safe), clock=trio.testing.MockClock(autojump_threshold=0)
            )
            for is_safe in (False, True)
        }
        ahead = [report for report in found[True] if report.speculation is not None]
        wasted = sum(report.speculation == "wasted" for report in ahead)
        won = [report.won_ms for report in ahead if report.won_ms is not None]
        yield (
            f"  {habit:9} pauses {often:.0%} of the time for {shortest_s * 1000:.0f} to {longest_s * 1000:.0f} ms: "
            f"last voice to first sound p50 {_delay_ms(found[False]):.0f} -> {_delay_ms(found[True]):.0f} ms, "
            f"{sum(won) / max(1, len(won)):.0f} ms won a turn, {len(ahead)} asked ahead, {wasted} of them for nothing"
        )
