"""What is heard while an answer is late: exact frames in virtual time."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import attrs
import pytest
import trio

from tests.integration.session.test_barge_in import with_early_words
from tests.integration.session.test_echo import Sharp
from tests.support.hall import Hall, open_hall
from tests.support.microphones import OpenMicrophone, clip
from tests.support.voices import SentFrame, tone_pcm
from voxbridge.audio.loudness import levels_dbfs, lufs_of
from voxbridge.audio.opus import Decoder
from voxbridge.config.thinking import ThinkingSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_RATE_HZ, Pcm
from voxbridge.session.context import Tools
from voxbridge.session.thinking import Filler
from voxbridge.testing.servers.n8n_plans import agent

pytestmark = pytest.mark.integration
EXACT = partial(pytest.approx, abs=1e-6)

ON = ThinkingSettings()
FILLING = ThinkingSettings(filler="on")
WORD_ONLY = ThinkingSettings(sound="off", filler="on")


def fillers(key: str, language: str) -> Filler:
    return Filler(f"One moment {key[-1]}.", Pcm(tone_pcm(0.4, 300.0), SPEECH_RATE_HZ))


def spoken_fillers(tools: Tools) -> Tools:
    sound = Pcm(clip(2)[: 24_000 * 2], SPEECH_RATE_HZ)
    return attrs.evolve(tools, filler=lambda _key, _language: Filler("One moment please.", sound), new_detector=Sharp)


def with_fillers(tools: Tools) -> Tools:
    return attrs.evolve(tools, filler=fillers)


@asynccontextmanager
async def waiting(
    first_s: float, thinking: ThinkingSettings = ON, answer: str = "Here it is."
) -> AsyncIterator[tuple[Hall, UserId]]:
    """Open a room in which Ada has asked, and the agent's first word takes so long."""
    async with open_hall(thinking=thinking, change=with_fillers, answer=answer, agent_s=first_s) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        yield hall, ada


def answer_at(hall: Hall) -> float:
    """Return when the answer's first frame left: the one frame that did not wait until 20 ms after the one before."""
    return next(later.at for earlier, later in pairwise(hall.port.voice) if later.at - earlier.at < FRAME_S - 1e-4)


def loudness(frames: list[SentFrame]) -> float:
    decoder = Decoder(rate_hz=SPEECH_RATE_HZ)
    return lufs_of(b"".join(decoder.decode(frame.opus) for frame in frames), SPEECH_RATE_HZ) or -math.inf


def levels(frames: list[SentFrame]) -> list[float]:
    decoder = Decoder(rate_hz=SPEECH_RATE_HZ)
    return levels_dbfs(b"".join(decoder.decode(frame.opus) for frame in frames), SPEECH_RATE_HZ)


async def reported(hall: Hall, number: int = 0) -> None:
    await hall.wait_report(number)
    await hall.port.wait_for(lambda: hall.room.mouth.is_idle)


async def test_an_answer_in_time_is_preceded_by_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """Also one that comes in the last moment: not a frame more leaves than without."""
    sent: list[list[tuple[float, bytes]]] = []
    for sound in ("on", "off"):
        began = trio.current_time()
        async with waiting(1.9, ThinkingSettings(sound=sound)) as (hall, _ada):
            await reported(hall)
            sent.append([(round(frame.at - began, 6), frame.opus) for frame in hall.port.frames])
            assert hall.tools.counters.thinking_sounds == 0
    assert sent[0] == sent[1]


@pytest.mark.parametrize("filler", ["off", "on"])
async def test_a_late_answer_leaves_as_soon_as_without(filler: str, autojump_clock: trio.testing.MockClock) -> None:
    """Its first frame is in the same instant, its frames 20 ms apart, and no report knows of what sounded before."""
    sent: list[list[float]] = []
    told: list[object] = []
    for sound in ("off", "on"):
        began = trio.current_time()
        thinking = ThinkingSettings(sound=sound, filler=filler if sound == "on" else "off")
        async with waiting(7.137, thinking) as (hall, _ada):
            await reported(hall)
            report = hall.reports[0]
            assert report.first_audio is not None
            assert report.first_audio.ms == EXACT(7177, abs=0.01)
            assert report.spoken == "Here it is."
            sent.append([round(frame.at - began, 6) for frame in hall.port.voice])
            marks = {name: round(at, 6) for name, at in report.marks.items()}
            told.append(attrs.evolve(report, started_monotonic_s=0.0, marks=marks, parts=(), first_audio=None))
    without, after_a_sound = sent
    assert after_a_sound[-len(without) :] == without
    assert len(after_a_sound) > len(without) + 200
    assert told[0] == told[1]


