"""Short answers and first syllables, with the real ears, in virtual time."""

from __future__ import annotations

import pytest
import trio

from tests.support.inline_engines import with_real_ears
from tests.support.memory_party import open_memory_party
from voxbridge.core.text.phantoms import plain
from voxbridge.rehearsal.embedded import own_voice
from voxbridge.testing.servers.n8n_plans import agent, words

pytestmark = pytest.mark.integration

SHORT = ("Yes.", "No.", "Seven.", "Robert.", "Thursday.")
SOFT = ("She has seen it.", "Have you found it?", "Who is there?")
"""They begin with a hiss or a breath, which no detector takes for a voice."""


async def test_a_single_word_is_heard_whole_and_answered(autojump_clock: trio.testing.MockClock) -> None:
    """ "Yes", "no", a number, a name, a day: each is a turn of its own, and its words are all there."""
    assert await asked(SHORT) == [plain(text) for text in SHORT]


async def test_the_first_syllable_is_never_lost(autojump_clock: trio.testing.MockClock) -> None:
    """What comes before the voice is certain is among what the speech server gets."""
    assert await asked(SOFT) == [plain(text) for text in SOFT]


async def asked(texts: tuple[str, ...]) -> list[str]:
    """Let somebody say these, one after the other; return what the agent was asked."""
    voice = own_voice()
    async with open_memory_party({"Ada": 1}, ears=with_real_ears) as (hall, party):
        hall.agent.script = lambda _: agent(words("I see."))
        for text in texts:
            await trio.sleep(2)
            party.people["Ada"].make(voice(text).data)
            await party.spoken("Ada")
            await party.quiet()
        return [plain(question.text).replace("7", "seven") for question in hall.agent.questions]
