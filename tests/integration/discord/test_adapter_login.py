"""Logging in, being refused, and leaving in order."""

from __future__ import annotations

import gc
import threading

import attrs
import pytest
import trio

from tests.support.discord_bench import PATIENCE_S, Handler, open_bench, open_call, settings_for
from voxbridge.config.discord import DiscordSettings, NetworkSettings
from voxbridge.config.secrets import Secret
from voxbridge.discord import DiscordBridge
from voxbridge.errors import ConfigError, LoginRefused, VoiceHandshakeError
from voxbridge.rehearsal.discord import SimulatedDiscord

pytestmark = pytest.mark.integration


async def refusal_of(discord, tmp_path, **changes) -> LoginRefused:
    """Run a bridge that must be refused; return the refusal."""
    async with trio.open_nursery() as nursery:
        await nursery.start(discord.run)
        bridge = DiscordBridge(settings_for(discord, tmp_path / "ca.pem", **changes), Handler())
        with trio.fail_after(PATIENCE_S), pytest.raises(LoginRefused) as caught:
            await bridge.run()
        nursery.cancel_scope.cancel()
    return caught.value


async def test_a_wrong_token_is_refused_with_what_to_do(tmp_path):
    """A token that Discord does not know: LoginRefused, unwrapped, that names the portal and not the token."""
    token = "MTIz.wrong.token-that-nobody-may-read"
    refused = await refusal_of(SimulatedDiscord(), tmp_path, token=Secret(token))
    assert refused.exit_code == 78
    assert "developer portal" in str(refused)
    assert token not in str(refused)
    assert token not in repr(refused.__cause__)


async def test_an_empty_token_is_refused_without_asking_discord(tmp_path):
    """No token at all: the setting is named."""
    discord = SimulatedDiscord()
    refused = await refusal_of(discord, tmp_path, token=Secret(""))
    assert "[discord] token" in str(refused)
    assert discord.events == []


@pytest.mark.parametrize(("code", "words"), [(4004, "token"), (4013, "intents"), (4014, "intents")])
async def test_a_fatal_gateway_close_ends_the_bridge(code, words):
    """Close codes after which connecting again can't help come out of run, unwrapped."""
    with pytest.RaisesGroup(pytest.RaisesExc(LoginRefused, match=words)):
        async with open_call(SimulatedDiscord()) as (bench, _):
            bench.discord.close_gateway(code)
            await trio.sleep_forever()


async def test_certificates_that_cannot_be_read_are_named(tmp_path):
    """``network`` is checked before Discord is asked, and the file is named."""
    network = NetworkSettings(ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=r"none\.pem"):
        await DiscordBridge(DiscordSettings(token=Secret("a.b.c"), network=network), Handler()).run()


async def test_the_login_is_tried_until_discord_can_be_reached(tmp_path):
    """Discord is away at first, as it is when a machine starts before its network: no crash, and then ready."""
    discord = SimulatedDiscord()
    hosts = {"discord.com": "127.0.0.1:1", "gateway.discord.gg": "127.0.0.1:1"}  # nobody listens on port 1
    base = settings_for(discord, tmp_path / "ca.pem")
    away = attrs.evolve(base, network=attrs.evolve(base.network, hosts=hosts))
    with trio.fail_after(2 * PATIENCE_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(discord.run)
            bridge = DiscordBridge(away, Handler())
            started = trio.Event()

            async def run() -> None:
                await nursery.start(lambda *, task_status: bridge.run(task_status=task_status))
                started.set()

            nursery.start_soon(run)
            with pytest.raises(VoiceHandshakeError, match="not logged in"):
                await bridge.join(discord.guild_id, discord.voice_channel_id)
            await trio.sleep(0.5)  # the first try has failed by then
            assert not started.is_set()
            hosts.update(discord.hosts)
            await started.wait()
            assert bridge.status().is_logged_in
            await bridge.close()
            nursery.cancel_scope.cancel()


async def test_started_means_ready_and_seated():
    """When ``started`` was called the gateway is ready and the first joins are over."""
    async with open_bench(SimulatedDiscord()) as bench:
        status = bench.bridge.status()
        assert status.is_logged_in
        assert status.user_name == "voxbridge"
        assert [room.is_connected for room in status.rooms] == [True]
        assert (bench.room.guild_name, bench.room.channel_name) == ("Rehearsal", "Stage door")
        assert status.loop_errors == 0


async def test_closing_leaves_in_order_and_leaves_nothing_behind():
    """Closed in order: out of the channel by Discord's word, ports ended, no thread of ours, no socket."""
    before = {thread.ident for thread in threading.enumerate()}
    async with open_call(SimulatedDiscord()) as (bench, _):
        began = trio.current_time()
        await bench.bridge.close()
        took = trio.current_time() - began
        assert took < 10.0, f"closing took {took * 1000:.0f} ms"
        assert bench.discord.channel_of(bench.discord.bot_id) is None
        await bench.until(lambda: bench.has_ended)
        with pytest.raises(trio.EndOfChannel):
            await bench.bridge.ports.receive()
    # discord.py's heartbeat threads wake up, see that they are no longer wanted, and end by themselves.
    with trio.fail_after(PATIENCE_S):
        while {thread.ident for thread in threading.enumerate()} - before - _trio_workers():  # noqa: ASYNC110
            await trio.sleep(0.01)  # a thread's end wakes nobody
    gc.collect()  # an unclosed socket is a ResourceWarning, which is an error here


def _trio_workers() -> set[int | None]:
    return {t.ident for t in threading.enumerate() if t.name.startswith("Trio")}


async def test_a_hard_cancel_is_quick_too(tmp_path):
    """Cancelled from outside, the bridge still leaves its channel, and in well under discord.py's 10 s."""
    discord = SimulatedDiscord()
    with trio.fail_after(2 * PATIENCE_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(discord.run)
            bridge = DiscordBridge(settings_for(discord, tmp_path / "ca.pem"), Handler())
            ended = trio.Event()

            async def run(*, task_status) -> None:
                with trio.CancelScope() as scope:
                    await bridge.run(task_status=ForwardScope(task_status, scope))
                ended.set()

            scope = await nursery.start(run)
            assert discord.is_in_call(discord.bot_id)
            began = trio.current_time()
            scope.cancel()
            await ended.wait()
            took = trio.current_time() - began
            assert took < 10.0, f"cancelling took {took * 1000:.0f} ms"
            assert discord.channel_of(discord.bot_id) is None
            nursery.cancel_scope.cancel()


@attrs.frozen
class ForwardScope:
    """Reports the scope of a task as its started value."""

    status: trio.TaskStatus[trio.CancelScope]
    scope: trio.CancelScope

    def started(self, _value: None = None) -> None:
        self.status.started(self.scope)


async def test_it_asks_for_no_privileged_intent():
    """Servers and voice states are all that it asks for: members, presences and texts of others stay unknown to it."""
    guilds, voice_states = 1 << 0, 1 << 7
    async with open_bench(SimulatedDiscord()) as bench:
        asked = [event.data["intents"] for event in bench.discord.events if event.source == "gateway" and event.op == 2]
        assert asked == [guilds | voice_states]
