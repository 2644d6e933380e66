"""A scene's venue in virtual time: the room of ``hall``, whose servers are the simulated ones. Figures are exact."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from voxbridge.audio.vad import VoiceActivity
from voxbridge.config.settings import Settings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.scenes.in_call import impairment
from voxbridge.rehearsal.scenes.play import Player
from voxbridge.rehearsal.scenes.played import Played, Sounded
from voxbridge.rehearsal.scenes.reading import SceneFile
from voxbridge.rehearsal.scenes.scene import LineTable, Scene, Step
from voxbridge.rehearsal.scenes.servers import scene_settings
from voxbridge.rehearsal.scenes.sounds import speeches_of, words_of_packets
from voxbridge.session.context import Tools
from voxbridge.testing.servers.n8n_plans import agent, words

_PATIENCE_S = 30.0


class InHall:
    """The hall as a venue. Lines lose packets and no more; servers can be gone, and be back."""

    def __init__(self, hall: Hall, scene: Scene) -> None:
        self._hall = hall
        self._began = trio.current_time()
        self._ids = {name: UserId(number) for number, name in enumerate(scene.people, 1)}
        self._line = impairment(scene.line, 1)
        self._servers = {"stt": hall.stt, "agent": hall.agent, "tts": hall.tts}
        hall.port.join(1, "Ada")
        hall.stt.script.text = lambda heard: words_of_packets(heard.packets)
        hall.stt.script.final_delay_s += scene.stt.delay_ms / 1000
        hall.tts.timing = attrs.evolve(hall.tts.timing, head_s=hall.tts.timing.head_s + scene.tts.delay_ms / 1000)
        answers = deque(scene.agent.answers)
        first_s = scene.agent.delay_ms / 1000
        hall.agent.script = lambda _asked: agent(
            words(answers.popleft() if len(answers) > 1 else answers[0]), first_s=first_s
        )

    @property
    def now_s(self) -> float:
        return trio.current_time() - self._began

    @property
    def voice(self) -> Sequence[Sounded]:
        return [Sounded(frame.at - self._began) for frame in self._hall.port.voice]

    @property
    def reports(self) -> Sequence[tuple[Mapping[str, Any], str, float]]:
        names = {number: name for name, number in self._ids.items()}
        told = zip(self._hall.reports, self._hall.reported_at, strict=True)
        return [
            (report.to_json(), names[report.user_id], at - report.marks["ended"] - self._began) for report, at in told
        ]

    @property
    def written(self) -> Sequence[tuple[float, str]]:
        return [(at - self._began, text) for at, text in self._hall.port.posted]

    @property
    def has_broken(self) -> str:
        return ""

    async def speak(self, name: str, packets: Sequence[bytes]) -> None:
        arrived = [packet if self._line.copies() else None for packet in packets]
        await self._hall.port.speak(self._ids[name], arrived)

    async def join(self, name: str) -> None:
        self._hall.port.join(self._ids[name], name)
        await trio.lowlevel.checkpoint()

    async def leave(self, name: str) -> None:
        self._hall.port.leave(self._ids[name])
        await trio.lowlevel.checkpoint()

    async def set_line(self, line: LineTable) -> None:
        self._line = impairment(line, 1)
        await trio.lowlevel.checkpoint()

    async def rekey(self) -> None:
        await trio.lowlevel.checkpoint()  # nothing is encrypted here

    async def command(self, name: str, command: str) -> str:  # noqa: ARG002
        pytest.fail(f"nobody types /{command} in the hall")

    async def fail(self, step: Step) -> None:
        assert step.how == "refuse", "a server of the hall can only be gone"
        await self._servers[step.fail].stop()

    async def mend(self, stage: str) -> None:
        await self._servers[stage].start()

    def reply(self, begin_s: float, end_s: float) -> Pcm | None:  # noqa: ARG002
        return None


async def play_in_hall(scene: SceneFile) -> Played:
    """Play a scene in virtual time; its servers are stand-ins, whatever it says."""
    speeches = speeches_of(scene, _no_voice)
    settings = scene_settings(scene, Settings())
    async with open_hall(settings=settings, floor=settings.floor, change=_with_ears) as hall:
        player = Player(scene.scene, speeches, InHall(hall, scene.scene), patience_s=_PATIENCE_S)
        return attrs.evolve(await player.play(), is_call_encrypted=False)


def _with_ears(tools: Tools) -> Tools:
    """Tell speech from noise, as the daemon does."""
    return attrs.evolve(tools, new_detector=VoiceActivity)


def _no_voice() -> Any:
    pytest.fail("in virtual time nobody says words: play a recording")
