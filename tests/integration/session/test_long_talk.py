"""Three people and twelve turns through the voice port, in virtual time: what was answered, cut, resumed, ignored."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
import trio

from tests.integration.session.test_barge_in import with_early_words
from tests.support.hall import Hall, open_hall
from tests.support.long_talk import PEOPLE, LongTalk, plan_of, voice_of
from tests.support.party import Party, Person
from tests.support.voices import LoudnessDetector
from voxbridge.config.turns import FloorSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import RTP_TICKS_PER_FRAME, OpusPacket
from voxbridge.session.context import Tools
from voxbridge.session.report import TurnReport

pytestmark = pytest.mark.integration


EXACT = pytest.approx
ANSWERED_S = dict.fromkeys((1, 2, 3, 4, 5, 7, 8, 9, 10, 110, 111, 11), 0.94)


class Sharp(LoudnessDetector):
    """Hears speech at -50 dBFS, as Silero does."""

    LOUD = 100


def seat(hall: Hall, user: UserId, name: str, voice: int) -> Person:
    """Give somebody a microphone at the voice port."""
    sent = {"sequence": 0, "taken": 0}

    def send(opus: bytes | None) -> None:
        if opus is None:
            return
        now = trio.current_time()
        sent["sequence"] += 1
        ticks = round(now * 50) * RTP_TICKS_PER_FRAME & 0xFFFF_FFFF
        hall.port.emit(OpusPacket(user, sent["sequence"] & 0xFFFF, ticks, opus, now))

    def bot_frames() -> list[bytes]:
        frames = hall.port.frames[sent["taken"] :]
        sent["taken"] += len(frames)
        return [frame.opus for frame in frames]

    return Person(user, name, voice, send, bot_frames)


async def test_a_conversation_of_three_people_turn_by_turn(autojump_clock: trio.testing.MockClock) -> None:
    """Each turn comes to what it should, and every delay is exact."""
    began: list[float] = []

    def change(tools: Tools) -> Tools:
        def on_report(report: TurnReport) -> None:
            began.append(trio.current_time() - report.marks["ended"])
            tools.on_report(report)

        return attrs.evolve(tools, on_report=on_report, new_detector=Sharp)

    async with open_hall(point=with_early_words, floor=FloorSettings(), change=change) as hall:
        people = {name: seat(hall, hall.port.join(number, name), name, number) for name, number in PEOPLE}

        async def until(condition: Callable[[], bool], what: str) -> None:
            del what  # the port says what it has seen
            await hall.port.wait_for(condition, 60)

        party = Party(
            people,
            hall.agent,
            lambda: list(zip(began, hall.reports, strict=True)),
            until,
            hall.room.mouth.sent,
            lambda: [frame.at for frame in hall.port.voice],
            trio.current_time,
            lambda: [text for _, text in hall.port.posted],
            lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle,
        )
        hall.stt.script = attrs.evolve(
            hall.stt.script, text=party.transcript, extension=True, has_partials=False, peek_delay_s=0.15
        )
        hall.agent.script = plan_of
        hall.tts.synthesize = voice_of
        await trio.sleep(2)
        for person in people.values():
            hall.nursery.start_soon(person.run)
        talk = LongTalk(party)
        await talk.play()
    answered = {each.number: each.answer_s for each in talk.checked if each.answer_s is not None}
    # 500 ms until the turn is decided, 400 for the agent's first text, 40 for the voice; what was cut off is there
    assert answered == EXACT(ANSWERED_S | {6: 0.54}, abs=1e-6)
    # the words so far are asked for after 240 and 480 ms of voice, and take 150; "stop" must be all that is said
    assert talk.stops_s == EXACT({2: 0.68, 5: 0.64, 10: 0.64}, abs=1e-6)
