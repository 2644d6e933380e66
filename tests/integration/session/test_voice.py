"""How an answer sounds when it leaves: its first frame, its pauses, whose it is."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.support.hall import open_hall
from voxbridge.audio.loudness import levels_dbfs
from voxbridge.audio.opus import Decoder
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ
from voxbridge.testing.servers.chatterbox import hum
from voxbridge.testing.servers.n8n_plans import agent, words

pytestmark = pytest.mark.integration
EXACT = pytest.approx


def padded(text: str, index: int) -> bytes:
    """A voice like the built-in one: 300 ms of silence before its sound, 440 ms behind it."""
    return bytes(SPEECH_RATE_HZ * 2 * 300 // 1000) + hum(text, index) + bytes(SPEECH_RATE_HZ * 2 * 440 // 1000)


def levels(frames: list[bytes]) -> list[float]:
    decoder = Decoder(rate_hz=SPEECH_RATE_HZ)
    return levels_dbfs(b"".join(decoder.decode(frame) for frame in frames), SPEECH_RATE_HZ)


async def test_the_first_frame_out_is_the_first_that_can_be_heard(autojump_clock: trio.testing.MockClock) -> None:
    """The clip's leading silence costs nothing: the first audio is where it would be without, and can be heard."""
    async with open_hall(answer="Hello there. And so on.") as hall:
        hall.tts.synthesize = padded
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report()
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(440, abs=1e-3), "the early words, 400 ms of agent, 40 of synthesis"
        assert report.trimmed.lead_ms >= 280
        assert max(levels([frame.opus for frame in hall.port.voice[:3]])) > -50, "the first 60 ms are silence"


async def test_sentences_follow_each_other_after_a_natural_pause(autojump_clock: trio.testing.MockClock) -> None:
    """Of 740 ms of silence that the clips bring at each join, 200 to 350 are left."""
    async with open_hall(answer="Here is the first of them. Here is the second one. And this is the third.") as hall:
        hall.tts.synthesize = padded
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.wait_report()
        heard = "".join("s" if level < -50 else "x" for level in levels([frame.opus for frame in hall.port.voice]))
    pauses = [len(run) * 10 for run in heard.strip("s").split("x") if len(run) >= 10]
    assert len(pauses) == 2
    assert all(200 <= pause <= 350 for pause in pauses), pauses


@pytest.mark.parametrize("people", [1, 2])
async def test_a_late_answer_says_whose_it_is(people: int, autojump_clock: trio.testing.MockClock) -> None:
    """14 s after the question, among several people, it begins with a name; the agent is not told of the name."""
    async with open_hall() as hall:
        hall.agent.plans.append(agent(words("It is nine o'clock."), first_s=14.0))
        for number in range(2, people + 1):
            hall.port.join(number, "Ada")
        ben = hall.port.join(1, "Ben ✨ (he/him)")
        await trio.sleep(1)
        await hall.say(ben)
        report = await hall.wait_report()
        said = hall.tts.spoken[0].fields.text
        assert said == ("Ben: It is nine o'clock." if people > 1 else "It is nine o'clock.")
        assert report.spoken == "It is nine o'clock."


async def test_an_answer_that_waits_for_another_says_whose_it_is(autojump_clock: trio.testing.MockClock) -> None:
    """Two people ask at once: the first answer needs no name, the one behind it does."""
    async with open_hall(answer="This is an answer of some length, as they go.") as hall:
        ada, ben = hall.port.join(1, "Ada"), hall.port.join(2, "Ben")
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hall.say, ada, 40)
            nursery.start_soon(hall.say, ben, 60)
        await hall.wait_report(1)
        first = [each.fields.text for each in hall.tts.spoken if each.fields.text.endswith("length,")]
        assert first == ["This is an answer of some length,", "Ben: This is an answer of some length,"]
        assert attrs.asdict(hall.reports[1])["spoken"] == "This is an answer of some length, as they go."
