"""What keeps us out of a channel, in words that name what is missing."""

from __future__ import annotations

import discord

from voxbridge.core.messages.catalogue import Line, line
from voxbridge.discord.client import VocalChannel


def explain_refusal(channel: VocalChannel | None, *, require_e2ee: bool) -> Line | None:
    """Say what keeps us out of ``channel``, naming the permissions; None if nothing does."""
    if channel is None:
        return line("why_unseen")
    allowed = channel.permissions_for(channel.guild.me)
    needs = {"permission_view": allowed.view_channel, "permission_connect": allowed.connect}
    if isinstance(channel, discord.StageChannel):
        if require_e2ee:
            return line("why_stage")
    else:
        needs["permission_speak"] = allowed.speak
    match [line(need) for need, has in needs.items() if not has]:
        case []:
            return None
        case [one]:
            return line("why_permission", permission=one)
        case [one, other]:
            return line("why_permissions", permission=one, other=other)
        case [one, other, third]:
            return line("why_more_permissions", permission=one, other=other, third=third)
        case missing:
            raise AssertionError(f"more than three needs: {missing}")
