"""The simulated Discord for tests that know nothing of Trio: it runs in a thread, and its methods wait.

From a test in asyncio, call them with ``asyncio.to_thread``. Tests in Trio take
``voxbridge.rehearsal.discord.SimulatedDiscord`` itself, or the fixtures of ``voxbridge.testing.trio_fixtures``.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import trio

from voxbridge.audio.wavfile import read_wav
from voxbridge.core.ids import ChannelId, UserId
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import opus_of
from voxbridge.rehearsal.discord import InteractionResult, Knobs, Member, PostedMessage, SimulatedDiscord
from voxbridge.testing.program import Program, leading_environment

T = TypeVar("T")


class Person:
    """Somebody in the guild: joins, speaks, listens, writes, uses commands. Made by ``DiscordServer.person``."""

    def __init__(self, server: DiscordServer, member: Member) -> None:
        self._server, self.member = server, member

    @property
    def id(self) -> int:
        """Return the user id."""
        return self.member.id

    def join(self, channel_id: int | None = None) -> None:
        """Enter a voice channel (the guild's first one)."""
        self._server.call(self.member.join, ChannelId(channel_id or self._server.discord.voice_channel_id))

    def wait_ready(self) -> None:
        """Wait until he can speak encrypted and be understood: never, as long as he is alone. Raises: TooSlowError."""
        self._server.call(self.member.wait_dave_ready)

    def leave(self) -> None:
        """Leave the voice channel."""
        self._server.call(self.member.leave)

    def say(self, sound: str | Path | Pcm | Sequence[bytes]) -> None:
        """Speak a WAV file, PCM or Opus packets of 20 ms, at the pace of speech; return when it is said.

        Waits first until somebody is there who can understand him. Raises: trio.TooSlowError.
        """
        self.wait_ready()
        if isinstance(sound, str | Path):
            sound = read_wav(sound)
        packets = opus_of(sound) if isinstance(sound, Pcm) else sound
        self._server.call(self.member.speak, packets)

    def write(self, text: str, channel_id: int | None = None) -> int:
        """Write in a text channel (the guild's first one); return the message's id."""
        return self._server.call_sync(self.member.write, text, channel_id or self._server.discord.text_channel_id)

    def use(self, command: str, **options: object) -> InteractionResult:
        """Use a slash command, as typed ("play", "voice set"), and return when there is an answer to read.

        Raises: LookupError (there is no such command), trio.TooSlowError (no answer).
        """
        return self._server.call(self._server.discord.interaction, self.member, command, options or None)

    def heard(self, of: int | None = None) -> Pcm:
        """Return what he has heard so far of somebody (the bot): mono, 24 kHz, pauses as silence."""
        return self._server.call_sync(self.member.heard_pcm, UserId(of or self._server.discord.bot_id))

    def wait_heard(self, seconds: float, of: int | None = None, *, timeout_s: float = 20.0) -> Pcm:
        """Wait until he has heard so much sound of somebody (the bot), and return it.

        Raises: AssertionError, which says how much it was.
        """
        wanted = UserId(of or self._server.discord.bot_id)

        def frames() -> int:
            return sum(packet.user_id == wanted and packet.opus is not None for packet in self.member.heard)

        try:
            self._server.wait_until(lambda: frames() * 0.02 >= seconds, timeout_s=timeout_s)
        except trio.TooSlowError as late:
            raise AssertionError(
                f"{self.member.name} heard {frames() * 0.02:.2f} s of {wanted} instead of {seconds} s; {late}"
            ) from late
        return self.heard(wanted)


class DiscordServer:
    """A Discord on this machine, for the time of a ``with`` block.

    ``discord`` is the simulation itself (its ``record``, its ``knobs``); call what is asynchronous in it through
    ``call``. ``require_dave=False`` makes calls as they were before March 2026. ``message_content=True`` is the switch
    for privileged intents in the developer portal.
    """

    def __init__(self, *, require_dave: bool = True, message_content: bool = False, knobs: Knobs | None = None) -> None:
        knobs = knobs or Knobs()
        knobs.privileged_intents_allowed = knobs.privileged_intents_allowed or message_content
        self.discord = SimulatedDiscord(require_dave=require_dave, knobs=knobs)
        self._folder = tempfile.TemporaryDirectory(prefix="voxbridge-testing-")
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="simulated Discord", daemon=True)
        self._token: trio.lowlevel.TrioToken
        self._scope = trio.CancelScope()

    @property
    def bot_token(self) -> str:
        """Return the token with which a bot logs in."""
        return self.discord.bot_token

    @property
    def ca_file(self) -> Path:
        """Return the file with the certificate that a client must trust."""
        return Path(self._folder.name) / "ca.pem"

    def __enter__(self) -> DiscordServer:
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        self.discord.write_ca(self.ca_file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._token.run_sync_soon(self._scope.cancel)
        self._thread.join()
        self._folder.cleanup()

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as failure:  # noqa: BLE001  (raised again where the server is asked for)
            self._failure = failure
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with self._scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.discord.run)
                self._started.set()

    def call(self, function: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run an asynchronous function of the simulation, and return its result."""
        return trio.from_thread.run(function, *args, trio_token=self._token)

    def call_sync(self, function: Callable[..., T], *args: object) -> T:
        """Run a plain function of the simulation in its own thread, and return its result."""
        return trio.from_thread.run_sync(function, *args, trio_token=self._token)

    def wait_until(self, condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
        """Return as soon as a condition holds. Raises: trio.TooSlowError with a summary of what was seen."""
        self.call(partial(self.discord.wait_until, condition, timeout_s=timeout_s))

    def wait_bot_in(self, channel_id: int | None = None, *, timeout_s: float = 20.0) -> None:
        """Wait until the bot is in a call (of the guild's first voice channel), encrypted where calls are."""
        place = channel_id or self.discord.voice_channel_id
        self.wait_until(
            lambda: self.discord.is_in_call(self.discord.bot_id, place) and self.discord.is_dave_settled(place),
            timeout_s=timeout_s,
        )

    def wait_commands(self, *names: str, timeout_s: float = 20.0) -> None:
        """Wait until the bot is there and has registered these slash commands, for all guilds or for this one."""

        def known() -> set[str]:
            of_guild = self.discord.commands(guild=self.discord.guild_id)
            return {command["name"] for command in [*self.discord.commands(), *of_guild]}

        def can_be_used() -> bool:
            return self.discord.is_logged_in(self.discord.bot_id) and set(names) <= known()

        self.wait_until(can_be_used, timeout_s=timeout_s)

    def wait_message(self, text: str, *, timeout_s: float = 20.0) -> PostedMessage:
        """Wait until somebody has written a message that contains a text, and return it."""

        def found() -> list[PostedMessage]:
            return [message for message in self.discord.messages if text in message.content]

        self.wait_until(lambda: bool(found()), timeout_s=timeout_s)
        return found()[0]

    def person(self, name: str, **options: Any) -> Person:
        """Add a person to the guild; options are those of ``SimulatedDiscord.add_member``."""
        return Person(self, self.call_sync(partial(self.discord.add_member, name, **options)))

    def environment(self, **more: str) -> dict[str, str]:
        """Return an environment in which an unmodified Python or Node program meets this Discord.

        It has the bot's token as DISCORD_TOKEN.
        """
        leading = leading_environment(self.discord.hosts, self.ca_file)
        return {**os.environ, **leading, "DISCORD_TOKEN": self.bot_token, **more}

    def program(
        self, args: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Program:
        """Start a bot as a process, in ``environment()``; use it as a context manager."""
        return Program(args, self.environment(**(env or {})), cwd)
