"""What of an answer reaches the voice: in the language of who is answered, one word never alone. In virtual time."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.support.hall import open_hall
from tests.support.stages import ScriptedAgent, ScriptedTts
from voxbridge.config.settings import Settings
from voxbridge.config.stages import SttSettings

pytestmark = pytest.mark.integration


async def spoken(answer: str, language: str = "en") -> set[str]:
    """Return what a voice is asked to speak of an answer in one piece. Two are in synthesis at once, in any order."""
    voice, agent = ScriptedTts(), ScriptedAgent(outcomes=[answer])
    settings = Settings(stt=SttSettings(language=language))
    async with open_hall(settings=settings, change=lambda tools: attrs.evolve(tools, agent=agent, tts=voice)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert report.outcome == "answered"
    assert len(set(voice.spoken)) == len(voice.spoken)
    return set(voice.spoken)


async def test_one_word_is_spoken_with_what_follows_it(autojump_clock: trio.testing.MockClock) -> None:
    """Where the text is there already, no voice is asked for a single word; a single word is all there is, it is."""
    assert await spoken("Sure! I can do that. Done. It took a moment.") == {
        "Sure! I can do that.",
        "Done. It took a moment.",
    }
    assert await spoken("Yes.") == {"Yes."}


async def test_answer_is_read_in_the_language_of_the_turn(autojump_clock: trio.testing.MockClock) -> None:
    """Ends of sentences, and what the bridge itself says, follow the speaker's language."""
    answer = "Der 1. FC Köln gewann am 5. März.\n```\nls\n```\nDas war schön."
    assert await spoken(answer, "de") == {"Der 1. FC Köln gewann am 5. März.", "Code ausgelassen.", "Das war schön."}
