"""The daemon's process through discord.py and DAVE: turns, faults, signals."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

import attrs
import pytest
import trio

from tests.e2e.conftest import is_alive, open_bridge
from tests.support.speech import clips
from voxbridge.clock import monotonic_s
from voxbridge.config.service import DrainSettings
from voxbridge.config.settings import Settings
from voxbridge.config.stages import carried
from voxbridge.config.turns import TurnSettings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import clean_environ, opus_of, rehearsal_tables
from voxbridge.rehearsal.daemon_process import daemon_process
from voxbridge.rehearsal.discord import SimulatedDiscord
from voxbridge.rehearsal.discord.world import BOT_ID, VOICE_CHANNEL_ID
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.servers.chatterbox import Fault
from voxbridge.testing.servers.n8n_plans import agent, failure, text, words

pytestmark = pytest.mark.e2e

LONG = "This answer goes on for long enough to be interrupted in the middle of it, which is what happens now."


@pytest.fixture(scope="session")
def speech() -> Pcm:
    """Two seconds of a person reading."""
    (chosen,) = [clip for clip in clips() if clip.name == "0930"]
    return Pcm(chosen.pcm, 16_000)


async def test_a_turn_through_discord_is_encrypted_and_whole(tmp_path: Path, speech: Pcm) -> None:
    """The answer's sound arrives complete and end-to-end encrypted, in frames of 20 ms, five silent ones at the end."""
    async with open_bridge(tmp_path, answer="Hello there, this is the answer.") as bridge:
        scene = await bridge.simulated_call.perform(speech)
        assert scene.report["outcome"] == "answered"
        assert scene.is_encrypted
        assert scene.report["spoken"] == scene.report["answer"]
        sent = [p for p in bridge.simulated_call.discord.packets if p.sender == BOT_ID]
        assert [b.sequence - a.sequence for a, b in itertools.pairwise(sent)] == [1] * (len(sent) - 1)
        assert bridge.simulated_call.discord.record.faults == {}
        assert bridge.stt.undecodable == 0


async def test_barge_in_through_discord(tmp_path: Path, speech: Pcm) -> None:
    """Speech over the answer ends it at once, and is answered itself; the agent learns what was heard."""
    async with open_bridge(tmp_path, answer=LONG) as bridge:
        simulated_call = bridge.simulated_call
        await simulated_call.ada.speak(opus_of(speech))
        await simulated_call.discord.wait_until(
            lambda: sum(p.sender == BOT_ID and not p.is_silence for p in simulated_call.discord.packets) > 75,
            timeout_s=20,
        )
        await simulated_call.ada.speak(opus_of(speech))
        first = await simulated_call.daemon.wait_turn(0, timeout_s=20)
        second = await simulated_call.daemon.wait_turn(1, timeout_s=40)
        assert (first["outcome"], second["outcome"]) == ("interrupted", "answered")
        cut = first["started_monotonic_s"] + first["marks"]["cut"]
        after = [
            p.arrived_at - cut
            for p in simulated_call.discord.packets
            if p.sender == BOT_ID and not p.is_silence and 0 < p.arrived_at - cut < 0.4
        ]
        assert len(after) <= 5, f"voice frames {after} s after the decision to stop"
        assert bridge.agent.questions[1].body["metadata"]["previous"]["heard"] == first["spoken"]


