"""What the main gateway says about voice, read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.call.facts import VoiceServer
from voxbridge.core.call.said import VoiceState, read_voice_server, read_voice_state
from voxbridge.core.ids import ChannelId, GuildId, UserId

pytestmark = pytest.mark.unit

STATE = {"guild_id": "1", "user_id": "2", "channel_id": "3", "session_id": "s"}
HERE = VoiceState(GuildId(1), UserId(2), ChannelId(3), "s", is_muted=False, is_deafened=False, is_suppressed=False)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, (False, False, False)),
        ({"mute": True}, (True, False, False)),
        ({"deaf": True}, (False, True, False)),
        ({"suppress": True}, (False, False, True)),
        ({"mute": "yes", "deaf": 1, "suppress": None}, (False, False, False)),
        ({"self_mute": True, "self_deaf": True}, (False, False, False)),
    ],
)
def test_what_a_server_does_to_somebody_is_read_flag_by_flag(changes, wanted):
    """Muted, deafened and in the audience are told apart; what somebody does to himself is none of them."""
    state = read_voice_state(STATE | changes)
    assert state is not None
    assert (state.is_muted, state.is_deafened, state.is_suppressed) == wanted


def test_who_is_in_no_channel_has_left():
    """A channel of null is a leave; one that cannot be read is no state at all."""
    assert read_voice_state(STATE) == HERE
    left = read_voice_state(STATE | {"channel_id": None})
    assert left is not None
    assert left.channel_id is None
    for nonsense in ("", "x", "0", "-3", True, 1.5, "9" * 21, "٣"):
        assert read_voice_state(STATE | {"channel_id": nonsense}) is None, nonsense
    assert read_voice_state(STATE | {"channel_id": 3}) == HERE
    assert read_voice_state({**STATE, "user_id": None}) is None


def test_a_voice_server_may_be_nowhere():
    """No endpoint, or an empty one, is a server that has gone away; one without a token is none."""
    for endpoint, wanted in (("host:443", "host:443"), ("", None), (None, None)):
        told = read_voice_server({"guild_id": "1", "token": "t", "endpoint": endpoint})
        assert told == (GuildId(1), VoiceServer("t", wanted))
    assert read_voice_server({"guild_id": "1", "endpoint": "host"}) is None
    assert read_voice_server({"guild_id": "1", "token": "t", "endpoint": 3}) is None


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=30), lambda of: st.lists(of))


@given(JSON | st.dictionaries(st.sampled_from([*STATE, "mute", "token", "endpoint"]), JSON))
def test_any_value_is_read_or_refused(value):
    """Nothing that Discord could say raises."""
    read_voice_state(value)
    read_voice_server(value)
