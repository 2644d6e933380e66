"""A model of what may be spoken, posted and remembered: random conversations, and what must hold of each.

A script is made from a seed: people speak, go on, interrupt and leave; stages fail in every way they may; the voice
connection goes and comes, the operator stops what is said, and rules change. What each stage was asked and has done is
written down, and the reports, the frames and the channel's text are compared with it.
"""

from __future__ import annotations

import functools
import itertools
import random
import re

import attrs
import trio
import trio.testing

from tests.support.hall import APOLOGY, Hall, open_hall
from tests.support.model_stages import Agent, Facts, Stt, Tts, Wired, doubled, models, two_voices, workflow
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings, EndpointingSettings, TurnSettings
from voxbridge.core.call.events import VoiceDown, VoiceUp
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, Pcm
from voxbridge.errors import NoReply
from voxbridge.session.context import Tools
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import AgentStage, TtsStage

CUT = frozenset({"superseded", "interrupted", "cancelled"})
LIMIT_S = 20.0
UTTERANCE_S = 6.0
RESENT_S = 0.25  # a kept connection that was closed meanwhile says so at once: only then is a request sent again
_SENTENCE_FRAMES = 38  # of 0.8 s, whose last one may be a part
_DEEDS = ("goes on", "both", "stop", "down", "full", "says", "leaves", "rules")
_RARE_DEEDS = ("radio", "flock")
MUTE = Pcm(bytes(len(APOLOGY.data)), APOLOGY.rate_hz)
PARTED = re.compile(r"(?<=\.) ")
NAMED = re.compile(r"This is (turn-\d+)")


@attrs.define
class Play:
    """One conversation while it is played."""

    facts: Facts
    hall: Hall
    started: dict[str, float]
    stays: dict[str, int]
    """During which stay of its speaker a turn was made."""
    log: list[str] = attrs.field(factory=list)
    said: list[tuple[float, float, bool]] = attrs.field(factory=list)
    """Of each text that the operator had said: when it was asked for and over, and whether it was spoken."""
    open_says: int = 0
    radios: list[tuple[UserId, int, float, float]] = attrs.field(factory=list)
    """Who made no pause: during which stay, from when until when."""

    async def say(self) -> None:
        """Have the operator's text said."""
        began = trio.current_time()
        self.open_says += 1
        is_said = False
        try:
            is_said = await self.hall.room.say("This is for everybody who is here.")
        except* RuntimeError:
            pass  # a bug of the voice is told to whoever asked
        self.open_says -= 1
        self.said.append((began, trio.current_time(), is_said))


async def converse(seed: int) -> int:
    """Play the conversation of a seed and check it; return how many turns it had."""
    facts = Facts(random.Random(seed))
    random.seed(seed)
    rng = random.Random(seed + 1)
    barge_in = [BargeInSettings()]
    kind, has_two_voices = rng.choice(("plain", "doubled", "models", "wired")), rng.random() < 0.5
    base = Settings(
        turn=TurnSettings(limit_ms=round(LIMIT_S * 1000)),
        endpointing=EndpointingSettings(max_utterance_ms=round(UTTERANCE_S * 1000)),
        agent=attrs.evolve(Settings().agent, retries=0),
    )
    started: dict[str, float] = {}
    ended_in: dict[str, int] = {}
    stay = [0]

    def change(tools: Tools) -> Tools:
        def on_report(report: TurnReport) -> None:
            started[report.turn_id] = trio.current_time() - report.marks["ended"]
            ended_in[report.turn_id] = stay[0]
            tools.on_report(report)

        stt: Stt = Stt(facts=facts)
        tts: TtsStage = two_voices(facts) if has_two_voices else Tts(facts=facts)
        agent: AgentStage = _agent(kind, facts, tools.agent, "anna" if has_two_voices else None)
        return attrs.evolve(tools, on_report=on_report, stt=stt, agent=agent, tts=tts)

    async with open_hall(
        apology=rng.choice((APOLOGY, APOLOGY, MUTE, None)),
        settings=base,
        settings_now=lambda now: attrs.evolve(now, barge_in=barge_in[0]),
        change=change,
    ) as hall:
        play = Play(facts, hall, started, ended_in)
        hall.agent.script = functools.partial(workflow, facts)
        ada, bob = hall.port.join(1), hall.port.join(2, "Bob")
        await trio.sleep(1)
        at_rest = trio.lowlevel.current_statistics().tasks_living
        for _ in range(6):
            await step(play, rng, ada, bob, barge_in, stay)
        play.log.append("settles")
        await settle(hall)
        facts.is_well = True
        hall.port.gate_open = True
        barge_in[0] = BargeInSettings()
        assert not play.open_says, f"seed {seed}, {play.log}: a text is being said for ever"
        await trio.sleep(3)
        for user in (ada, bob):
            number = len(hall.reports)
            hall.port.restart_stream(user)
            await hall.say(user)
            last = await hall.wait_report(number)
            where = f"seed {seed}, {play.log}: afterwards {last.outcome}, {last.error}, heard {last.heard!r}"
            assert (last.outcome, last.spoken) == ("answered", facts.came.get(last.turn_id, "?").strip()), where
            await trio.sleep(3)
        await trio.sleep(10)  # connections that are kept close
        left = trio.lowlevel.current_statistics().tasks_living - hall.agent.running_runs
        assert left == at_rest, f"seed {seed}, {play.log}: {left - at_rest} tasks are left"
        check(play, f"seed {seed}, {play.log}")
        if rng.random() < 0.3:
            await drained(play, rng, ada, f"seed {seed}")
        return len(hall.reports)