@pytest.mark.parametrize("kind", ["failed agent", "html agent", "failed stt", "failed tts", "timed out"])
async def test_the_next_turn_works_after_a_failure(tmp_path: Path, speech: Pcm, kind: str) -> None:
    """After each kind of failed turn the daemon is as before: the next turn is answered aloud, encrypted."""
    settings = Settings(turn=TurnSettings(limit_ms=1500)) if kind == "timed out" else Settings()
    settings = attrs.evolve(settings, stt=attrs.evolve(settings.stt, limit_ms=1500))
    async with open_bridge(tmp_path, answer="That is fine.", settings=settings) as bridge:
        match kind:
            case "failed agent":
                bridge.agent.plans.extend([failure("status")] * 3)
            case "html agent":
                bridge.agent.plans.append(text("<!DOCTYPE html><html><body>Log in, please</body></html>"))
            case "failed stt":
                bridge.stt.script.ignored_finalizes = 1
            case "failed tts":
                bridge.tts.faults.extend([Fault("status", status=503)] * 20)
            case "timed out":
                bridge.agent.plans.append(agent(words("Too late."), first_s=10.0))
        failed = await bridge.simulated_call.perform(speech)
        outcomes = {"timed out": "timed-out", "html agent": "no-reply"}
        assert failed.report["outcome"] == outcomes.get(kind, "failed")
        said = failed.report["error"] or ""
        if kind == "html agent":
            assert "log in" not in said.lower(), "a page's text was shown as an error"
        if kind == "failed tts":
            written = [message.content for message in bridge.simulated_call.discord.messages]
            assert sorted(written) == [
                "I have lost my voice: speech synthesis is not working. I will write my answers until it is back.",
                "That is fine.",
            ]
        else:
            assert failed.packets, f"after {kind!r} nothing was heard: a turn ended in silence"
        bridge.tts.faults.clear()
        bridge.simulated_call.forget()
        scene = await bridge.simulated_call.perform(speech)
        assert scene.report["outcome"] == "answered", scene.report["error"]
        assert scene.is_encrypted


async def test_ten_speakers_through_discord(tmp_path: Path, speech: Pcm) -> None:
    """Ten people who speak at once are each heard and answered, and no words go to the wrong one."""
    async with open_bridge(tmp_path, answer="") as bridge:
        discord = bridge.simulated_call.discord
        bridge.stt.script.text = lambda heard: f"I am {heard.user_id}"
        bridge.agent.script = lambda question: agent(words(f"So: {question.text[-4:]}."))
        people = [discord.add_member(f"Person {number}") for number in range(9)]
        for person in people:
            await person.join(VOICE_CHANNEL_ID)
        for person in people:
            await person.wait_dave_ready(timeout_s=20)
        await discord.wait_until(lambda: discord.is_dave_settled(), timeout_s=10)
        packets = opus_of(speech)[:90]
        async with trio.open_nursery() as nursery:
            for person in [bridge.simulated_call.ada, *people]:
                nursery.start_soon(person.speak, packets)
        await bridge.simulated_call.daemon.wait_turn(9, timeout_s=60)
        turns = bridge.simulated_call.daemon.turns
        assert {turn["outcome"] for turn in turns} == {"answered"}, [turn["error"] for turn in turns]
        assert {turn["user_id"] for turn in turns} == {str(p.id) for p in [bridge.simulated_call.ada, *people]}
        for turn in turns:
            assert turn["heard"] == f"I am {turn['user_id']}"
            assert turn["answer"] == f"So: {turn['user_id'][-4:]}."


async def test_sigterm_in_mid_sentence_ends_the_sentence(tmp_path: Path, speech: Pcm) -> None:
    """On SIGTERM the sentence is spoken to its end, the channel is left, and the exit code is 0 within 15 s."""
    answer = "The first sentence is spoken to its very end. The second one is not begun. Nor is the third."
    async with open_bridge(tmp_path, answer=answer) as bridge:
        simulated_call = bridge.simulated_call
        await simulated_call.ada.speak(opus_of(speech))
        await simulated_call.discord.wait_until(
            lambda: sum(p.sender == BOT_ID and not p.is_silence for p in simulated_call.discord.packets) > 75,
            timeout_s=20,
        )
        began = monotonic_s()
        code = await simulated_call.daemon.stop()
        took_s = monotonic_s() - began
        assert code == 0, simulated_call.daemon.tail()
        assert took_s < 15, f"the drain took {took_s:.1f} s"
        assert not simulated_call.discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID)
        (report,) = simulated_call.daemon.read_turns()
        assert report["spoken"] == "The first sentence is spoken to its very end."


