"""Whole turns in virtual time: real session, real clients, real protocol bytes, exact figures."""

from __future__ import annotations

import itertools

import attrs
import pytest
import trio

from tests.support.hall import ANSWER, Hall, open_hall
from tests.support.notices import TEXTS
from tests.support.voices import GUILD, tone_packets
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings, TurnSettings
from voxbridge.core.health.outages import Down
from voxbridge.core.ids import UserId
from voxbridge.core.messages.catalogue import OURS, line
from voxbridge.core.sound.pcm import FRAME_S
from voxbridge.session.report import TurnReport
from voxbridge.testing.servers.chatterbox import Fault
from voxbridge.testing.servers.n8n_plans import agent, failure, words

pytestmark = pytest.mark.integration

EXACT = pytest.approx


def ms(report: TurnReport) -> dict[str, float]:
    return {part.name: round(part.ms, 6) for part in report.parts}


async def answered(hall: Hall, user: UserId, number: int = 0, frames: int = 50) -> TurnReport:
    """Have one turn from the first packet to the report."""
    await hall.say(user, frames)
    return await hall.wait_report(number)


@pytest.mark.orders
async def test_a_turn_takes_what_its_stages_take(autojump_clock: trio.testing.MockClock) -> None:
    """STT 300 is done by then: agent 400 + TTS 40 ms is first audio 440 ms after the decision, to the microsecond."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await answered(hall, ada)
        parts = ms(report)
        assert report.outcome == "answered"
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(440, abs=1e-3), f"first audio after {report.first_audio.ms} ms: {parts}"
        assert parts["stt"] == EXACT(0, abs=1e-3)
        assert parts["agent"] == EXACT(400, abs=1e-3)
        assert parts["tts"] == EXACT(40, abs=1e-3)
        assert parts["endpointing"] == EXACT(500, abs=32.001)
        assert report.answer == ANSWER
        assert report.spoken == ANSWER
        assert report.heard == "hello, can you hear me"


@pytest.mark.orders
async def test_frames_leave_every_20_ms_and_the_timestamp_keeps_pace(autojump_clock: trio.testing.MockClock) -> None:
    """From the first to the last frame of an answer none is late, and five silence frames end it."""
    async with open_hall(answer="One fairly long sentence that is spoken without any pause.") as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await answered(hall, ada)
        frames = hall.port.frames
        gaps = [b.at - a.at for a, b in itertools.pairwise(frames)]
        assert gaps == EXACT([FRAME_S] * len(gaps), abs=1e-9)
        assert [frame.is_silence for frame in frames[-5:]] == [True] * 5
        assert not any(frame.is_silence for frame in frames[:-5])
        assert [b.timestamp - a.timestamp for a, b in itertools.pairwise(frames)] == [960] * len(gaps)


async def test_the_next_sentence_is_fetched_while_the_first_is_spoken(autojump_clock: trio.testing.MockClock) -> None:
    """Sentences come in order, and nothing is heard between them."""
    async with open_hall(answer="First sentence here. Second sentence here. Third one.") as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await answered(hall, ada)
        spoken = [speech.fields.text for speech in hall.tts.spoken]
        assert spoken == ["First sentence here.", "Second sentence here.", "Third one."]
        assert hall.tts.generating_max == 1
        voice = hall.port.voice
        sound_s = len(voice) * FRAME_S
        assert voice[-1].at - voice[0].at == EXACT(sound_s - FRAME_S, abs=1e-9), "there was a pause between sentences"
        assert report.spoken == report.answer


async def test_barge_in_silences_within_a_frame(autojump_clock: trio.testing.MockClock) -> None:
    """From the instant the user's speech is confirmed no frame of the answer leaves; the next turn knows of it."""
    answer = "This is a very long answer that goes on and on. " * 6
    async with open_hall(answer=answer, settings=Settings(barge_in=BargeInSettings(policy="yield"))) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 60)
        began = trio.current_time()
        await hall.say(ada, 40)
        first = await hall.wait_report(0)
        assert first.outcome == "interrupted"
        last_voice = hall.port.voice[-1].at
        assert last_voice - began <= 0.16 + 0.032 + 0.020, (
            f"still speaking {last_voice - began:.3f} s after speech began"
        )
        assert 0 < len(first.spoken) < len(first.answer)
        second = await hall.wait_report(1)
        assert second.outcome == "answered"
        previous = hall.agent.questions[1].body["metadata"]["previous"]
        assert previous == {"interrupted": True, "heard": first.spoken}


