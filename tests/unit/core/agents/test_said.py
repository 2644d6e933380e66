"""What a reader has said: blanks and letters that nobody can read do not begin an answer."""

from __future__ import annotations

from typing import Any

import pytest

from voxbridge.core.agents.said import Delta, Ended, Said

pytestmark = pytest.mark.unit


def said(*texts: str) -> list[Any]:
    """Return the events of an answer that came in these pieces."""
    reader = Said()
    return [event for text in texts for event in reader.say(text)] + reader.end()


def test_said_begins_with_what_can_be_read() -> None:
    """A letter that was cut in two by the server costs that letter."""
    assert said(" \ufffd", "\ufffd Hello", " \ufffd there.") == [Delta("Hello"), Delta(" \ufffd there."), Ended("ok")]


@pytest.mark.parametrize("texts", [("\ufffd",), ("", " \ufffd\ufffd ", "")])
def test_said_nothing_that_can_be_read(texts: tuple[str, ...]) -> None:
    """An answer of broken bytes is none, and the operator reads why."""
    assert said(*texts) == [Ended("protocol_error", "its text is not UTF-8")]


def test_said_blanks_are_an_empty_answer() -> None:
    """Blanks are nobody's fault."""
    assert said("", " \n ") == [Ended("empty", "the answer holds no text")]
