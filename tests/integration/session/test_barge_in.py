"""Speech over an answer, in virtual time: lowered, taken back or cut, with the words that a server gives."""

from __future__ import annotations

import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.voices import LoudnessDetector, SentFrame, tone_pcm
from voxbridge.audio.opus import Decoder
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings, EndpointingSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_RATE_HZ
from voxbridge.session.context import Tools
from voxbridge.stages.stt.whisperx import WhisperXSettings

pytestmark = pytest.mark.integration
EXACT = pytest.approx

EVEN = "this is one sentence that has no end and goes on and on and on " * 6
"""Without a pause in its sound."""
LONG = "This is a very long answer that goes on and on. " * 8


def with_early_words(settings: Settings) -> Settings:
    assert isinstance(settings.stt, WhisperXSettings)
    return attrs.evolve(settings, stt=attrs.evolve(settings.stt, extension=True))


class Switched:
    """A detector of the last of these kinds."""

    def __init__(self, kinds: list[type[LoudnessDetector]]) -> None:
        self._kinds, self._inner = kinds, kinds[-1]()

    def feed(self, pcm: bytes) -> list[float]:
        if type(self._inner) is not self._kinds[-1]:
            self._inner = self._kinds[-1]()
        return self._inner.feed(pcm)

    def reset(self) -> None:
        self._inner.reset()


def as_it_is(settings: Settings) -> Settings:
    return settings


@asynccontextmanager
async def answering(
    said: str,
    *,
    early: bool = True,
    detector: type[LoudnessDetector] | None = None,
    start_ms: int = 64,
    answer: str = LONG,
    **barge_in: object,
) -> AsyncIterator[tuple[Hall, UserId]]:
    """Open a room in which Ada has asked and hears the answer for 1.3 s; ``said`` is what is heard of what comes then.

    ``early``: the speech server tells what it has heard so far when it is asked.
    """
    settings = Settings(
        barge_in=BargeInSettings(**barge_in),  # type: ignore[arg-type]
        endpointing=EndpointingSettings(start_ms=start_ms),
    )
    kinds: list[type[LoudnessDetector]] = [LoudnessDetector]

    def change(tools: Tools) -> Tools:
        return attrs.evolve(tools, new_detector=lambda: Switched(kinds))

    point = with_early_words if early else as_it_is
    async with open_hall(answer=answer, settings=settings, point=point, change=change) as hall:
        hall.stt.script = attrs.evolve(hall.stt.script, extension=early, has_partials=False, peek_delay_s=0.15)
        if answer == EVEN:
            hall.tts.synthesize = lambda text, _index: tone_pcm(0.06 * len(text), 620.0)
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.stt.script.text = "what is it"
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 64)
        hall.stt.script.text = said
        kinds.append(detector or LoudnessDetector)
        yield hall, ada


def peaks(frames: list[SentFrame]) -> list[int]:
    """Return the highest sample of each frame as it is heard."""
    decoder = Decoder(rate_hz=SPEECH_RATE_HZ)
    return [max(array.array("h", decoder.decode(frame.opus)), default=0) for frame in frames]


async def test_a_backchannel_lowers_the_answer_and_not_a_sample_is_lost(autojump_clock: trio.testing.MockClock) -> None:
    """Lowered within 120 ms, back within 700 ms of its end, every frame in its place, and nobody is answered."""
    async with answering("Mhm.") as (hall, ada):
        began = trio.current_time()
        ended = await hall.say(ada, 20) + FRAME_S
        report = await hall.wait_report(1)
        assert (hall.reports[0].outcome, report.outcome) == ("backchannel", "answered")
        assert report.spoken == report.answer.strip() == LONG.strip()
        frames = hall.port.voice
        assert {round(b.at - a.at, 6) for a, b in pairwise(frames)} == {FRAME_S}, "a frame is missing"
        loud = max(peaks(frames[:60]))
        levels = dict(zip((frame.at for frame in frames), peaks(frames), strict=True))
        during = [peak for at, peak in levels.items() if began + 0.12 < at < ended + 0.1]
        after = [peak for at, peak in levels.items() if ended + 0.7 < at < ended + 2]
        assert max(during) < 0.35 * loud, "the voice was not lowered"
        assert max(after) > 0.8 * loud, "the voice did not come back"
        assert len(hall.agent.questions) == 1
        assert hall.tools.counters.barge_ins == 0


class Doubtful(LoudnessDetector):
    """Hears a voice in nothing for certain."""

    def feed(self, pcm: bytes) -> list[float]:
        return [0.2 * probability for probability in super().feed(pcm)]


def levels(hall: Hall, since: float) -> list[tuple[float, float]]:
    """Return of each frame since then when it left, in seconds, and how loud it was, of the loudest before."""
    found = peaks(hall.port.voice)
    loudest = max(found[:60])
    frames = zip(hall.port.voice, found, strict=True)
    return [(frame.at - since, peak / loudest) for frame, peak in frames if frame.at > since]


