"""The tables of backends: what the settings allow is what can be made, and who needs the engines."""

from __future__ import annotations

import pytest

from voxbridge.config.settings import (
    AGENT_KINDS,
    STT_KINDS,
    TTS_KINDS,
    AgentSettings,
    Secret,
    Settings,
    SttSettings,
    TtsSettings,
)
from voxbridge.errors import ConfigError
from voxbridge.stages.failover import FailoverStt, FailoverTts
from voxbridge.stages.registry import AGENT, STT, TTS, make_tts, needs_engines, stt_stage, tts_stage

pytestmark = pytest.mark.unit

WHISPERX = SttSettings(kind="whisperx", url="ws://stt:4901")
CHATTERBOX = TtsSettings(kind="chatterbox", url="http://tts:4123")


def test_every_kind_that_is_allowed_can_be_made() -> None:
    """A kind is added in two places: the settings and the table."""
    assert (set(STT), set(AGENT), set(TTS)) == (set(STT_KINDS), set(AGENT_KINDS), set(TTS_KINDS))


def test_engines_are_needed_for_a_backup_too() -> None:
    """They are started with the daemon: a backup that must first load its models is none."""
    ours = Settings(stt=WHISPERX, agent=AgentSettings(kind="http", url=Secret("http://a")), tts=CHATTERBOX)
    assert not needs_engines(ours)
    with_backup = Settings(
        stt=SttSettings(kind="whisperx", url="ws://stt:4901", backup=(SttSettings(),)), agent=ours.agent, tts=CHATTERBOX
    )
    assert needs_engines(with_backup)


def test_one_backend_alone_is_not_wrapped() -> None:
    """Who has no backup pays nothing for the fail-over."""
    assert not isinstance(stt_stage(WHISPERX, ""), FailoverStt)
    assert not isinstance(tts_stage(CHATTERBOX, ""), FailoverTts)
    doubled = tts_stage(TtsSettings(kind="chatterbox", url="http://tts:4123", hedge=True), "")
    assert isinstance(doubled, FailoverTts)


def test_a_kind_that_nobody_brings_is_refused() -> None:
    """Also where settings were made without the file's checks: the message lists what there is."""
    settings = TtsSettings(kind="chatterbox", url="http://tts:4123")
    object.__setattr__(settings, "kind", "espeak")
    with pytest.raises(ConfigError) as caught:
        make_tts(settings, "")
    assert "there is no such backend (got 'espeak'). Allowed: embedded, chatterbox" in str(caught.value)
