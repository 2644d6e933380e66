"""`voxbridge check` against a simulated Discord and simulated servers, on real sockets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
import trio

from voxbridge.cli.checks import check_discord, check_stages
from voxbridge.cli.findings import Finding
from voxbridge.config.discord import DiscordSettings, NetworkSettings
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import TtsSettings
from voxbridge.discord.preflight import preflight
from voxbridge.errors import DiscordError, LoginRefused
from voxbridge.rehearsal.discord import STAGE, SimulatedDiscord
from voxbridge.stages.agent.openai import OpenAiAgentSettings
from voxbridge.stages.stt.deepgram import DeepgramSettings
from voxbridge.stages.stt.openai import OpenAiSttSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.stages.tts.openai import OpenAiTtsSettings
from voxbridge.testing.servers.chatterbox import ChatterboxServer
from voxbridge.testing.servers.openai_chat import OpenAiServer
from voxbridge.testing.servers.openai_speech import OpenAiSpeechServer
from voxbridge.testing.servers.transcriptions import TranscriptionServer
from voxbridge.testing.servers.whisperlive import WhisperLiveServer

pytestmark = pytest.mark.integration


@pytest.fixture
async def discord(nursery: trio.Nursery) -> SimulatedDiscord:
    simulated = SimulatedDiscord()
    await nursery.start(simulated.run)
    return simulated


@pytest.fixture
def settings(discord: SimulatedDiscord, tmp_path: Path) -> DiscordSettings:
    """Our own settings lead Discord's names to the simulated one, as an operator's proxy would."""
    ca_file = tmp_path / "ca.pem"
    discord.write_ca(ca_file)
    return DiscordSettings(
        token=Secret(discord.bot_token), network=NetworkSettings(hosts=discord.hosts, ca_file=str(ca_file))
    )


async def say_nothing(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def found(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in findings]


async def test_good_token_gives_the_account_and_a_link_that_invites_it(discord, settings) -> None:
    """The link asks for what the daemon needs: voice, messages, slash commands; and the bot never comes online."""
    account = await preflight(settings)
    assert account.application_id == discord.bot_id
    assert f"client_id={discord.bot_id}" in account.invite_url
    assert "scope=bot+applications.commands" in account.invite_url
    # view channel 1 << 10, send messages 1 << 11, attach files 1 << 15, connect 1 << 20, speak 1 << 21
    assert f"permissions={(1 << 10) | (1 << 11) | (1 << 15) | (1 << 20) | (1 << 21)}" in account.invite_url
    assert {event.source for event in discord.events} == {"rest"}


async def test_wrong_token_is_refused_as_a_configuration_fault(discord, settings) -> None:
    """The message says where a token comes from, and does not hold the wrong one."""
    wrong = attrs.evolve(settings, token=Secret("MTAwMDAwMDAwMDAwMDAwMDAw.GaBcDe.wrong-wrong-wrong-wrong-wrong"))
    with pytest.raises(LoginRefused) as caught:
        await preflight(wrong)
    assert "discord.com/developers" in str(caught.value)
    assert "wrong-wrong" not in str(caught.value)


async def test_channels_to_join_are_looked_at(discord, settings) -> None:
    """A channel the bot cannot see, a text channel and another server's are told apart from a good one."""
    good = f"{discord.guild_id}:{discord.voice_channel_id}"
    unseen = f"{discord.guild_id}:4242"
    text = f"{discord.guild_id}:{discord.text_channel_id}"
    elsewhere = f"4242:{discord.voice_channel_id}"
    account = await preflight(attrs.evolve(settings, join=(good, unseen, text, elsewhere)))
    assert account.unseen == (unseen,)
    assert account.not_voice == (text, elsewhere)


async def test_a_stage_is_a_place_to_join_where_plain_calls_are_allowed(discord, settings) -> None:
    """``check`` and ``run`` agree: stages are not end-to-end encrypted, so ``require_e2ee`` rules them out."""
    stage = f"{discord.guild_id}:{discord.add_channel('Stage', STAGE).id}"
    strict = await preflight(attrs.evolve(settings, join=(stage,)))
    assert (strict.not_voice, strict.plain_stages) == ((), (stage,))
    lenient = await preflight(attrs.evolve(settings, join=(stage,), require_e2ee=False))
    assert (lenient.not_voice, lenient.plain_stages) == ((), ())


