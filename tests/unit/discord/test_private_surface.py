"""The names of discord.py and davey that we use without their promise: each exists, in the shape we rely on.

When one of these fails after an update, read the changed code before touching ``voxbridge.discord``.
"""

from __future__ import annotations

import inspect

import davey
import discord
import pytest
from discord.gateway import DiscordVoiceWebSocket
from discord.voice_state import ConnectionFlowState, SocketReader, VoiceConnectionState

pytestmark = pytest.mark.unit


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)


def source(thing: object) -> str:
    return inspect.getsource(thing)


def test_discord_py_is_the_version_that_was_read():
    """2.7: the defects we work round, and the order of its handshake, were read there."""
    assert discord.__version__.startswith("2.7.")


def test_voice_client_lets_us_build_its_state():
    """The documented hook, the names of its attributes, and the mode we seal in."""
    assert parameters(discord.VoiceClient.create_connection_state) == ["self"]
    assert "self.create_connection_state()" in source(discord.VoiceClient.__init__)
    assert parameters(discord.VoiceClient.__init__) == ["self", "client", "channel"]
    assert "aead_xchacha20_poly1305_rtpsize" in discord.VoiceClient.supported_modes
    assert parameters(discord.VoiceClient.disconnect) == ["self", "force"]
    assert parameters(discord.VoiceClient.cleanup) == ["self"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("__init__", ["self", "voice_client", "hook"]),
        ("voice_state_update", ["self", "data"]),
        ("_poll_voice_ws", ["self", "reconnect"]),
        ("_potential_reconnect", ["self"]),
        ("_recover_from_invalid_commit", ["self", "transition_id"]),
        ("disconnect", ["self", "force", "cleanup", "wait"]),
        ("add_socket_listener", ["self", "callback"]),
        ("send_packet", ["self", "packet"]),
        ("is_connected", ["self"]),
        ("connect", ["self", "reconnect", "timeout", "self_deaf", "self_mute", "resume", "wait"]),
        ("_create_socket", ["self"]),
    ],
)
def test_connection_state_has_the_methods(name, expected):
    """Overridden or called by us."""
    assert parameters(getattr(VoiceConnectionState, name)) == expected


def test_connection_state_has_the_attributes():
    """Set in its constructor: what we read, and the reader that we replace."""
    text = source(VoiceConnectionState.__init__)
    for name in (
        "socket", "secret_key", "ssrc", "ws", "dave_session", "dave_protocol_version", "_socket_reader",
        "_expecting_disconnect", "_connector",
    ):  # fmt: skip
        assert f"self.{name}" in text, name
    assert isinstance(VoiceConnectionState.state, property)
    assert {"disconnected", "connected"} <= {state.name for state in ConnectionFlowState}


def test_socket_reader_has_the_methods_that_ours_has():
    """Ours stands in for it: every call that discord.py makes must be there, with the same parameters."""
    from voxbridge.discord.socket_watch import SocketWatch

    for name in ("register", "unregister", "pause", "resume", "stop"):
        assert parameters(getattr(SocketReader, name)) == parameters(getattr(SocketWatch, name)), name
    used = {part.split("(")[0] for part in source(VoiceConnectionState).split("_socket_reader.")[1:]}
    assert used <= {"start", "register", "unregister", "pause", "resume", "stop"}


def test_voice_websocket_has_what_we_call():
    """speak, poll_event, close and the code that is set only when we closed."""
    assert parameters(DiscordVoiceWebSocket.speak) == ["self", "state"]
    assert parameters(DiscordVoiceWebSocket.poll_event) == ["self"]
    assert parameters(DiscordVoiceWebSocket.close) == ["self", "code"]
    assert "self._close_code: Optional[int] = None" in source(DiscordVoiceWebSocket.__init__)
    assert "self._close_code = code" in source(DiscordVoiceWebSocket.close)
    assert "await self._hook(self, msg)" in source(DiscordVoiceWebSocket.received_message)
    assert "self.ws.close(4014)" in source(VoiceConnectionState.voice_server_update)


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
