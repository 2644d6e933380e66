"""A simulated WhisperX server: the real protocol, with a script instead of a model.

Its manners are those of johnbuck/voxbridge's server, seen on the wire: no answer to ``start``; partials of the last
two seconds only, after 2.0 s of sound and then each second, from a buffer that outlives ``finalize``; nonsense is
passed over in silence; a failed ``finalize`` is followed by close 1000; packets of over 20 ms are dropped. With
``script.extension`` it also knows ``voxbridge/1``, for those who ask. Opus is decoded for real, so wrong bytes show.
"""

from __future__ import annotations

import json
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import trio
import wsproto
from wsproto import events as ws_events
from wsproto.utilities import ProtocolError

from voxbridge.audio.opus import Decoder, OpusError, packet_duration_s
from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.core.wire.whisperx import EXTENSION
from voxbridge.testing.servers.hearing import Ending
from voxbridge.testing.servers.listening import READ_BYTES, ListeningServer, reset_stream

PARTIAL_WINDOW_S = 2.0
PARTIAL_STEP_S = 1.0
_PACKET_S_MAX = 0.02
_EPSILON_S = 1e-6


@attrs.frozen
class Heard:
    """What the server heard of one utterance: the packets that could be decoded, and their sound."""

    user_id: str
    packets: tuple[bytes, ...]
    pcm: bytes = attrs.field(repr=False)
    """s16le, 16 kHz, mono."""

    @property
    def duration_s(self) -> float:
        """Return the length in seconds."""
        return len(self.pcm) / 2 / HEARING_RATE_HZ


Text = str | Sequence[str] | Callable[[Heard], str]


@attrs.define
class WhisperXScript:
    """What the server says and how it fails; may be changed while it runs.

    ``text`` is the final: a constant, one after the other (the last repeats), or made from what was heard; partials
    use it too. Counts such as ``finalize_errors`` are used up.
    """

    text: Text = "hello, can you hear me"
    final_delay_s: float = 0.0
    partial_delay_s: float = 0.0
    peek_delay_s: float = 0.0
    has_partials: bool = True
    extension: bool = False
    no_speech: float = 0.0
    confidence: float = 0.9
    blocks: bool = False
    """The model runs on the event loop: while it works nothing is read, no pong is sent, every client waits."""
    partial_errors: int = 0
    finalize_errors: int = 0
    ignored_finalizes: int = 0
    ignored_peeks: int = 0
    finals_each: int = 1
    extra_final_delay_s: float = 0.0
    """Before each further final if ``finals_each`` is over one."""
    close_after_packets: int | None = None
    """Close with 1000 after so many more packets, once."""
    reset_after_packets: int | None = None
    """Drop the connection without a word after so many more packets, once."""
    answer: bytes | None = None
    """Raw bytes sent instead of each final, and of each early transcript."""
    then: Ending = "hang"
    """What becomes of the connection behind ``answer``; ``hang``: it goes on as if nothing were."""
    drip_s: float = 0.0
    """Send finals a byte at a time, with pauses of so long between."""
    answers_upgrade: bool = True
    http_answer: bytes = b""
    """Sent instead of the upgrade's answer: a whole HTTP response, or anything."""


class WhisperXServer(ListeningServer):
    """A server with its script and its counters."""

    scheme = "ws"

    def __init__(self, script: WhisperXScript | None = None) -> None:
        super().__init__()
        self.script = script or WhisperXScript()
        self.starts: list[dict[str, Any]] = []
        self.packets: Counter[str] = Counter()
        self.heard: list[Heard] = []
        """One per final sent (or due)."""
        self.finalizes = self.overlapping_finalizes = self.discards = self.peeks = 0
        self.undecodable = 0
        self.pongs = 0
        self.finals_sent = 0
        self.on_packet: Callable[[str, bytes], None] = lambda _user_id, _packet: None
        """Told of each packet as it comes: whose, and its bytes."""
        self.loop = trio.Lock()
        """Held while the event loop of the simulated server is blocked."""

    @property
    def url(self) -> str:
        """Return the WebSocket URL, with the slash at its end that this kind's addresses have."""
        return f"{super().url}/"

    async def block(self, duration_s: float) -> None:
        """Hang for a time: nothing is read, no ping is answered."""
        async with self.loop:
            await trio.sleep(duration_s)

    async def _converse(self, stream: trio.abc.Stream, number: int) -> None:  # noqa: ARG002 -- the base's signature
        await _Conversation(self, stream).run()

    async def model(self, duration_s: float) -> None:
        """Spend the model's time, with the event loop in hand if it blocks."""
        if self.script.blocks:
            await self.block(duration_s)
        elif duration_s:
            await trio.sleep(duration_s)

    def words(self, heard: Heard, index: int) -> str:
        """Return what the script makes of an utterance, the ``index``-th that is transcribed."""
        text = self.script.text
        if callable(text):
            return text(heard)
        return text if isinstance(text, str) else text[min(index, len(text) - 1)]


