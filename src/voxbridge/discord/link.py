"""One link: a connection to a voice server, from its making to its end, with our own media path.

    asyncio   signalling: handshake, messages, DAVE             (``signalling``)
    Trio      the voice socket: reading, sealing, keepalives    (here, ``socket_watch``, ``receiver``, ``seal``)

Nothing of discord.py's media path is used: it sends *plaintext* Opus whenever its DAVE session is not ready.
"""

from __future__ import annotations

import contextlib
import random
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import discord
import structlog
import trio
from discord.enums import SpeakingState
from discord.errors import ConnectionClosed
from discord.gateway import DiscordVoiceWebSocket

from voxbridge.core.call.deafness import DeafnessWatch
from voxbridge.core.call.events import SpeakingChanged, Unheard
from voxbridge.core.call.facts import MakeLink
from voxbridge.core.call.rejoin import Drop
from voxbridge.core.call.said import snowflake
from voxbridge.core.ids import ChannelId, UserId
from voxbridge.core.sound.pcm import FRAME_S, SILENCE_OPUS, OpusPacket
from voxbridge.core.wire.rtp import SEQUENCE_MODULUS, TIMESTAMP_MODULUS, DaveAdvice
from voxbridge.discord.company import MayHear
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.dave import EndToEnd, NotEncrypted
from voxbridge.discord.island import CallCancelled, Island
from voxbridge.discord.receiver import Receiver
from voxbridge.discord.seal import RtpStream, TransportKey
from voxbridge.discord.signalling import CallSignalling
from voxbridge.discord.socket_watch import SocketWatch
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)

# discord.js and Discord's own client send one every 5 s; without it the server forgets our address after a minute or
# a few and we go deaf (NousResearch/hermes-agent#1418, Pycord-Development/pycord#3388).
_KEEPALIVE_S = 5.0
_KEEPALIVE_AGAIN_S = 1.0  # after one that was not echoed by a server that echoes
_KEEPALIVES_LOST = 3
_KEEPALIVE = struct.Struct("<II")
_SPEAK_LIMIT_S = 2.0  # a websocket that does not take a message for so long is dead; its poll loop will say so
_CLOSE_LIMIT_S = 1.0  # a websocket close takes 5 ms on loopback; a dead peer never answers
_WATCH_EVERY_S = 0.25
_SILENT_S = 12.0  # the websocket is heard every 5 s at least: each heartbeat is answered
_GREETING_FRAMES = 5


