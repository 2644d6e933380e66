"""Turns through the daemon's process, discord.py and DAVE: what the simulated Discord saw, and when."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import attrs
import trio

from voxbridge.audio.loudness import levels_dbfs
from voxbridge.clock import monotonic_s
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import carried
from voxbridge.core.sound.pcm import FRAME_MS, SPEECH_RATE_HZ, Pcm
from voxbridge.rehearsal.call import Scene, SimulatedCall, open_simulated_call, opus_of
from voxbridge.rehearsal.daemon_process import DaemonFailed
from voxbridge.rehearsal.discord.world import BOT_ID
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, hum
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

Samples = dict[str, list[float]]
Progress = Callable[[str], None]

AUDIBLE_DBFS = -50.0  # 25 dB below speech
_SWELL_S = 0.12
BRIEF = "Yes, of course."
LONG = f"{BRIEF} This answer goes on for long enough to be interrupted in the middle of it, which is what happens now."


@asynccontextmanager
async def simulated(
    settings: Settings, *, stt_s: float, agent_s: float, tts_s: float, answer: str
) -> AsyncIterator[Settings]:
    """Run simulated servers on loopback; yield settings that point to them."""
    stt = WhisperXServer(WhisperXScript(final_delay_s=stt_s, has_partials=False))
    # What falls into one instant goes out in one write: a server that answers at once, and no more than that.
    n8n = N8nServer(lambda _question: agent(words(answer), first_s=agent_s), is_coalesced=True)
    # The sound is made once: a server that answers at once does not compute a hum for a millisecond.
    tts = ChatterboxServer(attrs.evolve(PROMPT, head_s=tts_s, synthesis_s=0.0), synthesize=_same_hum, is_coalesced=True)
    async with AsyncExitStack() as stack:
        for server in (stt, n8n, tts):
            await stack.enter_async_context(server.running())
        yield attrs.evolve(
            settings,
            stt=carried(WhisperXSettings, settings.stt, url=stt.url),
            agent=carried(N8nSettings, settings.agent, url=Secret(n8n.webhook_url)),
            tts=carried(ChatterboxSettings, settings.tts, url=tts.url),
        )


@functools.cache
def _hum_of(text: str) -> bytes:
    """Return a hum from its first loud sample on, as a voice that begins at once.

    As it is made it swells for 120 ms. Through Opus, which is 6.5 ms late, its first frame would be too soft to be
    heard, and 20 ms of the simulated voice's own would count as the bridge's.
    """
    sound = hum(text, 0)
    return sound[round(_SWELL_S * SPEECH_RATE_HZ) * 2 :]


def _same_hum(text: str, _index: int) -> bytes:
    return _hum_of(text)


def first_packet_ms(scene: Scene) -> float:
    """Return the ms from the decision that the turn ended to the arrival of the first RTP frame of the answer that can
    be heard: what the sound in it is silent at its beginning counts, whatever the daemon says of it.
    """
    report = scene.report
    decided = report["started_monotonic_s"] + report["marks"]["turn_decided"]
    first = min(p.arrived_at for p in scene.packets if p.arrived_at > decided)
    levels = levels_dbfs(scene.reply.data, scene.reply.rate_hz)
    lead = next((number for number, level in enumerate(levels) if level > AUDIBLE_DBFS), 0)
    return (first - decided) * 1000 + lead // 2 * FRAME_MS  # two windows to a frame


def silence_ms(scene: Scene) -> float:
    """Return the ms from the end of the last voiced frame to the decision that the turn ended."""
    marks = scene.report["marks"]
    return (marks["turn_decided"] - marks["speech_end"]) * 1000


def stage_samples(report: dict[str, Any], samples: Samples, prefix: str) -> None:
    """Add one turn's stages."""
    marks = report["marks"]
    for name, begin, end in (
        ("stt_final_ms", "turn_decided", "stt_final"),
        ("agent_first_text_ms", "agent_request", "agent_first_text"),
        ("tts_first_byte_ms", "tts_request", "tts_first_byte"),
        ("tts_first_pcm_ms", "tts_request", "tts_first_pcm"),
        ("tts_sentence_ms", "tts_request", "tts_last_pcm"),
    ):
        samples[prefix + name].append((marks[end] - marks[begin]) * 1000)


