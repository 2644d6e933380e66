"""The page of what is spoken says what the tests hold."""

from __future__ import annotations

import pytest

from tests.unit.core.text.spoken_page import KINDS, PAGE, cases, page

pytestmark = pytest.mark.unit


def test_page_is_what_the_cases_say():
    """docs/spoken.md follows from them. Write it anew with ``python -m tests.unit.core.text.spoken_page``."""
    assert PAGE.read_text("utf-8") == page()


def test_every_kind_has_its_table():
    """No case is left out for want of a kind."""
    assert {case["kind"] for case in cases()} == set(KINDS)