@pytest.mark.orders
async def test_speech_before_the_answer_joins_the_words(autojump_clock: trio.testing.MockClock) -> None:
    """Who goes on while the agent thinks has not finished: one answer, to both stretches of speech."""
    async with open_hall(agent_s=2.0) as hall:
        hall.stt.script.text = ["what is the weather", "in Boston"]
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.agent.questions) == 1)
        await hall.say(ada)
        first, second = await hall.wait_report(0), await hall.wait_report(1)
        assert (first.outcome, second.outcome) == ("superseded", "answered")
        assert second.heard == "what is the weather in Boston"
        assert hall.agent.questions[1].text == "what is the weather in Boston"
        assert first.spoken == ""


@pytest.mark.parametrize("heard_s", [0.1, 0.8])
async def test_speech_before_a_second_was_heard_joins_the_words(
    autojump_clock: trio.testing.MockClock, heard_s: float
) -> None:
    """Who goes on when the answer has just begun has not finished either: it falls silent, and one answer is given."""
    async with open_hall(answer="A long answer that goes on for quite a while, it does.") as hall:
        hall.stt.script.text = ["what is the weather", "in Boston"]
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) >= heard_s / FRAME_S)
        await hall.say(ada)
        first, second = await hall.wait_report(0), await hall.wait_report(1)
        assert (first.outcome, second.outcome) == ("superseded", "answered")
        assert [question.text for question in hall.agent.questions] == [
            "what is the weather",
            "what is the weather in Boston",
        ]
        assert second.spoken == second.answer
        assert first.marks["last_audio"] <= first.marks["cut"] < first.marks["first_audio"] + heard_s + 0.85
        assert hall.tools.counters.barge_ins == 0


@pytest.mark.orders
async def test_speech_before_the_transcript_joins_the_words_too(autojump_clock: trio.testing.MockClock) -> None:
    """The words count even when the speaker goes on before their transcript is in."""
    async with open_hall(stt_s=3.0) as hall:
        hall.stt.script.text = ["one", "two"]
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(1.5)  # decided after 1.2 s, without the words
        await hall.say(ada)
        second = await hall.wait_report(1)
        assert second.heard == "one two"
        assert len(hall.agent.questions) == 1


async def test_nothing_said_starts_no_agent(autojump_clock: trio.testing.MockClock) -> None:
    """A blank transcript ends the turn without a question and without a sound."""
    async with open_hall() as hall:
        hall.stt.script.text = ""
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await answered(hall, ada)
        assert report.outcome == "nothing-said"
        assert hall.agent.questions == []
        assert hall.port.frames == []


async def test_a_cough_is_no_turn(autojump_clock: trio.testing.MockClock) -> None:
    """Sound shorter than the limit neither starts a turn nor interrupts."""
    async with open_hall(answer="A long answer that takes its time to be spoken to the very end.") as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        await hall.say(ada, 6)
        report = await hall.wait_report(0)
        assert report.outcome == "answered"
        assert report.spoken == report.answer
        await trio.sleep(5)
        assert len(hall.reports) == 1


@pytest.mark.parametrize("by", ["speaker", "anyone"])
async def test_others_interrupt_only_where_the_room_has_it_so(autojump_clock: trio.testing.MockClock, by: str) -> None:
    """Bob's speech leaves Ada's answer alone, or stops it; Bob gets his own answer in both cases."""
    settings = Settings(barge_in=BargeInSettings(by=by))
    async with open_hall(settings=settings, answer="A long answer that goes on for quite a while, it does.") as hall:
        ada, bob = hall.port.join(1), hall.port.join(2, "Bob")
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        await hall.say(bob)
        await hall.wait_report(1)
        outcomes = {report.user_id: report.outcome for report in hall.reports}
        assert outcomes[ada] == ("answered" if by == "speaker" else "interrupted")
        assert outcomes[bob] == "answered"


