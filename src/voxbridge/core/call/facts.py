"""What ``Presence`` is told, and what it has done about it, as values."""

from __future__ import annotations

import attrs

from voxbridge.core.call.rejoin import Drop
from voxbridge.core.ids import ChannelId

# Facts


@attrs.frozen
class Wish:
    """Somebody wants us in a channel, or in none.

    A wish that ``stands`` is kept up through failures. One that does not is a command: when it fails, the standing
    wish before it holds again; when it succeeds, it stands.
    """

    number: int
    channel_id: ChannelId | None
    stands: bool = False


@attrs.frozen
class GiveUp:
    """Whoever made this wish waits no longer; where it is still a command, it is taken back."""

    number: int
    reason: str


@attrs.frozen
class OwnPlace:
    """The main gateway says where we are. ``is_link_fresh``: the link, if any, was heard in the last seconds."""

    channel_id: ChannelId | None
    session_id: str = ""
    is_link_fresh: bool = True


@attrs.frozen
class Seen:
    """The answer to ``Look``: where Discord has us."""

    number: int
    channel_id: ChannelId | None


@attrs.frozen
class VoiceServer:
    """The main gateway names the voice server; no endpoint: it has gone away."""

    token: str
    endpoint: str | None


@attrs.frozen
class GatewayLost:
    """The main gateway is down."""


@attrs.frozen
class GatewayBack:
    """The main gateway is up and the guilds are known."""


@attrs.frozen
class GatewayRenewed:
    """Another session of the main gateway has begun; it is not up yet."""


@attrs.frozen
class LinkUp:
    """A link stands."""

    number: int


@attrs.frozen
class LinkEnded:
    """A link ended by itself, or could not be made."""

    number: int
    drop: Drop


Fact = Wish | GiveUp | OwnPlace | Seen | VoiceServer | GatewayLost | GatewayBack | GatewayRenewed | LinkUp | LinkEnded


# Actions


@attrs.frozen
class Leave:
    """Tell Discord that we leave (op 4 without a channel)."""


@attrs.frozen
class Ask:
    """Ask Discord for a channel (op 4)."""

    channel_id: ChannelId


@attrs.frozen
class Look:
    """Ask Discord's REST interface where it has us, after the link of this number. No answer is none."""

    number: int


@attrs.frozen
class MakeLink:
    """Connect to the voice server. There is one link at a time."""

    number: int
    channel_id: ChannelId
    session_id: str
    server: VoiceServer = attrs.field(repr=False)


@attrs.frozen
class CutLink:
    """Shut the gate now, and let go of the link."""

    reason: str


@attrs.frozen
class OpenRoom:
    """The link stands: give it to the channel's room, opening one if there is none."""

    channel_id: ChannelId


@attrs.frozen
class EndRoom:
    """The channel is not wanted any more."""


@attrs.frozen
class Answered:
    """These wishes have come to an end: fulfilled, or failed for a reason."""

    numbers: tuple[int, ...]
    failure: Drop | None


@attrs.frozen
class Failed:
    """For the log: what went wrong, and when we try again (None: not by ourselves)."""

    drop: Drop
    after_s: float
    again_in_s: float | None
    is_fault: bool = False


Action = Leave | Ask | Look | MakeLink | CutLink | OpenRoom | EndRoom | Answered | Failed