async def test_the_first_trace_of_a_voice_lowers_the_answer(autojump_clock: trio.testing.MockClock) -> None:
    """The first 32 ms of a voice are enough: within 120 ms of its beginning, long before it counts as speech."""
    async with answering("Mhm.", start_ms=200, answer=EVEN) as (hall, ada):
        began = trio.current_time() - FRAME_S  # the first packet holds the 20 ms before it
        await hall.say(ada, 20)
        await hall.wait_report(1)
        lowered = next(at for at, level in levels(hall, began) if level < 0.35)
        assert lowered <= 0.12
        assert {round(b.at - a.at, 6) for a, b in pairwise(hall.port.voice)} == {FRAME_S}


async def test_a_trace_that_comes_to_nothing_is_over_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """A noise of 60 ms that might be a voice: lowered to a quarter, back within 300 ms, not a sample lost."""
    async with answering("", detector=Doubtful, answer=EVEN) as (hall, ada):
        began = trio.current_time() - FRAME_S
        await hall.say(ada, 3)
        report = await hall.wait_report(0)
        found = levels(hall, began)
        assert 0.15 < min(level for at, level in found if at < 0.3) < 0.35
        assert min(level for at, level in found if 0.3 < at < 5) > 0.7
        assert {round(b.at - a.at, 6) for a, b in pairwise(hall.port.voice)} == {FRAME_S}
        assert report.spoken == EVEN.strip()


