"""An agent that fails in the middle of a word: what is spoken before the apology. In virtual time."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.support.hall import open_hall
from tests.support.stages import ScriptedAgent, ScriptedTts
from voxbridge.errors import StageUnavailable
from voxbridge.stages.contracts import AgentRequest, AnswerSink, TextDelta

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("said", "spoken"),
    [
        ("The wea", ""),
        ("Hello there. The wea", "Hello there."),
        ("The weather in Boston is sun", "The weather in Boston is"),
        ("It is sunny, ", "It is sunny,"),
    ],
)
async def test_no_half_word_stands_before_the_apology(
    autojump_clock: trio.testing.MockClock, said: str, spoken: str
) -> None:
    """The agent fails in the middle of a word: what is whole is spoken, a word by itself is not."""

    class Failing(ScriptedAgent):
        async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
            self.requests.append(request)
            out.asked()
            await out.send(TextDelta(said))
            await trio.sleep(0.5)
            raise StageUnavailable("agent", "gone")

    tts = ScriptedTts(sound_s=0.5)
    async with open_hall(change=lambda tools: attrs.evolve(tools, agent=Failing(), tts=tts)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert report.outcome == "failed"
        assert " ".join(tts.spoken) == spoken
        assert report.first_audio is not None, "there was no apology"
