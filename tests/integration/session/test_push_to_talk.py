"""Who holds a key to speak, in virtual time: letting it go is the end."""

from __future__ import annotations

import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.voices import tone_packets, tone_pcm
from voxbridge.audio.opus import encode_speech
from voxbridge.config.settings import Settings
from voxbridge.config.turns import EndpointingSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, SILENCE_OPUS

pytestmark = pytest.mark.integration

SIGNED_OFF = [SILENCE_OPUS] * 5


def with_key(*who: str) -> Settings:
    return Settings(endpointing=EndpointingSettings(push_to_talk=who))


async def end_s(hall: Hall, ada: UserId) -> float:
    """Let Ada speak and let her key go; return how long after her last sound the turn was decided."""
    await hall.port.speak(ada, [*tone_packets(50), *SIGNED_OFF])
    report = await hall.wait_report()
    assert report.outcome == "answered"
    return report.marks["turn_decided"] - report.marks["speech_end"]


async def test_the_turn_ends_when_the_key_is_let_go(autojump_clock: trio.testing.MockClock) -> None:
    """Five trailing frames and the jitter buffer's depth, 160 ms, and the rest of a detector's frame. Else 500 ms."""
    async with open_hall(settings=with_key("1")) as hall:
        assert 0.1 < await end_s(hall, hall.port.join(1)) <= 0.16 + 2 * FRAME_S
    async with open_hall(settings=with_key("2")) as hall:
        assert await end_s(hall, hall.port.join(1)) >= 0.4
    async with open_hall(settings=with_key("everyone")) as hall:
        assert await end_s(hall, hall.port.join(1)) <= 0.16 + 2 * FRAME_S


async def test_a_pause_with_the_key_held_splits_no_question(autojump_clock: trio.testing.MockClock) -> None:
    """1.5 s of silence that is sent, as an open microphone does: one question, asked when the key is let go."""
    async with open_hall(settings=with_key("everyone")) as hall:
        ada = hall.port.join(1)
        hush = encode_speech(tone_pcm(75 * FRAME_S, scale=30))
        await hall.port.speak(ada, [*tone_packets(40), *hush, *tone_packets(40), *SIGNED_OFF])
        await hall.wait_report()
        await trio.sleep(5)
        assert [report.outcome for report in hall.reports] == ["answered"]
        assert len(hall.agent.questions) == 1
