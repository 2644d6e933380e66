"""X-TTS-Options: the legal ones, within their ranges; the rest is named and does no harm."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.agents.tts_options import ParsedOptions, TtsOptions, parse_tts_options

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("header", "options", "clamped", "ignored"),
    [
        ('{"exaggeration": 0.7, "cfgWeight": 0.4, "temperature": 0.9}', TtsOptions(None, 0.7, 0.4, 0.9), (), ()),
        ('{"cfg_weight": "0.4"}', TtsOptions(cfg_weight=0.4), (), ()),
        ('{"cfgWeight": 7, "exaggeration": 0}', TtsOptions(None, 0.25, 1.0), ("cfgWeight", "exaggeration"), ()),
        ('{"voice": "alloy", "speedFactor": 1.2}', TtsOptions("alloy"), (), ("speedFactor",)),
        ('{"voiceMode": "clone", "referenceAudioFilename": "robot.wav"}', TtsOptions("robot"), (), ()),
        ('{"voiceMode": "preset", "voice": "alloy"}', TtsOptions("alloy"), (), ()),
        ('{"voiceMode": "preset", "referenceAudioFilename": "r.wav"}', TtsOptions(), (), ("referenceAudioFilename",)),
        ('{"voice": "../../etc/passwd"}', TtsOptions(), (), ("voice",)),
        ('{"temperature": true, "exaggeration": NaN}', TtsOptions(), (), ("temperature", "exaggeration")),
        ("not JSON", TtsOptions(), (), ("the whole header",)),
        ("[1]", TtsOptions(), (), ("the whole header",)),
    ],
)
def test_header(header, options, clamped, ignored):
    """Each field has one outcome: used, clamped or ignored."""
    assert parse_tts_options(header) == ParsedOptions(options, clamped, ignored)


@given(st.text() | st.dictionaries(st.text(), st.floats() | st.text() | st.none() | st.booleans()).map(json.dumps))
def test_any_header_is_survived(header):
    """It comes from a workflow and may be anything; what comes out is within the ranges."""
    options = parse_tts_options(header).options
    for value, (low, high) in (
        (options.exaggeration, (0.25, 2.0)),
        (options.cfg_weight, (0.0, 1.0)),
        (options.temperature, (0.05, 5.0)),
    ):
        assert value is None or (math.isfinite(value) and low <= value <= high)
