"""The tables of backends: what the settings allow is what can be made, and who needs the engines."""

from __future__ import annotations

import pytest

from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import SttSettings
from voxbridge.stages.agent.custom import HttpAgentSettings
from voxbridge.stages.failover import FailoverStt, FailoverTts
from voxbridge.stages.registry import in_order, needs_engines, stt_stage, tts_stage
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings

pytestmark = pytest.mark.unit

WHISPERX = WhisperXSettings(url="ws://stt:4901")
CHATTERBOX = ChatterboxSettings(url="http://tts:4123")


def test_engines_are_needed_for_a_backup_too() -> None:
    """They are started with the daemon: a backup that must first load its models is none."""
    ours = Settings(stt=WHISPERX, agent=HttpAgentSettings(url=Secret("http://a")), tts=CHATTERBOX)
    assert not needs_engines(ours)
    with_backup = Settings(
        stt=WhisperXSettings(url="ws://stt:4901", backup=(SttSettings(),)), agent=ours.agent, tts=CHATTERBOX
    )
    assert needs_engines(with_backup)


def test_one_backend_alone_is_not_wrapped() -> None:
    """Who has no backup pays nothing for the fail-over."""
    assert not isinstance(stt_stage(WHISPERX, ""), FailoverStt)
    assert not isinstance(tts_stage(CHATTERBOX, ""), FailoverTts)
    doubled = tts_stage(ChatterboxSettings(url="http://tts:4123", hedge=True), "")
    assert isinstance(doubled, FailoverTts)


def test_what_holds_for_a_stage_holds_for_its_backups() -> None:
    """A backup is asked in the language of the stage; what is its own stays its own."""
    first = WhisperXSettings(url="ws://stt:4901", language="de", limit_ms=900, backup=(SttSettings(limit_ms=800),))
    _, backup = in_order(first)
    assert (backup.language, backup.limit_ms, backup.backup) == ("de", 800, ())
