"""The name of a conversation: whose it is, and what another bot would call it."""

from __future__ import annotations

import pytest

from voxbridge.core.agents.session import is_scope, is_shared, session_name
from voxbridge.core.ids import ChannelId, GuildId, UserId

pytestmark = pytest.mark.unit

IDS = (GuildId(1), ChannelId(2), UserId(3))


@pytest.mark.parametrize(
    ("scope", "name", "is_common"),
    [
        ("user", "discord:1:2:3", False),
        ("channel", "discord:1:2", True),
        ("{guild}:{channel}", "1:2", True),
        ("{user}", "3", False),
        ("channel_{channel}", "channel_2", True),
        ("{user}{user}", "33", False),
        ("{guild}{channel}{user}", "123", False),
        ("x" * 194 + "{user}", "x" * 194 + "3", False),  # as long as may be
    ],
)
def test_the_name_holds_the_ids_that_it_names(scope: str, name: str, is_common: bool) -> None:
    """The two words as ever, and templates as another bot writes them; shared is what has no user in it."""
    assert is_scope(scope)
    assert session_name(scope, *IDS) == name
    assert is_shared(scope) == is_common


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "users",
        "{usr}",
        "{}",
        "{user",
        "user}",
        "{{user}}",
        "{user}\n",
        "{user.name}",
        "{user}" * 50,
        "x" * 195 + "{user}",
    ],
)
def test_what_is_no_name_is_refused(scope: str) -> None:
    """A slip of the pen must not give everybody one conversation, or an empty one."""
    assert not is_scope(scope)
