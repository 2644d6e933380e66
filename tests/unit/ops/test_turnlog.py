"""The log line of a turn: its story in figures, its words only where the operator wants them."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.reports import make_report
from voxbridge.config.settings import Settings
from voxbridge.config.stages import SttSettings
from voxbridge.ops.turnlog import log_turn

pytestmark = pytest.mark.unit


def line_of(**changes: Any) -> dict[str, Any]:
    with capture_logs() as logs:
        log_turn(make_report(Settings(stt=SttSettings(target_ms=200)), **changes))
    (line,) = logs
    return dict(line)


def test_the_line_has_the_whole_story() -> None:
    """Who, how it ended, each part in ms, and which of them were late."""
    line = line_of()
    assert (line["event"], line["log_level"], line["outcome"]) == ("turn", "info", "answered")
    assert (line["turn"], line["guild"], line["speaker"]) == ("turn-1", "900000000000000001", "900000000000000003")
    assert (line["endpointing_ms"], line["stt_ms"], line["agent_ms"], line["tts_ms"]) == (512.0, 256.0, 512.0, 64.0)
    assert line["first_audio_ms"] == 851.0
    assert line["late"] == ["stt", "agent"]


def test_speech_stands_in_fields_that_are_withheld() -> None:
    """No field without ``pii`` in its name holds a word that was said."""
    line = line_of()
    assert (line["pii_heard"], line["pii_answer"]) == ("what is it", "It is “so”.")
    others = {key: value for key, value in line.items() if not key.startswith("pii_")}
    assert "what" not in str(others)
    assert "so" not in str(others).replace("endpointing", "")


@pytest.mark.parametrize("outcome", ["failed", "timed-out"])
def test_a_turn_that_failed_is_a_warning_with_its_reason(outcome: str) -> None:
    """The operator sees it without looking for it."""
    line = line_of(outcome=outcome, error="agent (n8n): no answer", failed_stage="agent", first_audio=None)
    assert (line["log_level"], line["error"]) == ("warning", "agent (n8n): no answer")
    assert "first_audio_ms" not in line
