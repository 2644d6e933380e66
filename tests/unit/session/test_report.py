"""What is told of a turn: parts that sum, budgets from the settings, a record that any reader takes."""

from __future__ import annotations

import json

import attrs
import pytest

from tests.support.reports import MARKS, make_report
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AgentSettings, SttSettings
from voxbridge.config.turns import EndpointingSettings
from voxbridge.session.rules import budgets_ms

pytestmark = pytest.mark.unit


def test_parts_are_contiguous_and_sum_to_the_whole() -> None:
    """From the end of speech to the first audio nothing is left out and nothing counted twice."""
    report = make_report()
    assert [(part.name, round(part.ms, 6)) for part in report.parts] == [
        ("endpointing", 512),
        ("stt", 256),
        ("floor", 16),
        ("agent", 512),
        ("sentence", 2),
        ("tts", 64),
        ("playout", 1),
    ]
    assert report.first_audio is not None
    assert sum(part.ms for part in report.parts[1:]) == pytest.approx(report.first_audio.ms, abs=1e-6)


def test_each_part_is_judged_by_its_own_setting() -> None:
    """What was asked for is the budget; where nothing was, there is no verdict."""
    settings = Settings(
        stt=SttSettings(target_ms=255), agent=AgentSettings(target_ms=513), endpointing=EndpointingSettings()
    )
    verdicts = {part.name: (part.budget_ms, part.verdict) for part in make_report(settings).parts}
    assert verdicts["endpointing"] == (560, "ok"), "500 ms, and the jitter buffer's depth"
    assert verdicts["stt"] == (255, "late")
    assert verdicts["agent"] == (513, "ok")
    assert verdicts["tts"] == (settings.tts.sentence_target_ms, "ok")
    assert verdicts["floor"] == verdicts["sentence"] == verdicts["playout"] == (None, "-")
    assert set(budgets_ms(settings)) == {"endpointing", "stt", "agent", "tts"}


def test_a_turn_that_ended_early_has_the_parts_it_got_through() -> None:
    """Failed at the agent: no parts after it, and no first audio."""
    report = make_report(marks={name: MARKS[name] for name in list(MARKS)[:5]})
    assert [part.name for part in report.parts] == ["endpointing", "stt", "floor"]
    assert report.first_audio is None


def test_the_record_is_json_with_ids_as_texts() -> None:
    """JavaScript loses 64-bit integers; everything else is numbers, texts, lists and tables."""
    record = json.loads(json.dumps(make_report().to_json()))
    assert record["guild_id"] == "900000000000000001"
    assert record["channel_id"] == "900000000000000002"
    assert record["user_id"] == "900000000000000003"
    assert record["marks"]["first_audio"] == pytest.approx(2.363)
    assert record["parts"][1] == {"name": "stt", "ms": pytest.approx(256), "budget_ms": 400, "verdict": "ok"}
    assert record["first_audio"]["name"] == "first_audio"
    assert set(record) == {field.name for field in attrs.fields(type(make_report()))}
