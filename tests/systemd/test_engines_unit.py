"""The built-in engines as a unit of their own: started by the first who asks, used by the daemon, closed to others."""

from __future__ import annotations

import json

import pytest

from tests.support.speech import Clip, clips, words_wrong
from tests.systemd.machine import Machine
from tests.systemd.stage import Stage, open_stage, shipped_settings
from voxbridge.clock import monotonic_s
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import opus_of

pytestmark = pytest.mark.systemd

READY_S = 6.0
_CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


@pytest.fixture
def clip() -> Clip:
    """A person reading, 3 s, and the words."""
    (chosen,) = [clip for clip in clips() if clip.name == "0930"]
    return chosen


async def test_spoken_turn_with_the_built_in_engines(machine: Machine, clip: Clip) -> None:
    """As installed: ready within 6 s, the engines start when they are asked; a person is heard rightly and answered."""
    async with open_stage(machine) as stage:
        stage.configure(shipped_settings())
        assert await stage.show("ActiveState", "voxbridge-engines") == "inactive"
        began = monotonic_s()
        await stage.systemctl("start", "voxbridge")
        took_s = monotonic_s() - began
        assert took_s <= READY_S, f"READY after {took_s:.2f} s"
        await stage.until(lambda: _is_active(stage), "the engines' unit")
        assert "degraded" not in await stage.show("StatusText")
        ada = await stage.ada()
        await ada.speak(opus_of(Pcm(clip.pcm, 16_000)))
        await stage.until(lambda: stage.voice_frames() > 50, "a second of the answer")
        # It is long, since it repeats what was heard: cut short as an operator would.
        await machine.run("/opt/voxbridge/bin/voxbridge", "ctl", "stop", str(stage.discord.guild_id))
        await stage.until(stage.turns, "the turn's record")
        (turn,) = stage.turns()
        assert words_wrong(clip.words, turn["heard"]) <= 3, turn["heard"]
        assert turn["heard"] in turn["answer"]
        assert turn["error"] is None, turn
        voice = [p for p in stage.discord.packets if p.sender == stage.discord.bot_id and not p.is_silence]
        assert all(packet.encrypted for packet in voice)
        assert await stage.pid("voxbridge-engines") not in (0, await stage.pid())
        lines = await machine.run("journalctl", "--no-pager", "-o", "json", f"VOXBRIDGE_TURN={turn['turn_id']}")
        assert "turn" in [json.loads(line)["MESSAGE"].split()[0] for line in lines.stdout.splitlines()]
        assert turn["heard"] not in await stage.journal(), "speech in the log"
        # Killed, they are started again, by systemd or by the next who asks: the door stays open all the time.
        await stage.systemctl("kill", "-s", "SIGKILL", "voxbridge-engines")
        stage.discord.record.clear()
        other = next(one for one in clips() if one.name != clip.name)  # not what the answer has just repeated
        await ada.speak(opus_of(Pcm(other.pcm, 16_000)))
        await stage.until(lambda: stage.voice_frames() > 10, "an answer of the new engines", timeout_s=40)


async def _is_active(stage: Stage) -> bool:
    return await stage.show("ActiveState", "voxbridge-engines") == "active"


async def test_remote_backends_start_no_engines(machine: Machine) -> None:
    """Who has servers of his own pays for the engines' socket only."""
    async with open_stage(machine) as stage:
        await stage.systemctl("start", "voxbridge")
        assert await stage.show("ActiveState", "voxbridge-engines.socket") == "active"
        assert await stage.show("ActiveState", "voxbridge-engines") == "inactive"


async def test_engines_socket_is_closed_to_other_users(machine: Machine) -> None:
    """Another user of the host cannot get at the engines, although their socket has no group of its own."""
    async with open_stage(machine) as stage:
        await stage.systemctl("start", "voxbridge-engines.socket")
        place = "/run/voxbridge-engines/shared/engines.sock"
        python = ("/opt/voxbridge/bin/python", "-c", _CONNECT, place)
        other = await machine.run("setpriv", "--reuid=1", "--regid=1", "--clear-groups", *python, check=False)
        assert other.returncode == 1
        assert "PermissionError" in other.stderr
        assert await stage.show("ActiveState", "voxbridge-engines") == "inactive"
