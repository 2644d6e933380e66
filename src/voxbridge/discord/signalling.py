"""The voice websocket: discord.py's, with a connection state of ours behind it.

discord.py's own state (``VoiceConnectionState``) joins, moves, reconnects and leaves by itself, and does each of these
wrongly in some case; it owns no part of ours. ``Presence`` decides, and one ``CallSignalling`` is one connection to one
voice server with one token: made, used, closed, never made again. What is used of discord.py is the protocol: its
``DiscordVoiceWebSocket`` speaks the handshake, beats, and carries DAVE's messages to davey. The names it reads and
writes of "its connection" are the attributes below; ``tests/unit/discord/test_private_surface.py`` holds them.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, cast

import davey
import discord
import structlog
import trio
from discord.errors import ConnectionClosed
from discord.gateway import DiscordVoiceWebSocket

from voxbridge.core.call.facts import MakeLink
from voxbridge.core.call.recovery import Recovery
from voxbridge.core.call.rejoin import Drop
from voxbridge.core.ids import UserId
from voxbridge.core.wire.rtp import IP_DISCOVERY_BYTES
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.socket_watch import SocketWatch

_log = structlog.get_logger(__name__)

_DISCOVERY_EVERY_S = 0.5  # discord.py asks once, and a lost datagram costs it the whole handshake
_DISCOVERY = struct.Struct(">HHI64sH")
_REQUEST, _REPLY, _DISCOVERY_LENGTH = 1, 2, 70
_STRAGGLERS_S = 10  # after a plain call was led into encryption: how long plain frames may still come
_FAULTS_IN_A_ROW = 3
_HEARTBEAT_LIMIT_S = 60.0  # discord.py's own watchdog; ``VoiceLink`` notices sooner

MessageHook = Callable[[DiscordVoiceWebSocket, dict[str, Any]], Coroutine[Any, Any, None]]


class VoiceSocket(DiscordVoiceWebSocket):
    """discord.py's voice websocket, with a discovery that asks more than once."""

    async def discover_ip(self) -> tuple[str, int]:
        """Ask the voice server for our address as it sees it, until it answers.

        Raises:
            ValueError: The answer is none.
        """
        state = self._connection
        request = _DISCOVERY.pack(_REQUEST, _DISCOVERY_LENGTH, state.ssrc, b"", 0)
        reply: asyncio.Future[bytes] = self.loop.create_future()

        def take(datagram: bytes) -> None:
            is_reply = len(datagram) == IP_DISCOVERY_BYTES and datagram[:2] == b"\x00\x02"
            if is_reply and not reply.done():
                reply.set_result(datagram)

        state.add_socket_listener(take)
        try:
            while not reply.done():
                await self.loop.sock_sendall(state.socket, request)
                await asyncio.wait({reply}, timeout=_DISCOVERY_EVERY_S)
        finally:
            state.remove_socket_listener(take)
        _, _, _, address, port = _DISCOVERY.unpack(reply.result())
        return address.partition(b"\0")[0].decode("ascii"), port


class _Host:
    """What the websocket asks of "its voice client"."""

    def __init__(self, client: discord.Client) -> None:
        self.loop = client.loop
        self.ws: VoiceSocket | None = None