async def test_without_barge_in_answers_end(autojump_clock: trio.testing.MockClock) -> None:
    """With barge-in off the answer ends, and what was said over it is answered afterwards."""
    settings = Settings(barge_in=BargeInSettings(policy="ignore"))
    async with open_hall(settings=settings, answer="A long answer that goes on for quite a while, it does.") as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        await hall.say(ada)
        await hall.wait_report(1)
        assert [report.outcome for report in hall.reports] == ["answered", "answered"]
        assert [report.spoken == report.answer for report in hall.reports] == [True, True]


async def test_ten_speakers_keep_their_own_words(autojump_clock: trio.testing.MockClock) -> None:
    """Ten who speak at once get ten answers, one after the other, and no words are attributed to the wrong one."""
    async with open_hall(answer="") as hall:
        hall.stt.script.text = lambda heard: f"I am number {heard.user_id}"
        hall.agent.script = lambda question: agent(words(f"So you say: {question.text}."), first_s=0.4)
        users = [hall.port.join(number, f"Speaker {number}") for number in range(1, 11)]
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            for user in users:
                nursery.start_soon(hall.say, user)
        await hall.wait_report(9)
        for report in hall.reports:
            assert report.outcome == "answered"
            assert report.heard == f"I am number {report.user_id}"
            assert report.answer == f"So you say: I am number {report.user_id}."
            assert report.spoken == report.answer
        gaps = [b.at - a.at for a, b in zip(hall.port.frames, hall.port.frames[1:], strict=False)]
        assert min(gaps) >= FRAME_S - 1e-9, "two frames in the same 20 ms: answers were spoken at once"


KINDS = ("answered", "interrupted", "failed agent", "failed stt", "failed tts", "timed out", "left the room")


@pytest.mark.parametrize("kind", KINDS)
async def test_the_next_turn_works_after_every_kind_of_end(autojump_clock: trio.testing.MockClock, kind: str) -> None:
    """Answered, interrupted, failed, timed out, cancelled: the turn after it is an ordinary one."""
    settings = Settings(turn=TurnSettings(limit_ms=3000)) if kind == "timed out" else Settings()
    async with open_hall(settings=settings, answer="A long answer that goes on for quite a while, it does.") as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        match kind:
            case "failed agent":
                hall.agent.plans.extend([failure("status")] * 3)
            case "failed stt":
                hall.stt.script.ignored_finalizes = 1
            case "failed tts":
                hall.tts.faults.extend([Fault("status", status=503)] * 20)
            case "timed out":
                hall.agent.plans.append(agent(words("Too late."), first_s=10.0))
        await hall.say(ada)
        if kind in ("interrupted", "left the room"):
            await hall.port.wait_for(lambda: len(hall.port.voice) > 60)
        if kind == "interrupted":
            await hall.say(ada)
        if kind == "left the room":
            hall.port.leave(ada)
        first = await hall.wait_report(0)
        expected = {"answered": "answered", "interrupted": "interrupted", "timed out": "timed-out"}
        expected["left the room"] = "cancelled"
        assert first.outcome == expected.get(kind, "failed")
        hall.tts.faults.clear()
        if kind == "left the room":
            ada = hall.port.join(1)
            await trio.sleep(1)
        if kind != "interrupted":
            await trio.sleep(1)
            await hall.say(ada)
        second = await hall.wait_report(1)
        assert second.outcome == "answered", f"after {kind!r} the next turn was {second.outcome}: {second.error}"
        assert second.spoken == second.answer