class _ConversationOver(Exception):
    """The connection is closed, by whichever side."""


class _Conversation:
    """One connection: a reader that answers pings, and a session that works through the messages in order."""

    def __init__(self, server: WhisperXServer, stream: trio.abc.Stream) -> None:
        self._server, self._stream = server, stream
        self._protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._sending = trio.Lock()
        self._inbox, self._messages = trio.open_memory_channel[str | bytes](math.inf)  # the kernel's buffer, as it were
        self._finalizes_due = 0
        self._is_started = False
        self._user_id = "unknown"
        self._has_extension = False
        self._wants_partials = True
        self._begin()
        self._window: deque[tuple[bytes, bytes]] = deque()  # of partials; outlives finalize
        self._window_s = 0.0

    def _begin(self) -> None:
        self._decoder = Decoder()
        self._packets: list[bytes] = []
        self._pcm = bytearray()

    async def run(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read)
                nursery.start_soon(self._work)
        except* (_ConversationOver, trio.BrokenResourceError, trio.ClosedResourceError, ProtocolError):
            pass  # the client went away, or speaks no WebSocket

    # -- the wire --

    async def _read(self) -> None:
        parts: list[Any] = []
        while True:
            data = await self._stream.receive_some(READ_BYTES)
            async with self._server.loop:
                pass  # a blocked event loop gets no further
            if not data:
                raise _ConversationOver
            self._protocol.receive_data(bytes(data))
            for event in self._protocol.events():
                match event:
                    case ws_events.Request():
                        await self._upgrade()
                    case ws_events.Ping():
                        self._server.pongs += 1
                        await self._send_event(event.response())
                    case ws_events.CloseConnection():
                        await self._send_event(event.response())
                        raise _ConversationOver
                    case ws_events.TextMessage() | ws_events.BytesMessage():
                        parts.append(event.data)
                        if event.message_finished:
                            is_text = isinstance(event, ws_events.TextMessage)
                            self._arrived("".join(parts) if is_text else b"".join(parts))
                            parts = []
                    case _:
                        pass

    async def _upgrade(self) -> None:
        script = self._server.script
        if not script.answers_upgrade:
            await trio.sleep_forever()
        if script.http_answer:
            await self._stream.send_all(script.http_answer)
            raise _ConversationOver
        await self._send_event(ws_events.AcceptConnection())

    def _arrived(self, message: str | bytes) -> None:
        if isinstance(message, str) and '"finalize"' in message:
            self._server.overlapping_finalizes += self._finalizes_due > 0
            self._finalizes_due += 1
        self._inbox.send_nowait(message)

    async def _send_event(self, event: ws_events.Event, *, drip_s: float = 0.0) -> None:
        async with self._sending:
            data = self._protocol.send(event)
            for piece in (data,) if not drip_s else [bytes([byte]) for byte in data]:
                await self._stream.send_all(piece)
                await trio.sleep(drip_s)

    async def _send(self, **message: object) -> None:
        event = ws_events.TextMessage(data=json.dumps(message))
        await self._send_event(event, drip_s=self._server.script.drip_s)

    async def _close(self) -> None:
        await self._send_event(ws_events.CloseConnection(code=1000))
        raise _ConversationOver

    # -- the session --

    async def _work(self) -> None:
        async for message in self._messages:
            async with self._server.loop:
                pass
            if isinstance(message, bytes):
                await self._on_packet(message)
                continue
            try:
                value = json.loads(message)
            except ValueError:
                continue
            if not isinstance(value, dict):
                await self._close()  # seen: JSON that is no object ends the connection
            await self._on_message(value)

    async def _on_message(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "start":
                await self._on_start(message)
            case "finalize" if self._is_started:
                await self._on_finalize(message.get("id"))
            case "peek" if self._has_extension:
                await self._on_peek(message.get("id"))
            case "discard" if self._has_extension:
                self._server.discards += 1
                self._begin()
            case "close":
                await self._close()
            case _:
                pass  # the real one ignores what it does not know

    async def _on_start(self, message: dict[str, Any]) -> None:
        self._server.starts.append(message)
        self._is_started = True
        self._user_id = str(message.get("userId", "unknown"))
        self._begin()
        self._window.clear()
        self._window_s = 0.0
        if self._server.script.extension and message.get("protocol") == EXTENSION:
            self._has_extension = True
            self._wants_partials = message.get("partials") is not False
            await self._send(type="ready", protocol=EXTENSION)

    async def _on_packet(self, packet: bytes) -> None:
        if not self._is_started:
            return
        self._server.packets[self._user_id] += 1
        self._server.on_packet(self._user_id, packet)
        try:
            if packet_duration_s(packet) > _PACKET_S_MAX + _EPSILON_S:
                raise OpusError("over 20 ms")
            pcm = self._decoder.decode(packet)
        except OpusError:
            self._server.undecodable += 1
        else:
            self._packets.append(packet)
            self._pcm += pcm
            self._window.append((packet, pcm))
            self._window_s += len(pcm) / 2 / HEARING_RATE_HZ
            await self._maybe_partial()
        await self._maybe_die()

    async def _maybe_partial(self) -> None:
        script = self._server.script
        if not script.has_partials or not self._wants_partials or self._window_s < PARTIAL_WINDOW_S - _EPSILON_S:
            return
        await self._server.model(script.partial_delay_s)
        if script.partial_errors > 0:
            script.partial_errors -= 1  # the buffer is not trimmed: the next packet tries again
            await self._send(type="error", error="CUDA out of memory", userId=self._user_id)
            return
        heard = Heard(self._user_id, tuple(p for p, _ in self._window), b"".join(pcm for _, pcm in self._window))
        while self._window_s > PARTIAL_WINDOW_S - PARTIAL_STEP_S + _EPSILON_S:
            self._window_s -= len(self._window.popleft()[1]) / 2 / HEARING_RATE_HZ
        if text := self._server.words(heard, len(self._server.heard)):
            await self._send(type="partial", text=text, userId=self._user_id)

    async def _maybe_die(self) -> None:
        script = self._server.script
        if script.close_after_packets is not None:
            script.close_after_packets -= 1
            if script.close_after_packets <= 0:
                script.close_after_packets = None
                await self._close()
        if script.reset_after_packets is not None:
            script.reset_after_packets -= 1
            if script.reset_after_packets <= 0:
                script.reset_after_packets = None
                raise _ConversationOver

    def _heard(self) -> Heard:
        return Heard(self._user_id, tuple(self._packets), bytes(self._pcm))

    async def _on_peek(self, utterance_id: object) -> None:
        server, script = self._server, self._server.script
        server.peeks += 1
        heard = self._heard()
        if script.ignored_peeks > 0:
            script.ignored_peeks -= 1
            return
        await server.model(script.peek_delay_s)
        if script.answer is not None:
            await self._spoil(script.answer)
            return
        text = server.words(heard, len(server.heard)) if heard.packets else ""
        doubts = {"noSpeech": script.no_speech, "confidence": script.confidence}
        await self._send(type="peeked", id=utterance_id, text=text, **doubts)

    async def _spoil(self, answer: bytes) -> None:
        await self._stream.send_all(answer)
        if self._server.script.then == "reset":
            await reset_stream(self._stream)
        if self._server.script.then != "hang":
            raise _ConversationOver

    async def _on_finalize(self, utterance_id: object) -> None:
        server, script = self._server, self._server.script
        server.finalizes += 1
        heard = self._heard()
        self._begin()
        if script.ignored_finalizes > 0:
            script.ignored_finalizes -= 1
            return
        if script.finalize_errors > 0:
            script.finalize_errors -= 1
            await self._send(type="error", error="transcription failed", userId=self._user_id)
            await self._close()
        index = len(server.heard)
        server.heard.append(heard)
        if heard.packets:
            await server.model(script.final_delay_s)
        if script.answer is not None:
            self._finalizes_due -= 1
            await self._spoil(script.answer)
            return
        message: dict[str, object] = {"type": "final", "text": server.words(heard, index) if heard.packets else ""}
        message["userId"] = self._user_id
        if self._has_extension:
            message |= {
                "id": utterance_id,
                "confidence": script.confidence,
                "duration": heard.duration_s,
                "noSpeech": script.no_speech,
            }
        for number in range(script.finals_each):
            if number:
                await trio.sleep(script.extra_final_delay_s)
            self._finalizes_due -= number == 0
            server.finals_sent += 1
            await self._send(**message)
