"""Every option of a session that a reload changes: it has an effect, and a speaker who is there feels it.

Each option is played three times in virtual time: with its old value, with a new one from the start, and changed by a
reload after Ada has been there for a turn. The second must differ from the first, and the third be the second.
"""

from __future__ import annotations

import array
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from tests.support.hall import EVERYONE, Hall, open_hall
from tests.support.voices import LoudnessDetector, SentFrame, tone_packets, tone_pcm
from voxbridge.audio.opus import Decoder, encode_speech
from voxbridge.config.catalogue import entries
from voxbridge.config.settings import Settings
from voxbridge.config.turns import FloorSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.ops.reload import change
from voxbridge.session.context import Tools
from voxbridge.session.report import TurnReport
from voxbridge.session.thinking import Filler
from voxbridge.testing.servers.chatterbox import hum
from voxbridge.testing.servers.n8n_plans import agent, whole, words

pytestmark = pytest.mark.integration

LONG = "One is the first sentence. Two is the second one. Three is the third one. Four is the last one of all of them."
SILENCE = b"\xf8\xff\xfe"  # an Opus frame of silence, as Discord's clients send it
SETTLED_S = 30.0
"""After so long nothing of a turn goes on."""

Scenario = Callable[[Hall, UserId], Awaitable[None]]


async def turn(hall: Hall, ada: UserId) -> None:
    """Ada speaks for a second."""
    await hall.say(ada)


async def turn_after_silence(hall: Hall, ada: UserId) -> None:
    """Ada's microphone is open for a second before she speaks."""
    await hall.port.speak(ada, [SILENCE] * 50 + list(tone_packets(50)))


async def quick_words(hall: Hall, ada: UserId) -> None:
    """The words are there after 50 ms."""
    hall.stt.script.final_delay_s = 0.05
    await hall.say(ada)


async def slow_words(hall: Hall, ada: UserId) -> None:
    """They take a second and a half."""
    hall.stt.script.final_delay_s = 1.5
    await hall.say(ada)


async def says_the(hall: Hall, ada: UserId) -> None:
    """Ada stops where no sentence ends."""
    hall.stt.script.text = "I want to go to the"
    await hall.say(ada)


async def speaks_on(hall: Hall, ada: UserId) -> None:
    """Ada speaks for three seconds."""
    await hall.say(ada, 150)


async def speaks_over(hall: Hall, ada: UserId) -> None:
    """Ada speaks over the answer, for 400 ms."""
    await hall.say(ada)
    await trio.sleep(2)
    hall.stt.script.text = "wait"  # more words than 400 ms can hold are no speech
    await hall.say(ada, 20)


async def bob_speaks_over(hall: Hall, ada: UserId) -> None:
    """Somebody else does."""
    bob = hall.port.join(2, "Bob")
    await trio.sleep(0.105)  # no frame is due in the instant of a cut
    await hall.say(ada)
    await trio.sleep(2.007)
    await hall.say(bob)


async def bob_says_stop(hall: Hall, ada: UserId) -> None:
    """Somebody else says a stop word."""
    await hall.say(ada)
    await trio.sleep(2.007)
    hall.stt.script.text = "Stop!"
    bob = hall.port.join(2, "Bob")
    await trio.sleep(0.105)
    await hall.say(bob, 20)


async def goes_on(hall: Hall, ada: UserId) -> None:
    """Ada goes on while the agent thinks."""
    await hall.say(ada)
    await trio.sleep(0.6)
    hall.stt.script.text = "and then"
    await hall.say(ada, 20)


async def bob_waits(hall: Hall, ada: UserId) -> None:
    """Two ask, and one answer waits for the other."""
    bob = hall.port.join(2, "Bob")
    await trio.sleep(0.1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hall.say, ada)
        nursery.start_soon(hall.say, bob, 60)


async def turn_with_padding(hall: Hall, ada: UserId) -> None:
    """The voice puts silence round its words."""
    hall.tts.synthesize = lambda text, index: bytes(16_000) + hum(text, index) + bytes(16_000)
    await hall.say(ada)


async def is_left_alone(hall: Hall, ada: UserId) -> None:
    """The agent hangs."""
    hall.agent.plans.append(agent(words(LONG), first_s=5.0))
    await hall.say(ada)


