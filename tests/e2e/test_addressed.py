"""Two people and the daemon's process: only what is for it is answered."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest

from tests.e2e.conftest import open_bridge
from tests.support.speech import clips
from voxbridge.config.turns import FloorSettings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import opus_of
from voxbridge.rehearsal.discord.world import VOICE_CHANNEL_ID

pytestmark = pytest.mark.e2e


async def test_only_what_is_for_it_is_answered(tmp_path: Path) -> None:
    """Alone, by the bot's name in Discord, misheard, and in the follow-up; side talk asks nobody."""
    (clip,) = [clip for clip in clips() if clip.name == "0930"]
    packets = opus_of(Pcm(clip.pcm, 16_000))[:75]
    async with open_bridge(tmp_path, answer="Certainly.", floor=FloorSettings(follow_up_ms=3000)) as bridge:
        call = bridge.simulated_call
        texts = deque(["Hello?", "Fox Bridge, who won the match?", "And when?", "I was there."])
        bridge.stt.script.has_partials = False
        bridge.stt.script.text = lambda _heard: texts.popleft()
        await call.ada.speak(packets)
        await call.daemon.wait_turn(0, timeout_s=30)
        bob = call.discord.add_member("Bob")
        await bob.join(VOICE_CHANNEL_ID)
        await bob.wait_dave_ready(timeout_s=20)
        await call.discord.wait_until(call.discord.is_dave_settled, timeout_s=10)
        for number, who in enumerate((bob, bob, call.ada), 1):
            await who.speak(packets)
            await call.daemon.wait_turn(number, timeout_s=30)
        turns = call.daemon.turns
        assert [turn["outcome"] for turn in turns] == ["answered", "answered", "answered", "not-addressed"]
        assert [turn["heard"] for turn in turns] == ["Hello?", "Fox Bridge, who won the match?", "And when?", ""]
        assert len(bridge.agent.questions) == 3
