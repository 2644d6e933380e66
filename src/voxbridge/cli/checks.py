"""The checks behind ``voxbridge check``. Each looks at one thing and never raises for what it finds wrong."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import trio

from voxbridge.audio import models, opus
from voxbridge.cli.findings import Finding, failed, ok, problem, warning
from voxbridge.cli.shell import our_errors
from voxbridge.config import Settings, inline_secrets
from voxbridge.config.environment import environment_proxy, proxy_of
from voxbridge.config.kinds import find_kind
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import AgentSettings, AnySettings, TtsSettings
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ
from voxbridge.discord.bridge import parse_seats
from voxbridge.discord.preflight import Account, preflight
from voxbridge.engines import weights
from voxbridge.errors import EXIT_CONFIG, ConfigError, StageName, StageTimeout, VoxBridgeError
from voxbridge.stages.contracts import CanBeTried, Doubtful, Stage, ToolServerStatus, ToolUser
from voxbridge.stages.registry import in_order, make_agent, make_stt, make_tts

_TOKEN_DOTS = 2
_TOOLS_LIMIT_S = 15.0  # a program that a package manager fetches first takes longer, once
PROBE_LIMIT_S = 20.0  # a server that is loading its model answers late; a person waits here


def check_file(file: Path | None) -> Iterator[Finding]:
    """Look at the file itself; that it can be read and is right was seen when the settings were loaded."""
    if file is None:
        yield warning(
            "config",
            "there is no configuration file, so VoxBridge uses its defaults and the environment; `voxbridge "
            "init` writes a file",
        )
        return
    yield ok("config", str(file))
    secrets = inline_secrets(file)
    if secrets and file.stat().st_mode & stat.S_IROTH:
        yield warning(
            "config",
            f"{file} holds secrets ({', '.join(secrets)}) and everybody on this host may read it: chmod o-rwx it, or "
            'write { file = "..." } or { credential = "..." } instead',
        )


def check_opus() -> Iterator[Finding]:
    """Load libopus and send one frame of silence through it."""
    try:
        library = opus.find_library()
        silence = bytes(SPEECH_RATE_HZ // 50 * 2)
        heard = opus.Decoder(rate_hz=SPEECH_RATE_HZ).decode(opus.Encoder().encode(silence))
    except (VoxBridgeError, opus.OpusError, OSError) as error:
        yield problem("libopus", str(error))
        return
    if len(heard) != len(silence):
        yield problem("libopus", f"{library} gave {len(heard)} bytes for a frame of {len(silence)}: install another")
    else:
        version = opus.version().removesuffix(" unknown")  # the bundled one was built without a number
        yield ok("libopus", f"{version} ({library})")


def check_discord_settings(settings: Settings) -> Iterator[Finding]:
    """Look at the token's shape (what it is worth only Discord knows), and for a server that is named twice."""
    token = settings.discord.token.reveal()
    if token and token.count(".") != _TOKEN_DOTS:
        yield warning(
            "discord",
            "discord.token does not look like a bot's token, three parts with dots between them: it is on the page "
            "Bot of the Developer Portal, and is neither the client secret nor the public key",
        )
    try:
        parse_seats(settings.discord.join)
    except ConfigError as error:
        yield from failed("discord", error)


async def check_discord(settings: Settings) -> AsyncIterator[Finding]:
    """Ask Discord about the token, and about the channels to join."""
    if not settings.discord.token:
        yield problem(
            "discord",
            "no token: create a bot at https://discord.com/developers/applications and set discord.token, "
            "$DISCORD_TOKEN, or systemd's credential discord-token",
            exit_code=EXIT_CONFIG,
        )
        return
    try:
        account = await preflight(settings.discord)
    except (VoxBridgeError, BaseExceptionGroup) as error:
        for one in our_errors(error):
            for finding in failed("discord", one):
                yield finding
        return
    for finding in _account(account):
        yield finding


def _account(account: Account) -> Iterator[Finding]:
    yield ok("discord", f"the token is {account.name}'s; no privileged intent is needed")
    yield ok("discord", f"invite it with {account.invite_url}")
    if account.requires_code_grant:
        yield problem(
            "discord", 'the invite link will not work: turn off "Requires OAuth2 Code Grant" on the bot\'s page'
        )
    if not account.is_public:
        yield ok("discord", "the bot is private: only its owner can invite it")
    for place in account.unseen:
        yield problem("discord", f"discord.join: the bot cannot see {place}: invite it, and let it view the channel")
    for place in account.not_voice:
        yield problem("discord", f"discord.join: {place} is not a voice channel of that server")
    for place in account.plain_stages:
        yield problem(
            "discord",
            f"discord.join: {place} is a stage, and stages are not end-to-end encrypted: choose a voice channel, or "
            "allow plain calls with require_e2ee = false",
        )


