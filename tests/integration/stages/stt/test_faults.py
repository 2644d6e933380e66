"""Every kind of speech-to-text server against every fault: what the operator reads, and how often it was asked."""

from __future__ import annotations

import re

import pytest
import structlog

from tests.integration.stages.stt.stt_faults import AHEAD, CASES, LIMIT_S, NEXT, PAGE, WORDS, page, play
from tests.support.stt_kinds import said
from voxbridge.config.kinds import kind_names

pytestmark = pytest.mark.integration


def test_kinds_are_all_there():
    """No kind is left out of the table; embedded is WhisperX's client."""
    assert {case.kind for case in CASES} | {"embedded"} == set(kind_names("stt"))


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_the_operator_reads(autojump_clock, case):
    """The right error in the right words, in time, after so many tries; and the next utterance works."""
    outcome = await play(case)
    seen = f"{outcome.error!r} after {outcome.took_s} s and {outcome.asked} tries"
    if case.error is None:
        assert (outcome.text, outcome.error) == (said(WORDS), None), seen
    else:
        assert outcome.error is not None, seen
        assert type(outcome.error) is case.error, seen
        assert re.search(case.says, str(outcome.error)), seen
        assert outcome.error.backend == case.kind
        is_at_limit = outcome.took_s == pytest.approx(LIMIT_S, abs=1e-9)
        assert is_at_limit if case.is_at_limit else outcome.took_s < LIMIT_S, seen
    least, most = (case.asked, case.asked) if isinstance(case.asked, int) else (case.asked[0], case.asked[-1])
    if case.fault not in {"refused", "dns"}:
        most += AHEAD.get(case.kind, 0)
    assert least <= outcome.asked <= most, seen
    assert outcome.next_text in {said(NEXT), None}, "the next utterance does not work"


def test_page_shows_what_comes_of_each_fault():
    """docs/stt-faults.md is what the cases give.

    Write it anew with ``python -m tests.integration.stages.stt.stt_faults``.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        assert PAGE.read_text(encoding="utf-8") == page()
    finally:
        structlog.reset_defaults()
