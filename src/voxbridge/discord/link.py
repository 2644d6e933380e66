"""One voice connection: discord.py's voice client with our own polling, reading, gate and sealing.

Two classes stand in for discord.py's, by its own documented hook (``VoiceClient.create_connection_state``):

- ``VoiceSignalling`` is its connection state with the reader thread replaced (``socket_watch``) and the websocket poll
  loop replaced: discord.py 2.7.1 resumes wrongly after 4015, reconnects for ever after 4017, and waits out its timeout
  after 4014 and 4022. Ours reports every end to the keeper within milliseconds, which leaves and joins anew.
- ``VoiceLink`` is its voice client with our media path. discord.py itself sends *plaintext* Opus whenever its DAVE
  session is not ready; nothing of ours ever calls its ``send_audio_packet`` or ``play``.

The private names used are held by ``tests/unit/discord/test_private_surface.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import struct
from collections.abc import Callable
from typing import Any

import attrs
import discord
import structlog
import trio
from discord.enums import SpeakingState
from discord.errors import ConnectionClosed
from discord.gateway import DiscordVoiceWebSocket
from discord.types.voice import GuildVoiceState, SupportedModes
from discord.utils import MISSING
from discord.voice_state import ConnectionFlowState, VoiceConnectionState

from voxbridge.core.call.deafness import DeafnessWatch
from voxbridge.core.call.events import SpeakingChanged, Unheard
from voxbridge.core.call.rejoin import Drop
from voxbridge.core.ids import ChannelId, UserId
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.core.wire.rtp import SEQUENCE_MODULUS, TIMESTAMP_MODULUS, DaveAdvice
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.dave import EndToEnd, NotEncrypted
from voxbridge.discord.island import CallCancelled, Island
from voxbridge.discord.receiver import Receiver
from voxbridge.discord.seal import RtpStream, TransportKey
from voxbridge.discord.socket_watch import SocketWatch

_log = structlog.get_logger(__name__)

# discord.js and Discord's own client send one every 5 s; without it the server forgets our address after a minute or
# a few and we go deaf (NousResearch/hermes-agent#1418, Pycord-Development/pycord#3388).
_KEEPALIVE_S = 5.0
_KEEPALIVE = struct.Struct("<II")
_SPEAK_LIMIT_S = 2.0  # a websocket that does not take a message for so long is dead; its poll loop will say so
_FAULTS_IN_A_ROW = 3
_LISTEN_EVERY_S = 0.5  # how exactly the deafness watch keeps its 3 s
_CLOSED_FOR_A_NEW_SERVER = 4014  # what discord.py itself closes with when VOICE_SERVER_UPDATE comes


@attrs.frozen
class Relinked:
    """discord.py followed a move to another voice server or channel; the connection is usable again."""


@attrs.frozen
class Deaf:
    """Somebody speaks and nobody is heard; ``advice`` is what to try."""

    advice: DaveAdvice


@attrs.frozen
class Poke:
    """Something outside the connection changed; look again at what is wanted."""


LinkSignal = Drop | Relinked | Poke | Deaf | DaveAdvice


class VoiceSignalling(VoiceConnectionState):
    """discord.py's connection state with our reader and our poll loop."""

    voice_client: VoiceLink

    def __init__(
        self,
        voice_client: VoiceLink,
        *,
        hook: Callable[[DiscordVoiceWebSocket, dict[str, Any]], Any],
        watch: SocketWatch,
        kicked: trio.Event,
    ) -> None:
        super().__init__(voice_client, hook=hook)
        self._kicked = kicked
        self._is_retired = False
        # The base class has started its reader thread by now. It clears its own stop flag as it begins, so this may
        # come too early; it then sleeps for good, touches nothing, and ``retire`` stops it for certain.
        self._parked_reader = self._socket_reader
        self._parked_reader.stop()
        self._socket_reader = watch  # type: ignore[assignment]
        watch.attach(self)

    async def retire(self) -> None:
        """Let nothing begin any more, and end what was begun: the reader thread, an attempt to connect.

        discord.py begins attempts by itself when it is moved while connecting, two at once if it comes to that, and
        lets nobody wait for them.
        """
        self._is_retired = True
        self._parked_reader.stop()
        connector = self._connector
        if connector is not None and not connector.done():
            connector.cancel()
            await asyncio.wait([connector])

    async def connect(self, **options: Any) -> None:
        """Connect, unless we have been retired in the meantime."""
        if not self._is_retired:
            await super().connect(**options)

    def _create_socket(self) -> None:
        if not self._is_retired:
            super()._create_socket()

    async def ask_for_a_fresh_place(self) -> None:
        """Leave the DAVE group and ask to be added again; transition 0 stands for none in particular."""
        await self._recover_from_invalid_commit(0)

    async def voice_state_update(self, data: GuildVoiceState) -> None:
        """Note a kick before discord.py reacts to it by leaving."""
        channel_id: object = data["channel_id"]  # null, whatever discord.py's type says
        if channel_id is None and not self._expecting_disconnect:
            self._kicked.set()
            self.voice_client.report(Drop("kicked", "removed from the channel"))
        await super().voice_state_update(data)

    async def _poll_voice_ws(self, reconnect: bool) -> None:  # noqa: ARG002 - discord.py's signature
        faults = 0
        while True:
            ws = self.ws
            try:
                await ws.poll_event()
                faults = 0
            except asyncio.CancelledError:
                return
            except (ConnectionClosed, TimeoutError) as exc:
                closed_by_us = ws._close_code  # noqa: SLF001 - set only when we closed
                if closed_by_us == _CLOSED_FOR_A_NEW_SERVER:
                    if await self._potential_reconnect():
                        self.voice_client.report(Relinked())
                        continue
                    self.voice_client.report(Drop("handshake", "the new voice server did not answer"))
                elif closed_by_us is None:
                    self.voice_client.report(_drop_of(exc))
                return
            except Exception as exc:  # noqa: BLE001 - one odd message must not leave us deaf without a word
                faults += 1
                self.voice_client.counters.signalling_errors += 1
                _log.warning("a voice message was not understood", error=type(exc).__name__)
                if faults >= _FAULTS_IN_A_ROW:
                    self.voice_client.report(Drop("unsound", "voice messages are not understood"))
                    return


