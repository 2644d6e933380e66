"""What a user meets when stages fail: an apology in time, one notice per outage, one when it is over."""

from __future__ import annotations

import pytest
import trio

from tests.support.hall import ANSWER, APOLOGY, Hall, open_hall
from tests.support.notices import TEXTS
from tests.support.voices import tone_pcm
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AgentSettings
from voxbridge.config.turns import TurnSettings
from voxbridge.core.health.outages import Back, Down
from voxbridge.core.ids import UserId
from voxbridge.core.messages.catalogue import OURS, line
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_RATE_HZ, Pcm
from voxbridge.core.text.pauses import SENTENCE_MS
from voxbridge.errors import StageName
from voxbridge.session.report import TurnReport
from voxbridge.testing.servers.chatterbox import Fault, FaultKind
from voxbridge.testing.servers.http import Reply, Request
from voxbridge.testing.servers.n8n_plans import Break, Line, Plan, agent, failure, stream, whole, words

pytestmark = pytest.mark.integration

EXACT = pytest.approx
APOLOGY_FRAMES = round(0.5 / FRAME_S)


async def turn(hall: Hall, user: UserId) -> TurnReport:
    number = len(hall.reports)
    await hall.say(user)
    return await hall.wait_report(number)


def told(hall: Hall) -> list[str]:
    return [text for _, text in hall.port.posted]