def _agent(kind: str, facts: Facts, real: AgentStage, voice: str | None) -> AgentStage:
    """Return an agent of a kind: alone, asked twice, two models with one memory, or the client of a workflow."""
    match kind:
        case "doubled":
            return doubled(facts)
        case "models":
            return models(facts)
        case "wired":
            return Wired(facts=facts, inner=real)
        case _:
            return Agent(facts=facts, voice=voice)


async def settle(hall: Hall) -> None:
    """Wait until nobody thinks or speaks any more."""
    await trio.sleep(2)
    await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)
    await trio.sleep(1)


async def step(
    play: Play, rng: random.Random, ada: UserId, bob: UserId, barge_in: list[BargeInSettings], stay: list[int]
) -> None:
    """Do one thing, and then wait for some time."""
    hall = play.hall
    user = rng.choice((ada, ada, bob))
    deed = rng.choice(("speaks", "speaks", "speaks", *_DEEDS)) if rng.random() < 0.96 else rng.choice(_RARE_DEEDS)
    play.log.append(deed)
    match deed:
        case "speaks":
            await hall.say(user, rng.randrange(10, 80))
        case "goes on":
            await hall.say(user, 30)
            await trio.sleep(rng.choice((0.55, 0.7, 1.0, 1.5)))
            await hall.say(user, rng.randrange(12, 40))
        case "both":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hall.say, ada, 40)
                nursery.start_soon(hall.say, bob, 50)
        case "stop":
            hall.room.stop()
        case "down":
            hall.port.gate_open = False
            hall.port.emit(VoiceDown("test"))
            await trio.sleep(rng.choice((0.04, 1.0, 12.0)))
            hall.port.gate_open = True
            hall.port.emit(VoiceUp())
        case "full":
            hall.port.is_full = True
            await trio.sleep(rng.choice((0.3, 2.0, 12.0)))
            hall.port.is_full = False
        case "says":
            hall.nursery.start_soon(play.say)
        case "leaves":
            await settle(hall)
            hall.port.leave(ada)
            hall.port.leave(bob)
            await trio.sleep(3)
            stay[0] += 1
            hall.port.join(1)
            hall.port.join(2, "Bob")
        case "radio":
            began = trio.current_time()
            await hall.say(bob, round(3.3 * UTTERANCE_S / FRAME_S))
            play.radios.append((bob, stay[0], began, trio.current_time()))
        case "flock":
            for number in range(100, 300):
                hall.port.join(number, f"Member {number}")
                if number % 3:
                    await trio.lowlevel.checkpoint()
                hall.port.leave(UserId(number))
        case "rules":
            barge_in[0] = BargeInSettings(
                policy=rng.choice(("duck", "duck", "yield", "finish", "ignore")), by=rng.choice(("speaker", "anyone"))
            )
    await trio.sleep(rng.choice((0.0, 0.3, 0.6, 1.0, 2.0, 5.0)))


async def drained(play: Play, rng: random.Random, ada: UserId, where: str) -> None:
    """Drain at some time of a turn: it ends within its limit, and nothing leaves behind it."""
    hall = play.hall
    play.facts.is_well = rng.random() < 0.3
    await hall.say(ada)
    await trio.sleep(rng.uniform(0.0, 3.0))
    if rng.random() < 0.5:
        hall.nursery.start_soon(play.say)
        await trio.sleep(rng.uniform(0.0, 1.0))
    is_silent = not any(turn.is_sounding for turn in hall.room.turns)
    began = trio.current_time()
    await hall.room.drain(4.0)
    took = trio.current_time() - began
    frames, posted = len(hall.port.frames), len(hall.port.posted)
    assert took <= 4.0 + 0.6 + 0.1, f"{where}: the drain took {took} s"
    assert took <= 0.6 or not is_silent, f"{where}: nothing sounded, and the drain took {took} s"
    assert hall.room.open_turns == 0, f"{where}: a turn outlived the drain"
    await trio.testing.wait_all_tasks_blocked()
    assert not play.open_says, f"{where}: a text outlived the drain"
    await trio.sleep(60)
    assert (len(hall.port.frames), len(hall.port.posted)) == (frames, posted), f"{where}: it spoke after the drain"


