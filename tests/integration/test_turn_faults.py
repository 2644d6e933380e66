"""Every stage against every fault, in whole turns: never silence, never the server's words, and the next turn works."""

from __future__ import annotations

import pytest
import trio

from tests.integration.turn_faults import (
    FAULTS,
    NOISE,
    PAGE,
    STAGES,
    Played,
    back_of,
    notice_of,
    play,
    row,
)
from tests.support.hall import ANSWER
from voxbridge.config.settings import Settings
from voxbridge.errors import StageName

pytestmark = pytest.mark.integration

HEARD = "hello, can you hear me"


def told_to_people(played: Played) -> str:
    return " ".join((played.report.spoken, played.report.answer, *played.asked_to_speak, *played.posted))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("title", FAULTS)
async def test_fault(autojump_clock: trio.testing.MockClock, stage: StageName, title: str) -> None:
    """The user hears words or the apology in time, reads one notice, and the page in docs says just that.

    Write the page anew with ``python -m tests.integration.turn_faults``.
    """
    played = await play(stage, title)
    report, seen = played.report, f"{stage}, {title}: heard {played.heard}; posted {played.posted}"
    assert report.spoken or played.heard_apology, f"{seen}: the turn ended in silence"
    assert report.first_audio is not None
    assert report.first_audio.ms <= Settings().turn.limit_ms, f"{seen}: only after {report.first_audio.ms} ms"
    assert report.error is not None, f"{seen}: the operator reads nothing"
    assert report.failed_stage == stage, seen
    for word in NOISE.split():
        assert word not in told_to_people(played), f"{seen}: the server's own words were told"
    assert HEARD not in played.logged, "a transcript was logged"
    assert ANSWER not in played.logged, "an answer was logged"
    assert played.posted.count(notice_of(stage)) <= 1, seen
    if notice_of(stage) in played.posted and played.again is not None:
        assert played.posted_back == (back_of(stage),), f"{seen}, then {played.posted_back}"
    if played.again is not None:
        again = (played.again.outcome, played.again.spoken)
        assert again == ("answered", ANSWER), f"{seen}; the next turn: {again}, {played.again.error}"
    assert row(stage, title, played) in PAGE.read_text(encoding="utf-8").splitlines(), f"{PAGE.name} is out of date"


def test_the_page_has_a_line_for_each_case_and_no_other() -> None:
    """A fault that was taken out of the table leaves no line behind."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    titles = [line.split(" | ")[0].removeprefix("| ") for line in lines]
    assert titles == ["fault", *FAULTS] * len(STAGES)
