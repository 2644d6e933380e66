"""Calls over several backends, cancelled at any instant: nothing comes after it or is left, and the next one works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.integration.stages.agent.agent_client import SPEAKER
from tests.support.scheduling import over_seeds
from tests.support.voices import tone_packets
from voxbridge.audio.opus import Decoder
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import TtsSettings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.contracts import AgentEvent, AgentRequest, TextDelta, Transcript, TtsRequest
from voxbridge.stages.registry import agent_stage, stt_stage, tts_stage
from voxbridge.stages.sinks import AnswerInto, SoundInto
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, Fault
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, failure, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = pytest.mark.integration

# Every 3 ms of the way through: the first one's failures, the wait between them, the backup's answer.
INSTANTS_S = [number * 0.003 for number in range(60)]


@asynccontextmanager
async def cancelled_after(seconds: float) -> AsyncIterator[trio.CancelScope]:
    """Cancel the block as a barge-in does: without a deadline, which stages would see coming."""

    async def cancel() -> None:
        await trio.sleep(seconds)
        scope.cancel(reason="barge-in")

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel)
            yield scope
            nursery.cancel_scope.cancel(reason="over")


@asynccontextmanager
async def two_voices() -> AsyncIterator[tuple[ChatterboxServer, ChatterboxServer, TtsSettings]]:
    first, second = ChatterboxServer(), ChatterboxServer()
    first.timing = second.timing = attrs.evolve(PROMPT, head_s=0.02, synthesis_s=0.02)
    first.lasting_fault = Fault("cut", "header")
    async with first.running(), second.running():
        backup = ChatterboxSettings(url=second.url)
        yield first, second, ChatterboxSettings(url=first.url, backup=(backup,))


def test_speech_cancelled_at_any_instant() -> None:
    """No sound after the cancel, no socket left, and the next sentence is whole."""

    async def scenario() -> None:
        net = MemNet().install()
        async with two_voices() as (_first, _second, settings), tts_stage(settings, "") as stage:
            whole: list[Pcm] = []
            await stage.speak(TtsRequest("Good day to you.", "before", 0), SoundInto(whole.append))
            size = sum(len(pcm.data) for pcm in whole)
            for number, instant_s in enumerate(INSTANTS_S):
                came: list[Pcm] = []
                async with cancelled_after(instant_s) as cancel:
                    await stage.speak(TtsRequest("Good day to you.", f"turn-{number}", 0), SoundInto(came.append))
                had = len(came)
                await trio.sleep(0.5)
                assert len(came) == had, f"sound after the cancel at {instant_s} s"
                assert cancel.cancelled_caught or sum(len(pcm.data) for pcm in came) == size
            again: list[Pcm] = []
            await stage.speak(TtsRequest("Good day to you.", "after", 0), SoundInto(again.append))
            assert sum(len(pcm.data) for pcm in again) == size
        net.assert_all_closed()

    over_seeds(scenario, range(3))


def test_an_agent_cancelled_at_any_instant() -> None:
    """No text after the cancel, and the next turn is answered."""

    async def scenario() -> None:
        net = MemNet().install()
        first, second = (
            N8nServer(failure("status", after_s=0.01)),
            N8nServer(agent(words("Hello there."), first_s=0.02)),
        )
        async with first.running(), second.running():
            backup = N8nSettings(url=Secret(second.webhook_url))
            settings = N8nSettings(url=Secret(first.webhook_url), retries=1, retry_delay_ms=20, backup=(backup,))
            async with agent_stage(settings, "") as stage:
                for number, instant_s in enumerate([*INSTANTS_S, 60.0]):
                    send, receive = trio.open_memory_channel[AgentEvent](100)
                    async with cancelled_after(instant_s):
                        await stage.answer(AgentRequest(f"turn-{number}", "Hello?", SPEAKER), AnswerInto(send))
                    had = send.statistics().current_buffer_used
                    await trio.sleep(0.2)
                    assert send.statistics().current_buffer_used == had, f"text after the cancel at {instant_s} s"
                    send.close()
                    text = "".join([event.text async for event in receive if isinstance(event, TextDelta)])
                    assert "Hello there.".startswith(text)
                assert text == "Hello there."
        net.assert_all_closed()

    over_seeds(scenario, range(3))


def test_a_transcript_given_up_at_any_instant() -> None:
    """The next utterance gets its own words, from whoever serves, and never those of the one before."""

    async def scenario() -> None:
        net = MemNet().install()
        decoder = Decoder()
        script = WhisperXScript(text=lambda heard: f"{len(heard.packets)} packets", final_delay_s=0.03)
        second = WhisperXServer(script)
        async with second.running():
            settings = WhisperXSettings(
                url="ws://127.0.0.1:9",
                backup=(WhisperXSettings(url=second.url),),
            )
            async with stt_stage(settings, "") as stage, stage.open(SPEAKER) as line:

                def feed(count: int) -> None:
                    for opus in tone_packets(count):
                        line.feed(decoder.hear(opus))

                for index, instant_s in enumerate(INSTANTS_S[::3]):
                    feed(5 + index % 3)
                    finals = list[Transcript]()  # none, if it was cancelled first
                    async with cancelled_after(instant_s):
                        finals.append(await line.finish())
                    assert [final.text for final in finals] in ([], [f"{5 + index % 3} packets"])
                    await trio.sleep(0.01)
                feed(9)
                assert (await line.finish()).text == "9 packets"
        net.assert_all_closed()

    over_seeds(scenario, range(3))
