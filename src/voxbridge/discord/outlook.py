"""What can be seen of a channel before we ask for it (``core.call.presence.Outlook``)."""

from __future__ import annotations

import attrs

from voxbridge.core.ids import ChannelId
from voxbridge.core.messages.catalogue import Line
from voxbridge.discord.client import GatewayClient
from voxbridge.discord.permissions import explain_refusal


@attrs.frozen
class ChannelOutlook:
    """By what discord.py knows now."""

    client: GatewayClient
    require_e2ee: bool

    def refusal(self, channel_id: ChannelId) -> Line | None:
        """Say what keeps us out of it, if anything does."""
        return explain_refusal(self.client.voice_channel(channel_id), require_e2ee=self.require_e2ee)

    def exists(self, channel_id: ChannelId) -> bool:
        """Tell whether it is there."""
        return self.client.voice_channel(channel_id) is not None

    def is_full(self, channel_id: ChannelId) -> bool:
        """Tell whether it has no place left."""
        channel = self.client.voice_channel(channel_id)
        return channel is not None and 0 < channel.user_limit <= len(channel.voice_states)