async def waits_long(hall: Hall, ada: UserId) -> None:
    """The agent takes five seconds, and a little: no frame is due in the instant of the answer."""
    hall.agent.plans.append(agent(words(LONG), first_s=5.007))
    await hall.say(ada)


async def is_told_too_much(hall: Hall, ada: UserId) -> None:
    """An answer that is longer than may be spoken, by a voice that is quick."""
    hall.tts.synthesize = lambda text, index: hum(text[:2], index)
    hall.agent.plans.append(whole({"output": "This is one of a hundred sentences, and says so. " * 100}))
    await hall.say(ada)
    await hall.wait_report(len(hall.reports))


async def is_not_answered(hall: Hall, ada: UserId) -> None:
    """The workflow acknowledges and says nothing."""
    hall.agent.plans.append(whole({"message": "Workflow was started"}))
    await hall.say(ada)


async def talks_to_bob(hall: Hall, ada: UserId) -> None:
    """Bob comes, and Ada speaks: "hello, can you hear me"."""
    hall.port.join(2, "Bob")
    await trio.sleep(2)
    await hall.say(ada)


async def bob_speaks(hall: Hall, ada: UserId) -> None:
    """Bob comes and speaks."""
    await hall.say(hall.port.join(2, "Bob"))


async def lets_go(hall: Hall, ada: UserId) -> None:
    """Ada's client ends with frames of silence."""
    await hall.port.speak(ada, [*tone_packets(50), *[SILENCE] * 5])


async def speaks_softly(hall: Hall, ada: UserId) -> None:
    """A voice 11 dB softer than Ada's comes by her microphone, when she has asked something."""
    await hall.say(ada)
    await hall.wait_report(len(hall.reports))
    await trio.sleep(2)
    await hall.port.speak(ada, encode_speech(tone_pcm(1.0, scale=4_500)))


class Faint(LoudnessDetector):
    """Hears speech with a probability of 0.8."""

    def feed(self, pcm: bytes) -> list[float]:
        return [0.8 * probability for probability in super().feed(pcm)]


def one_moment(key: str, _language: str) -> Filler:
    """A word for a long wait."""
    return Filler(f"One moment. ({key})", Pcm(tone_pcm(0.5), SPEECH_RATE_HZ))


THINKING = {"thinking.sound": "on"}


@attrs.frozen
class Case:
    """An option's new value, what is played, and what the turn model says."""

    value: object
    scenario: Scenario = turn
    completion: float = 1.0
    given: Mapping[str, object] = attrs.field(factory=dict)
    changes: Callable[[Tools], Tools] = lambda tools: tools
    floor: FloorSettings = EVERYONE