class VoiceLink:
    """Used on Trio's thread only. ``is_silenced``: the server has muted us; what we send would go to nobody."""

    def __init__(
        self,
        client: discord.Client,
        guild_id: int,
        order: MakeLink,
        *,
        counters: VoiceCounters,
        require_e2ee: bool,
        deliver: Callable[[OpusPacket | SpeakingChanged | Unheard], None],
        deafness: DeafnessWatch,
        company_changed: Callable[[UserId, bool], None],
        may_hear: MayHear,
    ) -> None:
        self.channel_id: ChannelId = order.channel_id
        self.counters = counters
        self.udp_ping_s: float | None = None
        self.is_silenced = False
        self._require_e2ee, self._deliver, self._deafness = require_e2ee, deliver, deafness
        self._company_changed, self._may_hear = company_changed, may_hear
        deafness.new_connection()
        # RFC 3550, section 5.1: both start at random.
        self.stream = RtpStream(random.randrange(SEQUENCE_MODULUS), random.randrange(TIMESTAMP_MODULUS))
        self._key: TransportKey | None = None
        self._wants_to_speak = self._is_announced = False
        self._speaking_changed = trio.Event()
        self._keepalives = 0
        self._unanswered: dict[int, float] = {}
        self._watch = SocketWatch(counters)
        self._signalling = CallSignalling(
            client, order, guild_id, self._watch, counters, self._on_message, self._look_at_keys
        )
        self.end_to_end = EndToEnd(self._signalling)
        self.receiver = Receiver(
            UserId(self._signalling.user.id),
            self.end_to_end,
            counters,
            require_e2ee=require_e2ee,
            deliver=deliver,
            advise=self._advised,
            deafness=deafness,
            may_hear=may_hear,
            company=lambda: self._signalling.company,
        )
        self._ending: Drop | None = None
        self._scope = trio.CancelScope()
        self._heal_wanted = False
        self._watch.register(self._on_datagram)
        self._watch.on_unheard = lambda seconds: deliver(Unheard(seconds))

    @property
    def is_fresh(self) -> bool:
        """Tell whether the other end was heard lately: then what the main gateway says of us is no old loss."""
        return trio.current_time() - self._signalling.heard_at < _SILENT_S * 2 / 3

    def is_connected(self) -> bool:
        """Tell whether the handshake is done and the end has not come."""
        return self._signalling.is_connected

    # Its life

    async def hold(self, island: Island, is_up: Callable[[], None]) -> Drop:
        """Connect, call ``is_up``, and stay until the link ends by itself; return why. A cancel hangs up too."""
        drop: Drop | None = None
        async with trio.open_nursery() as nursery:
            try:
                # The socket has to be read while we connect: discovery is answered there.
                nursery.start_soon(self._serve, "voice socket", self._watch.run)
                drop = await self._connect(island)
                if drop is None:
                    is_up()
                    nursery.start_soon(self._serve, "voice announcements", partial(self._announce, island))
                    nursery.start_soon(self._serve, "voice keepalive", self._keep_alive)
                    nursery.start_soon(self._serve, "voice watch", partial(self._look_after, island))
                    with self._scope:
                        drop = await self._poll(island)
            finally:
                self._signalling.let_go()
                with trio.move_on_after(_CLOSE_LIMIT_S, shield=True), contextlib.suppress(CallCancelled):
                    await island.call(self._signalling.close)
                nursery.cancel_scope.cancel("left")
        return self._ending or drop or Drop("unsound", "ended by itself")

    def end(self, drop: Drop) -> None:
        """End the link by our own decision."""
        if self._ending is None:
            self._ending = drop
        self._scope.cancel("left")

    def shut(self) -> None:
        """Let nothing leave any more, at once."""
        self._signalling.shut()

    async def _serve(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a part. A crash starts it again and ends nothing else; one too many ends the link."""
        if not await supervise(name, run):
            self.end(Drop("unsound", f"the {name} crashes again and again"))

    async def _connect(self, island: Island) -> Drop | None:
        try:
            await island.call(self._signalling.connect)
        except ConnectionClosed as exc:
            code = exc.code if exc.code and exc.code > 0 else None
            return Drop("closed", f"the voice server closed with {code} while joining", code)
        except IndexError:
            # discord.py takes the first encryption mode in common without looking whether there is one.
            return Drop("closed", "no encryption mode in common", 4016)
        except CallCancelled:
            return Drop("handshake", "the handshake was broken off")
        except (TimeoutError, OSError, ValueError, KeyError, TypeError, AttributeError, aiohttp.ClientError) as exc:
            return Drop("handshake", f"could not connect: {type(exc).__name__}")
        return None

    async def _poll(self, island: Island) -> Drop:
        try:
            return await island.call(self._signalling.poll)
        except CallCancelled:
            return Drop("unsound", "the signalling was broken off")

    # What goes out

    @property
    def can_send(self) -> bool:
        """Tell whether the gate is open: connected, not muted, and encrypted end to end or allowed not to be."""
        if not self._signalling.is_connected or self.is_silenced or self._key is None or self._key.is_spent:
            return False
        return self.end_to_end.is_ready if self.end_to_end.version else not self._require_e2ee

    def send_frame(self, opus: bytes) -> bool:
        """Seal one 20 ms packet and send it now; False if it did not leave. Costs about 0.1 ms, the syscall mostly."""
        if not self.can_send:
            self.counters.plaintext_held += 1
            return False
        try:
            payload = self.end_to_end.seal(opus) if self.end_to_end.version else opus
        except NotEncrypted:
            self.counters.plaintext_held += 1
            return False
        return self._send(payload)

    def _send(self, payload: bytes) -> bool:
        key = self._key
        if key is None:
            return False
        packet = key.seal(self.stream.header(self._signalling.ssrc), payload)
        try:
            self._signalling.socket.send(packet)
        except OSError:
            self.counters.send_errors += 1
            return False
        self.stream.sent()
        self.counters.sent += 1
        self.counters.sent_bytes += len(packet)
        return True

    def want_to_speak(self, wanted: bool) -> None:
        """Ask for the announcement that we speak, or that we have finished (voice op 5)."""
        self._wants_to_speak = wanted
        self._speaking_changed.set()

    async def _announce(self, island: Island) -> None:
        """Carry the announcements to the websocket until cancelled; only the newest counts."""
        await self._greet(island)
        while True:
            self._speaking_changed = trio.Event()
            wanted = self._wants_to_speak
            if wanted != self._is_announced:
                await self._say_speaking(island, wanted)
            if self._wants_to_speak == wanted:
                await self._speaking_changed.wait()

    async def _greet(self, island: Island) -> None:
        """Send what silences are made of: some servers forward nothing to who has never sent (discord-api-docs#808).

        Discord's silence frame passes in clear in every mode, and holds no sound.
        """
        await self._say_speaking(island, True)
        began = trio.current_time()
        for number in range(_GREETING_FRAMES):
            await trio.sleep_until(began + number * FRAME_S)
            if self._wants_to_speak or not self._signalling.is_connected:
                return  # an answer has begun; its own frames do as well
            self._send(SILENCE_OPUS)

    async def _say_speaking(self, island: Island, wanted: bool) -> None:
        self._is_announced = wanted
        ws = self._signalling.ws
        assert ws is not None, "connected"
        with trio.move_on_after(_SPEAK_LIMIT_S):
            # A websocket that is going down is reported by its poll loop; the next one is told anew.
            with contextlib.suppress(OSError, ConnectionClosed, CallCancelled):
                await island.call(ws.speak, SpeakingState.voice if wanted else SpeakingState.none)

    async def _keep_alive(self) -> None:
        """Send the 8-byte UDP keepalive until cancelled. It carries no voice, so the gate does not apply.

        A server that has echoed one and then no more does not hear us, or we not it.
        """
        while True:
            self._keepalives = (self._keepalives + 1) % (1 << 32)
            self._unanswered[self._keepalives] = trio.current_time()
            try:
                self._signalling.socket.send(_KEEPALIVE.pack(self._keepalives, 0))
            except OSError:
                self.counters.send_errors += 1
            await trio.sleep(_KEEPALIVE_AGAIN_S)
            has_echoes = self.udp_ping_s is not None
            if has_echoes and len(self._unanswered) >= _KEEPALIVES_LOST:
                self.end(Drop("unsound", "nothing comes through the voice socket any more"))
            if not (has_echoes and self._unanswered):
                await trio.sleep(_KEEPALIVE_S - _KEEPALIVE_AGAIN_S)
                if not has_echoes:
                    self._unanswered.clear()

    # What watches

    async def _look_after(self, island: Island) -> None:
        """Act when we seem deaf, keyless or forgotten, until cancelled."""
        while True:
            await trio.sleep(_WATCH_EVERY_S)
            now = trio.current_time()
            if now - self._signalling.heard_at > _SILENT_S:
                self.end(Drop("closed", f"the voice server was silent for {_SILENT_S:g} s"))
                continue
            if self._heal_wanted:
                self._heal_wanted = False
                if self._signalling.recovery.failed(now):
                    await self._heal(island)
            advice = self._deafness.check(now, can_heal=bool(self.end_to_end.version))
            if advice is not None:
                self.counters.deaf += 1
                self._advised(advice)
            await self._look_after_keys(island, now)

    async def _look_after_keys(self, island: Island, now: float) -> None:
        is_keyless = bool(self.end_to_end.version) and not self.end_to_end.is_ready
        has_company = bool(self._signalling.company)
        match self._signalling.recovery.check(now, is_ready=not is_keyless, has_company=has_company):
            case "heal":
                _log.warning("no keys for end-to-end encryption; asking for a fresh place")
                await self._heal(island)
            case "rejoin":
                self.end(Drop("unsound", "there are no keys for end-to-end encryption to be had"))
            case None:
                pass

    def _advised(self, advice: DaveAdvice) -> None:
        match advice:
            case "heal":
                self._heal_wanted = True
            case "rejoin":
                if self._deafness.may_rejoin(trio.current_time()):
                    self.end(Drop("unsound", "somebody speaks and nobody is heard"))

    async def _heal(self, island: Island) -> None:
        """Ask the voice server for a fresh place in the DAVE group, without leaving the channel."""
        with trio.move_on_after(_SPEAK_LIMIT_S):
            try:
                await island.call(self._signalling.ask_for_a_fresh_place)
            except (OSError, ConnectionClosed, CallCancelled):
                self.end(Drop("unsound", "end-to-end encryption failed and could not be mended"))

    # What comes in

    def hand_over(self) -> float:
        """Hand over what has arrived; see ``VoicePort.hand_over``."""
        return self._watch.hand_over()

    def hears_from_now(self, user_id: UserId) -> None:
        """Note that a member may be heard; what of theirs waits in the socket was said before."""
        self._watch.collect()
        self.receiver.hears_from_now(user_id, trio.current_time())

    def _on_datagram(self, datagram: bytes) -> None:
        now = self._watch.arrived_at
        if len(datagram) == _KEEPALIVE.size:
            sent_at = self._unanswered.pop(_KEEPALIVE.unpack(datagram)[0], None)
            if sent_at is not None:
                self.udp_ping_s = now - sent_at
                self._unanswered.clear()
        self.receiver.feed(datagram, now)

    def _look_at_keys(self) -> None:
        """After a message of any kind: what came before its keys may be the end of what somebody says."""
        self.receiver.look_at_keys(trio.current_time())

    async def _on_message(self, _ws: DiscordVoiceWebSocket, message: dict[str, Any]) -> None:
        """See each JSON message of the voice websocket after discord.py did (documentation: "Voice Opcodes")."""
        now = trio.current_time()
        match message:
            case {"op": 4}:
                self._key = self.receiver.key = TransportKey(bytes(self._signalling.secret_key))
            case {"op": 5, "d": {"user_id": user, "ssrc": int(ssrc)} as data} if number := snowflake(user):
                user_id = UserId(number)
                is_speaking = bool(data.get("speaking"))
                if self._may_hear(user_id):  # else hearing nothing of it is as it should be
                    self._deafness.speaking(user_id, now, is_speaking=is_speaking)
                # What waited for its owner is handed on here, and shows that we hear.
                self.receiver.assign(ssrc, user_id, now)
                self._deliver(SpeakingChanged(user_id, is_speaking=is_speaking))
            case {"op": 11, "d": {"user_ids": [*users]}}:
                for user_id in (UserId(number) for user in users if (number := snowflake(user))):
                    self._signalling.company.add(user_id)
                    self._company_changed(user_id, True)
            case {"op": 12, "d": {"user_id": user, "audio_ssrc": int(ssrc)}} if number := snowflake(user):
                self.receiver.assign(ssrc, UserId(number), now)
            case {"op": 13, "d": {"user_id": user}} if number := snowflake(user):
                user_id = UserId(number)
                self._signalling.company.discard(user_id)
                self._company_changed(user_id, False)
                self.receiver.member_left(user_id)
                self._deafness.gone(user_id)
            case _:
                pass  # discord.py's affair, or nobody's, or nonsense