# -- what must hold


def check(play: Play, where: str) -> None:
    """Check everything that was told, spoken, posted and remembered."""
    reports = play.hall.reports
    assert len({report.turn_id for report in reports}) == len(reports), f"{where}: a turn was told of twice"
    for report in reports:
        check_spoken(play, report, f"{where}: {report.turn_id} ({report.outcome}, {report.error})")
    by_start = sorted(reports, key=lambda report: play.started[report.turn_id])
    for user in {report.user_id for report in reports}:
        own = [report for report in by_start if report.user_id == user]
        check_words(play, own, where)
        check_memory(play, own, where)
    check_told(play, where)
    check_once(play, where)
    assert not play.facts.strange_voices, f"{where}: asked for {play.facts.strange_voices}"
    for began, ended, is_said in play.said:
        heard = sum(began <= frame.at <= ended for frame in play.hall.port.voice)
        assert ended - began <= 90.0, f"{where}: a text took {ended - began:.1f} s"
        assert heard >= _SENTENCE_FRAMES or not is_said, f"{where}: a text was said in {heard} frames"
    sent = play.hall.port.frames
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(sent)]
    assert min(gaps, default=1.0) >= FRAME_S - 1e-9, f"{where}: two frames in the same 20 ms"


def check_spoken(play: Play, report: TurnReport, where: str) -> None:
    """Check that the turn said its own words, once, in order, none after a cut, and that it did not end in silence."""
    marks, posted = report.marks, " ".join(text for _, text in play.hall.port.posted)
    text = play.facts.came.get(report.turn_id, "").strip()
    assert text.startswith(report.answer.strip()), f"{where}: {report.answer!r} is not its answer {text!r}"
    sentences = PARTED.split(text) if text else []
    spoken = report.spoken
    places = [spoken.find(sentence) for sentence in sentences if sentence in spoken]
    assert places == sorted(places), f"{where}: out of order: {spoken!r}"
    rest = spoken
    for sentence in sentences:
        assert spoken.count(sentence) <= 1, f"{where}: said twice: {sentence!r}"
        assert posted.count(sentence) <= 1, f"{where}: written twice: {sentence!r}"
        rest = rest.replace(sentence, "")
    assert all(word in text.split() for word in rest.split()), f"{where}: it said another's words: {spoken!r}"
    if "cut" in marks and "last_audio" in marks:
        late = marks["last_audio"] - marks["cut"]
        assert late <= 1e-9, f"{where}: a frame left {late * 1000:.1f} ms after the cut"
    if spoken and "first_audio" in marks:
        first, last = (play.started[report.turn_id] + marks[mark] for mark in ("first_audio", "last_audio"))
        frames = sum(first <= frame.at <= last for frame in play.hall.port.voice)
        needed = -(-sum(sentence in spoken for sentence in sentences) // 2) * _SENTENCE_FRAMES  # two may be one sound
        assert frames >= needed, f"{where}: {frames} frames left of {spoken!r}"
    if report.outcome == "failed" and report.failed_stage == "agent" and text:
        assert report.turn_id in play.facts.errors, f"{where}: an agent that was writing was cut"
    if report.outcome in CUT or (not report.heard and report.error is None):
        return
    if report.turn_id in play.facts.errors and isinstance(play.facts.errors[report.turn_id], NoReply):
        assert report.outcome == "no-reply", where
        return
    lost = [sentence for sentence in sentences if sentence not in spoken and sentence not in posted]
    assert not lost, f"{where}: neither spoken nor written: {lost}"
    is_told = "first_audio" in marks or any(
        at >= play.started[report.turn_id] + marks["turn_decided"] for at, _ in play.hall.port.posted
    )
    assert is_told, f"{where}: silence"


def check_words(play: Play, own: list[TurnReport], where: str) -> None:
    """Check that known words are answered: of each turn that was not cut, and of those that it took over."""
    asked = {request.turn_id: request.text for request in play.facts.requests}
    carried: list[str] = []
    taken: set[str] = set()
    for report in own:
        at = f"{where}: {report.turn_id} ({report.outcome}, {report.error})"
        words = report.heard.split()
        assert words[: len(carried)] == carried, f"{at}: {carried} went lost: it has {words}"
        own_words = words[len(carried) :]  # more than one if it was heard in segments
        assert own_words == sorted(own_words, key=_number), f"{at}: out of order: {words}"
        assert not taken & {*own_words}, f"{at}: it has the words of another turn: {words}"
        taken |= {*own_words}
        if report.outcome not in CUT:
            assert not words or asked.get(report.turn_id) == report.heard, f"{at}: {words} were not answered"
            assert words or report.outcome in ("nothing-said", "failed", "timed-out"), at
        carried = words if report.outcome == "superseded" and not is_of_a_radio(play, report) else []
    assert carried == [], f"{where}: {carried} were superseded by nothing"


def is_of_a_radio(play: Play, report: TurnReport) -> bool:
    """Tell whether somebody spoke on and on: it is told that no question can be made out, and no turn takes it over."""
    ended = instant(play, report, "turn_decided")
    return any(user == report.user_id and began <= ended <= end + 1.0 for user, _, began, end in play.radios)


def check_told(play: Play, where: str) -> None:
    """Check what models were told of the conversation: no answer stands behind another's question."""
    reports = {report.turn_id: report for report in play.hall.reports}
    for turn_id, messages in play.facts.told.items():
        for asked, answer in itertools.pairwise(messages):
            if (asked["role"], answer["role"]) != ("user", "assistant"):
                continue
            named = set(NAMED.findall(answer["content"]))
            at = f"{where}: {turn_id} told the model {asked['content']!r}, {answer['content']!r}"
            assert len(named) <= 1, f"{at}: two answers in one"
            for other in named & reports.keys():
                assert asked["content"].split("\n")[-1] == reports[other].heard, f"{at}: of {other}"


def check_once(play: Play, where: str) -> None:
    """Check that no workflow ran twice, and that who makes no pause was told so, once."""
    first_asked: dict[str, float] = {}
    for question in play.hall.agent.questions:
        began = first_asked.setdefault(question.turn_id, question.at)
        late_s = question.at - began
        assert late_s <= RESENT_S, f"{where}: the workflow of {question.turn_id} ran again {late_s:.2f} s later"
    stays = {(user, stay) for user, stay, _, _ in play.radios}
    told = sum("without a pause" in text for _, text in play.hall.port.posted)
    assert told == len(stays), f"{where}: {len(stays)} made no pause, and {told} were told so"


def _number(word: str) -> int:
    return int(word.removeprefix("w"))


def check_memory(play: Play, own: list[TurnReport], where: str) -> None:
    """Check that the agent is told of each answer that was cut short, with the words that left, until it knows."""
    requests = {request.turn_id: request for request in play.facts.requests}
    news: tuple[str, str] | None = None
    is_known = True
    stay, last = None, None
    for report in own:
        if play.stays[report.turn_id] != stay:
            stay, news, is_known, last = play.stays[report.turn_id], None, True, None
        if last is not None and instant(play, last, "ended") > instant(play, report, "turn_decided"):
            is_known = False  # nobody interrupted the one before yet (barge-in is off): what comes of it is not told
        last = report
        request = requests.get(report.turn_id)
        if request is None:
            continue
        told = None if request.previous is None else (request.previous.turn_id, request.previous.heard)
        if is_known:
            assert told == news, f"{where}: {report.turn_id} told the agent {told}, and should have told {news}"
        has_come = report.answer != "" or report.turn_id in play.facts.finished
        error = play.facts.errors.get(report.turn_id)
        is_cut = report.outcome in CUT
        if is_cut and error is not None and report.error is None:
            is_known = False  # it failed in the very instant of the cut
            continue
        if not has_come and not isinstance(error, NoReply) and (not is_cut or error is not None):
            continue  # the request failed: its news is still news
        broke_off = error is not None and report.answer != ""
        news = (report.turn_id, report.spoken) if (is_cut or broke_off) and not had_all_of_it(play, report) else None
        is_known = True


def instant(play: Play, report: TurnReport, mark: str) -> float:
    """Return when a turn came to a mark."""
    return play.started[report.turn_id] + report.marks[mark]


def had_all_of_it(play: Play, report: TurnReport) -> bool:
    """Tell whether every sentence of the answer was heard or written, or the agent had nothing to say."""
    facts = play.facts
    if isinstance(facts.errors.get(report.turn_id), NoReply):
        return True
    if report.turn_id not in facts.finished | facts.errors.keys() | facts.crashed:
        return False  # there might have been more
    posted = " ".join(text for _, text in play.hall.port.posted)
    sentences = PARTED.split(report.answer.strip())
    return report.answer != "" and all(each in report.spoken or each in posted for each in sentences)
