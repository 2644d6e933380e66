"""Unmodified discord.py under trio-asyncio as the client of the simulated Discord: what its tests share.

The receiving side here is a dozen lines and knows nothing of ``voxbridge.discord``: the server must serve any client.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import socket
import ssl
import struct
from typing import Any

import aiohttp
import davey
import discord
import trio
import trio_asyncio
from discord.voice_state import VoiceConnectionState
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt

from voxbridge.core.sound.pcm import SILENCE_OPUS
from voxbridge.rehearsal.discord import SimulatedDiscord

aio = trio_asyncio.aio_as_trio

OpenedPacket = collections.namedtuple("OpenedPacket", "user_id sequence timestamp payload opus")


class Resolver(aiohttp.abc.AbstractResolver):
    """Leads host names where the simulated Discord says; aiohttp takes the port of the answer."""

    def __init__(self, hosts):
        self._hosts = hosts

    async def resolve(self, host, port=0, family=socket.AF_INET):  # noqa: ARG002  (aiohttp's signature)
        target = self._hosts.get(host) or self._hosts.get("*." + host.split(".", 1)[-1])
        assert target is not None, f"discord.py asked for {host}, which the simulated Discord does not serve"
        address, _, target_port = target.partition(":")
        answer = {"hostname": host, "host": address, "port": int(target_port), "family": socket.AF_INET}
        return [answer | {"proto": 0, "flags": 0}]

    async def close(self):
        pass


class LoopReader:
    """In place of discord.py's reader thread: reads the UDP socket from the event loop."""

    def __init__(self, state):
        self._state, self._callbacks, self._socket = state, [], None

    def register(self, callback):
        self._callbacks.append(callback)
        self.resume()

    def unregister(self, callback):
        with contextlib.suppress(ValueError):
            self._callbacks.remove(callback)

    def pause(self):
        if self._socket is not None:
            self._state.voice_client.loop.remove_reader(self._socket)
            self._socket = None

    stop = pause

    def resume(self, *, force=False):  # noqa: ARG002  (discord.py's signature)
        current = self._state.socket
        if self._socket is not None and self._socket is not current:
            self.pause()
        if self._socket is None and current and current.fileno() >= 0:
            self._socket = current
            self._state.voice_client.loop.add_reader(current, self._read)

    def _read(self):
        while self._socket is not None:
            try:
                datagram = self._socket.recv(4096)
            except OSError:
                return
            for callback in tuple(self._callbacks):
                callback(datagram)


class State(VoiceConnectionState):
    _socket_reader: Any  # a LoopReader: what the threads of discord.py's own have of methods, without the thread

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._socket_reader.stop()
        self._thread = self._socket_reader
        self._socket_reader = LoopReader(self)


class Voice(discord.VoiceClient):
    """A voice client that keeps what it receives."""

    supported_modes = ("aead_xchacha20_poly1305_rtpsize",)

    def __init__(self, *args):
        self.datagrams, self.packets, self.ops, self.users = [], [], [], {}
        super().__init__(*args)

    def create_connection_state(self):
        return State(self, hook=self._hook)

    async def _hook(self, _ws, message):
        self.ops.append(message["op"])
        if message["op"] == 5:
            self.users[message["d"]["ssrc"]] = int(message["d"]["user_id"])

    def listen(self):
        self._connection.add_socket_listener(self._receive)

    @property
    def is_dave_ready(self):
        state = self._connection
        return bool(self.is_connected() and state.dave_session and state.dave_session.ready)

    def opened(self):
        """Return what was received since the last call, opened as it came."""
        opened, self.packets = self.packets, []
        return opened

    def _receive(self, datagram):
        """Open one datagram: transport, extension, padding, DAVE."""
        if len(datagram) < 32 or datagram[1] != 0x78:
            return
        self.datagrams.append(datagram)
        state = self._connection
        sequence, timestamp, ssrc = struct.unpack_from(">HII", datagram, 2)
        offset = 12 + (4 if datagram[0] & 0x10 else 0)
        body = crypto_aead_xchacha20poly1305_ietf_decrypt(
            datagram[offset:-4], datagram[:offset], datagram[-4:] + bytes(20), bytes(state.secret_key)
        )
        if datagram[0] & 0x10:
            body = body[4:]
        if datagram[0] & 0x20:
            body = body[: -body[-1]]
        opus: bytes | None = body
        user_id = self.users.get(ssrc)
        if body != SILENCE_OPUS and state.dave_protocol_version:
            session = state.dave_session
            assert session is not None
            # UDP overtakes op 5: the sender of an unknown stream is whose key fits.
            for candidate in [user_id] if user_id else map(int, session.get_user_ids()):
                try:
                    opus = session.decrypt(candidate, davey.MediaType.audio, body)
                except ValueError:
                    opus = None
                else:
                    self.users[ssrc] = user_id = candidate
                    break
        self.packets.append(OpenedPacket(user_id, sequence, timestamp, body, opus))


@contextlib.asynccontextmanager
async def client_ready(simulated, *, token=None, setup=None, intents=None, factory=discord.Client):
    """Log a client in on the running loop, yield it when it is ready, and close it in the right order."""
    context = ssl.create_default_context()
    simulated.trust_in(context)

    async def make():
        connector = aiohttp.TCPConnector(ssl=context, resolver=Resolver(simulated.hosts))
        wanted = intents or discord.Intents(guilds=True, voice_states=True)
        return factory(intents=wanted, connector=connector, guild_ready_timeout=0.05)

    client, ready = await aio(make)(), trio.Event()

    @client.event
    async def on_ready():
        ready.set()

    if setup is not None:
        setup(client)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(aio(client.start), token or simulated.bot_token)
        try:
            with trio.fail_after(20):
                await ready.wait()
            yield client
        finally:
            with trio.move_on_after(3, shield=True):
                await aio(client.close)()
            nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def island():
    """Run an asyncio loop on which what discord.py leaves behind does no harm."""
    logging.getLogger("discord").setLevel(logging.CRITICAL)
    async with trio_asyncio.open_loop() as loop:
        loop.set_exception_handler(lambda *_: None)
        yield loop


@contextlib.asynccontextmanager
async def logged_in(simulated, **options):
    """Do both: a loop, and a client on it."""
    async with island(), client_ready(simulated, **options) as client:
        yield client


async def started(nursery, **options):
    """Start a simulated Discord that ends with the test."""
    return await nursery.start(SimulatedDiscord(**options).run)


def speech(count, seed=0):
    """Make packets that are all different, that have Opus's look, and that are no silence."""
    return [bytes([0x78, seed]) + number.to_bytes(2, "big") * 20 for number in range(count)]


async def connected(client, channel_id, *, timeout=5.0):
    """Join a voice channel and listen."""
    voice = await aio(client.get_channel(channel_id).connect)(cls=Voice, timeout=timeout, reconnect=False)
    voice.listen()
    return voice
