"""A model of what may be spoken, posted and remembered: random conversations, and what must hold of each.

A script is made from a seed: people speak, go on, interrupt and leave; stages fail in every way they may; the voice
connection goes and comes, the operator stops what is said, and rules change. What each stage was asked and has done is
written down, and the reports, the frames and the channel's text are compared with it.
"""

from __future__ import annotations

import itertools
import random
import re

import attrs
import trio
import trio.testing

from tests.support.hall import APOLOGY, Hall, open_hall
from tests.support.model_stages import Agent, Facts, Stt, Tts, doubled
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings, TurnSettings
from voxbridge.core.call.events import VoiceDown, VoiceUp
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, Pcm
from voxbridge.errors import AgentFailed, NoReply
from voxbridge.session.context import Tools
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import AgentStage

CUT = frozenset({"superseded", "interrupted", "cancelled"})
LIMIT_S = 20.0
_SENTENCE_FRAMES = 38  # of 0.8 s, whose last one may be a part
_DEEDS = ("goes on", "both", "stop", "down", "full", "says", "leaves", "rules")
MUTE = Pcm(bytes(len(APOLOGY.data)), APOLOGY.rate_hz)
PARTED = re.compile(r"(?<=\.) ")


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
    base = Settings(turn=TurnSettings(limit_ms=round(LIMIT_S * 1000)))
    started: dict[str, float] = {}
    ended_in: dict[str, int] = {}
    stay = [0]

    def change(tools: Tools) -> Tools:
        def on_report(report: TurnReport) -> None:
            started[report.turn_id] = trio.current_time() - report.marks["ended"]
            ended_in[report.turn_id] = stay[0]
            tools.on_report(report)

        agent: AgentStage = doubled(facts) if seed % 2 else Agent(facts=facts)
        stt, tts = Stt(facts=facts), Tts(facts=facts)
        return attrs.evolve(tools, on_report=on_report, stt=stt, agent=agent, tts=tts)

    async with open_hall(
        apology=rng.choice((APOLOGY, APOLOGY, MUTE, None)),
        settings=base,
        settings_now=lambda now: attrs.evolve(now, barge_in=barge_in[0]),
        change=change,
    ) as hall:
        play = Play(facts, hall, started, ended_in)
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
        left = trio.lowlevel.current_statistics().tasks_living
        assert left == at_rest, f"seed {seed}, {play.log}: {left - at_rest} tasks are left"
        check(play, f"seed {seed}, {play.log}")
        if rng.random() < 0.3:
            await drained(play, rng, ada, f"seed {seed}")
        return len(hall.reports)


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
    deed = rng.choice(
        ("speaks", "speaks", "speaks", "goes on", "both", "stop", "down", "full", "says", "leaves", "rules")
    )
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
        carried = words if report.outcome == "superseded" else []
    assert carried == [], f"{where}: {carried} were superseded by nothing"


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
        broke_off = isinstance(error, AgentFailed) and report.answer != ""
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
