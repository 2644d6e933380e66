"""What goes wrong inside: crashes, races of one instant, a voice connection that comes and goes. In virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts, bugs
from tests.support.voices import LoudnessDetector, chirp_packets, tone_packets
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings
from voxbridge.core.call.events import MemberJoined, VoiceDown, VoiceUp
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.errors import StageUnavailable
from voxbridge.session.context import Tools
from voxbridge.session.judge import no_judge
from voxbridge.session.report import TurnReport
from voxbridge.session.utterance import Judge
from voxbridge.stages.contracts import AgentRequest, AnswerSink, SoundSink, TtsRequest

pytestmark = pytest.mark.integration

LONG = "A long answer that goes on for quite a while, it does."


def with_stages(**stages: Any) -> Callable[[Tools], Tools]:
    return lambda tools: attrs.evolve(tools, **stages)


async def turn(hall: Hall, user: UserId, frames: int = 50) -> TurnReport:
    number = len(hall.reports)
    await hall.say(user, frames)
    return await hall.wait_report(number)


# -- a bug ends what it is in, and nothing else


@pytest.mark.parametrize("where", ["stt", "agent", "tts"])
async def test_a_bug_in_a_stage_ends_that_turn_with_the_apology(
    autojump_clock: trio.testing.MockClock, where: str
) -> None:
    """A plug-in that raises what no stage may raise: the user hears the apology, Bob and the next turn are well."""
    stages = {"stt": ScriptedStt(), "agent": ScriptedAgent(), "tts": ScriptedTts()}
    stages[where].outcomes.extend(bugs(1))
    async with open_hall(change=with_stages(**stages)) as hall:
        ada, bob = hall.port.join(1), hall.port.join(2, "Bob")
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(0.05)
        await hall.say(bob)
        await hall.wait_report(1)
        outcomes = {report.user_id: report.outcome for report in hall.reports}
        assert outcomes == {ada: "failed", bob: "answered"}
        failed = next(report for report in hall.reports if report.user_id == ada)
        assert failed.error == "internal error: RuntimeError"
        assert failed.first_audio is not None, "the crash was followed by silence"
        assert (await turn(hall, ada)).outcome == "answered"
        assert len(hall.reports) == 3


@pytest.mark.parametrize("where", ["judge", "peek"])
async def test_a_bug_in_the_guess_costs_the_guess(autojump_clock: trio.testing.MockClock, where: str) -> None:
    """The speculative work of an utterance may fail as it likes: its final transcript is what counts."""
    stt = ScriptedStt(can_peek=True, peeks=[*bugs(1)] if where == "peek" else ["early"])

    async def broken(_pcm: bytes) -> float | None:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("a bug in the turn model")

    judge: Judge = broken if where == "judge" else no_judge
    async with open_hall(change=with_stages(stt=stt), judge=judge) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert report.outcome == "answered"
        assert report.heard in ("hello", "early")
        assert stt.opened == 1, "the speaker crashed with the guess"


async def test_a_speaker_that_crashes_hears_again(autojump_clock: trio.testing.MockClock) -> None:
    """A bug in the middle of an utterance: the speaker is started again, and the next utterance is whole."""
    stt = ScriptedStt(feed_errors=1)
    async with open_hall(change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(4)
        report = await turn(hall, ada)
        assert report.outcome == "answered"
        assert len(stt.utterances[-1]) >= 50, f"{len(stt.utterances[-1])} of 50 packets reached the new line"


async def test_a_line_that_breaks_down_costs_one_turn_and_the_apology_says_so(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A bug in what reads from the server while the words are on their way: told at once; the next turn is well."""
    stt = ScriptedStt(delay_s=4.0, broken=trio.Event())
    async with open_hall(change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        said_at = await hall.say(ada)
        await trio.sleep(1.4)  # decided after 1.2 s, without the words
        assert stt.broken is not None
        stt.broken.set()
        report = await hall.wait_report(0)
        assert report.outcome == "failed"
        assert report.error == "stt: the line to the server broke down before the words were in"
        assert report.first_audio is not None, "the breakdown was followed by silence"
        assert trio.current_time() - said_at < 3, "the words of a dead line were waited for"
        await trio.sleep(1)
        assert (await turn(hall, ada)).outcome == "answered"
        assert stt.opened == 2


async def test_an_answer_outlives_a_line_that_breaks_down(autojump_clock: trio.testing.MockClock) -> None:
    """The line crashes while the answer is spoken: the answer is heard to its end."""
    stt = ScriptedStt(broken=trio.Event())
    async with open_hall(answer=LONG, change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        assert stt.broken is not None
        stt.broken.set()
        report = await hall.wait_report(0)
        assert (report.outcome, report.spoken) == ("answered", LONG)


async def test_a_speaker_who_was_given_up_is_tried_again(autojump_clock: trio.testing.MockClock) -> None:
    """Five crashes in a row, and again: the room is told, the pauses grow, and nobody is mute for good."""
    stt = ScriptedStt(open_errors=10)
    async with open_hall(change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1, "Ada")
        await trio.sleep(59)
        why = "I can't hear Ada at the moment: I have an internal error. I will try again"
        assert [text for _, text in hall.port.posted] == [f"{why} in 1 min."]
        assert stt.opened == 5
        await trio.sleep(70)
        assert [text for _, text in hall.port.posted] == [f"{why} in 1 min.", f"{why} in 2 min."]
        assert stt.opened == 10
        await trio.sleep(80)
        assert (await turn(hall, ada)).outcome == "answered"
        assert stt.opened == 11


async def test_an_ear_that_is_given_up_is_tried_again(autojump_clock: trio.testing.MockClock) -> None:
    """A detector that fails for a minute on end costs that minute and a pause, and not the speaker."""
    crashes = 0

    class Detector(LoudnessDetector):
        def __init__(self) -> None:
            nonlocal crashes
            super().__init__()
            if trio.current_time() - began < 60:
                crashes += 1
                raise RuntimeError("a bug in the model")

    began = trio.current_time()
    async with open_hall(change=with_stages(new_detector=Detector)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(200)
        assert crashes >= 25, f"{crashes} crashes"
        assert (await turn(hall, ada)).outcome == "answered"


async def test_an_answer_outlives_a_crash_of_the_ear(autojump_clock: trio.testing.MockClock) -> None:
    """The detector fails while the answer is spoken: the answer is heard to its end, and the ear hears again."""
    is_broken = False

    class Detector(LoudnessDetector):
        def feed(self, pcm: bytes) -> list[float]:
            nonlocal is_broken
            if is_broken:
                is_broken = False
                raise RuntimeError("a bug in the model")
            return super().feed(pcm)

    async with open_hall(answer=LONG, change=with_stages(new_detector=Detector)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        is_broken = True
        await hall.say(ada, 3)
        report = await hall.wait_report(0)
        assert (report.outcome, report.spoken) == ("answered", LONG)
        assert (await turn(hall, ada)).outcome == "answered"
        assert hall.stt.connections == 1, "the line was lost with the ear"


async def test_a_room_that_crashes_hears_everybody_again(autojump_clock: trio.testing.MockClock) -> None:
    """The room is started again by the daemon's supervisor: those who were there are listened to as before."""
    async with open_hall(supervised=True) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        assert (await turn(hall, ada)).outcome == "answered"
        hall.port.emit(OpusPacket([], 0, 0, b"", 0.0))  # type: ignore[arg-type]  # not hashable: a bug of the port
        await trio.sleep(5)
        assert (await turn(hall, ada)).outcome == "answered"
        assert len(hall.room.speakers) == 1


# -- who is there


async def test_the_first_packet_of_a_stranger_is_heard(autojump_clock: trio.testing.MockClock) -> None:
    """Sound may come before Discord's roster: not a packet of it is lost."""
    stt = ScriptedStt()
    async with open_hall(change=with_stages(stt=stt)) as hall:
        report = await turn(hall, UserId(1))
        assert report.outcome == "answered"
        assert len(stt.utterances[0]) >= 50, f"{len(stt.utterances[0])} of 50 packets were heard"


async def test_a_stranger_who_turns_out_to_be_a_bot_is_not_answered(autojump_clock: trio.testing.MockClock) -> None:
    """The roster comes after the first packets and says that it is a bot: its speech starts no turn."""
    async with open_hall() as hall:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hall.say, UserId(9))
            await trio.sleep(0.1)
            hall.port.emit(MemberJoined(UserId(9), "Music", is_bot=True))
        await trio.sleep(5)
        assert hall.reports == []
        assert hall.room.speakers == []


async def test_a_stranger_gets_the_name_that_the_roster_gives(autojump_clock: trio.testing.MockClock) -> None:
    """The agent is told the name, not the number that stood in for it."""
    agent = ScriptedAgent()
    async with open_hall(change=with_stages(agent=agent)) as hall:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hall.say, UserId(1))
            await trio.sleep(0.1)
            hall.port.join(1, "Ada")
        await hall.wait_report(0)
        assert agent.requests[0].speaker.name == "Ada"


async def test_a_straggling_packet_brings_nobody_back(autojump_clock: trio.testing.MockClock) -> None:
    """Packets may arrive just after their speaker has left: no session is opened for a ghost."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await turn(hall, ada)
        hall.port.leave(ada)
        await trio.sleep(0.01)
        await hall.port.speak(ada, tone_packets(3))
        await trio.sleep(1)
        assert hall.room.speakers == []
        assert hall.room.members == []
        hall.port.join(1)
        assert (await turn(hall, ada)).outcome == "answered"


# -- nothing after a cut, nothing lost


@pytest.mark.orders
async def test_a_superseded_turn_whose_transcript_fails_makes_no_sound(autojump_clock: trio.testing.MockClock) -> None:
    """The speaker went on, so there is nothing to apologise for yet; the second half is answered."""
    stt = ScriptedStt(outcomes=[StageUnavailable("stt", "down"), "in Boston"], delay_s=2.0)
    async with open_hall(change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(1.4)
        await hall.say(ada)
        await hall.wait_report(0)
        assert hall.port.frames == [], "the superseded turn made a sound"
        second = await hall.wait_report(1)
        assert [report.outcome for report in hall.reports] == ["superseded", "answered"]
        assert second.heard == "in Boston"


@pytest.mark.orders
async def test_words_of_a_stopped_turn_do_not_come_back(autojump_clock: trio.testing.MockClock) -> None:
    """What was asked before /stop is not asked again with the next question."""
    agent = ScriptedAgent()
    stt = ScriptedStt(outcomes=["tell me everything", "what time is it"], delay_s=2.0)
    async with open_hall(change=with_stages(stt=stt, agent=agent)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(1.4)
        assert hall.room.stop()
        await hall.say(ada)
        await hall.wait_report(1)
        assert [request.text for request in agent.requests] == ["what time is it"]


async def test_stop_is_told_to_the_agent(autojump_clock: trio.testing.MockClock) -> None:
    """An answer that the operator cut short was not heard to its end: the next request says so."""
    agent = ScriptedAgent(outcomes=[LONG])
    async with open_hall(change=with_stages(agent=agent)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 50)
        hall.room.stop()
        first = await hall.wait_report(0)
        await turn(hall, ada)
        previous = agent.requests[1].previous
        assert previous is not None
        assert (previous.interrupted, previous.heard) == (True, first.spoken)
        await turn(hall, ada)
        assert agent.requests[2].previous is None, "the second answer was heard to its end"


class _BadAtGoingAgent(ScriptedAgent):
    """A plug-in with a bug in what it does when it is cancelled."""

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        self.requests.append(request)
        out.asked()
        try:
            await trio.sleep_forever()
        finally:
            raise RuntimeError("a bug in the clean-up")


async def test_nothing_is_apologised_for_after_a_stop(autojump_clock: trio.testing.MockClock) -> None:
    """Who stops an answer hears and reads nothing more of it, even if the agent breaks down over it."""
    agent = _BadAtGoingAgent()
    async with open_hall(change=with_stages(agent=agent)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: bool(agent.requests))
        await trio.sleep(1)
        hall.room.stop()
        report = await hall.wait_report(0)
        await trio.sleep(5)
        assert (len(hall.port.voice), hall.port.posted) == (0, [])
        assert report.outcome == "interrupted"


async def test_who_was_interrupted_by_another_is_told_so(autojump_clock: trio.testing.MockClock) -> None:
    """Where anyone may interrupt, the agent hears of it with the next question of the one it answered."""
    agent = ScriptedAgent(outcomes=[LONG])
    settings = Settings(barge_in=BargeInSettings(by="anyone"))
    async with open_hall(settings=settings, change=with_stages(agent=agent)) as hall:
        ada, bob = hall.port.join(1), hall.port.join(2, "Bob")
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 50)
        await hall.say(bob)
        await hall.wait_report(1)
        await turn(hall, ada)
        by_user = {request.speaker.user_id: request for request in agent.requests}
        assert by_user[bob].previous is None
        previous = by_user[ada].previous
        assert previous is not None
        assert previous.interrupted


async def test_noise_over_an_answer_does_not_eat_the_agents_memory_of_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Speech without words interrupts and asks nothing: the next real question still says what was heard."""
    agent = ScriptedAgent(outcomes=[LONG])
    stt = ScriptedStt(outcomes=["tell me", "", "go on"])
    async with open_hall(change=with_stages(stt=stt, agent=agent)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 60)
        await hall.say(ada)
        await hall.wait_report(1)
        await turn(hall, ada)
        assert [report.outcome for report in hall.reports] == ["interrupted", "nothing-said", "answered"]
        previous = agent.requests[1].previous
        assert previous is not None
        assert previous.heard == hall.reports[0].spoken


@pytest.mark.orders
async def test_an_answer_heard_to_its_last_word_was_not_interrupted(autojump_clock: trio.testing.MockClock) -> None:
    """Speech that is confirmed within the five silence frames at the end cuts nothing short."""
    agent = ScriptedAgent(outcomes=["Yes indeed."])
    async with open_hall(change=with_stages(agent=agent, tts=ScriptedTts(sound_s=1.0))) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) == 44)  # confirmed 6 frames later than speech begins
        await hall.say(ada)
        await hall.wait_report(1)
        first = hall.reports[0]
        assert first.spoken == "Yes indeed."
        assert first.outcome == "answered"
        assert agent.requests[1].previous is None