async def test_all_down_is_one_notice_and_the_next_turn_after_is_ordinary(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Three turns in the outage: three apologies, one notice; then it is back, told once, with no restart."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        for server in (hall.stt, hall.agent, hall.tts):
            await server.stop()
        for number in range(1, 4):
            report = await turn(hall, ada)
            assert (report.outcome, report.failed_stage) == ("failed", "stt")
            assert len(hall.port.voice) == EXACT(number * APOLOGY_FRAMES, abs=number)
        assert told(hall) == [TEXTS[Down, "stt"]]
        for server in (hall.stt, hall.agent, hall.tts):
            await server.start()
        report = await turn(hall, ada)
        assert (report.outcome, report.spoken) == ("answered", ANSWER)
        assert told(hall) == [TEXTS[Down, "stt"], TEXTS[Back, "stt"]]


@pytest.mark.parametrize("stage", ["stt", "agent", "tts"])
async def test_a_stage_that_is_back_is_told_without_a_turn(
    autojump_clock: trio.testing.MockClock, stage: StageName
) -> None:
    """The probes run only while it is down, and find it within 30 s of its return."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        server = {"stt": hall.stt, "agent": hall.agent, "tts": hall.tts}[stage]

        def asked() -> int:
            return len(hall.agent.requests) if stage == "agent" else server.connections

        await server.stop()
        report = await turn(hall, ada)
        assert report.failed_stage == stage
        await trio.sleep(20)
        assert TEXTS[Back, stage] not in told(hall)
        await server.start()
        await trio.sleep(30)
        assert told(hall).count(TEXTS[Down, stage]) == 1
        assert told(hall).count(TEXTS[Back, stage]) == 1
        before = asked()
        await trio.sleep(3600)
        assert asked() == before, "still probed"


async def test_a_workflow_that_fails_is_not_announced_as_back_by_its_probes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The webhook answers probes all the time; only an answer ends the outage."""
    async with open_hall(settings=Settings(agent=AgentSettings(retries=0))) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.agent.plans.extend([failure("status")] * 2)
        await turn(hall, ada)
        await trio.sleep(120)
        await turn(hall, ada)
        assert told(hall) == [TEXTS[Down, "agent"]]
        assert (await turn(hall, ada)).outcome == "answered"
        assert told(hall) == [TEXTS[Down, "agent"], TEXTS[Back, "agent"]]


async def test_a_probe_that_hangs_holds_up_no_notice(autojump_clock: trio.testing.MockClock) -> None:
    """The turn that works tells at once that it is over, though the probe before it waits for its answer."""

    async def hang_or_fail(request: Request, reply: Reply) -> None:
        if request.method != "POST":
            await reply.hang()
        await reply.send(500)

    async with open_hall(answer="Hello there.") as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.agent.instead = hang_or_fail
        await turn(hall, ada)
        await trio.sleep(2.1)
        assert any(request.method != "POST" for request in hall.agent.requests[-1:]), "no probe is under way"
        hall.agent.instead = None
        assert (await turn(hall, ada)).outcome == "answered"
        assert told(hall) == [TEXTS[Down, "agent"], TEXTS[Back, "agent"]]
        assert hall.agent.disconnects == 0, "the probe was over before"


@pytest.mark.parametrize("limit_ms", [1000, 3000])
@pytest.mark.parametrize("stage", ["stt", "agent", "tts"])
async def test_the_turns_deadline_is_one_for_all_its_stages(
    autojump_clock: trio.testing.MockClock, stage: str, limit_ms: int
) -> None:
    """Whichever stage hangs, the apology begins when the turn's limit is over, to the microsecond."""
    settings = Settings(turn=TurnSettings(limit_ms=limit_ms))
    async with open_hall(settings=settings) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        match stage:
            case "stt":
                hall.stt.script.ignored_finalizes = 1
            case "agent":
                hall.agent.plans.append(Plan((Break("hang"),)))
            case "tts":
                hall.tts.lasting_fault = Fault("hang")
        report = await turn(hall, ada)
        assert report.failed_stage == stage
        assert report.error is not None
        assert "deadline" in report.error
        assert report.first_audio is not None
        assert report.first_audio.ms == EXACT(limit_ms, abs=1e-3), f"the apology began after {report.first_audio.ms} ms"


@pytest.mark.orders
async def test_what_was_spoken_is_kept_and_the_apology_comes_after_it(autojump_clock: trio.testing.MockClock) -> None:
    """An answer that breaks off after a sentence: the sentence, then the apology, with no pause between."""
    async with open_hall() as hall:
        hall.agent.plans.append(stream(Line("begin"), Line("item", "This is the first sentence. And"), Break("reset")))
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert report.outcome == "failed"
        assert report.spoken.startswith("This is the first sentence.")
        assert len(hall.port.voice) > APOLOGY_FRAMES + 20
        assert hall.tts.spoken[0].fields.text == "This is the first sentence."


async def test_without_a_voice_another_apology_says_where_the_answer_is(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The answer is in the chat: to ask again, as the common apology proposes, would be no help."""
    mute = Pcm(tone_pcm(0.8, 660.0), SPEECH_RATE_HZ)
    async with open_hall(mute_apology=mute) as hall:
        hall.tts.lasting_fault = Fault("status", status=503)
        ada = hall.port.join(1)
        await trio.sleep(1)
        await turn(hall, ada)
        assert len(hall.port.voice) == EXACT(0.8 / FRAME_S, abs=1)
        assert sorted(told(hall)) == sorted([ANSWER, TEXTS[Down, "tts"]])


@pytest.mark.parametrize("no_reply", ["apology", "silence"])
async def test_an_answer_that_says_nothing_is_apologised_for_if_the_operator_wants(
    autojump_clock: trio.testing.MockClock, no_reply: str
) -> None:
    """n8n's acknowledgement is never spoken, and it is no outage."""
    async with open_hall(settings=Settings(turn=TurnSettings(no_reply=no_reply))) as hall:
        hall.agent.plans.append(whole({"message": "Workflow was started"}))
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert report.outcome == "no-reply"
        assert report.failed_stage == "agent"
        assert len(hall.port.voice) == (EXACT(APOLOGY_FRAMES, abs=1) if no_reply == "apology" else 0)
        assert told(hall) == []
        assert hall.tts.spoken == []


async def test_a_silence_on_purpose_stays_one(autojump_clock: trio.testing.MockClock) -> None:
    """An agent that answers with an empty text has nothing to say, and nothing is said."""
    async with open_hall() as hall:
        hall.agent.plans.append(whole({"output": ""}))
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert (report.outcome, report.error) == ("no-reply", None), report.error
        assert hall.port.voice == []
        assert told(hall) == []


async def test_a_stages_clock_stops_while_we_are_the_slow_one(autojump_clock: trio.testing.MockClock) -> None:
    """Ten minutes of speech: the agent waits in a full channel far beyond its idle and total limits, and may."""
    settings = Settings(
        agent=AgentSettings(idle_limit_ms=2000, total_limit_ms=4000), turn=TurnSettings(limit_ms=900_000)
    )
    text = " ".join(f"This is sentence number {number} of a long story." for number in range(60))
    async with open_hall(settings=settings, answer=text) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert report.marks["ended"] > 60
        assert (report.outcome, report.error) == ("answered", None), report.error
        assert report.spoken == report.answer == text


async def test_a_bug_in_a_stage_ends_in_an_apology_too(autojump_clock: trio.testing.MockClock) -> None:
    """A plug-in that raises what it must not: this turn is apologised for, and the next one works."""
    async with open_hall() as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.agent.plans.append(agent(words(ANSWER)))
        hall.breaking.append(KeyError("a bug"))
        report = await turn(hall, ada)
        assert report.outcome == "failed"
        assert len(hall.port.voice) == EXACT(len(APOLOGY.data) / 2 / SPEECH_RATE_HZ / FRAME_S, abs=1)
        assert (await turn(hall, ada)).outcome == "answered"


THREE = ("This is the first sentence of the answer.", "Here is another one after it.", "And this is the last of them.")
SOME_SOUND = 24_000  # half a second, of more than one


def breaks_off(kind: FaultKind) -> Fault:
    return Fault(kind, at="pcm", pcm_bytes=SOME_SOUND)


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("kind", ["cut", "reset"])
async def test_a_sentence_that_breaks_off_is_posted_and_the_others_are_spoken(
    autojump_clock: trio.testing.MockClock, kind: FaultKind, at: int
) -> None:
    """What came is heard, the sentence can be read from its beginning, and the mute apology says where."""
    mute = Pcm(tone_pcm(0.8, 660.0), SPEECH_RATE_HZ)
    async with open_hall(answer=" ".join(THREE), mute_apology=mute) as hall:
        hall.tts.faults.extend([*[None] * at, breaks_off(kind)])
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert (report.outcome, report.failed_stage) == ("failed", "tts")
        assert [spoken.fields.text for spoken in hall.tts.spoken] == list(THREE)
        assert sorted(told(hall)) == sorted([THREE[at], TEXTS[Down, "tts"]])
        heard_s = sum(spoken.samples for spoken in hall.tts.spoken) / SPEECH_RATE_HZ + 0.8 + 2 * SENTENCE_MS / 1000
        assert len(hall.port.voice) == EXACT(heard_s / FRAME_S, abs=3), "part of the sound was not played"


async def test_after_a_voice_that_hangs_in_mid_sentence_the_rest_is_posted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A server that stopped is not asked for the rest: the sentences that broke off and those after it are written."""
    answer = (*THREE, "Nobody is asked to say this one.")
    async with open_hall(answer=" ".join(answer)) as hall:
        hall.tts.faults.extend([None, *[breaks_off("hang")] * 3])
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert report.outcome == "failed"
        assert report.spoken.startswith(THREE[0])
        assert answer[3] not in [spoken.fields.text for spoken in hall.tts.spoken]
        assert sorted(told(hall)) == sorted([" ".join(answer[1:]), TEXTS[Down, "tts"]])


async def test_a_sound_that_just_ends_early_counts_as_spoken(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing tells it from a short sentence: no error, no text, no apology."""
    async with open_hall(answer=" ".join(THREE)) as hall:
        hall.tts.faults.extend([None, breaks_off("end")])
        ada = hall.port.join(1)
        await trio.sleep(1)
        report = await turn(hall, ada)
        assert (report.outcome, report.error) == ("answered", None), report.error
        assert hall.tts.spoken[1].samples * 2 == SOME_SOUND
        assert told(hall) == []


async def test_an_interrupted_answer_is_not_posted_though_its_voice_had_broken_off(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Who speaks over an answer does not want the rest of it."""
    async with open_hall(answer=" ".join(THREE)) as hall:
        hall.tts.faults.extend([breaks_off("hang")])
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 10)
        await hall.say(ada)
        report = await hall.wait_report(0)
        assert report.outcome == "superseded"
        assert THREE[0] not in " ".join(told(hall))


@pytest.mark.parametrize("silent", [Pcm(b"", SPEECH_RATE_HZ), Pcm(bytes(24_000), SPEECH_RATE_HZ)])
async def test_an_apology_without_a_sound_is_posted(autojump_clock: trio.testing.MockClock, silent: Pcm) -> None:
    """The voice made nothing of it, or digital silence: the words are written."""
    async with open_hall(apology=silent, mute_apology=silent) as hall:
        hall.agent.plans.extend([failure("status")] * 3)
        ada = hall.port.join(1)
        await trio.sleep(1)
        await turn(hall, ada)
        await hall.port.wait_for(lambda: len(hall.port.posted) == 2)
        assert sorted(told(hall)) == sorted([OURS.text(line("apology")), TEXTS[Down, "agent"]])
        assert hall.port.frames == []


async def test_an_apology_that_cannot_leave_is_posted(autojump_clock: trio.testing.MockClock) -> None:
    """The gate is shut for good: after ten seconds the apology stands in the channel."""
    async with open_hall() as hall:
        hall.agent.plans.extend([failure("status")] * 3)
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.port.gate_open = False
        await turn(hall, ada)
        assert OURS.text(line("apology")) in told(hall)


@pytest.mark.parametrize("away_s", [0.5, 2.0, 4.0])
async def test_a_voice_that_comes_back_while_there_is_sound_is_heard(
    autojump_clock: trio.testing.MockClock, away_s: float
) -> None:
    """The server restarts in mid-answer, while what it made before is played: nobody hears of it."""
    text = " ".join([" ".join(["This is a sentence that takes five seconds to be said"] * 2) + "."] * 3)
    async with open_hall(answer=text) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.tts.faults.extend([None, *[Fault("status", status=503)] * 100])
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 20)
        await trio.sleep(away_s)
        hall.tts.faults.clear()
        report = await hall.wait_report(0)
        assert (report.outcome, report.error) == ("answered", None)
        assert report.spoken == report.answer
        assert told(hall) == []
        voice = hall.port.voice
        assert voice[-1].at - voice[0].at == EXACT((len(voice) - 1) * FRAME_S, abs=1e-9), "there was a pause"


async def test_a_voice_that_does_not_come_back_is_asked_until_the_sound_is_over(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Then the notice is written, and behind it what could not be spoken; the voice is asked some ten times."""
    text = " ".join([" ".join(["This is a sentence that takes five seconds to be said"] * 2) + "."] * 3)
    async with open_hall(answer=text) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        hall.tts.faults.extend([None, *[Fault("status", status=503)] * 1000])
        report = await turn(hall, ada)
        assert (report.outcome, report.failed_stage) == ("failed", "tts")
        first, rest = text.split(". ")[0] + ".", text.partition(". ")[2]
        assert report.spoken == first
        assert told(hall)[:2] == [TEXTS[Down, "tts"], rest]
        sound_over = hall.port.voice[0].at + 0.06 * len(first)
        assert hall.port.posted[0][0] == EXACT(sound_over, abs=0.5)
        assert len(hall.tts.requests) <= 3 * 2 * 10