async def test_yield_is_silent_at_the_first_trace_and_goes_on_after_a_noise(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Within 120 ms of its beginning, for 300 ms at most; all of the answer is heard."""
    async with answering("", detector=Doubtful, answer=EVEN, policy="yield") as (hall, ada):
        began = trio.current_time() - FRAME_S
        await hall.say(ada, 3)
        report = await hall.wait_report(0)
        pauses = [(a.at - began, b.at - a.at) for a, b in pairwise(hall.port.voice) if b.at - a.at > 2 * FRAME_S]
        assert len(pauses) == 1
        (held_at, lasted_s) = pauses[0]
        assert held_at <= 0.12
        assert lasted_s <= 0.3
        assert report.spoken == EVEN.strip()
        assert report.outcome == "answered"


@pytest.mark.parametrize("policy", ["finish", "ignore"])
async def test_a_trace_lowers_nothing_elsewhere(policy: str, autojump_clock: trio.testing.MockClock) -> None:
    """``duck`` lowers and ``yield`` holds; the others wait until it is known what it is."""
    async with answering("", detector=Doubtful, answer=EVEN, policy=policy) as (hall, ada):
        began = trio.current_time()
        await hall.say(ada, 3)
        await hall.wait_report(0)
        assert min(level for at, level in levels(hall, began) if at < 1) > 0.7


async def test_who_leaves_in_mid_trace_leaves_the_answer_at_full_level(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing comes of it, and nobody would take it back."""
    async with answering("", detector=Doubtful, answer=EVEN, by="anyone") as (hall, _ada):
        bob = hall.port.join(2, "Bob")
        await trio.sleep(0.1)
        began = trio.current_time()
        await hall.say(bob, 3)
        hall.port.leave(bob)
        await hall.wait_report(0)
        found = levels(hall, began)
        assert min(level for at, level in found if at < 0.3) < 0.6
        assert min(level for at, level in found if 0.3 < at < 5) > 0.7


@pytest.mark.parametrize("said", ["", "Okay, okay."])
@pytest.mark.parametrize("early", [True, False])
async def test_what_is_no_speech_ends_nothing(said: str, early: bool, autojump_clock: trio.testing.MockClock) -> None:
    """A noise, or a sign of listening, with and without an early transcript."""
    async with answering(said, early=early) as (hall, ada):
        await hall.say(ada, 20)
        await hall.port.wait_for(lambda: len(hall.reports) == 2)
        assert {report.outcome for report in hall.reports} == {"answered", "backchannel" if said else "nothing-said"}
        assert len(hall.agent.questions) == 1


@pytest.mark.parametrize(
    "said",
    [
        "[BLANK_AUDIO]",
        "(silence)",
        "*sighs*",
        "you you you you you",
        "Thanks for watching!",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Untertitel der Amara.org-Community",
    ],
)
@pytest.mark.parametrize(("packets", "early"), [(20, True), (20, False), (35, True)])
async def test_a_phantom_interrupts_nobody(
    said: str, packets: int, early: bool, autojump_clock: trio.testing.MockClock
) -> None:
    """What a speech server makes up of a noise neither ends the answer nor is answered: all of it is heard."""
    async with answering(said, early=early) as (hall, ada):
        await hall.say(ada, packets)
        await hall.port.wait_for(lambda: len(hall.reports) == 2)
        outcomes = {report.outcome for report in hall.reports}
        assert outcomes == {"answered", "nothing-said"}, [(each.outcome, each.heard) for each in hall.reports]
        (answered,) = [report for report in hall.reports if report.outcome == "answered"]
        assert answered.spoken == answered.answer.strip(), f"only {answered.spoken!r} was heard"
        assert len(hall.agent.questions) == 1


async def test_speech_cuts_as_soon_as_a_word_of_it_is_known(autojump_clock: trio.testing.MockClock) -> None:
    """240 ms of voice, 150 ms for the words: silent 0.45 s after the onset; what was heard is told to the agent."""
    async with answering("But what about Friday") as (hall, ada):
        began = trio.current_time()
        await hall.say(ada, 40)
        first, second = await hall.wait_report(0), await hall.wait_report(1)
        assert (first.outcome, second.outcome) == ("interrupted", "answered")
        cut_at = min(frame.at for frame in hall.port.frames if frame.at > began and frame.is_silence)
        assert cut_at - began < 0.45
        previous = hall.agent.questions[1].body["metadata"]["previous"]
        assert previous == {"interrupted": True, "heard": first.spoken}
        assert 0 < len(first.spoken) < len(first.answer)


async def test_without_early_words_the_final_decides(autojump_clock: trio.testing.MockClock) -> None:
    """ "What?" is short: lowered, back, and cut when the words are in; it is answered."""
    async with answering("What?", early=False) as (hall, ada):
        await hall.say(ada, 20)
        first, second = await hall.wait_report(0), await hall.wait_report(1)
        assert (first.outcome, second.outcome) == ("interrupted", "answered")
        assert hall.agent.questions[1].body["metadata"]["previous"]["heard"] == first.spoken


async def test_yield_is_silent_within_300_ms(autojump_clock: trio.testing.MockClock) -> None:
    """Silent at the first trace, and cut at 160 ms of voice, whatever it is."""
    async with answering("Mhm.", policy="yield") as (hall, ada):
        began = trio.current_time()
        await hall.say(ada, 20)
        report = await hall.wait_report(0)
        assert report.outcome == "interrupted"
        last = max(frame.at for frame in hall.port.voice if frame.at < began + 1)
        assert last - began <= 0.1 + FRAME_S


async def test_finish_ends_with_the_sentence(autojump_clock: trio.testing.MockClock) -> None:
    """The sentence that is being played is heard whole, and the others are not."""
    async with answering("But what about Friday", policy="finish") as (hall, ada):
        await hall.say(ada, 40)
        report = await hall.wait_report(0)
        assert report.spoken == "This is a very long answer that goes on and on."
        assert (await hall.wait_report(1)).outcome == "answered"


async def test_somebody_elses_stop_word_is_obeyed_and_not_answered(autojump_clock: trio.testing.MockClock) -> None:
    """Though only Ada may interrupt, and under a policy that ignores speech."""
    async with answering("Stop!", policy="ignore") as (hall, _ada):
        bob = hall.port.join(2, "Bob")
        await trio.sleep(0.1)
        await hall.say(bob, 20)
        await hall.port.wait_for(lambda: len(hall.reports) == 2)
        assert {report.outcome for report in hall.reports} == {"interrupted", "stop-word"}
        assert len(hall.agent.questions) == 1


async def test_the_rest_can_be_asked_for(autojump_clock: trio.testing.MockClock) -> None:
    """ "Stop." - "Go on.": what was not heard is said, the broken sentence from its beginning; no agent is asked."""
    async with answering("Stop.") as (hall, ada):
        await hall.say(ada, 20)
        await hall.port.wait_for(lambda: len(hall.reports) == 2)
        await trio.sleep(2)
        hall.stt.script.text = "Go on."
        await hall.say(ada, 30)
        report = await hall.wait_report(2)
        assert report.outcome == "answered"
        assert report.spoken == report.answer == LONG.strip()
        assert len(hall.agent.questions) == 1
        hall.stt.script.text = "And now something else"
        await trio.sleep(1)
        await hall.say(ada, 50)
        await hall.wait_report(3)
        assert "previous" not in hall.agent.questions[1].body["metadata"], "in the end all of it was heard"


async def test_go_on_with_nothing_cut_is_a_question(autojump_clock: trio.testing.MockClock) -> None:
    """There is no rest: the agent may know what is meant."""
    async with open_hall() as hall:
        hall.stt.script.text = "Go on."
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        assert (await hall.wait_report()).outcome == "answered"
        assert [question.text for question in hall.agent.questions] == ["Go on."]


async def test_a_question_of_the_answer_is_answered(autojump_clock: trio.testing.MockClock) -> None:
    """ "Yes" over the last words of "Shall I go on?" is no sign of listening."""
    async with open_hall(answer="I can tell you more about that. Shall I go on?", point=with_early_words) as hall:
        hall.stt.script.extension = True
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 110)
        hall.stt.script.text = "Yes."
        await hall.say(ada, 20)
        await hall.wait_report(1)
        assert [question.text for question in hall.agent.questions][1:] == ["Yes."]