# -- never silence


@pytest.mark.parametrize("answer", ["👍", "* * *"])
async def test_an_answer_that_cannot_be_spoken_is_posted(autojump_clock: trio.testing.MockClock, answer: str) -> None:
    """A thumb or a row of stars is no speech; it is written where it can be read."""
    async with open_hall(change=with_stages(agent=ScriptedAgent(outcomes=[answer]))) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert hall.port.frames == []
        assert [text for _, text in hall.port.posted] == [answer]
        assert report.outcome == "no-reply"


async def test_a_voice_that_makes_no_sound_has_its_text_posted(autojump_clock: trio.testing.MockClock) -> None:
    """Success without a sample is silence to the user: the words are written."""
    async with open_hall(change=with_stages(tts=ScriptedTts(sound_s=0.0))) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert [text for _, text in hall.port.posted] == [report.answer]
        assert report.outcome == "no-reply"


async def test_a_sentence_without_a_sound_is_posted_and_the_others_are_heard(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The voice makes nothing of one sentence and says that all is well: it can be read."""

    class Patchy(ScriptedTts):
        async def speak(self, request: TtsRequest, out: SoundSink) -> None:
            if request.index != 1:
                await super().speak(request, out)

    answer = "This is the first sentence. This is the second one. This is the third."
    agent = ScriptedAgent(outcomes=[answer])
    async with open_hall(change=with_stages(agent=agent, tts=Patchy())) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert report.outcome == "answered"
        assert [text for _, text in hall.port.posted] == ["This is the second one."]
        assert len(hall.port.voice) == 113, "two sentences of a second, and one pause of 250 ms"


async def test_an_answer_whose_frames_are_refused_was_not_heard(autojump_clock: trio.testing.MockClock) -> None:
    """The socket takes 39 frames and then none, with the gate open: the turn failed, and the rest is written."""
    async with open_hall(answer=LONG) as hall:
        send_frame, taken = hall.port.send_frame, 0

        def refusing(opus: bytes) -> bool:
            nonlocal taken
            taken += 1
            return taken <= 39 and send_frame(opus)

        hall.port.send_frame = refusing  # type: ignore[method-assign]  # a socket whose buffer is full for good
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert report.outcome == "failed"
        assert len(hall.port.voice) == 39
        assert [text for _, text in hall.port.posted] == [LONG]
        assert 0 < len(report.spoken) < len(LONG)


async def test_an_answer_that_could_not_leave_is_posted(autojump_clock: trio.testing.MockClock) -> None:
    """The gate stays shut for 10 s: the answer is given up, said to have failed, and written; the next is on time."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.port.gate_open = False
        report = await turn(hall, ada)
        assert report.outcome == "failed"
        assert report.error is not None
        assert "voice connection" in report.error
        assert [text for _, text in hall.port.posted] == [report.answer]
        await trio.sleep(3600)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _() -> None:
                await trio.sleep(5)
                hall.port.gate_open = True

            second = await turn(hall, ada)
        assert second.outcome == "answered", "an hour later a gate that is shut for 5 s cost the answer"
        assert second.spoken == second.answer


# -- the voice connection comes and goes


@pytest.mark.parametrize("down_at", [3, 6, 12, 30, 49])
async def test_no_word_is_lost_to_a_rejoin(autojump_clock: trio.testing.MockClock, down_at: int) -> None:
    """The connection breaks in the middle of speech and is back in 40 ms: what was said before it is heard too."""
    stt = ScriptedStt()
    packets = chirp_packets(100)
    async with open_hall(change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.port.speak(ada, packets[:down_at])
        hall.port.emit(VoiceDown("test"))
        await trio.sleep(0.04)
        hall.port.emit(VoiceUp())
        hall.port.restart_stream(ada)
        await hall.port.speak(ada, packets[down_at:])
        await hall.port.wait_for(lambda: any(report.outcome == "answered" for report in hall.reports))
        heard = [opus for utterance in stt.utterances for opus in utterance]
        missing = [number for number, opus in enumerate(packets) if opus not in set(heard)]
        assert missing == [], f"packets {missing} never reached the speech-to-text line"
        assert [report.outcome for report in hall.reports[:-1]] in ([], ["superseded"])


async def test_packets_that_wait_behind_a_hole_are_heard_when_the_connection_breaks(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A packet is missing and two wait for it when the connection breaks: the two are not thrown away."""
    stt = ScriptedStt()
    packets = chirp_packets(30)
    async with open_hall(change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        lacking = [None if number == 27 else opus for number, opus in enumerate(packets)]
        await hall.port.speak(ada, lacking)
        hall.port.emit(VoiceDown("test"))
        await hall.wait_report(0)
        (heard,) = stt.utterances
        assert packets[28] in heard
        assert packets[29] in heard


async def test_an_utterance_ends_with_the_connection_that_it_came_over(autojump_clock: trio.testing.MockClock) -> None:
    """A connection that breaks ends the utterance in that instant: nothing more can come of it over another server."""
    stt = ScriptedStt()
    async with open_hall(change=with_stages(stt=stt)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        assert not stt.utterances
        hall.port.emit(VoiceDown("test"))
        await trio.testing.wait_all_tasks_blocked()
        (heard,) = stt.utterances
        assert len(heard) >= 50


# -- drain


async def test_nothing_new_begins_during_a_drain(autojump_clock: trio.testing.MockClock) -> None:
    """Who is in the middle of speech when the drain begins gets no turn; the sentence that sounds ends undisturbed."""
    async with open_hall(answer=LONG) as hall:
        ada, bob = hall.port.join(1), hall.port.join(2, "Bob")
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        await hall.say(bob, 20)
        await hall.room.drain(8.0)
        assert [report.user_id for report in hall.reports] == [ada]
        assert hall.reports[0].spoken == LONG
        assert not await hall.room.say("One more thing.")
        assert len(hall.agent.questions) == 1
