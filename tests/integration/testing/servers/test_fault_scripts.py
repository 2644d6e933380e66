"""Random histories of faults, in whole turns: whatever fails, in any order, the rules of the house hold."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import attrs
import pytest
import trio
import trio.lowlevel
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.apology import APOLOGY, hears_apology
from tests.support.hall import Hall, open_hall
from tests.support.notices import TEXTS
from tests.support.scheduling import run_virtual
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AgentSettings, SttSettings, carried
from voxbridge.config.turns import TurnSettings
from voxbridge.core.health.outages import Back, Down
from voxbridge.core.sound.pcm import FRAME_S
from voxbridge.session.report import TurnReport
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, Fault, Spoken
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import (
    Break,
    Line,
    Plan,
    Wait,
    Whole,
    agent,
    failure,
    stream,
    text,
    words,
)
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = pytest.mark.integration

# Short limits, so that a hang costs little of the machine's time; they are the same rules.
SETTINGS = Settings(
    stt=SttSettings(limit_ms=2000, backup_after_ms=600),
    agent=AgentSettings(first_limit_ms=1500, idle_limit_ms=1500, total_limit_ms=6000, retry_delay_ms=100),
    tts=ChatterboxSettings(
        url="http://pointed-elsewhere", first_byte_limit_ms=800, first_pcm_limit_ms=1500, sentence_limit_ms=1500
    ),
    turn=TurnSettings(limit_ms=12_000),
)
SENTENCES = ("Alpha is here.", "Bravo comes next.", "Charlie ends it.")
ANSWER = " ".join(SENTENCES)
NOISE = "quux swordfish"
HTML = f"<!DOCTYPE html><html><body>{NOISE}</body></html>"

AGENT_FAULTS: dict[str, Plan | None] = {
    "none": None,
    "500": failure("status"),
    "error line": stream(Line("begin"), Line("error", NOISE), succeeds=False),
    "error line after text": stream(Line("begin"), Line("item", "Alpha is here. "), Line("error", NOISE)),
    "empty": failure("empty"),
    "page": text(HTML),
    "503 page": text(HTML, status=503),
    "401": Plan((Whole(401, NOISE.encode()),), succeeds=False),
    "acknowledgement": Plan((Whole(200, b'{"message":"Workflow was started"}'),)),
    "hang": Plan((Break("hang"),)),
    "cut": Plan((Break("cut"),)),
    "cut after text": stream(Line("begin"), Line("item", "Alpha is here. Bravo"), Break("cut")),
    "reset after text": stream(Line("begin"), Line("item", "Alpha is here. Bravo"), Break("reset")),
    "hang after text": stream(Line("begin"), Line("item", "Alpha is here. Bravo"), Break("hang")),
    "page as text": stream(Line("begin"), Line("item", HTML), Line("end")),
    "slow": Plan((Wait(1.0), *agent(words(ANSWER)).steps), ANSWER),
}
TTS_FAULTS: dict[str, Fault | None] = {
    "none": None,
    "500": Fault("status"),
    "401": Fault("status", status=401),
    "503": Fault("status", status=503, headers=(("retry-after", "1"), ("x-note", NOISE))),
    "page": Fault("page"),
    "cut": Fault("cut"),
    "cut after head": Fault("cut", "header"),
    "cut in sound": Fault("cut", "pcm", pcm_bytes=12_000),
    "reset in sound": Fault("reset", "pcm", pcm_bytes=12_000),
    "hang": Fault("hang"),
    "hang in sound": Fault("hang", "pcm", pcm_bytes=12_000),
    "garbage": Fault("garbage", "body"),
    "ends at once": Fault("end", "body"),
}
STT_FAULTS = ("none", "none", "silent", "error", "two errors", "twice", "dead", "dead at first", "dies", "page")


@attrs.frozen
class TurnFaults:
    """What goes wrong in one turn: one thing per request for agent and TTS, in their order."""

    stt: str
    agent: tuple[str, ...]
    tts: tuple[str, ...]
    backups: tuple[str, ...] = ()
    """Stages whose backup is down as well."""


SCRIPTS = st.builds(
    TurnFaults,
    stt=st.sampled_from(STT_FAULTS),
    agent=st.lists(st.sampled_from(list(AGENT_FAULTS)), max_size=4).map(tuple),
    tts=st.lists(st.sampled_from(list(TTS_FAULTS)), max_size=6).map(tuple),
    backups=st.lists(st.sampled_from(["stt", "agent", "tts"]), max_size=3, unique=True).map(tuple),
)


@attrs.define
class Backups:
    stt: WhisperXServer
    agent: N8nServer
    tts: ChatterboxServer

    async def only(self, down: Iterable[str]) -> None:
        """Let all but these run."""
        for name, server in (("stt", self.stt), ("agent", self.agent), ("tts", self.tts)):
            if (name in down) == server.is_running:
                await (server.stop() if server.is_running else server.start())


async def set_faults(hall: Hall, turn: TurnFaults) -> None:
    """Let the first servers go wrong in this turn."""
    hall.stt.script = WhisperXScript(text="how are you", final_delay_s=0.1)
    script = hall.stt.script
    match turn.stt:
        case "silent":
            script.ignored_finalizes = 1
        case "error":
            script.finalize_errors = 1
        case "two errors":
            script.finalize_errors = 2
        case "twice":
            script.finals_each, script.extra_final_delay_s = 2, 0.05
        case "dies":
            script.reset_after_packets = 15
        case "page":
            script.http_answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{HTML}".encode()
            await hall.stt.stop()  # who is connected must connect again
            await hall.stt.start()
        case "dead" | "dead at first":
            await hall.stt.stop()
        case _:
            pass
    hall.agent.plans.clear()
    hall.agent.plans.extend(AGENT_FAULTS[name] or agent(words(ANSWER), first_s=0.1) for name in turn.agent)
    hall.tts.faults.clear()
    hall.tts.faults.extend(TTS_FAULTS[name] for name in turn.tts)


async def live(script: list[TurnFaults], *, with_backups: bool) -> None:
    """Live the turns of a script, and one without a fault after them; check the rules after each."""
    random.seed(3)
    net = MemNet().install()
    second = Backups(
        WhisperXServer(WhisperXScript(text="how are you", final_delay_s=0.1)),
        N8nServer(agent(words(ANSWER), first_s=0.1)),
        ChatterboxServer(attrs.evolve(PROMPT, head_s=0.02, synthesis_s=0.0)),
    )
    async with second.stt.running(), second.agent.running(), second.tts.running():
        chosen = with_backups_of(second) if with_backups else SETTINGS
        async with open_hall(
            net=net, settings=chosen, answer=ANSWER, stt_s=0.1, agent_s=0.1, tts_s=0.02, apology=APOLOGY
        ) as hall:
            hall.stt.script.text = "how are you"
            ada = hall.port.join(1)
            await trio.sleep(0.2)
            for number, turn in enumerate([*script, TurnFaults("none", (), ())]):
                await set_faults(hall, turn)
                await second.only(turn.backups)
                began, frames = trio.current_time(), len(hall.port.frames)
                spoken_before, posted_before = len(hall.tts.spoken), len(hall.port.posted)
                await hall.say(ada, 25)
                if turn.stt == "dead at first":
                    await hall.stt.start()
                report = await hall.wait_report(number)
                await trio.sleep(0.05)
                where = f"turn {number} of {script}: {report.outcome}, {report.error}"
                check_turn(hall, frames, posted_before, report, where)
                check_once([*hall.tts.spoken[spoken_before:]], where)
                assert trio.current_time() - began < 60, f"{where} took {trio.current_time() - began} s"
                hall.stt.script.http_answer = b""
                if turn.stt == "dead":
                    await hall.stt.start()
                await trio.sleep(1.0)
            last = hall.reports[-1]
            assert (last.outcome, last.spoken) == ("answered", ANSWER), f"after {script}: {last.outcome}, {last.error}"
            assert len(hall.reports) == len(script) + 1, "a turn was lived twice"
    net.assert_all_closed()


def check_turn(hall: Hall, frames: int, posted_before: int, report: TurnReport, where: str) -> None:
    posted = [line for _, line in hall.port.posted[posted_before:]]
    sound = [frame for frame in hall.port.frames[frames:] if not frame.is_silence]
    answered_in_text = [line for line in posted if line not in TEXTS.values()]
    assert sound or answered_in_text, f"{where}: silence"
    gaps = [b.at - a.at for a, b in itertools.pairwise(sound)]
    assert min(gaps, default=1.0) >= FRAME_S - 1e-9, f"{where}: two frames in the same 20 ms"
    for told in (report.spoken, report.answer, *posted):
        for word in (*NOISE.split(), "html", "DOCTYPE", "Workflow was"):
            assert word not in told, f"{where}: {word!r} of the server's own words was told: {told!r}"
    written = " ".join(answered_in_text)  # one that broke off in its sound is both heard and written
    for sentence in SENTENCES:
        assert report.spoken.count(sentence) <= 1, f"{where}: {sentence!r} said twice: {report.spoken!r}"
        assert written.count(sentence) <= 1, f"{where}: {sentence!r} written twice: {written!r}"
    heard = [report.spoken.find(sentence.split()[0]) for sentence in SENTENCES]
    places = [place for place in heard if place >= 0]
    assert places == sorted(places), f"{where}: out of order: {report.spoken!r}"
    assert report.spoken.count("Alpha") <= 1, f"{where}: said twice: {report.spoken!r}"
    if report.outcome in ("failed", "timed-out"):
        assert hears_apology(hall.port.frames[frames:]), f"{where}: no apology was heard"
    downs = [line for line in posted if line in {TEXTS[Down, stage] for stage in ("stt", "agent", "tts")}]
    assert len(downs) == len(set(downs)), f"{where}: one outage was told twice: {posted}"
    told_so_far = [line for _, line in hall.port.posted]
    for stage in ("stt", "agent", "tts"):
        kinds = [line == TEXTS[Down, stage] for line in told_so_far if line in (TEXTS[Down, stage], TEXTS[Back, stage])]
        assert kinds == ([True, False] * len(kinds))[: len(kinds)], f"{where}: notices of {stage} do not alternate"


def check_once(spoken: list[Spoken], where: str) -> None:
    """No sentence is sent to the same server again after sound of it came.

    They may come out of order (one that failed is asked for again while the next is made); ``check_turn`` sees that
    they are not heard so.
    """
    sounded = [speech.fields.text for speech in spoken if speech.samples]
    whole = [text for text in sounded if text in SENTENCES]
    assert len(whole) == len(set(whole)), f"{where}: asked for again after it sounded: {sounded}"


def with_backups_of(second: Backups) -> Settings:
    return attrs.evolve(
        SETTINGS,
        stt=attrs.evolve(SETTINGS.stt, backup=(carried(WhisperXSettings, SETTINGS.stt, url=second.stt.url),)),
        agent=attrs.evolve(
            SETTINGS.agent,
            backup=(carried(N8nSettings, SETTINGS.agent, url=Secret(second.agent.webhook_url)),),
        ),
        tts=attrs.evolve(SETTINGS.tts, backup=(carried(ChatterboxSettings, SETTINGS.tts, url=second.tts.url),)),
    )


BOUNDED = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@BOUNDED
@given(st.lists(SCRIPTS, min_size=1, max_size=3))
def test_any_faults_without_backups(script: list[TurnFaults]) -> None:
    """Nothing twice, nothing out of order, none of the server's words, no silence; afterwards all is well."""
    run_virtual(lambda: live(script, with_backups=False))


