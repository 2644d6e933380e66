"""What /status says of the stages."""

from __future__ import annotations

import pytest

from voxbridge.core.health.backend import BackendStatus
from voxbridge.core.health.slowness import Slow
from voxbridge.core.health.words import health_lines
from voxbridge.core.messages.catalogue import OURS

pytestmark = pytest.mark.unit

STT, AGENT, TTS = (
    BackendStatus("stt", "whisperx", "up"),
    BackendStatus("agent", "n8n", "up"),
    BackendStatus("tts", "chatterbox", "up"),
)
NOW = 1000.0
SLOW_AND_FAILING = (
    "The agent is slow: 2.4 s to its first word; it should be 0.5 s. "
    "Speech synthesis (chatterbox) has been failing for 10 s."
)


@pytest.mark.parametrize(
    ("backends", "slow", "said"),
    [
        ([STT, AGENT, TTS], [], "All servers are well."),
        ([STT, BackendStatus("agent", "n8n"), TTS], [], "I have not yet asked all servers how they are."),
        (
            [STT, BackendStatus("agent", "n8n", "down", "http://secret.example: refused", since=820.0), TTS],
            [],
            "The agent (n8n) has been down for 3 min.",
        ),
        (
            [STT, AGENT, BackendStatus("tts", "chatterbox", "failing", since=990.0)],
            [Slow("agent", 2400.0, 500.0)],
            SLOW_AND_FAILING,
        ),
        (
            [BackendStatus("stt", "whisperx", "down"), BackendStatus("stt", "embedded", "up", number=1), AGENT, TTS],
            [],
            "Speech recognition (whisperx) has been down for 17 min; a backup (embedded) has taken over.",
        ),
        ([STT, BackendStatus("stt", "embedded", "down", number=1), AGENT, TTS], [], "All servers are well."),
    ],
)
def test_what_is_down_or_slow_is_said(backends: list[BackendStatus], slow: list[Slow], said: str) -> None:
    """Each trouble in a sentence, without the operator's details; a backup that nobody misses is no trouble."""
    assert " ".join(map(OURS.text, health_lines(backends, slow, NOW))) == said