def _drop_of(exc: Exception) -> Drop:
    if isinstance(exc, ConnectionClosed):
        # discord.py gives -1 where the TCP connection ended without a close frame.
        code = exc.code if exc.code and exc.code > 0 else None
        return Drop("closed", f"the voice server closed with {code}" if code else "the voice connection was lost", code)
    return Drop("closed", "the voice server was silent for 30 s")


class VoiceLink(discord.VoiceClient):
    """One connection to a voice channel, from joining to leaving. Used on Trio's thread only."""

    supported_modes: tuple[SupportedModes, ...] = ("aead_xchacha20_poly1305_rtpsize",)  # what ``seal`` speaks
    _connection: VoiceSignalling

    def __init__(
        self,
        client: discord.Client,
        channel: discord.abc.Connectable,
        *,
        watch: SocketWatch,
        kicked: trio.Event,
        counters: VoiceCounters,
        require_e2ee: bool,
        deliver: Callable[[OpusPacket | SpeakingChanged | Unheard], None],
        deafness: DeafnessWatch,
    ) -> None:
        self.counters = counters
        self.udp_ping_s: float | None = None
        # The signals of one connection: a handful in its life, so unbounded, and none is ever lost.
        self._signal, self.signals = trio.open_memory_channel[LinkSignal](math.inf)
        self._watch, self._kicked = watch, kicked
        self._require_e2ee, self._deliver = require_e2ee, deliver
        self._deafness = deafness
        deafness.new_connection()
        # RFC 3550, section 5.1: both start at random.
        self.stream = RtpStream(random.randrange(SEQUENCE_MODULUS), random.randrange(TIMESTAMP_MODULUS))
        self._key: TransportKey | None = None
        self._wants_to_speak = self._is_announced = False
        self._speaking_changed = trio.Event()
        self._keepalives = 0
        self._keepalive_sent_at: dict[int, float] = {}
        super().__init__(client, channel)
        self.end_to_end = EndToEnd(self._connection)
        self.receiver = Receiver(
            UserId(self.user.id),
            self.end_to_end,
            counters,
            require_e2ee=require_e2ee,
            deliver=deliver,
            advise=self.report,
            deafness=deafness,
        )
        self._connection.add_socket_listener(self._on_datagram)
        watch.on_unheard = lambda seconds: deliver(Unheard(seconds))

    def create_connection_state(self) -> VoiceConnectionState:
        """Build our own state (discord.py's hook for subclasses)."""
        return VoiceSignalling(self, hook=self._on_message, watch=self._watch, kicked=self._kicked)

    @property
    def channel_id(self) -> ChannelId:
        """Return the channel we are in; a move changes it."""
        return ChannelId(self.channel.id)

    def report(self, signal: LinkSignal) -> None:
        """Tell the keeper."""
        self._signal.send_nowait(signal)

    # What goes out

    @property
    def can_send(self) -> bool:
        """Tell whether the gate is open: connected, and encrypted end to end or allowed not to be."""
        if not self._connection.is_connected() or self._key is None or self._key.is_spent:
            return False
        return self.end_to_end.is_ready if self.end_to_end.version else not self._require_e2ee

    def send_frame(self, opus: bytes) -> bool:
        """Seal one 20 ms packet and send it now; False if it did not leave. Costs about 0.1 ms, the syscall mostly."""
        key = self._key
        if key is None or not self.can_send:
            self.counters.plaintext_held += 1
            return False
        try:
            payload = self.end_to_end.seal(opus) if self.end_to_end.version else opus
        except NotEncrypted:
            self.counters.plaintext_held += 1
            return False
        packet = key.seal(self.stream.next_header(self._connection.ssrc), payload)
        try:
            self._connection.socket.send(packet)
        except OSError:
            self.counters.send_errors += 1
            return False
        self.counters.sent += 1
        self.counters.sent_bytes += len(packet)
        return True

    def want_to_speak(self, wanted: bool) -> None:
        """Ask for the announcement that we speak, or that we have finished (voice op 5)."""
        self._wants_to_speak = wanted
        self._speaking_changed.set()

    async def announce(self, island: Island) -> None:
        """Carry the announcements to the websocket until cancelled; only the newest counts."""
        while True:
            self._speaking_changed = trio.Event()
            wanted = self._wants_to_speak
            if wanted != self._is_announced and self._connection.is_connected():
                self._is_announced = wanted
                with trio.move_on_after(_SPEAK_LIMIT_S):
                    # A websocket that is going down is reported by its poll loop; the next one is told anew.
                    with contextlib.suppress(OSError, ConnectionClosed, CallCancelled):
                        await island.call(self.ws.speak, SpeakingState.voice if wanted else SpeakingState.none)
            if self._wants_to_speak == wanted:
                await self._speaking_changed.wait()

    async def keep_alive(self) -> None:
        """Send the 8-byte UDP keepalive every 5 s until cancelled. It carries no voice, so the gate does not apply."""
        while True:
            if self._connection.is_connected():
                self._keepalives = (self._keepalives + 1) % (1 << 32)
                self._keepalive_sent_at = {self._keepalives: trio.current_time()}
                try:
                    self._connection.send_packet(_KEEPALIVE.pack(self._keepalives, 0))
                except OSError:
                    self.counters.send_errors += 1
            await trio.sleep(_KEEPALIVE_S)

    async def watch_hearing(self) -> None:
        """Tell the keeper when we seem deaf, until cancelled."""
        while True:
            await trio.sleep(_LISTEN_EVERY_S)
            advice = self._deafness.check(trio.current_time(), can_heal=bool(self.end_to_end.version))
            if advice is not None:
                self.counters.deaf += 1
                self.report(Deaf(advice))

    async def heal(self, island: Island) -> None:
        """Ask the voice server for a fresh place in the DAVE group (ops 31 and 26), without leaving the channel."""
        self.counters.dave_heals += 1
        with trio.move_on_after(_SPEAK_LIMIT_S):
            try:
                await island.call(self._connection.ask_for_a_fresh_place)
            except (OSError, ConnectionClosed, CallCancelled):
                self.report(Drop("unsound", "end-to-end encryption failed and could not be mended"))

    async def disconnect(self, *, force: bool = False) -> None:
        """Leave once; asyncio side, also called by discord.py (a connect that timed out, ``Client.close``).

        The base class says "leave" to the gateway on every call and waits up to its whole timeout for an answer.
        A second answer could arrive when the next connection is already being made, and would kill it.
        """
        await self._connection.retire()
        if self._connection.state is not ConnectionFlowState.disconnected:
            await self._connection.disconnect(force=force, cleanup=True, wait=False)
        if self._connection.ws is not MISSING:
            # Where the main gateway is gone the base class stops half-way, and the websocket's heartbeat thread lives
            # on until it finds the loop closed, which it takes as a crash.
            await self._connection.ws.close()
        self.cleanup()

    async def leave(self, island: Island) -> None:
        """Leave the channel and let go of everything. Does not wait for Discord's confirmation."""
        try:
            await island.call(self.disconnect, force=True)
        finally:
            self._watch.pause()
            self._signal.close()

    # What comes in

    def hand_over(self) -> float:
        """Hand over what has arrived; see ``VoicePort.hand_over``."""
        return self._watch.hand_over()

    def _on_datagram(self, datagram: bytes) -> None:
        now = self._watch.arrived_at
        if len(datagram) == _KEEPALIVE.size:
            sent_at = self._keepalive_sent_at.pop(_KEEPALIVE.unpack(datagram)[0], None)
            if sent_at is not None:
                self.udp_ping_s = now - sent_at
        self.receiver.feed(datagram, now)

    async def _on_message(self, _ws: DiscordVoiceWebSocket, message: dict[str, Any]) -> None:
        """See each JSON message of the voice websocket after discord.py did (documentation: "Voice Opcodes")."""
        now = trio.current_time()
        match message:
            case {"op": 2}:
                self.receiver.new_server()
            case {"op": 4}:
                self._rekey(bytes(self._connection.secret_key))
            case {"op": 5, "d": {"user_id": user, "ssrc": int(ssrc)} as data}:
                user_id = UserId(int(user))
                is_speaking = bool(data.get("speaking"))
                self._deafness.speaking(user_id, now, is_speaking=is_speaking)
                # What waited for its owner is handed on here, and shows that we hear.
                self.receiver.assign(ssrc, user_id, now)
                self._deliver(SpeakingChanged(user_id, is_speaking=is_speaking))
            case {"op": 12, "d": {"user_id": user, "audio_ssrc": int(ssrc)}}:
                self.receiver.assign(ssrc, UserId(int(user)), now)
            case {"op": 13, "d": {"user_id": user}}:
                self.receiver.ssrcs.drop_user(UserId(int(user)))
                self._deafness.gone(UserId(int(user)))
            case _:
                pass  # discord.py acts on the others

    def _rekey(self, key: bytes) -> None:
        # The nonce counter starts anew with a new key only: under one key no nonce may come twice.
        if self._key is None or self._key.key != key:
            self._key = self.receiver.key = TransportKey(key)
        self._is_announced = False
        self._speaking_changed.set()