CASES: dict[str, Case] = {
    "endpointing.vad_threshold": Case(0.9, changes=lambda tools: attrs.evolve(tools, new_detector=Faint)),
    "endpointing.start_ms": Case(2000),
    "endpointing.guess_ms": Case(400),
    "endpointing.commit_ms": Case(800, completion=0.5),
    "endpointing.sure_commit_ms": Case(300, quick_words),
    "endpointing.unfinished_commit_ms": Case(2500, says_the),
    "endpointing.verdict_wait_ms": Case(100, slow_words),
    "endpointing.words": Case(False, says_the),
    "endpointing.early_words": Case("free"),
    "endpointing.hesitant_commit_ms": Case(2000, completion=0.1),
    "endpointing.packet_gap_ms": Case(1000),
    "endpointing.push_to_talk": Case(("1",), lets_go),
    "endpointing.preroll_ms": Case(0, turn_after_silence),
    "endpointing.max_utterance_ms": Case(1500, speaks_on),
    "barge_in.policy": Case("ignore", speaks_over),
    "floor.mode": Case("addressed", talks_to_bob),
    "floor.names": Case(("Hello",), talks_to_bob, floor=FloorSettings()),
    "floor.follow_up_ms": Case(600_000, talks_to_bob, floor=FloorSettings()),
    "floor.lock_ms": Case(600_000, bob_speaks, floor=FloorSettings("lock")),
    "barge_in.min_speech_ms": Case(700, speaks_over),
    "barge_in.thinking_ms": Case(3000, goes_on),
    "barge_in.speaking_ms": Case(300, speaks_over),
    "barge_in.min_played_ms": Case(60_000, bob_speaks_over, given={"barge_in.by": "anyone"}),
    "barge_in.duck_percent": Case(100, speaks_over),
    "barge_in.background_db": Case(10.0, speaks_softly),
    "barge_in.stop_by": Case("speaker", bob_says_stop),
    "barge_in.stop_words": Case(("hello can you hear me",), bob_speaks_over),
    "barge_in.by": Case("anyone", bob_speaks_over),
    "turn.first_audio_target_ms": Case(333),
    "turn.limit_ms": Case(4000, is_left_alone),
    "turn.answer_chars_max": Case(12),
    "turn.written_chars_max": Case(500, is_told_too_much),
    "turn.queue_ahead_ms": Case(200),
    "turn.no_reply": Case("silence", is_not_answered),
    "voice.trim": Case(False, turn_with_padding),
    "voice.loudness": Case("as it comes"),
    "voice.loudness_lufs": Case(-30.0),
    "voice.name_after_ms": Case(0, bob_waits),
    "thinking.sound": Case("on", waits_long),
    "thinking.after_ms": Case(3000, waits_long, given=THINKING),
    "thinking.below_voice_lu": Case(0.0, waits_long, given=THINKING),
    "thinking.filler": Case("on", waits_long, changes=lambda tools: attrs.evolve(tools, filler=one_moment)),
}
# Live options that no session knows, and the test that holds them to it.
ELSEWHERE = {
    "turn.tool_notice": "integration/session/test_tool_notice.py: it is asked for with each call of tools",
    "discord.language": "integration/discord/test_commands.py: each answer and notice asks for it",
    "discord.texts": "integration/discord/test_commands.py",
    "discord.join": "ops/test_service.py: channels are left and joined",
    "log.level": "ops/test_service.py: logging is set up anew",
    "log.format": "ops/test_service.py: logging is set up anew",
    "log.speech": "ops/test_service.py: speech is shown to an operator who asked for it",
    "journal.file": "unit/ops/test_journal.py: the file is asked for with each turn",
    "presence.join": "integration/people/test_presence.py: the rules are asked for with each look",
    "presence.channels": "integration/people/test_presence.py",
    "presence.follow": "integration/people/test_presence.py",
    "presence.leave_alone_ms": "integration/people/test_presence.py",
    "presence.leave_idle_ms": "integration/people/test_presence.py",
    "presence.sign": "e2e/test_written.py: it is asked for when somebody comes or goes",
    "presence.greeting": "integration/people/test_presence.py: it is for the next room",
    "privacy.notice": "integration/people/test_notices.py: it is asked for when somebody comes",
    "privacy.mode": "integration/people/test_consent.py: who is there is judged anew",
    "privacy.allow_users": "integration/people/test_consent.py",
    "privacy.allow_roles": "integration/people/test_consent.py",
    "privacy.deny_users": "integration/people/test_consent.py",
    "privacy.deny_roles": "integration/people/test_consent.py",
    **dict.fromkeys(
        [
            *(f"profile.NAME.{name}" for name in ("names", "voice", "prompt", "language", "mode", "barge_in")),
            *(f"{table}.{name}" for table in ("guild", "channel") for name in ("id", "profiles")),
        ],
        "integration/people/test_profiles.py: a room asks for its cast anew",
    ),
    "chat.mirror": "integration/people/test_chat.py",
    "chat.captions": "integration/people/test_chat.py",
    "chat.transcript": "integration/people/test_chat.py",
    "chat.channels": "integration/people/test_chat.py",
    "limits.member_turns_per_minute": "integration/people/test_limits.py",
    "limits.server_turns_per_minute": "integration/people/test_limits.py",
    "limits.agent_calls_per_day": "integration/people/test_limits.py",
    "limits.spoken_seconds_per_day": "integration/people/test_limits.py",
    "limits.quiet_hours": "integration/people/test_limits.py",
    "limits.time_zone": "integration/people/test_limits.py",
    "commands.roles": "integration/people/test_settings_commands.py: they are asked for with each command",
    "drain.limit_ms": "e2e/test_operator.py",
    "drain.sentence_ms": "e2e/test_operator.py",
}