async def test_the_sound_begins_after_two_seconds_and_is_soft(autojump_clock: trio.testing.MockClock) -> None:
    """In the instant at which the wait is long, every 20 ms, from silence, and 16 LU below the voice."""
    async with waiting(12.007, answer="Here it is, and it takes a while to say all of it.") as (hall, _ada):
        await reported(hall)
        first, whole = answer_at(hall), hall.reports[0].first_audio
        assert whole is not None
        hums = [frame for frame in hall.port.voice if frame.at < first - 1e-6]
        assert hums[0].at == EXACT(first - whole.ms / 1000 + 2.0)
        assert [frame.at - hums[0].at for frame in hums] == EXACT([n * FRAME_S for n in range(len(hums))])
        assert hums[-1].at > first - FRAME_S, "it ended before the answer came"
        assert levels(hums)[0] < -55, "it does not begin softly"
        answer = [frame for frame in hall.port.voice if frame.at > first + 0.1]
        assert loudness(hums[15:]) == EXACT(loudness(answer) - 16, abs=1.5)


async def test_who_speaks_silences_it_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """Gone 100 ms after the onset, whoever it is; after two seconds of quiet it is back, while the agent thinks on."""
    async with waiting(14.0) as (hall, _ada):
        bob = hall.port.join(2, "Bob")
        await trio.sleep(6)
        assert hall.port.voice
        began = trio.current_time()
        ended = await hall.say(bob, 30)
        while_he_spoke = [frame.at - began for frame in hall.port.voice if frame.at > began]
        assert max(while_he_spoke) < 0.064 + 0.1 + FRAME_S
        await trio.sleep(4)
        again = min(frame.at for frame in hall.port.voice if frame.at > ended)
        assert again - ended == EXACT(2.0)


async def test_it_ends_with_the_turn(autojump_clock: trio.testing.MockClock) -> None:
    """Stopped by a command: it dies away within 100 ms, five frames of silence follow, and the burst is over."""
    async with waiting(14.0) as (hall, _ada):
        await trio.sleep(6)
        hall.room.stop()
        stopped = trio.current_time()
        await trio.sleep(1)
        after = [frame for frame in hall.port.frames if frame.at > stopped + 1e-6]
        assert [frame.is_silence for frame in after] == [False] * 5 + [True] * 5
        assert hall.port.bursts[-1][1] is not None
        assert hall.room.mouth.is_idle


async def test_a_pause_in_the_answer_is_a_wait_as_well(autojump_clock: trio.testing.MockClock) -> None:
    """An agent that says a sentence and then looks something up: two seconds after its last sound."""
    async with open_hall(thinking=ON) as hall:
        hall.agent.plans.append(agent(["Let me look that up. ", "It is nine o'clock."], first_s=0.4, gap_s=9.0))
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await reported(hall)
        assert hall.reports[0].spoken == "Let me look that up. It is nine o'clock."
        gaps = [later.at - earlier.at for earlier, later in pairwise(hall.port.voice)]
        assert [gap for gap in gaps if gap > 0.1] == EXACT([2.0], abs=0.021)


async def test_a_filler_comes_once_in_a_turn_and_never_twice_the_same(autojump_clock: trio.testing.MockClock) -> None:
    """One is said in each late turn, in turn; neither the history nor the agent is told of it."""
    async with waiting(12.0, FILLING) as (hall, ada):
        for number in range(4):
            if number:
                await hall.say(ada)
            await reported(hall, number)
            await trio.sleep(1)
        said = [text for text in hall.room.mouth.sent.said_since(0.0).split(" ") if text.endswith(".")]
        assert [each for each in said if each[0].isdigit()] == ["1.", "2.", "3.", "1."][-2:]
        assert [report.spoken for report in hall.reports] == ["Here it is."] * 4
        assert "previous" not in hall.agent.questions[-1].body["metadata"]
        assert hall.tools.counters.thinking_sounds == 4


async def test_the_first_filler_is_as_loud_as_the_voice(autojump_clock: trio.testing.MockClock) -> None:
    """And the sound behind it is soft."""
    async with waiting(12.0, FILLING) as (hall, _ada):
        await reported(hall)
        word, hums = hall.port.voice[:20], hall.port.voice[60:400]
        assert loudness(word) == EXACT(-20, abs=1.5)
        assert loudness(hums) == EXACT(-36, abs=1.5)


async def test_the_echo_of_a_filler_takes_nothing_back(autojump_clock: trio.testing.MockClock) -> None:
    """An open microphone returns it: the question is answered all the same, once, and the echo is not."""
    async with open_hall(thinking=WORD_ONLY, change=spoken_fillers, point=with_early_words, agent_s=8.0) as hall:
        hall.stt.script = attrs.evolve(hall.stt.script, extension=True, has_partials=False, peek_delay_s=0.15)
        hall.tts.synthesize = lambda _text, number: clip(number)[: 24_000 * 2 * 2]
        ada = hall.port.join(1)
        await trio.sleep(1)
        microphone = OpenMicrophone(hall.port, ada, delay_s=0.2, level_db=-6.0)
        hall.nursery.start_soon(microphone.run)
        hall.stt.script.text = "what is the weather"
        microphone.say(tone_pcm(1.0))
        await hall.port.wait_for(lambda: len(hall.agent.questions) == 1)
        sent = hall.room.mouth.sent
        hall.stt.script.text = lambda _heard: sent.said_since(trio.current_time() - 3.0)
        await hall.port.wait_for(lambda: any(each.outcome == "answered" for each in hall.reports), 30)
        assert len(hall.agent.questions) == 1
        assert {each.outcome for each in hall.reports} <= {"answered", "echo"}