@pytest.mark.orders
async def test_a_failed_agent_is_apologised_for_aloud(autojump_clock: trio.testing.MockClock) -> None:
    """When the agent fails three times the user hears the apology, and nothing of the error."""
    async with open_hall() as hall:
        hall.agent.plans.extend([failure("status")] * 3)
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await answered(hall, ada)
        assert report.failed_stage == "agent"
        assert len(hall.agent.questions) == 3
        assert len(hall.port.voice) == EXACT(0.5 / FRAME_S, abs=1)
        assert hall.tts.spoken == []


async def test_without_a_voice_the_answer_is_posted(autojump_clock: trio.testing.MockClock) -> None:
    """A dead TTS costs the sound, not the words: they are written into the channel, once, and an apology is heard."""
    async with open_hall(answer="One. Two is a longer sentence.") as hall:
        hall.tts.lasting_fault = Fault("status", status=503)
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await answered(hall, ada)
        assert report.outcome == "failed"
        assert report.failed_stage == "tts"
        told = [text for _, text in hall.port.posted]
        assert sorted(told) == sorted(["One. Two is a longer sentence.", TEXTS[Down, "tts"]])
        assert len(hall.port.voice) == EXACT(0.5 / FRAME_S, abs=1)


async def test_without_a_voice_or_an_apology_there_is_a_line_of_text(autojump_clock: trio.testing.MockClock) -> None:
    """Never silence: if not even the apology could be rendered, it is written."""
    async with open_hall(apology=None) as hall:
        hall.agent.plans.extend([failure("status")] * 3)
        ada = hall.port.join(1)
        await trio.sleep(1)
        await answered(hall, ada)
        await hall.port.wait_for(lambda: len(hall.port.posted) == 2)
        told = [text for _, text in hall.port.posted]
        assert sorted(told) == sorted([OURS.text(line("apology")), TEXTS[Down, "agent"]])


@pytest.mark.orders
async def test_a_shut_gate_delays_the_answer_and_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """While frames cannot leave (rejoin, DAVE not ready) the sound waits, and is then heard whole."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.port.gate_open = False
        await hall.say(ada)
        await trio.sleep(3)
        assert hall.port.frames == []
        hall.port.gate_open = True
        report = await hall.wait_report(0)
        assert report.outcome == "answered"
        assert report.spoken == report.answer


async def test_a_gate_that_stays_shut_ends_the_turn(autojump_clock: trio.testing.MockClock) -> None:
    """A turn does not wait for ever for a voice connection, and the next one works."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.port.gate_open = False
        await answered(hall, ada)
        assert hall.port.frames == []
        hall.port.gate_open = True
        second = await answered(hall, ada, 1)
        assert second.outcome == "answered"


@pytest.mark.orders
async def test_drain_ends_the_sentence_that_is_spoken(autojump_clock: trio.testing.MockClock) -> None:
    """On drain the sentence in progress is the last, whole, and nothing more is heard or asked."""
    answer = "The first sentence is not so short. The second one is never spoken. Nor is the third."
    async with open_hall(answer=answer) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        await hall.room.drain(8.0)
        report = await hall.wait_report(0)
        assert report.spoken == "The first sentence is not so short."
        assert hall.port.posted == []
        assert hall.room.open_turns == 0


async def test_drain_fades_what_takes_too_long(autojump_clock: trio.testing.MockClock) -> None:
    """A sentence longer than the drain allows is faded out within 300 ms of the limit."""
    async with open_hall(answer="word " * 20 + "end.") as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        began = trio.current_time()
        await hall.room.drain(1.0)
        last = hall.port.voice[-1].at
        assert last - began <= 1.0 + 0.3 + FRAME_S, f"still speaking {last - began:.2f} s after the drain began"


