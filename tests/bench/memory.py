"""Where the memory of a speaker and of a room goes: part by part, each measured in a process of its own.

    python -m tests.bench.memory

``RSS`` is what the process grew by for each, ``Python`` what of that are Python's objects (tracemalloc); the rest is
C's: Opus, onnxruntime, and what the allocators keep.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import click
import structlog
import trio
import trio.testing

from tests.scenes.people import voiced_packets
from tests.support.hall import Hall, open_hall
from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts
from tests.support.voices import tone_pcm
from voxbridge.audio.opus import Decoder, Encoder
from voxbridge.audio.vad import VoiceActivity
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, OpusPacket, Pcm
from voxbridge.core.sound.track import Track
from voxbridge.core.turns.endpointing import Endpointer
from voxbridge.session.ear import Ear

_COUNT, _SMALL_COUNT = 20, 300
_PACKETS = voiced_packets()[:150]  # of people reading: a tone is no voice to the detector


def _decoder() -> object:
    decoder = Decoder()
    return decoder, decoder.decode(_PACKETS[0])


def _encoder() -> object:
    encoder = Encoder()
    return encoder, encoder.encode(bytes(1920 // 2))


def _detector() -> object:
    detector = VoiceActivity()
    detector.feed(bytes(32_000))
    return detector


def _ear() -> object:
    ear = Ear(Endpointer(), VoiceActivity())
    for number, opus in enumerate(_PACKETS):
        ear.push(OpusPacket(UserId(1), number, number * 960, opus, number * 0.02))
        ear.pull(number * 0.02)
    return ear


def _track() -> object:
    track = Track()
    track.push(track.begin_sentence("Ten seconds of sound.", 0), Pcm(tone_pcm(10.0), SPEECH_RATE_HZ).data)
    return track


PARTS: dict[str, Callable[[], object]] = {
    "Opus decoder": _decoder,
    "Opus encoder": _encoder,
    "voice activity, beside the shared network": _detector,
    "ear that heard 3 s (decoder, detector, jitter buffer, recent sound)": _ear,
    "track with 10 s of sound": _track,
}
SMALL = frozenset(list(PARTS)[:3])  # of a few the allocators have room enough
WHOLES = (
    "speaker who has said nothing",
    "speaker who has been answered",
    "room that nobody speaks in",
    "room in which 20 s are being said",
)


@asynccontextmanager
async def _hall() -> AsyncIterator[Hall]:
    answer = "This is a sentence that takes its time to be said. " * 8
    async with open_hall(
        change=lambda tools: attrs.evolve(
            tools, stt=ScriptedStt(), agent=ScriptedAgent([answer] * 500), tts=ScriptedTts(), new_detector=VoiceActivity
        )
    ) as hall:
        yield hall


async def _whole(name: str, count: int, measure: Callable[[], None]) -> None:
    async with _hall() as hall:
        await trio.sleep(1)
        hall.port.join(1)
        await hall.port.speak(UserId(1), _PACKETS)
        await hall.wait_report()
        measure()
        if name.startswith("speaker"):
            for number in range(2, count + 2):
                hall.port.join(number)
                await trio.sleep(0.1)
                if name.endswith("answered"):
                    reports = len(hall.reports)
                    await hall.port.speak(UserId(number), _PACKETS)
                    await hall.wait_report(reports)
        else:
            ports = [hall.another_room() for _ in range(count)]
            await trio.sleep(1)
            for number, port in enumerate(ports, 2):
                port.join(number)
            if name.endswith("being said"):
                async with trio.open_nursery() as nursery:
                    for number, port in enumerate(ports, 2):
                        nursery.start_soon(port.speak, UserId(number), _PACKETS[:50])
                await trio.sleep(3)
        measure()


def _rss_kb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def weigh(name: str, count: int, *, traced: bool) -> float:
    """Return the kB of each of ``count``."""
    at: list[float] = []

    def measure() -> None:
        gc.collect()
        at.append(tracemalloc.get_traced_memory()[0] / 1024 if traced else _rss_kb())

    kept: list[object] = []
    if name in PARTS:
        kept.append(PARTS[name]())  # what is shared is there from now on
        if traced:
            tracemalloc.start()
        measure()
        kept += [PARTS[name]() for _ in range(count)]
        measure()
    else:
        if traced:
            tracemalloc.start()
        structlog.configure(processors=[_nothing])
        trio.run(_whole, name, count, measure, clock=trio.testing.MockClock(autojump_threshold=0))
    return (at[1] - at[0]) / count


def _nothing(_logger: object, _name: str, _event: object) -> dict[str, object]:
    raise structlog.DropEvent


@click.command()
@click.option("--weigh", "name", hidden=True)
@click.option("--traced", is_flag=True, hidden=True)
def main(name: str | None, traced: bool) -> None:
    """Say where the memory goes."""
    if name is not None:
        count = _SMALL_COUNT if name in SMALL else _COUNT
        click.echo(json.dumps(weigh(name, count, traced=traced)))
        return
    click.echo(f"{'each':72}{'RSS kB':>8}{'Python kB':>11}")
    for part in (*PARTS, *WHOLES):
        command = [sys.executable, "-m", "tests.bench.memory", "--weigh", part]
        both = [
            json.loads(subprocess.run([*command, *more], capture_output=True, check=True).stdout.splitlines()[-1])
            for more in ((), ("--traced",))
        ]
        click.echo(f"{part:72}{both[0]:8.0f}{both[1]:11.0f}")


if __name__ == "__main__":
    main()