async def answered_turns(
    settings: Settings, sound: Pcm, count: int, prefix: str, progress: Progress, *, is_apart: bool = False
) -> Samples:
    """Have ``count`` turns answered to their end. ``is_apart`` gives the daemon's loop a core of its own."""
    samples: Samples = defaultdict(list)
    async with _simulated_call(settings) as simulated_call:
        with _apart(simulated_call.daemon.pid) if is_apart else nullcontext():
            await simulated_call.perform(sound)  # the first turn opens connections
            for number in range(count):
                simulated_call.forget()
                scene = await simulated_call.perform(sound)
                if scene.report["outcome"] != "answered":
                    raise RuntimeError(f"turn {number} was {scene.report['outcome']}: {scene.report['error']}")
                stage_samples(dict(scene.report), samples, prefix)
                samples[f"{prefix}first_audio_ms"].append(first_packet_ms(scene))
                samples[f"{prefix}speech_end_to_audio_ms"].append(first_packet_ms(scene) + silence_ms(scene))
                progress(f"{prefix}* turn {number + 1} of {count}")
    return samples


@contextmanager
def _apart(daemon_pid: int) -> Iterator[None]:
    """Give the daemon's loop one core, and the servers and Discord the others: in life they are other machines.

    Else the kernel has the server that a request wakes run on the core that sent it, as often as not.
    """
    cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(daemon_pid, cores[:1])
    os.sched_setaffinity(0, cores[1:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


async def interrupted_turns(settings: Settings, sound: Pcm, count: int, progress: Progress) -> Samples:
    """Have ``count`` answers interrupted: how fast the bridge falls silent."""
    samples: Samples = defaultdict(list)
    async with _simulated_call(settings) as simulated_call:
        # The interrupting words are a turn themselves, whose answer the next words interrupt.
        await _speak_over(simulated_call, sound)
        for number in range(count):
            await _speak_over(simulated_call, sound)
            report = await simulated_call.daemon.wait_turn(number, timeout_s=30)
            cut = report["started_monotonic_s"] + report["marks"]["cut"]
            scene = await simulated_call.scene_of(report, since=report["started_monotonic_s"])
            # The next answer begins 0.5 s after the interrupting words at the earliest.
            before_next = [p.arrived_at for p in scene.packets if p.arrived_at <= cut + 0.4]
            samples["barge_in_ms"].append(max(0.0, (before_next[-1] - cut) * 1000))
            progress(f"interrupted turn {number + 1} of {count}")
    return samples


async def _speak_over(simulated_call: SimulatedCall, sound: Pcm) -> None:
    """Let Ada speak, and return when 1.2 s of the answer have been heard: it is a new question then."""
    since = monotonic_s()
    await simulated_call.ada.speak(opus_of(sound))
    ended = monotonic_s()
    await simulated_call.discord.wait_until(
        lambda: sum(_is_voice_after(p, max(since, ended)) for p in simulated_call.discord.packets[-200:]) >= 60,
        timeout_s=30,
    )


def _is_voice_after(packet: Any, at: float) -> bool:
    return packet.sender == BOT_ID and not packet.is_silence and packet.arrived_at > at


@asynccontextmanager
async def _simulated_call(settings: Settings) -> AsyncIterator[SimulatedCall]:
    with tempfile.TemporaryDirectory(prefix="voxbridge-bench-") as directory:
        async with open_simulated_call(settings, Path(directory)) as simulated_call:
            yield simulated_call
            # What was measured stands, however long the end takes: a niced verdict may hold it up on a busy machine.
            with trio.move_on_after(30), suppress(DaemonFailed):
                await simulated_call.daemon.stop()
