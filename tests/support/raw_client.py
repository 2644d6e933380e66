"""A client written down to the bytes, which can misbehave: both gateways over trio-websocket, UDP by hand."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct

import trio
import trio_websocket
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Socket:
    """One websocket that speaks JSON operations."""

    def __init__(self, websocket):
        self.websocket = websocket

    async def send(self, op, data):
        await self.websocket.send_message(json.dumps({"op": op, "d": data}))

    async def until(self, op):
        """Return the data of the next message with this operation, whatever comes before."""
        with trio.fail_after(20):
            while True:
                message = await self.websocket.get_message()
                if isinstance(message, str) and (parsed := json.loads(message))["op"] == op:
                    return parsed["d"]

    async def event(self, name):
        """Return the data of the next event with this name."""
        with trio.fail_after(20):
            while True:
                parsed = json.loads(await self.websocket.get_message())
                if parsed["t"] == name:
                    return parsed["d"]

    async def messages(self, count):
        """Return the next so many messages as they are."""
        with trio.fail_after(20):
            return [await self.websocket.get_message() for _ in range(count)]

    async def close_code(self):
        """Wait until the server closes, and return its code."""
        with trio.fail_after(20), contextlib.suppress(trio_websocket.ConnectionClosed):
            while True:
                await self.websocket.get_message()
        return self.websocket.closed.code


@contextlib.asynccontextmanager
async def opened(simulated, which, query=""):
    """Open a websocket to "gateway.discord.gg" or "*.discord.media"."""
    context = ssl.create_default_context()
    simulated.trust_in(context)
    host, _, port = simulated.hosts[which].partition(":")
    stream = await trio.open_ssl_over_tcp_stream(host, int(port), ssl_context=context, https_compatible=True)
    try:
        async with trio.open_nursery() as nursery:
            websocket = await trio_websocket.wrap_client_stream(nursery, stream, f"{host}:{port}", f"/{query}")
            yield Socket(websocket)
            with trio.move_on_after(1):
                await websocket.aclose()
            nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)  # trio-websocket 0.12 leaves it open when the server has closed


@contextlib.asynccontextmanager
async def logged_in(simulated, token=None):
    """Log in on the main gateway."""
    async with opened(simulated, "gateway.discord.gg", "?v=10&encoding=json") as gateway:
        await gateway.until(10)
        await gateway.send(2, {"token": token or simulated.bot_token, "intents": 1 | 1 << 7, "properties": {}})
        await gateway.event("GUILD_CREATE")
        yield gateway


async def admission(simulated, gateway, channel_id=None):
    """Ask for a voice channel; return what an IDENTIFY needs."""
    where = {"guild_id": str(simulated.guild_id), "channel_id": str(channel_id or simulated.voice_channel_id)}
    await gateway.send(4, where | {"self_mute": False, "self_deaf": False})
    state = await gateway.event("VOICE_STATE_UPDATE")
    server = await gateway.event("VOICE_SERVER_UPDATE")
    return {
        "server_id": server["guild_id"],
        "user_id": state["user_id"],
        "session_id": state["session_id"],
        "token": server["token"],
        "max_dave_protocol_version": 1,
    }


@contextlib.asynccontextmanager
async def voice(simulated):
    """Open the voice gateway and take its HELLO."""
    async with opened(simulated, "*.discord.media", "?v=8") as gateway:
        assert (await gateway.until(8))["v"] == 8
        yield gateway


class Media:
    """The UDP side, with AES-GCM."""

    def __init__(self, ready):
        self.ssrc = ready["ssrc"]
        self.socket = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._server = (ready["ip"], ready["port"])
        self.key, self._nonce = b"", 0

    async def discover(self, timeout_s=20):
        """Ask for the own address, and return it."""
        await self.socket.connect(self._server)
        await self.socket.send(b"\x00\x01\x00\x46" + struct.pack(">I", self.ssrc) + bytes(66))
        with trio.fail_after(timeout_s):
            reply = await self.socket.recv(100)
        assert len(reply) == 74
        return reply[8:72].rstrip(b"\0").decode(), int.from_bytes(reply[72:], "big")

    async def send(self, sequence, payload):
        """Seal and send one packet."""
        header = struct.pack(">BBHII", 0x80, 0x78, sequence, 960 * sequence, self.ssrc)
        self._nonce += 1
        nonce = struct.pack(">I", self._nonce)
        await self.socket.send(header + AESGCM(self.key).encrypt(nonce + bytes(8), payload, header) + nonce)

    async def receive(self):
        """Return the payload of the next packet, extension and padding taken off."""
        with trio.fail_after(20):
            datagram = await self.socket.recv(4096)
        offset = 16 if datagram[0] & 0x10 else 12
        body = AESGCM(self.key).decrypt(datagram[-4:] + bytes(8), datagram[offset:-4], datagram[:offset])
        body = body[4:] if datagram[0] & 0x10 else body
        return body[: -body[-1]] if datagram[0] & 0x20 else body


@contextlib.asynccontextmanager
async def in_call(gateway, who):
    """Identify and select AES-GCM; yield the media side."""
    await gateway.send(0, who)
    media = Media(await gateway.until(2))
    with media.socket:
        address, port = await media.discover()
        data = {"address": address, "port": port, "mode": "aead_aes256_gcm_rtpsize"}
        await gateway.send(1, {"protocol": "udp", "data": data})
        media.key = bytes((await gateway.until(4))["secret_key"])
        yield media
