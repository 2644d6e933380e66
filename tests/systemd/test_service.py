"""`systemctl start voxbridge`, and what may happen to it then, under a real systemd."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.systemd.machine import ROOT, Machine
from tests.systemd.stage import ETC, open_stage
from voxbridge.clock import monotonic_s
from voxbridge.config.service import HealthSettings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import opus_of
from voxbridge.rehearsal.discord.world import BOT_ID, OTHER_VOICE_CHANNEL_ID, VOICE_CHANNEL_ID
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.servers.n8n_plans import agent, words

pytestmark = pytest.mark.systemd

READY_S = 3.0


async def test_start_returns_when_the_bot_is_in_its_channel(machine: Machine) -> None:
    """READY within 3 s, and then the bot is where it belongs and the status line says so."""
    async with open_stage(machine) as stage:
        took_s: list[float] = []
        # The best of three: what else runs on the machine is not what is measured.
        while not took_s or (min(took_s) > READY_S and len(took_s) < 3):
            await stage.systemctl("stop", "voxbridge")
            began = monotonic_s()
            await stage.systemctl("start", "voxbridge")
            took_s.append(monotonic_s() - began)
            assert stage.is_in_call(), "start returned, and the bot is not in its channel"
            assert await stage.show("StatusText") == "ready; 1 room; 0 speakers; 0 turns"
        assert min(took_s) <= READY_S, f"READY after {took_s} s"


async def test_start_waits_for_the_login(machine: Machine) -> None:
    """While Discord makes it wait the unit is activating, and READY comes only after the login."""
    async with open_stage(machine) as stage:
        stage.discord.fail_rest(429, path="*/users/@me", retry_after_s=1.5)
        began = monotonic_s()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.systemctl, "start", "voxbridge")
            await stage.until(lambda: stage.discord.events, "a first request")
            assert await stage.show("ActiveState") == "activating"
            assert not stage.is_in_call()
        assert monotonic_s() - began > 1.5
        assert stage.is_in_call()
        assert await stage.show("ActiveState") == "active"


async def test_status_follows_what_goes_on(machine: Machine, speech: Pcm) -> None:
    """The status line names the backend that is down, and counts the speakers and the turns that are on."""
    async with open_stage(machine) as stage:
        settings = stage.remote_settings
        assert isinstance(settings.tts, ChatterboxSettings)
        stage.configure(attrs.evolve(settings, tts=attrs.evolve(settings.tts, url="http://127.0.0.1:9/")))
        stage.agent.script = lambda _question: agent(words("Late."), first_s=5.0)
        await stage.systemctl("start", "voxbridge")

        async def says(*parts: str) -> bool:
            status = await stage.show("StatusText")
            return all(part in status for part in parts)

        await stage.until(lambda: says("ready", "1 room", "0 turns", "degraded: tts (chatterbox) is down"), "degraded")
        ada = await stage.ada()
        await ada.speak(opus_of(speech))
        await stage.until(lambda: says("1 speaker", "1 turn"), "a turn in the status")


async def test_stalled_loop_is_caught_and_named(machine: Machine) -> None:
    """A loop that hangs is killed by the watchdog; the journal shows the line; the bot is back in its channel."""
    async with open_stage(machine) as stage:
        # Python imports sitecustomize by itself: the unit's own command is what stalls, at a signal of ours.
        machine.write(
            "/opt/voxbridge-test/sitecustomize.py",
            "import signal, time\n\ndef hang_for_ever(*_):\n    time.sleep(3600)  # stalled here\n\n"
            "signal.signal(signal.SIGUSR2, hang_for_ever)\n",
        )
        await stage.drop_in("[Service]\nWatchdogSec=2s\nEnvironment=PYTHONPATH=/opt/voxbridge-test\n")
        await stage.systemctl("start", "voxbridge")
        first = await stage.pid()
        await trio.sleep(2.5)  # longer than the watchdog's time: petted, it is left alone
        assert await stage.pid() == first
        stalled_at = monotonic_s()
        await stage.systemctl("kill", "--kill-whom=main", "-s", "SIGUSR2", "voxbridge")
        await stage.until(lambda: stage.has_joined_since(stalled_at), "the bot again")
        log = await stage.journal("-u", "voxbridge")
        assert "Watchdog timeout (limit 2s)!" in log, log
        assert 'sitecustomize.py", line 4 in hang_for_ever' in log, log
        assert "Failed with result 'watchdog'" in log, log
        assert await stage.show("NRestarts") == "1"


async def test_good_reload_takes_effect_without_a_restart(machine: Machine) -> None:
    """`systemctl reload` moves the bot to the channel that the file names now; the process stays the same."""
    async with open_stage(machine) as stage:
        await stage.systemctl("start", "voxbridge")
        pid = await stage.pid()
        stage.configure(stage.remote_settings, channel=OTHER_VOICE_CHANNEL_ID)
        await stage.systemctl("reload", "voxbridge")
        await stage.until(lambda: stage.is_in_call(OTHER_VOICE_CHANNEL_ID), "the other channel")
        assert not stage.is_in_call()
        assert await stage.pid() == pid
        assert await stage.show("ActiveState") == "active"


async def test_bad_reload_is_refused_with_its_reason(machine: Machine) -> None:
    """A mistake in the file fails `systemctl reload`, is named in the journal, and changes nothing."""
    async with open_stage(machine) as stage:
        await stage.systemctl("start", "voxbridge")
        pid = await stage.pid()
        good = machine.path(f"{ETC}/voxbridge.toml").read_text(encoding="utf-8")
        machine.write(f"{ETC}/voxbridge.toml", good.replace("commit_ms = 500", "commit_ms = -1"))
        done = await machine.run("systemctl", "reload", "voxbridge", check=False)
        assert done.returncode == 1, done.stderr
        assert "endpointing.commit_ms" in await stage.journal("-u", "voxbridge")
        assert (await stage.pid(), await stage.show("ActiveState")) == (pid, "active")
        assert stage.is_in_call()
        machine.write(f"{ETC}/voxbridge.toml", good)
        await stage.systemctl("reload", "voxbridge")


async def test_stop_lets_the_sentence_end(machine: Machine, speech: Pcm) -> None:
    """`systemctl stop` in mid-sentence: the sentence is spoken to its end, the channel left, the result a success."""
    answer = "The first sentence is spoken to its end. The second one is not begun. Nor is the third."
    async with open_stage(machine, answer=answer) as stage:
        await stage.systemctl("start", "voxbridge")
        ada = await stage.ada()
        await ada.speak(opus_of(speech))
        await stage.until(lambda: stage.voice_frames() > 25, "half a second of the answer")
        await stage.systemctl("stop", "voxbridge")
        assert not stage.is_in_call()
        (turn,) = stage.turns()
        assert turn["spoken"] == "The first sentence is spoken to its end."
        assert (await stage.show("Result"), await stage.show("ExecMainStatus")) == ("success", "0")


async def test_killed_daemon_is_back_within_five_seconds(machine: Machine) -> None:
    """After kill -9 systemd starts it again, and it sits in its channel within 5 s."""
    async with open_stage(machine) as stage:
        await stage.systemctl("start", "voxbridge")
        killed_at = monotonic_s()
        await stage.systemctl("kill", "-s", "SIGKILL", "voxbridge")
        await stage.until(lambda: stage.has_joined_since(killed_at), "the bot again")
        took_s = monotonic_s() - killed_at
        assert took_s <= 5, f"back after {took_s:.2f} s"
        assert stage.is_in_call()
        assert await stage.show("NRestarts") == "1"


@pytest.mark.parametrize("mistake", ["token", "configuration"])
async def test_exit_78_stays_down(machine: Machine, mistake: str) -> None:
    """A refused token or a wrong configuration fails the start, says why, and is not tried again."""
    async with open_stage(machine) as stage:
        if mistake == "token":
            machine.write(f"{ETC}/discord-token", "MTA.wrong.planted-secret\n", 0o600)
        else:
            machine.write(f"{ETC}/voxbridge.toml", "[discord]\njoim = []\n")
        done = await machine.run("systemctl", "start", "voxbridge", check=False)
        assert done.returncode == 1
        assert await stage.show("ExecMainStatus") == "78"
        # Before a restart it would be "activating", for RestartSec=.
        assert (await stage.show("ActiveState"), await stage.show("NRestarts")) == ("failed", "0")
        log = await stage.journal("-u", "voxbridge")
        assert ("token" if mistake == "token" else "discord.joim") in log
        assert "planted-secret" not in log


async def test_two_instances_beside_each_other(machine: Machine) -> None:
    """voxbridge@one and voxbridge@two: each its own token, channel, state and control socket."""
    async with open_stage(machine) as stage:
        second = stage.discord.world.add_bot("second")
        bots = {
            "one": (stage.discord.bot_token, BOT_ID, VOICE_CHANNEL_ID, "127.0.0.1:4911"),
            "two": (second.token, second.user.id, OTHER_VOICE_CHANNEL_ID, "127.0.0.1:4912"),
        }
        for name, (token, _bot, channel, listen) in bots.items():
            settings = attrs.evolve(stage.remote_settings, health=HealthSettings(listen=listen))
            stage.configure(settings, name=name, channel=channel)
            machine.write(f"{ETC}/{name}/discord-token", token, 0o600)
        await stage.systemctl("start", "voxbridge@one", "voxbridge@two")
        for name, (_token, bot, channel, _listen) in bots.items():
            assert stage.discord.is_in_call(bot, channel), f"the bot of {name} is not in its channel"
            assert machine.path(f"/run/voxbridge-{name}/control.sock").is_socket()
        users = {await stage.show("UID", f"voxbridge@{name}") for name in bots}
        assert len(users) == 2, f"both run as user {users}"
        await stage.systemctl("stop", "voxbridge@one")
        assert not stage.discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID)
        assert stage.discord.is_in_call(second.user.id, OTHER_VOICE_CHANNEL_ID)


async def test_encrypted_credential(machine: Machine) -> None:
    """The token encrypted with the host's key, by the example's own commands and drop-in; no plain file is left."""
    async with open_stage(machine) as stage:
        text = example("encrypted-credential")
        commands = [line.strip("# ") for line in text.splitlines() if line.startswith("#   ")]
        assert len(commands) == 2
        script = "\n".join(commands).replace("systemd-creds encrypt", "systemd-creds --with-key=host encrypt")
        await machine.run("sh", "-ec", script.replace(" - ", f" {ETC}/discord-token "))
        await stage.drop_in(text)
        assert stage.discord.bot_token not in machine.path(f"{ETC}/discord-token.cred").read_text(encoding="utf-8")
        assert not machine.path(f"{ETC}/discord-token").exists()
        await stage.systemctl("start", "voxbridge")
        assert stage.is_in_call()


async def test_further_secret_is_a_credential_too(machine: Machine, speech: Pcm) -> None:
    """The webhook's address comes from the example's drop-in: the workflow is asked, and a reload goes on working."""
    async with open_stage(machine) as stage:
        file, webhook = f"{ETC}/voxbridge.toml", stage.agent.webhook_url
        machine.write(f"{ETC}/n8n-webhook", webhook, 0o600)
        await stage.drop_in(example("more-secrets"))
        plain = machine.path(file).read_text(encoding="utf-8")
        assert plain.count(f'"{webhook}"') == 1
        machine.write(file, plain.replace(f'"{webhook}"', '{ credential = "n8n-webhook" }'))
        await stage.systemctl("start", "voxbridge")
        await stage.systemctl("reload", "voxbridge")
        ada = await stage.ada()
        await ada.speak(opus_of(speech))
        await stage.until(lambda: stage.voice_frames() > 5, "an answer")
        assert len(stage.agent.questions) == 1
        assert webhook not in await stage.journal()


def example(name: str) -> str:
    """Return one of the example drop-ins."""
    return (ROOT / "systemd" / "examples" / f"{name}.conf").read_text(encoding="utf-8")
