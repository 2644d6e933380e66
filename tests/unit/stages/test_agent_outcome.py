"""What the operator reads of an answer that failed."""

from __future__ import annotations

import pytest

from voxbridge.core.agents.said import Ended
from voxbridge.core.wire.quote import QUOTE_CHARS_MAX, Hidden
from voxbridge.stages.agent.outcome import outcome_error

pytestmark = pytest.mark.unit


def told(detail: str, *, hidden: Hidden | None = None) -> str:
    ended = Ended("agent_error", detail)
    error = outcome_error(
        ended, backend="n8n", hidden=hidden or Hidden(), failed="the workflow failed", retry_empty=False
    )
    return str(error)


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("Rate limited", "the workflow failed: Rate limited"),
        ("no message (node AI Agent)", "the workflow failed: no message (node AI Agent)"),
        ("Workflow failed", "the workflow failed"),
        ("workflow failed!", "the workflow failed"),
        ("two\n  lines", "the workflow failed: two lines"),
    ],
)
def test_a_failure_is_told_once(detail: str, words: str) -> None:
    """The peer's message follows what it is; one that says no more than that is left out."""
    assert told(detail) == f"agent (n8n): {words}"


def test_a_message_is_quoted_up_to_a_line() -> None:
    """A megabyte of a peer's words is no log line."""
    assert len(told("x" * 1_000_000)) < QUOTE_CHARS_MAX + 50


def test_a_message_that_repeats_the_user_is_not_shown() -> None:
    """What was said to the agent reaches no log."""
    assert "harbour" not in told("cannot find: meet me at the harbour", hidden=Hidden(speech="meet me at the harbour"))