def test_every_live_option_has_a_case() -> None:
    """An option that is said to change live is shown to: who adds one adds a case."""
    live = {entry.key for entry in entries() if entry.field.metadata["live"]}
    assert live == CASES.keys() | ELSEWHERE.keys()


def with_option(settings: Settings, key: str, value: object) -> Settings:
    table, _, name = key.partition(".")
    return attrs.evolve(settings, **{table: attrs.evolve(getattr(settings, table), **{name: value})})


async def play(case: Case, key: str, *, before: bool, after: bool) -> dict[str, Any]:
    """Play a case; ``before`` and ``after`` say whether the option has its new value in the first turn and the second.

    Returns what can be observed of the second one, in seconds from its start.
    """
    guesses: list[float] = []
    loud = key.startswith(("voice.loudness", "barge_in.duck", "thinking.below"))
    in_force: list[Settings] = []

    async def judge(_pcm: bytes) -> float:
        guesses.append(trio.current_time())
        return case.completion

    def now(settings: Settings) -> Settings:
        if not in_force:
            for other, value in case.given.items():
                settings = with_option(settings, other, value)
            in_force.append(with_option(settings, key, case.value) if before else settings)
        return in_force[-1]

    async with open_hall(answer=LONG, judge=judge, settings_now=now, change=case.changes, floor=case.floor) as hall:
        ada = hall.port.join(1)
        await trio.sleep(1)
        await hall.say(ada)
        await trio.sleep(SETTLED_S)
        reports, frames, heard = len(hall.reports), len(hall.port.voice), len(hall.stt.heard)
        spoken, posted = len(hall.tts.spoken), len(hall.port.posted)
        guesses.clear()
        if after and not before:
            found = change(in_force[-1], with_option(in_force[-1], key, case.value))
            assert found.applied == (key,)
            assert found.needs_restart == ()
            in_force.append(found.settings)
        began = trio.current_time()
        await case.scenario(hall, ada)
        await trio.sleep(SETTLED_S)
        return {
            "turns": [_told(report, key) for report in hall.reports[reports:]],
            "frames": [round(frame.at - began, 3) for frame in hall.port.voice[frames:]],
            "guesses": [round(at - began, 3) for at in guesses],
            "packets": [one.packets for one in hall.stt.heard[heard:]],
            "sentences": [(one.fields.text, round(one.started_at - began, 3)) for one in hall.tts.spoken[spoken:]],
            "loudest_db": loudest_db(hall.port.voice[frames:]) if loud else None,
            "posted": [(round(at - began, 3), text) for at, text in hall.port.posted[posted:]],
        }


def loudest_db(frames: list[SentFrame]) -> list[int]:
    """Return the highest sample of each 200 ms that were heard, in whole decibels."""
    decoder = Decoder(rate_hz=SPEECH_RATE_HZ)
    samples = array.array("h", b"".join(decoder.decode(frame.opus) for frame in frames))
    step = SPEECH_RATE_HZ // 5
    return [round(20 * math.log10(max(samples[at : at + step]) + 1)) for at in range(0, len(samples), step)]


def _told(report: TurnReport, key: str) -> dict[str, Any]:
    marks = {name: round(at, 3) for name, at in report.marks.items()}
    told: dict[str, Any] = {"outcome": report.outcome, "answer": report.answer, "marks": marks}
    if key == "turn.first_audio_target_ms":  # other targets follow from the option, whether it has an effect or not
        told["target"] = report.first_audio and report.first_audio.budget_ms
    return told


@pytest.mark.parametrize("key", CASES)
async def test_a_reload_holds_for_a_speaker_who_is_there(key: str, autojump_clock: trio.testing.MockClock) -> None:
    """What is reported as applied is so for the next utterance and turn; and it has an effect at all."""
    case = CASES[key]
    old = await play(case, key, before=False, after=False)
    new = await play(case, key, before=True, after=True)
    reloaded = await play(case, key, before=False, after=True)
    assert old != new, f"{key} = {case.value} has no effect"
    differences = "\n".join(_differences(new, reloaded))
    assert not differences, f"{key}: the speaker who is there keeps the old value:\n{differences}"


def _differences(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    for name in one:
        if one[name] != other[name]:
            yield f"{name}: {one[name]} and {other[name]}"