@BOUNDED
@given(st.lists(SCRIPTS, min_size=1, max_size=3))
@example([TurnFaults("silent", ("500",) * 3, ("503",) * 6)])
def test_any_faults_with_backups(script: list[TurnFaults]) -> None:
    """The same with a second server for each stage, which may be down as well."""
    run_virtual(lambda: live(script, with_backups=True))


# Not those after which nobody else may take over: something was said, or the work was done.
TAKEN_OVER = [
    *(("stt", name) for name in sorted(set(STT_FAULTS))),
    *(("agent", name) for name in ("500", "error line", "503 page", "401", "hang", "cut", "slow")),
    *(("tts", name) for name in TTS_FAULTS if "in sound" not in name),
]


@pytest.mark.parametrize(("stage", "name"), TAKEN_OVER)
def test_a_single_fault_with_a_backup_is_not_heard(stage: str, name: str) -> None:
    """One stage down in any way before it has said anything: the whole answer is heard all the same."""
    turn = TurnFaults(
        name if stage == "stt" else "none",
        (name,) * 9 if stage == "agent" else (),
        (name,) * 9 if stage == "tts" else (),
    )

    async def scenario() -> None:
        net = MemNet().install()
        second = Backups(
            WhisperXServer(WhisperXScript(text="how are you", final_delay_s=0.1)),
            N8nServer(agent(words(ANSWER), first_s=0.1)),
            ChatterboxServer(attrs.evolve(PROMPT, head_s=0.02, synthesis_s=0.0)),
        )
        async with (
            second.stt.running(),
            second.agent.running(),
            second.tts.running(),
            open_hall(net=net, settings=with_backups_of(second), answer=ANSWER, apology=APOLOGY) as hall,
        ):
            ada = hall.port.join(1)
            await trio.sleep(0.2)
            await set_faults(hall, turn)
            await hall.say(ada, 25)
            report = await hall.wait_report(0)
            assert (report.outcome, report.spoken) == ("answered", ANSWER), f"{report.outcome}: {report.error}"
            assert hall.port.posted == []
            assert not hears_apology(hall.port.frames)

    random.seed(3)
    run_virtual(scenario)