class CallSignalling:
    """One connection to a voice server. Asyncio side, but for what is said otherwise."""

    supported_modes = ("aead_xchacha20_poly1305_rtpsize",)  # what ``seal`` speaks; Discord always offers it

    def __init__(
        self,
        client: discord.Client,
        order: MakeLink,
        guild_id: int,
        watch: SocketWatch,
        counters: VoiceCounters,
        on_message: MessageHook,
        on_heard: Callable[[], None],
    ) -> None:
        assert client.user is not None, "logged in"
        self._client, self._watch, self._counters = client, watch, counters
        self._on_message, self._on_heard = on_message, on_heard
        self._channel_id = int(order.channel_id)
        self.user = client.user
        self.server_id, self.session_id = guild_id, order.session_id
        self.token = order.server.token
        self.endpoint = (order.server.endpoint or "").removeprefix("wss://")
        self.voice_client = _Host(client)
        self.recovery = Recovery()
        self.heard_at = trio.current_time()  # Trio time of the last message of any kind
        self.company: set[UserId] = set()  # who else is in the call, by the voice server's account
        self.is_connected = self._is_over = False
        # discord.py's websocket fills these in.
        self.ws: VoiceSocket | None = None
        self.ssrc = 0
        self.endpoint_ip: str | None = None
        self.voice_port: int | None = None
        self.ip: str | None = None
        self.port: int | None = None
        self.mode = ""
        self.secret_key: list[int] = []
        self.dave_session: davey.DaveSession | None = None
        self.dave_protocol_version = 0
        self.dave_pending_transitions: dict[int, int] = {}
        self.max_dave_protocol_version = davey.DAVE_PROTOCOL_VERSION
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        watch.attach(cast("Any", self))

    async def connect(self) -> None:
        """Shake hands with the voice server. Unbounded: the caller has a limit.

        Raises:
            ConnectionClosed: The server closed, with a code.
            OSError, ValueError, aiohttp.ClientError: It cannot be reached, or answers nonsense.
        """
        http = self._client.http
        wire = await http.ws_connect(f"wss://{self.endpoint}/?v=8", compress=15)
        ws = self.ws = self.voice_client.ws = VoiceSocket(wire, loop=self._client.loop, hook=self._on_message)
        ws.gateway = f"wss://{self.endpoint}/?v=8"
        ws._connection = cast("Any", self)  # noqa: SLF001 - what ``from_connection_state`` does
        ws._max_heartbeat_timeout = _HEARTBEAT_LIMIT_S  # noqa: SLF001
        ws.thread_id = threading.get_ident()
        await ws.identify()
        while not self.secret_key:
            await self._hear(ws)
        if self.dave_session is None:
            # A plain call may be led into encryption later (op 24), which discord.py passes over without a session.
            self.dave_session = self._new_session()
        self.is_connected = True

    async def poll(self) -> Drop:
        """Take messages until the connection ends; return why."""
        ws, faults = self.ws, 0
        assert ws is not None, "connected"
        while True:
            try:
                await self._hear(ws)
                faults = 0
            except ConnectionClosed as exc:
                # discord.py gives -1 where the TCP connection ended without a close frame.
                code = exc.code if exc.code and exc.code > 0 else None
                return Drop(
                    "closed", f"the voice server closed with {code}" if code else "the voice connection was lost", code
                )
            except TimeoutError:
                return Drop("closed", "the voice server was silent for 30 s")
            except Exception as exc:  # noqa: BLE001 - one odd message must not leave us deaf without a word
                faults += 1
                self._counters.signalling_errors += 1
                _log.warning("a voice message was not understood", error=type(exc).__name__)
                if faults >= _FAULTS_IN_A_ROW:
                    return Drop("unsound", "voice messages are not understood")

    async def _hear(self, ws: VoiceSocket) -> None:
        await ws.poll_event()
        self.heard_at = trio.current_time()
        if self._is_over:
            # Python 3.11's ``asyncio.wait_for`` loses a cancel that comes together with what it waits for.
            raise asyncio.CancelledError
        self._on_heard()

    async def close(self) -> None:
        """Hang up. Unbounded where the other end is dead: the caller has a limit."""
        self.let_go()
        if self.ws is None:
            return
        wire: Any = self.ws.ws
        connection = wire._conn  # noqa: SLF001 - aiohttp lets go of it when it closes, and it of its transport
        transport = connection.transport if connection is not None else None
        try:
            with contextlib.suppress(OSError, ConnectionClosed):
                await self.ws.close()
        finally:
            # Where the other end is dead, TLS would wait for its goodbye, and the socket outlive us.
            if transport is not None:
                transport.abort()

    def shut(self) -> None:
        """Shut the gate: nothing leaves and nothing is taken any more. Either side."""
        self.is_connected, self._is_over = False, True

    def let_go(self) -> None:
        """Close what can be closed without waiting: the gate, the UDP socket, the thread that beats. Either side."""
        self.shut()
        self._watch.pause()
        self.socket.close()
        keep_alive = self.ws._keep_alive if self.ws is not None else None  # noqa: SLF001 - ``close`` may be too late
        if keep_alive is not None:
            keep_alive.stop()

    # What discord.py's websocket calls of "its connection"

    def add_socket_listener(self, callback: Callable[[bytes], Any]) -> None:
        """Call ``callback`` for each datagram."""
        self._watch.register(callback)

    def remove_socket_listener(self, callback: Callable[[bytes], Any]) -> None:
        """Stop that."""
        self._watch.unregister(callback)

    async def reinit_dave_session(self) -> None:
        """Begin a group anew: offer a key package (op 26)."""
        if self.dave_protocol_version == 0:
            if self.dave_session is not None:
                self.dave_session.reset()
            return
        if self.dave_session is None:
            self.dave_session = self._new_session()
        else:
            self.dave_session.reinit(self.dave_protocol_version, self.user.id, self._channel_id)
        assert self.ws is not None, "it calls this"
        await self.ws.send_binary(VoiceSocket.MLS_KEY_PACKAGE, self.dave_session.get_serialized_key_package())

    def _new_session(self) -> davey.DaveSession:
        version = self.dave_protocol_version or davey.DAVE_PROTOCOL_VERSION
        return davey.DaveSession(version, self.user.id, self._channel_id)

    async def _recover_from_invalid_commit(self, transition_id: int) -> None:
        """Take a commit or Welcome that davey refused; while we wait for a fresh place it is passed over."""
        if self.recovery.failed(trio.current_time()):
            await self.ask_for_a_fresh_place(transition_id)

    async def ask_for_a_fresh_place(self, transition_id: int = 0) -> None:
        """Have us removed from the group and added again; transition 0 stands for none in particular."""
        assert self.ws is not None, "connected"
        self._counters.dave_heals += 1
        invalid = {"op": VoiceSocket.MLS_INVALID_COMMIT_WELCOME, "d": {"transition_id": transition_id}}
        await self.ws.send_as_json(invalid)
        await self.reinit_dave_session()

    async def _execute_transition(self, transition_id: int) -> None:
        """Put a transition into force (op 22, or op 21 with transition 0)."""
        version = self.dave_pending_transitions.pop(transition_id, None)
        if version is None:
            return
        if version and not self.dave_protocol_version and self.dave_session is not None:
            self.dave_session.set_passthrough_mode(True, _STRAGGLERS_S)
        self.dave_protocol_version = version