async def test_unreachable_discord_is_no_configuration_fault(settings) -> None:
    """systemd may try again: nobody listens now."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    nowhere = attrs.evolve(settings, network=NetworkSettings(hosts={"discord.com": f"127.0.0.1:{port}"}))
    with pytest.raises(DiscordError, match="cannot be reached") as caught:
        await preflight(nowhere)
    assert caught.value.exit_code == 1


async def test_silent_discord_is_given_up(settings, nursery: trio.Nursery) -> None:
    """Somebody who waits at a terminal is not kept for ever."""
    listeners = await nursery.start(trio.serve_tcp, say_nothing, 0)
    port = listeners[0].socket.getsockname()[1]
    silent = attrs.evolve(settings, network=NetworkSettings(hosts={"discord.com": f"127.0.0.1:{port}"}))
    with pytest.raises(DiscordError, match="did not answer"):
        await preflight(silent, limit_s=0.2)


async def test_trouble_at_discord_is_told_with_its_status(discord, settings) -> None:
    """A 403 of a proxy in front of Discord is neither the token nor the network."""
    discord.fail_rest(403, path="/users/@me")
    with pytest.raises(DiscordError, match="HTTP 403"):
        await preflight(settings)


async def test_backend_that_is_there_is_ok_and_one_that_is_not_is_a_problem() -> None:
    """Each stage that is no built-in engine is asked; the line says which and how to mend it."""
    async with ChatterboxServer().running() as server:
        good = Settings(tts=ChatterboxSettings(url=server.url))
        (there,) = await found(check_stages(good))
        assert (there.verdict, there.about) == ("ok", "tts chatterbox"), there
        await server.stop()
        (gone,) = await found(check_stages(good))
    assert (gone.verdict, gone.exit_code) == ("problem", 1), gone
    assert "connection refused" in gone.text


async def told_of(settings: Settings) -> tuple[str, str]:
    """Return the verdict on the one server that the settings name, and what is said of it."""
    (finding,) = await found(check_stages(settings))
    return finding.verdict, finding.text


async def test_a_base_url_without_v1_is_taken_or_named() -> None:
    """The speech servers' routes are found with and without it; an agent's address says what is missing."""
    async with OpenAiSpeechServer().running() as speech, OpenAiServer().running() as agent:
        for url in (speech.url, f"{speech.url}/v1/"):
            assert (await told_of(Settings(tts=OpenAiTtsSettings(url=url))))[0] == "ok"
        right = OpenAiAgentSettings(url=Secret(agent.base_url), model="test-model")
        assert (await told_of(Settings(agent=right)))[0] == "ok"
        verdict, said = await told_of(Settings(agent=attrs.evolve(right, url=Secret(agent.url))))
    assert (verdict, said) == ("problem", "the API is one step below this address: add /v1 to agent.url")
    async with TranscriptionServer().running() as ears:
        for url in (ears.url, f"{ears.url}/v1"):
            assert (await told_of(Settings(stt=OpenAiSttSettings(url=url))))[0] == "ok"


async def test_a_voice_that_the_server_does_not_list_is_a_warning() -> None:
    """The server may know it all the same, or speak with another one; the line says what to do."""
    async with OpenAiSpeechServer(voices=("nova",)).running() as server, ChatterboxServer().running() as other:
        for tts in (
            OpenAiTtsSettings(url=server.url, voice="anna"),
            ChatterboxSettings(url=other.url, voice="anna"),
        ):
            verdict, said = await told_of(Settings(tts=tts))
            assert (verdict, "voice 'anna' is UNKNOWN to the server" in said) == ("warning", True), said


async def test_a_format_that_the_server_refuses_is_a_problem() -> None:
    """It shows only when something is spoken: one word is, and the server's own reason is told."""
    async with OpenAiSpeechServer("devnen", voices=("anna",)).running() as server:
        good = OpenAiTtsSettings(url=server.url, voice="Anna.wav", response_format="wav")
        assert await told_of(Settings(tts=good)) == ("ok", "ready; voice 'Anna.wav'; spoke a word as wav")
        verdict, said = await told_of(Settings(tts=attrs.evolve(good, response_format="pcm")))
    assert verdict == "problem"
    assert "response_format = 'pcm'" in said
    assert "422" in said


async def test_a_server_of_another_kind_is_a_problem() -> None:
    """A WebSocket that opens is not enough: a Deepgram that turns out to be a WhisperLive is told."""
    async with WhisperLiveServer().running() as server:
        verdict, said = await told_of(Settings(stt=DeepgramSettings(url=server.url, connect_limit_ms=1000)))
    assert verdict == "problem", said


async def test_backups_are_asked_as_well() -> None:
    """A backup that is not there is found before it is needed; the built-in one is the daemon's to start."""
    async with ChatterboxServer().running() as server:
        backups = (ChatterboxSettings(url="http://127.0.0.1:9"), TtsSettings())
        chosen = Settings(tts=ChatterboxSettings(url=server.url, backup=backups))
        first, second = await found(check_stages(chosen))
    assert (first.verdict, second.verdict) == ("ok", "problem")


async def test_discord_is_not_asked_without_a_token(settings) -> None:
    """The finding says where to get one."""
    (finding,) = await found(check_discord(Settings(discord=attrs.evolve(settings, token=Secret("")))))
    assert (finding.verdict, finding.exit_code) == ("problem", 78)


@pytest.mark.parametrize(
    ("token", "code", "says"), [("right", 0, "invite it with https://"), ("wrong", 78, "copy it anew")]
)
async def test_command_as_a_process(discord, settings, tmp_path: Path, token: str, code: int, says: str) -> None:
    """The whole command: file in, lines and exit code out."""
    file = tmp_path / "voxbridge.toml"
    file.touch(0o600)
    hosts = ", ".join(f"{json.dumps(name)} = {json.dumps(place)}" for name, place in discord.hosts.items())
    file.write_text(
        f"""
        [discord]
        token = {json.dumps(discord.bot_token if token == "right" else "wrong")}
        join = ["{discord.guild_id}:{discord.voice_channel_id}"]
        [discord.network]
        hosts = {{ {hosts} }}
        ca_file = {json.dumps(settings.network.ca_file)}
        """
    )
    environ = {key: value for key, value in os.environ.items() if key != "DISCORD_TOKEN"}
    done = await trio.run_process(
        [sys.executable, "-m", "voxbridge", "check", "--config", str(file)],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        env=environ,
    )
    output = done.stdout.decode()
    assert done.returncode == code, f"{output}\n{done.stderr.decode()}"
    assert says in output, output
    assert not done.stderr, done.stderr.decode()
