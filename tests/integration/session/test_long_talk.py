"""Three people and twelve turns through the voice port, in virtual time: what was answered, cut, resumed, ignored."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.integration.session.test_barge_in import with_early_words
from tests.support.long_talk import PEOPLE, LongTalk, plan_of, voice_of
from tests.support.memory_party import open_memory_party
from tests.support.voices import LoudnessDetector

pytestmark = pytest.mark.integration

EXACT = pytest.approx
# 500 ms until the turn is decided, 400 for the agent's first text, 40 for the voice; the rest of what was cut needs no
# agent and is there when the voice is
ANSWERED_S = dict.fromkeys((1, 2, 3, 4, 5, 7, 8, 9, 10, 110, 111, 11), 0.94) | {6: 0.54}
# the words so far are asked for after 240 and 480 ms of voice, and take 150; "stop" must be all that was said
STOPPED_S = {2: 0.68, 5: 0.64, 10: 0.66}


class Sharp(LoudnessDetector):
    """Hears speech at -50 dBFS, as Silero does."""

    LOUD = 100


async def test_a_conversation_of_three_people_turn_by_turn(autojump_clock: trio.testing.MockClock) -> None:
    """Each turn comes to what it should, and every delay is exact."""
    async with open_memory_party(
        dict(PEOPLE), point=with_early_words, ears=lambda tools: attrs.evolve(tools, new_detector=Sharp)
    ) as (hall, party):
        hall.stt.script = attrs.evolve(
            hall.stt.script, text=party.transcript, extension=True, has_partials=False, peek_delay_s=0.15
        )
        hall.agent.script, hall.tts.synthesize = plan_of, voice_of
        talk = LongTalk(party)
        await talk.play()
    assert {each.number: each.answer_s for each in talk.checked if each.answer_s} == EXACT(ANSWERED_S, abs=1e-6)
    assert talk.stops_s == EXACT(STOPPED_S, abs=1e-6)
