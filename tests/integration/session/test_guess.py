"""The early words, and what they decide: a plain WhisperX server, in virtual time."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.voices import tone_packets
from voxbridge.config.settings import Settings
from voxbridge.config.stages import SttSettings
from voxbridge.config.turns import EndpointingSettings
from voxbridge.core.ids import UserId
from voxbridge.rehearsal.marked import mark, marks_of
from voxbridge.session.report import TurnReport
from voxbridge.testing.servers.whisperx import Heard

pytestmark = pytest.mark.integration

VAD_FRAME_MS = 32


def marks(heard: Heard) -> str:
    """The words are the marks of the packets: what was heard, how often, and in which order."""
    return marks_of(heard.packets)


async def say(hall: Hall, user: UserId, first: int, frames: int) -> None:
    """Say the numbers from ``first`` on, one in each packet."""
    packets = [mark(opus, str(first + number)) for number, opus in enumerate(tone_packets(frames))]
    await hall.port.speak(user, packets)


def from_last_voice_ms(report: TurnReport) -> float:
    """Return the time from the last voiced frame to the first frame of the answer."""
    return (report.marks["first_audio"] - report.marks["speech_end"]) * 1000


async def test_the_first_sound_comes_940_ms_after_the_last_voiced_frame(autojump_clock: trio.testing.MockClock) -> None:
    """STT 300, agent 400, TTS 40 ms: the words are there at the decision, whatever server it is."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        for number in range(20):
            await trio.sleep(1 + number * 0.007)
            await hall.say(ada, 50 + number % 7)
            report = await hall.wait_report(number)
            assert report.outcome == "answered"
            assert 940 - 1e-3 <= from_last_voice_ms(report) <= 940 + VAD_FRAME_MS, f"turn {number}: {report.parts}"
        assert len(hall.agent.questions) == 20


@pytest.mark.parametrize("stretches", [(40, 40, 40), (180, 40), (180, 180, 30)])
async def test_no_word_is_lost_or_heard_twice_over_pauses(
    autojump_clock: trio.testing.MockClock, stretches: tuple[int, ...]
) -> None:
    """A guess ends a segment on a plain server: short ones are told again, long ones joined, and it is one question."""
    settings = Settings(stt=SttSettings(filter=False))  # fifty words a second are no speech to it
    async with open_hall(settings=settings) as hall:
        hall.stt.script.text = marks
        ada = hall.port.join(1)
        await trio.sleep(1)
        said = 0
        for frames in stretches:
            await say(hall, ada, said, frames)
            said += frames
            await trio.sleep(0.35)
        report = await hall.wait_report(0)
        assert report.heard.split() == [str(number) for number in range(said)]
        assert [question.text for question in hall.agent.questions] == [report.heard]
        assert len(hall.reports) == 1


@pytest.mark.parametrize("stt_s", [0.1, 0.3, 0.9])
async def test_who_said_the_is_waited_for(autojump_clock: trio.testing.MockClock, stt_s: float) -> None:
    """A pause of 1.4 s behind "the": one question, whole, though the words may come after the usual silence."""
    async with open_hall(stt_s=stt_s) as hall:
        hall.stt.script.text = ["I want to go to the", "I want to go to the museum."]
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(1.4)
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert (report.outcome, report.heard) == ("answered", "I want to go to the museum.")
        assert len(hall.agent.questions) == 1


@pytest.mark.orders
async def test_words_that_come_late_are_waited_for_1_2_s_and_no_longer(autojump_clock: trio.testing.MockClock) -> None:
    """A server that takes 3 s: the turn is decided at 1.2 s, and its words are asked for once."""
    async with open_hall(stt_s=3.0) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report(0)
        endpointing = next(part.ms for part in report.parts if part.name == "endpointing")
        assert 1200 - 1e-3 <= endpointing <= 1200 + VAD_FRAME_MS
        assert from_last_voice_ms(report) == pytest.approx(200 + 3000 + 440, abs=VAD_FRAME_MS)
        assert hall.stt.finalizes == 1


async def test_who_pauses_long_is_waited_for_longer(autojump_clock: trio.testing.MockClock) -> None:
    """Four questions with a pause of 650 ms, each taken for their end at first: the fifth is left whole."""
    async with open_hall(stt_s=0.1) as hall:
        hall.stt.script.text = "Tell me of the weather."
        ada = hall.port.join(1)
        for _ in range(4):
            await trio.sleep(3)
            await hall.say(ada)
            await trio.sleep(0.65)
            await hall.say(ada)
            await trio.sleep(5)
        assert [report.outcome for report in hall.reports] == ["superseded", "answered"] * 4
        (session,) = hall.room.speakers
        assert session.waits_longer_s == pytest.approx(0.2, abs=0.05)
        await hall.say(ada)
        await trio.sleep(0.65)
        await hall.say(ada)
        report = await hall.wait_report(8)
        assert report.outcome == "answered"
        assert len(hall.reports) == 9


@pytest.mark.orders
async def test_a_pause_after_a_whole_question_ends_the_turn_sooner(autojump_clock: trio.testing.MockClock) -> None:
    """The words and the turn model agree that it was all: 400 ms instead of 500."""

    async def sure(_pcm: bytes) -> float:
        await trio.sleep(0.1)
        return 0.97

    async with open_hall(stt_s=0.15, judge=sure) as hall:
        hall.stt.script.text = "What is the weather in Boston?"
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report(0)
        endpointing = next(part.ms for part in report.parts if part.name == "endpointing")
        assert 400 - 1e-3 <= endpointing <= 400 + VAD_FRAME_MS


async def test_a_cough_is_not_sent_for_its_words(autojump_clock: trio.testing.MockClock) -> None:
    """What is too short to be a turn costs a plain server no transcript."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada, 5)
        await trio.sleep(3)
        assert hall.reports == []
        assert hall.stt.packets.total() == 0 or hall.agent.questions == []


async def test_free_early_words_cost_a_plain_server_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """With ``early_words = "free"`` the server is asked at the end of the turn, and not before."""
    settings = Settings(endpointing=EndpointingSettings(early_words="free"))
    async with open_hall(settings=settings) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(0.35)
        assert hall.stt.finalizes == 0
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert from_last_voice_ms(report) == pytest.approx(1240, abs=VAD_FRAME_MS)
        assert hall.stt.finalizes == 1


async def test_words_that_are_not_minded_change_no_silence(autojump_clock: trio.testing.MockClock) -> None:
    """With ``words = false`` only sound decides."""
    settings = Settings(endpointing=EndpointingSettings(words=False))
    async with open_hall(settings=settings) as hall:
        hall.stt.script.text = "I want to go to the"
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert from_last_voice_ms(report) == pytest.approx(940, abs=VAD_FRAME_MS)


async def test_a_reload_changes_the_silences(autojump_clock: trio.testing.MockClock) -> None:
    """The next utterance ends by the new rules."""
    rules = [EndpointingSettings()]
    async with open_hall(settings_now=lambda base: attrs.evolve(base, endpointing=rules[0])) as hall:
        hall.stt.script.text = "I want to go to the"
        ada = hall.port.join(1)
        for number, unfinished_ms in enumerate((2000, 2500)):
            rules[0] = EndpointingSettings(unfinished_commit_ms=unfinished_ms)
            await trio.sleep(1)
            await hall.say(ada)
            report = await hall.wait_report(number)
            endpointing = next(part.ms for part in report.parts if part.name == "endpointing")
            assert endpointing == pytest.approx(unfinished_ms, abs=VAD_FRAME_MS)