def private_folders(folder: Path) -> list[Path]:
    """The daemon's own temporary folders."""
    return list(folder.glob("voxbridge-*"))


async def test_nothing_is_left_after_the_end(tmp_path: Path, descendants) -> None:
    """With the embedded engines: SIGTERM ends the child too, and its files are gone."""
    async with trio.open_nursery() as nursery:
        discord = await nursery.start(SimulatedDiscord().run)
        tables = rehearsal_tables(Settings(), discord, tmp_path)
        environ = {**clean_environ(), "TMPDIR": str(tmp_path)}
        async with daemon_process(tables, tmp_path, environ=environ) as daemon:
            await daemon.wait_for(lambda: discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), "joined", timeout_s=60)
            children = descendants(daemon.pid)
            assert len(children) == 1, "the engines are one child"
            assert private_folders(tmp_path)
            assert await daemon.stop() == 0, daemon.tail()
            assert not any(is_alive(child) for child in children)
            assert not private_folders(tmp_path)
        nursery.cancel_scope.cancel()


async def test_engines_that_die_are_started_again(tmp_path: Path, speech: Pcm, descendants) -> None:
    """A killed engines' process costs a turn at most: the daemon starts it again and goes on."""
    from voxbridge.rehearsal.call import open_simulated_call

    async with open_simulated_call(Settings(), tmp_path) as simulated_call:
        (child,) = descendants(simulated_call.daemon.pid)
        os.kill(child, signal.SIGKILL)
        await simulated_call.daemon.wait_for(
            lambda: (
                [c for c in descendants(simulated_call.daemon.pid) if c != child] != []
                and sum("engines are warm" in line for line in simulated_call.daemon.log) == 2
            ),
            "the engines again",
            timeout_s=60,
        )
        scene = await simulated_call.perform(speech)
        assert scene.report["outcome"] == "answered", scene.report["error"]


async def test_a_wrong_token_is_one_clear_line(tmp_path: Path) -> None:
    """Exit code 78, so that systemd does not try again, and a line that says what to do; the token is not in it."""
    async with trio.open_nursery() as nursery:
        discord = await nursery.start(SimulatedDiscord().run)
        settings = Settings()
        settings = attrs.evolve(
            settings,
            stt=carried(WhisperXSettings, settings.stt, url="ws://127.0.0.1:9/"),
            agent=carried(N8nSettings, settings.agent, url="http://127.0.0.1:9/webhook/x"),
            tts=carried(ChatterboxSettings, settings.tts, url="http://127.0.0.1:9/"),
        )
        tables = rehearsal_tables(settings, discord, tmp_path)
        tables["discord"]["token"] = "MTA.wrong.planted-secret"
        async with daemon_process(tables, tmp_path, environ=clean_environ()) as daemon:
            with trio.fail_after(30):
                code = await daemon.process.wait()
            assert code == 78, daemon.tail()
            said = daemon.tail(3)
            assert "token" in said
            assert "planted-secret" not in "\n".join(daemon.log)
            assert "Traceback" not in "\n".join(daemon.log)
        nursery.cancel_scope.cancel()


async def test_second_signal_stops_at_once(tmp_path: Path, speech: Pcm) -> None:
    """Who asks twice does not wait for the sentence, which would go on for half a minute."""
    settings = Settings(drain=DrainSettings(limit_ms=60_000, sentence_ms=60_000))
    async with open_bridge(tmp_path, answer=" ".join(["word"] * 100) + ".", settings=settings) as bridge:
        simulated_call = bridge.simulated_call
        await simulated_call.ada.speak(opus_of(speech))
        await simulated_call.discord.wait_until(
            lambda: sum(p.sender == BOT_ID and not p.is_silence for p in simulated_call.discord.packets) > 75,
            timeout_s=20,
        )
        simulated_call.daemon.process.terminate()
        await simulated_call.daemon.wait_for(
            lambda: any("draining" in line for line in simulated_call.daemon.log), "draining", timeout_s=20
        )
        assert await simulated_call.daemon.stop() == 0, simulated_call.daemon.tail()
