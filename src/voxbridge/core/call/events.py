"""What happens in a voice channel, as values. Both the adapter that sees it and the conversation use these."""

from __future__ import annotations

import attrs

from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import OpusPacket


@attrs.frozen
class MemberJoined:
    """A member is in the channel (also sent for those who are there when we join). ``name`` is untrusted.

    ``role_ids`` is None where Discord did not say. ``is_heard`` False: no sound of this member's comes, by consent.
    """

    user_id: UserId
    name: str
    is_bot: bool
    role_ids: frozenset[int] | None = attrs.field(default=None, eq=False)
    is_heard: bool = True


@attrs.frozen
class MemberLeft:
    """A member left the channel."""

    user_id: UserId


@attrs.frozen
class HearingChanged:
    """A member may be heard from now on, or not any more: what was taken down of an open utterance is to be dropped."""

    user_id: UserId
    is_heard: bool


@attrs.frozen
class SpeakingChanged:
    """Discord's hint (voice op 5) that a member's microphone opened or closed. A hint only."""

    user_id: UserId
    is_speaking: bool


@attrs.frozen
class VoiceDown:
    """The voice connection is gone; the port is joining again. ``reason`` is for the operator."""

    reason: str


@attrs.frozen
class VoiceUp:
    """The voice connection is there (again); stream positions of all speakers start anew."""


@attrs.frozen
class Unheard:
    """So much time's packets, of whomever, were dropped unread, since we were too slow: nobody was silent for that."""

    seconds: float


@attrs.frozen
class VoiceEnded:
    """We have left for good: nothing follows."""


VoiceEvent = (
    OpusPacket
    | MemberJoined
    | MemberLeft
    | HearingChanged
    | SpeakingChanged
    | VoiceDown
    | VoiceUp
    | VoiceEnded
    | Unheard
)
