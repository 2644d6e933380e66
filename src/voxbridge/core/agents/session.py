"""Whose conversation it is: the name under which an agent, or the bridge for it, remembers one.

An operator says ``user`` or ``channel``, or writes the name with ids in it, so that another bot can use the same one:
``{channel}`` is what a text bot calls a channel, ``{user}`` what it calls a member.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from voxbridge.core.ids import ChannelId, GuildId, UserId

Scope = str

NAMES = ("guild", "channel", "user")
ALLOWED = "user | channel | a text with {guild}, {channel} or {user} in it, such as {guild}:{channel}"
TEMPLATE_CHARS_MAX = 200
_PRESETS: Mapping[Scope, str] = {
    "user": "discord:{guild}:{channel}:{user}",
    "channel": "discord:{guild}:{channel}",
}
_NAME = re.compile(r"\{([^{}]*)\}")


def is_scope(scope: str) -> bool:
    """Tell whether a text says whose conversation it is: every name in braces is known, and there is one."""
    if scope in _PRESETS:
        return True
    names, rest = _NAME.findall(scope), _NAME.sub("", scope)
    is_clean = rest.isprintable() and not re.search(r"[{}]", rest)
    return is_clean and len(scope) <= TEMPLATE_CHARS_MAX and bool(names) and set(names) <= set(NAMES)


def session_name(scope: Scope, guild_id: GuildId, channel_id: ChannelId, user_id: UserId) -> str:
    """Return the name of a member's conversation."""
    ids = {"guild": str(guild_id), "channel": str(channel_id), "user": str(user_id)}
    return _NAME.sub(lambda found: ids.get(found[1], found[0]), _PRESETS.get(scope, scope))


def is_shared(scope: Scope) -> bool:
    """Tell whether several members have the conversation together, so that each line must say who spoke."""
    return "{user}" not in _PRESETS.get(scope, scope)
