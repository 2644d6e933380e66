"""Noise, music and babble in front of an open microphone, with the real ears, in virtual time: nobody is answered."""

from __future__ import annotations

import pytest
import trio

from tests.support.hall import open_hall
from tests.support.inline_engines import with_real_ears
from tests.support.noises import LEVELS_DBFS, NOISES, at_level
from tests.support.speech import clips
from voxbridge.core.sound.pcm import HEARING_RATE_HZ, Pcm
from voxbridge.rehearsal.call import opus_of

pytestmark = pytest.mark.integration

SECONDS = 20.0
# CI has the loudest of what the voice detector takes for a voice, and one of what it does not.
IN_CI = {("babble", -20.0), ("a voice that sings", -20.0), ("keys", -20.0)}
GRID = [
    pytest.param(noise, dbfs, marks=() if (noise, dbfs) in IN_CI else pytest.mark.whole)
    for noise in NOISES
    for dbfs in LEVELS_DBFS
]


@pytest.mark.parametrize(("noise", "dbfs"), GRID)
async def test_twenty_seconds_of_noise_are_no_question(
    noise: str, dbfs: float, autojump_clock: trio.testing.MockClock
) -> None:
    """The agent is not asked and nothing is said; a question after it is heard and answered."""
    async with open_hall(change=with_real_ears) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.port.speak(ada, opus_of(Pcm(at_level(NOISES[noise](SECONDS), dbfs), HEARING_RATE_HZ)))
        await trio.sleep(5)
        assert not hall.agent.questions, f"{noise} at {dbfs} dBFS was answered: {hall.agent.questions[-1].text!r}"
        assert not hall.port.voice
        assert hall.room.open_turns == 0
        clip = clips()[4]
        await hall.port.speak(ada, opus_of(Pcm(clip.pcm, HEARING_RATE_HZ)))
        await hall.port.wait_for(lambda: any(each.outcome == "answered" for each in hall.reports), 20)
        assert len(hall.agent.questions) == 1
