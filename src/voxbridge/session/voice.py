"""What the conversation needs from a voice channel, whoever provides it.

``voxbridge.discord`` implements it on discord.py; tests implement it in memory. The events are defined in
``core.voice``, which the adapter may import and this layer's callers need not know.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from voxbridge.core.call.events import (
    HearingChanged,
    MemberJoined,
    MemberLeft,
    SpeakingChanged,
    VoiceDown,
    VoiceEnded,
    VoiceEvent,
    VoiceUp,
)
from voxbridge.core.call.relay import Listener
from voxbridge.core.ids import ChannelId, GuildId

__all__ = [
    "HearingChanged",
    "MemberJoined",
    "MemberLeft",
    "SpeakingChanged",
    "VoiceDown",
    "VoiceEnded",
    "VoiceEvent",
    "VoicePort",
    "VoiceUp",
]


class VoicePort(Protocol):
    """One voice channel with us in it, for as long as we are meant to be there (reconnects included).

    All methods but ``post_text`` are synchronous and called from the Trio thread.
    """

    guild_id: GuildId
    channel_id: ChannelId

    @property
    def own_name(self) -> str:
        """Return the name that we bear in this server."""
        ...

    def listening(self, listener: Listener) -> AbstractContextManager[None]:
        """Call ``listener`` with packets and changes in order of arrival, until the end of the block.

        It is called in the step in which they came, first with what came before. It must not raise.
        """
        ...

    def hand_over(self) -> float:
        """Hand over what has arrived by now; return the Trio time up to which everything has been handed over.

        That is now, unless so much waits that it takes several steps. Whoever lets time pass for a speaker asks this
        first: after a stall, the sound that waits in the socket must not look like a pause.
        """
        ...

    @property
    def can_send(self) -> bool:
        """Tell whether a frame sent now would leave, end-to-end encrypted where the channel demands it."""
        ...

    @property
    def is_silenced(self) -> bool:
        """Tell whether it is people who keep what we send from leaving (a moderator's mute), and not a mishap."""
        ...

    def begin_burst(self) -> None:
        """Announce that we are about to speak (voice op 5); called before the first frame of a burst."""

    def send_frame(self, opus: bytes) -> bool:
        """Seal and send one 20 ms Opus packet now; False if it could not leave (gate closed, socket full)."""
        ...

    def skip_frames(self, count: int) -> None:
        """Let the RTP timestamp advance over a pause of ``count`` frames; the sequence stays continuous."""

    def end_burst(self) -> None:
        """Announce that we have finished; the five silence frames were sent by the caller."""

    @property
    def locale(self) -> str:
        """Return the language of the server (``de``, ``en-US``); empty if it is not known."""
        ...

    async def post_text(self, text: str) -> None:
        """Write a line into the channel's text chat. Never raises for Discord's refusal; counts it."""
