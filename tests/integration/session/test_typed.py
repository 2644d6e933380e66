"""Typed questions, and the last answer again. Virtual time."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from voxbridge.config.turns import FloorSettings
from voxbridge.core.call.events import MemberJoined
from voxbridge.core.ids import UserId
from voxbridge.testing.servers.chatterbox import Fault

pytestmark = pytest.mark.integration

EVE = MemberJoined(UserId(9), "Eve", is_bot=False)
LONG = " ".join(f"This is sentence number {number} of the answer." for number in range(12))


@attrs.define
class Shown:
    """What was shown to who asked, and when."""

    texts: list[tuple[float, str]] = attrs.field(factory=list)

    async def tell(self, text: str) -> None:
        await trio.lowlevel.checkpoint()
        self.texts.append((trio.current_time(), text))


async def ask(hall: Hall, text: str = "How is the weather?"):
    """Type a question as somebody who is not heard here; return what was shown and what went wrong."""
    shown = Shown()
    return shown, await hall.room.ask(EVE, text, shown.tell)


@pytest.mark.parametrize("mode", ["everyone", "addressed", "lock"])
async def test_a_typed_question_is_spoken_and_written(autojump_clock, mode):
    """Without a name and whoever holds the floor; the text is there long before the last sound."""
    async with open_hall(answer=LONG, floor=FloorSettings(mode=mode)) as hall:
        hall.port.join(1, "Ada")
        hall.port.join(2, "Bob")
        await trio.sleep(2)
        shown, told = await ask(hall)
        ended_at = trio.current_time()
        assert told is None
        assert [text for _, text in shown.texts] == [LONG]
        assert ended_at - shown.texts[0][0] > 5.0
        (question,) = hall.agent.questions
        assert question.text == "How is the weather?"
        (report,) = hall.reports
        assert (report.outcome, report.user_id, report.spoken) == ("answered", EVE.user_id, LONG)


async def test_what_cannot_be_answered_is_told(autojump_clock):
    """No agent: the asker reads that it went wrong."""
    async with open_hall() as hall:
        hall.agent.failures_per_turn = 99
        shown, told = await ask(hall)
        assert told is not None
        assert told.key == "apology"
        assert shown.texts == []


async def test_without_a_voice_the_text_is_there(autojump_clock):
    """Who types can read."""
    async with open_hall() as hall:
        hall.tts.lasting_fault = Fault("status", status=503)
        shown, told = await ask(hall)
        assert told is None
        assert [text for _, text in shown.texts] == ["Hello there. This is the answer."]


async def test_nobody_is_answered_where_it_only_writes(autojump_clock):
    """floor.mode = nobody."""
    async with open_hall(floor=FloorSettings(mode="nobody")) as hall:
        _, told = await ask(hall)
        assert told is not None
        assert told.key == "ask_nobody"
        assert hall.agent.questions == []


async def test_repeat_says_the_last_answer_again(autojump_clock):
    """All of it, if all was heard; there is nothing before the first."""
    async with open_hall() as hall:
        assert (await hall.room.repeat()).key == "nothing_to_repeat"
        await hall.say(hall.port.join(1, "Ada"))
        await hall.wait_report()
        before = len(hall.tts.spoken)
        assert (await hall.room.repeat()).key == "repeated"
        assert " ".join(spoken.fields.text for spoken in hall.tts.spoken[before:]) == "Hello there. This is the answer."
        assert len(hall.agent.questions) == 1


async def test_repeat_says_the_rest_of_what_was_cut_off(autojump_clock):
    """From the sentence on that broke off."""
    async with open_hall(answer=LONG) as hall:
        await hall.say(hall.port.join(1, "Ada"))
        await hall.port.wait_for(lambda: len(hall.port.voice) > 150, 60.0, recheck_s=1.0)
        hall.room.stop()
        report = await hall.wait_report()
        before = len(hall.tts.spoken)
        assert (await hall.room.repeat()).key == "repeated"
        said = " ".join(spoken.fields.text for spoken in hall.tts.spoken[before:])
        assert LONG.endswith(said)
        assert len(said) < len(LONG)
        assert len(report.spoken) + len(said) >= len(LONG) - 1
