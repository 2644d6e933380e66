"""The names of discord.py and davey that we use without their promise: each exists, in the shape we rely on.

When one of these fails after an update, read the changed code before touching ``voxbridge.discord``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import aiohttp
import davey
import discord
import pytest
from discord.gateway import DiscordVoiceWebSocket, DiscordWebSocket

from voxbridge.discord.signalling import CallSignalling

pytestmark = pytest.mark.unit


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def source(thing: type | Callable[..., Any] | ModuleType) -> str:
    return inspect.getsource(thing)


def test_discord_py_is_the_version_that_was_read():
    """2.7: the defects we work round, and the order of its handshake, were read there."""
    assert discord.__version__.startswith("2.7.")


# What ``CallSignalling`` offers to discord.py's websocket, in the place of its own connection state.
OFFERED = {
    "add_socket_listener", "dave_pending_transitions", "dave_protocol_version", "dave_session", "endpoint_ip",
    "_execute_transition", "ip", "max_dave_protocol_version", "mode", "port", "_recover_from_invalid_commit",
    "reinit_dave_session", "remove_socket_listener", "secret_key", "server_id", "session_id", "socket", "ssrc",
    "supported_modes", "token", "user", "voice_port",
}  # fmt: skip


def test_the_websocket_asks_nothing_of_its_connection_that_we_do_not_offer():
    """Every name that discord.py's voice websocket uses of its connection is one of ours."""
    text = source(DiscordVoiceWebSocket).split("def select_protocol", 1)
    handshake, rest = text[0].split("async def from_connection_state")[0], text[1]
    used = set(re.findall(r"(?:self\._connection|\bstate)\.(\w+)", handshake + rest))
    assert used <= OFFERED, used - OFFERED
    for name in OFFERED:
        assert hasattr(CallSignalling, name) or f"self.{name}" in source(CallSignalling.__init__), name


def test_the_websocket_is_built_as_it_builds_itself():
    """``from_connection_state`` sets these and no others; ``CallSignalling.connect`` does the same."""
    text = source(DiscordVoiceWebSocket.from_connection_state)
    assert set(re.findall(r"\bws\.(\w+) =", text)) == {
        "gateway", "seq_ack", "_connection", "_max_heartbeat_timeout", "thread_id",
    }  # fmt: skip
    assert "http.ws_connect(gateway, compress=15)" in text
    assert "f'wss://{state.endpoint}/?v=8'" in text


def test_voice_websocket_has_what_we_call():
    """identify, speak, poll_event, close, the discovery that we replace, and the hook that we get each message by."""
    assert parameters(DiscordVoiceWebSocket.__init__) == ["self", "socket", "loop", "hook"]
    assert parameters(DiscordVoiceWebSocket.identify) == ["self"]
    assert parameters(DiscordVoiceWebSocket.speak) == ["self", "state"]
    assert parameters(DiscordVoiceWebSocket.poll_event) == ["self"]
    assert parameters(DiscordVoiceWebSocket.close) == ["self", "code"]
    assert parameters(DiscordVoiceWebSocket.discover_ip) == ["self"]
    assert parameters(DiscordVoiceWebSocket.send_as_json) == ["self", "data"]
    assert parameters(DiscordVoiceWebSocket.send_binary) == ["self", "opcode", "data"]
    assert "await self.discover_ip()" in source(DiscordVoiceWebSocket.initial_connection)
    assert "await self._hook(self, msg)" in source(DiscordVoiceWebSocket.received_message)
    assert "self._keep_alive.start()" in source(DiscordVoiceWebSocket.received_message)


def test_aiohttp_keeps_the_connection_where_we_look():
    """To end a connection whose other end is dead we need its transport."""
    assert "self._conn = response.connection" in source(aiohttp.ClientWebSocketResponse.__init__)


def test_every_event_passes_the_table_of_parsers():
    """Where we stand between the gateway and discord.py: one dict, read for each event, shared by all websockets."""
    assert "ws._discord_parsers = client._connection.parsers" in source(DiscordWebSocket.from_client)
    assert "func = self._discord_parsers[event]" in source(DiscordWebSocket.received_message)
    client = discord.Client(intents=discord.Intents.none())
    assert {"VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE", "CHANNEL_UPDATE"} <= client._connection.parsers.keys()


def test_discord_py_would_send_in_the_clear():
    """Why we seal ourselves: its own packet is plain Opus when the session is not ready. If this fails, rejoice."""
    text = source(discord.VoiceClient._get_voice_packet)
    assert "can_encrypt" in text
    assert "else data" in text


def test_davey_session_has_what_we_call():
    """A fresh session is not ready, refuses to encrypt, and names nobody."""
    session = davey.DaveSession(1, 10, 20)
    assert session.ready is False
    assert session.epoch is None
    assert session.get_user_ids() == []
    assert session.voice_privacy_code in (None, "")
    with pytest.raises(ValueError):
        session.encrypt_opus(b"\x78secret")
    with pytest.raises(ValueError):
        session.decrypt(11, davey.MediaType.audio, b"\x78secret\xfa\xfa")
