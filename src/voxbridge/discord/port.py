"""The voice channel as the conversation sees it (``session.voice.VoicePort``), whichever connection carries it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import structlog
import trio

from voxbridge.core.call.events import (
    HearingChanged,
    MemberJoined,
    MemberLeft,
    SpeakingChanged,
    Unheard,
    VoiceDown,
    VoiceEnded,
    VoiceUp,
)
from voxbridge.core.call.relay import Listener, Relay
from voxbridge.core.call.roster import Roster
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.messages.catalogue import OURS, Messages, line
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.link import VoiceLink
from voxbridge.discord.posting import PostMessage, post_whole, time_for

_log = structlog.get_logger(__name__)


class DiscordVoicePort:
    """One channel with us in it. Made by the keeper, which lends it one connection after another."""

    def __init__(
        self,
        guild_id: GuildId,
        channel_id: ChannelId,
        counters: VoiceCounters,
        post: PostMessage,
        locale: Callable[[], str],
        messages_now: Callable[[], Messages] = lambda: OURS,
        own_name: Callable[[], str] = lambda: "",
    ) -> None:
        self.guild_id, self.channel_id = guild_id, channel_id
        self._counters, self._post, self._locale, self._messages_now = counters, post, locale, messages_now
        self._own_name = own_name
        self._relay = Relay(self._note_dropped)
        self._link: VoiceLink | None = None
        self.roster = Roster()
        self._known: set[str] = set()
        self._is_in_burst = False

    # What the conversation calls (VoicePort)

    def listening(self, listener: Listener) -> AbstractContextManager[None]:
        """Call ``listener`` with packets and changes in order of arrival, in the step in which they came."""
        return self._relay.listening(listener)

    def hand_over(self) -> float:
        """Hand over what has arrived; return the Trio time up to which everything has been handed over."""
        return trio.current_time() if self._link is None else self._link.hand_over()

    @property
    def can_send(self) -> bool:
        """Tell whether a frame sent now would leave, end-to-end encrypted where that is demanded."""
        return self._link is not None and self._link.can_send

    @property
    def is_silenced(self) -> bool:
        """Tell whether a moderator keeps us from being heard."""
        return self._link is not None and self._link.is_silenced

    def begin_burst(self) -> None:
        """Announce that we are about to speak (voice op 5)."""
        self._is_in_burst = True
        if self._link is not None:
            self._link.want_to_speak(True)

    def send_frame(self, opus: bytes) -> bool:
        """Seal and send one 20 ms Opus packet now; False if it did not leave."""
        if self._link is None:
            self._counters.plaintext_held += 1
            return False
        return self._link.send_frame(opus)

    def skip_frames(self, count: int) -> None:
        """Let the RTP timestamp advance over a pause of ``count`` frames."""
        if self._link is not None:
            self._link.stream.skip(count)

    def end_burst(self) -> None:
        """Announce that we have finished."""
        self._is_in_burst = False
        if self._link is not None:
            self._link.want_to_speak(False)

    @property
    def locale(self) -> str:
        """Return the language of the server, as Discord has it (``de``, ``en-US``)."""
        return self._locale()

    @property
    def own_name(self) -> str:
        """Return the name that we bear in this server."""
        return self._own_name()

    async def post_text(self, text: str) -> None:
        """Write all of a text into the channel's text chat. Never raises; failures are counted."""
        note = self._messages_now().text(line("rest_attached"), self.locale)
        try:
            with trio.fail_after(time_for(text)):
                await post_whole(self._post, self.channel_id, text, note)
        except Exception as exc:  # noqa: BLE001 - a line in the chat is a courtesy; the turn goes on without it
            self._counters.posts_failed += 1
            _log.warning("the text could not be posted", channel_id=str(self.channel_id), error=type(exc).__name__)

    # What the keeper calls

    def up(self, link: VoiceLink) -> None:
        """Use this connection from now on; a burst that was cut goes on over it, so it has to be announced again."""
        self._link = link
        link.want_to_speak(self._is_in_burst)
        self._relay.tell(VoiceUp())

    def down(self, reason: str) -> None:
        """Note that the connection is gone and another is sought."""
        if self._link is not None:
            self._link = None
            self._relay.tell(VoiceDown(reason))

    def close(self) -> None:
        """End the events: we have left for good."""
        self._link = None
        self._relay.tell(VoiceEnded())

    def is_news(self, fact: str, *, is_so: bool) -> bool:
        """Tell whether something has become true that was not so before."""
        was_so = fact in self._known
        if is_so:
            self._known.add(fact)
        else:
            self._known.discard(fact)
        return is_so and not was_so

    def deliver(self, event: OpusPacket | SpeakingChanged | HearingChanged | Unheard) -> None:
        """Hand on what the connection heard."""
        self._relay.tell(event)

    def see_members(self, present: Iterable[MemberJoined], now: float) -> None:
        """Bring the room's idea of who is here up to date."""
        now_here = {member.user_id: member for member in present}
        for user_id in self.roster.missing(set(now_here)):
            self.roster.went(user_id, now)
        for member in now_here.values():
            self.member_joined(member)

    def member_joined(self, member: MemberJoined) -> None:
        """Note an arrival; one that is known is passed over."""
        if self.roster.came(member):
            self._relay.tell(member)

    def tell_departures(self, now: float) -> None:
        """Tell the room whose absence has lasted."""
        for user_id in self.roster.departures(now):
            self._relay.tell(MemberLeft(user_id))

    def _note_dropped(self, count: int) -> None:
        self._counters.events_dropped += count