def check_models(settings: Settings) -> Iterator[Finding]:
    """Look whether the models that are needed are there and have the right digests."""
    try:
        for model in (models.SILERO_VAD, models.SMART_TURN):
            models.verify(model)
        yield ok("models", "voice activity and end of turn")
    except VoxBridgeError as error:
        yield from failed("models", error)
    backends = [(stage, find_kind(stage, backend.kind)) for stage, backend, *_ in _backends(settings, "")]
    embedded = list(dict.fromkeys(stage for stage, kind in backends if kind.wants_engines))
    if not embedded or settings.engines.socket:
        return
    try:
        weights.check_installed(settings.engines.model_dir)
        if "stt" in embedded:
            weights.whisper_dir(settings.engines.model_dir)
        if "tts" in embedded:
            weights.hibari_dir()
        yield ok("engines", f"embedded: {', '.join(embedded)}")
    except VoxBridgeError as error:
        yield from failed("engines", error)


async def check_stages(settings: Settings) -> AsyncIterator[Finding]:
    """Ask each backend whether it is there and knows what we would ask of it.

    Embedded engines are only asked when they run as a service of their own; else the daemon starts them.
    """
    socket = settings.engines.socket
    for stage, backend, make, whose in _backends(settings, socket):
        name = f"{whose}{stage} {backend.kind}"
        if find_kind(stage, backend.kind).wants_engines and not socket:
            continue
        for finding in _way(name, stage, backend):
            yield finding
        try:
            text, tools = await _probe(make(), stage)
        except (VoxBridgeError, BaseExceptionGroup) as error:
            for one in our_errors(error):
                for finding in failed(name, one):
                    yield finding
        else:
            yield warning(name, text) if isinstance(text, Doubtful) else ok(name, text)
            for each in tools:
                yield _told_of(each)


def _way(name: str, stage: StageName, backend: AnySettings) -> Iterator[Finding]:
    """Say whether a proxy stands between us and a server over HTTP, and who named it."""
    setting: str | None = getattr(backend, "proxy", None)
    url: str | Secret = getattr(backend, "url", "")
    if setting is None:
        return
    address = url.reveal() if isinstance(url, Secret) else url
    try:
        way = proxy_of(setting, address, key=f"{stage}.proxy")
    except ConfigError as error:
        yield from failed(name, error)
        return
    if way is not None:
        yield ok(name, f"through the proxy {way.place} ({way.source})")
    elif not setting and (unused := environment_proxy(address)) is not None:
        yield ok(name, f'${unused.source} is set and not used: {stage}.proxy = "environment" would use it')


Backend = tuple[StageName, AnySettings, Callable[[], Stage], str]
"""A stage's name, a backend's settings, what makes it, and whose it is, if it is a profile's."""


def _backends(settings: Settings, socket: str) -> Iterator[Backend]:
    """Yield all backends; backups follow the first of each stage."""
    for stt in in_order(settings.stt):
        yield "stt", stt, partial(make_stt, stt, socket), ""
    yield from _answering(settings.agent, settings.tts, socket, "")
    for name, profile in settings.profile.items():
        yield from _answering(profile.agent, profile.tts, socket, f"profile.{name} ")


def _answering(agent: AgentSettings | None, tts: TtsSettings | None, socket: str, whose: str) -> Iterator[Backend]:
    for each in () if agent is None else in_order(agent):
        yield "agent", each, partial(make_agent, each, socket), whose
    for voice in () if tts is None else in_order(tts):
        yield "tts", voice, partial(make_tts, voice, socket), whose


async def _probe(stage: Stage, name: StageName) -> tuple[str, list[ToolServerStatus]]:
    """Return what a backend says of itself, and how the servers of its tools are."""
    with trio.move_on_after(PROBE_LIMIT_S):
        async with stage:
            text = await stage.probe()
            if isinstance(stage, CanBeTried) and not isinstance(text, Doubtful):
                text = f"{text}; {await stage.try_out()}"
            if not isinstance(stage, ToolUser):
                return text, []
            await stage.told_of_tools(_TOOLS_LIMIT_S)
            return text, stage.tool_servers
    raise StageTimeout(name, "total", PROBE_LIMIT_S)


def _told_of(tools: ToolServerStatus) -> Finding:
    if not tools.is_up:
        return warning(f"tools {tools.name}", f"{tools.detail}; VoxBridge goes on without these tools")
    return ok(f"tools {tools.name}", ", ".join(tools.tools) or "the server is there, and has no tools")