@pytest.mark.orders
async def test_say_and_stop(autojump_clock: trio.testing.MockClock) -> None:
    """A text of the operator's is spoken to its end, and stop silences it within a frame."""
    async with open_hall() as hall:
        hall.port.join(1)
        await trio.sleep(1)
        assert await hall.room.say("This is an announcement.")
        assert len(hall.port.voice) > 20
        before = len(hall.port.voice)
        hall.nursery.start_soon(hall.room.say, "This is another announcement, somewhat longer.")
        await hall.port.wait_for(lambda: len(hall.port.voice) > before + 10)
        count = len(hall.port.voice)
        assert hall.room.stop()
        await trio.sleep(2)
        assert len(hall.port.voice) == count
        assert not hall.room.stop()


async def test_bots_are_not_answered(autojump_clock: trio.testing.MockClock) -> None:
    """Another bot's voice starts no turn: two bots would talk for ever."""
    async with open_hall() as hall:
        bot = hall.port.join(9, "Music", is_bot=True)
        await trio.sleep(1)
        await hall.say(bot)
        await trio.sleep(5)
        assert hall.reports == []
        assert hall.stt.connections == 0


async def test_a_hundred_turns_leave_nothing_behind(autojump_clock: trio.testing.MockClock) -> None:
    """The hundredth turn is as the first: no task, connection or queue grows."""
    async with open_hall(stt_s=0.05, agent_s=0.05, tts_s=0.01, answer="Yes.") as hall:
        assert hall.net is not None
        hall.stt.script.text = "yes"
        ada = hall.port.join(1)
        await trio.sleep(1)
        packets = tone_packets(12)
        counts = []
        for number in range(100):
            await hall.port.speak(ada, packets)
            report = await hall.wait_report(number)
            assert report.outcome == "answered"
            tasks = len(hall.nursery.child_tasks)
            open_sockets = sum(socket.fileno() != -1 for socket in hall.net.sockets)
            counts.append((tasks, open_sockets))
        assert counts[5] == counts[99], f"tasks and sockets grew from {counts[5]} to {counts[99]}"
        assert hall.stt.connections == 1


async def test_the_same_turn_with_latency_and_tiny_reads(autojump_clock: trio.testing.MockClock) -> None:
    """10 ms each way and reads of 7 bytes change the figures by exactly the round trips, and nothing else."""
    from voxbridge.testing.memnet import MemNet

    async with open_hall(net=MemNet(latency_s=0.01, chunk_bytes=7)) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await answered(hall, ada)
        parts = ms(report)
        assert report.outcome == "answered"
        assert parts["endpointing"] == EXACT(520, abs=1e-3), parts
        assert parts["stt"] == EXACT(0, abs=1e-3), parts
        assert parts["agent"] == EXACT(420, abs=1e-3), "the connection is made while somebody speaks"
        assert parts["tts"] in (EXACT(60, abs=1e-3), EXACT(80, abs=1e-3)), parts


async def test_the_same_turn_on_loopback_sockets() -> None:
    """On real sockets and the real clock the order is the same, and the figures are near."""
    async with open_hall(in_memory=False, stt_s=0.03, agent_s=0.04, tts_s=0.01, answer="Yes.") as hall:
        hall.stt.script.text = "yes"
        ada = hall.port.join(1)
        await hall.port.wait_for(lambda: True)
        report = await answered(hall, ada, frames=20)
        assert report.outcome == "answered"
        assert report.first_audio is not None
        assert 40 <= report.first_audio.ms < 1000, f"first audio after {report.first_audio.ms:.0f} ms"
        names = [name for name in report.marks if name in attrs.asdict(report)["marks"]]
        assert names.index("stt_final") < names.index("agent_first_text") < names.index("first_audio")


async def test_each_speaker_is_heard_in_a_language_of_his_own(autojump_clock: trio.testing.MockClock) -> None:
    """A user's language goes before the server's, and that before the general one."""
    settings = attrs.evolve(
        Settings(), stt=attrs.evolve(Settings().stt, languages={"1": "de", str(GUILD): "fr"}, language="en")
    )
    async with open_hall(settings=settings) as hall:
        hall.port.join(1)
        hall.port.join(2, "Bob")
        await trio.sleep(1)
        assert {start["userId"]: start["language"] for start in hall.stt.starts} == {"1": "de", "2": "fr"}
