"""Every kind of every stage against every fault, in whole turns: no silence, none of the server's words, no restart."""

from __future__ import annotations

import functools

import pytest
import trio

from tests.integration.session.turn_faults.backends import HEARD, KINDS, NOISE, TITLES, cases, titles_of
from tests.integration.session.turn_faults.page import PAGE, heading, row, rows_of
from tests.integration.session.turn_faults.play import Played, back_of, notice_of, play
from tests.support.hall import ANSWER
from voxbridge.config.kinds import BUILT_IN
from voxbridge.config.settings import Settings
from voxbridge.errors import StageName

pytestmark = pytest.mark.integration

NOTICED = ("failed", "timed-out")
"""Outcomes of an outage; ``no-reply`` is the answer's fault, and the next one may be good."""


@functools.cache
def rows() -> dict[str, list[str]]:
    return rows_of(PAGE.read_text(encoding="utf-8"))


def told_to_people(played: Played) -> str:
    return " ".join((played.report.spoken, played.report.answer, played.texts, *played.posted, *played.posted_back))


@pytest.mark.parametrize(("stage", "kind", "title"), cases())
async def test_fault(autojump_clock: trio.testing.MockClock, stage: StageName, kind: str, title: str) -> None:
    """The user hears words or the apology in time and reads one notice; the next turn works; the page says just that.

    Write the page anew with ``python -m tests.integration.session.turn_faults``.
    """
    played = await play(stage, kind, title)
    report, again = played.report, played.again
    seen = f"{stage}, {kind}, {title}: {report.outcome}, heard {played.heard}; posted {played.posted}"
    assert report.outcome in (*NOTICED, "no-reply"), seen
    assert report.spoken or played.heard_apology, f"{seen}: the turn ended in silence"
    assert report.first_audio is not None, seen
    assert report.first_audio.ms <= Settings().turn.limit_ms, f"{seen}: only after {report.first_audio.ms} ms"
    assert report.failed_stage == stage, f"{seen}: {report.failed_stage} is said to have failed"
    assert (report.error or "").startswith(f"{stage} ({kind}): "), f"{seen}: the operator reads {report.error}"
    if stage == "tts" and not report.spoken:
        assert ANSWER in played.posted, f"{seen}: the answer is lost"
    for word in NOISE:
        assert word not in told_to_people(played), f"{seen}: the server's own words were told"
        assert word not in played.logged, f"{seen}: the server's own words were logged"
    assert HEARD not in played.logged, f"{seen}: a transcript was logged"
    assert ANSWER not in played.logged, f"{seen}: an answer was logged"
    is_noticed = report.outcome in NOTICED
    assert played.posted.count(notice_of(stage)) == is_noticed, f"{seen}: one notice per outage"
    assert played.posted_back == ((back_of(stage),) if is_noticed else ()), f"{seen}, then {played.posted_back}"
    assert (again.outcome, again.spoken) == ("answered", ANSWER), f"{seen}; then {again.outcome}, {again.error}"
    assert row(stage, title, played) in rows()[heading(stage, kind)], f"{PAGE.name} is out of date"


@pytest.mark.parametrize(("stage", "kind"), [(stage, kind) for stage, kinds in KINDS.items() for kind in kinds])
async def test_further_turns_of_an_outage_post_no_further_notice(
    autojump_clock: trio.testing.MockClock, stage: StageName, kind: str
) -> None:
    """Three turns fail in a row: one notice, and one when it is over."""
    played = await play(stage, kind, "hang before headers", turns=3)
    assert played.posted.count(notice_of(stage)) == 1, played.posted
    assert played.posted_back == (back_of(stage),)
    assert played.again.outcome == "answered", played.again.error


def test_kinds_are_all_there() -> None:
    """No kind that can be configured is left out."""
    assert {stage: set(kinds) for stage, kinds in KINDS.items()} == {
        stage: set(kinds) for stage, kinds in BUILT_IN.items()
    }


def test_the_page_has_a_line_for_each_case_and_no_other() -> None:
    """A fault or a kind that was taken out of the table leaves no line behind."""
    on_page = {head: [line.split(" | ")[0].removeprefix("| ") for line in lines] for head, lines in rows().items()}
    wanted = {heading(stage, kind): list(titles_of(kind)) for stage, kinds in KINDS.items() for kind in kinds}
    assert on_page == wanted
    assert all(set(titles) <= set(TITLES) for titles in wanted.values())
