"""All that is known of the people, in one object that the daemon holds for its life.

storage --> archive (facts in memory) --> consent --> the receiver's question, the room's company
                                      '-> privacy (/privacy)
        '-> remembered: the conversations that are kept for an agent
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import structlog
import trio

from voxbridge import clock
from voxbridge.config.people import PresenceSettings, PrivacySettings
from voxbridge.config.settings import Settings
from voxbridge.core.agents.conversation import AgentMemories
from voxbridge.core.agents.threads import Threads
from voxbridge.core.call.events import MemberJoined
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.people.consent import ConsentRules
from voxbridge.core.people.whereabouts import PresenceRules
from voxbridge.discord.bridge import parse_seats
from voxbridge.people.chat import Chats
from voxbridge.people.chosen import Chosen
from voxbridge.people.consent import Consent
from voxbridge.people.limits import Limits
from voxbridge.people.notices import Notices, Writing
from voxbridge.people.presence import Presence
from voxbridge.people.privacy import Privacy, Records
from voxbridge.people.sign import Signs
from voxbridge.session.notices import Notice, SpeakerStarted
from voxbridge.session.room import Room
from voxbridge.storage.archive import Archive, NoStore
from voxbridge.storage.conversations import ConversationStore
from voxbridge.storage.place import storage_path
from voxbridge.storage.port import Store
from voxbridge.storage.remembered import Remembered
from voxbridge.storage.sqlite import SqliteStore
from voxbridge.storage.threads import KeptThreads
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)


class House:
    """The people and what is kept of them. It is Discord's ``Company``. ``records`` hold what members said."""

    def __init__(self, settings_now: Callable[[], Settings], records: Sequence[Records] = ()) -> None:
        self._store = _store(settings_now())
        self.archive = Archive(self._store, pauses=_pauses())
        self.consent = Consent(self.archive, _consent_rules_now(settings_now))
        self.chosen = Chosen(self.archive)
        self.privacy = Privacy(self.consent, records)
        self.notices = Notices(
            self.archive, lambda: settings_now().privacy, clock.wall_iso, lambda: writing_of(settings_now())
        )
        self.signs = Signs(lambda: settings_now().presence.sign)
        self.chats = Chats(lambda: settings_now().chat, self.consent.is_heard)
        self.consent.when_changed(self.chats.hearing_changed)
        self.privacy.covers(self.chats)
        self.limits = Limits(self.archive, lambda: settings_now().limits, clock.wall_iso)
        self.presence = Presence(
            self.archive,
            lambda: presence_rules(settings_now().presence),
            lambda: parse_seats(settings_now().discord.join),
        )
        self._comes_back = settings_now().presence.come_back
        self._remembers = settings_now().storage.conversations
        self._remembered: Remembered | None = None

    async def open(self) -> None:
        """Read what is stored. What cannot be read is told in the log, and tried again by ``run``."""
        await self.archive.flush()
        if self._comes_back:
            self.presence.recall()

    async def remember(self, conversations: AgentMemories, threads: Sequence[Threads] = ()) -> None:
        """Make conversations last that are kept for agents, and know of them when a member asks.

        ``threads``: those that the agents' own servers keep.
        """
        store = ConversationStore(self._store.file) if isinstance(self._store, SqliteStore) else None
        self._remembered = Remembered(
            conversations,
            store,
            lasting=self._remembers,
            wall_s=clock.wall_s,
            is_told=lambda: bool(self.archive.trouble),
            pauses=_pauses(),
        )
        self.privacy.covers(self._remembered)
        if threads:
            self.privacy.covers(KeptThreads(self.archive, threads, lasting=self._remembers))
        await self._remembered.open()

    async def run(self) -> None:
        """Store what waits, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervise, "facts", self.archive.run)
            if self._remembered is not None:
                nursery.start_soon(supervise, "conversations", self._remembered.run)

    def is_heard(self, guild_id: GuildId, user_id: UserId) -> bool:
        """Tell whether a member may be heard now."""
        return self.consent.is_heard(guild_id, user_id)

    def saw(self, guild_id: GuildId, member: MemberJoined, channel_id: ChannelId | None) -> None:
        """Note what Discord says of a member."""
        self.consent.saw(guild_id, member)
        self.presence.moved(guild_id, member, channel_id)

    def surveyed(self, guild_id: GuildId, people: Sequence[tuple[MemberJoined, ChannelId]]) -> None:
        """Note who is where in a guild, all at once."""
        for member, _ in people:
            self.consent.saw(guild_id, member)
        self.presence.surveyed(guild_id, people)

    def seat_changed(self, guild_id: GuildId) -> None:  # noqa: ARG002 - all of them are looked at
        """Note that we were moved."""
        self.presence.stir()

    def on_notice(self, notice: Notice) -> None:
        """Take note of what happens in a room."""
        self.chats.on_notice(notice)
        if isinstance(notice, SpeakerStarted):
            self.presence.spoke(notice.speaker.guild_id)

    async def live_in(self, room: Room, greeting: str) -> None:
        """Do in a room what is to be done beside the conversation: greet, tell that we listen; until cancelled."""
        if greeting:
            await room.say(greeting)
        await self.notices.run(room)

    def review(self) -> None:
        """Look at everything anew: the settings have changed."""
        self.consent.review()
        self.presence.stir()


def _pauses() -> Backoff:
    return Backoff(base_s=1.0, cap_s=60.0, rng=random.random)


def _store(settings: Settings) -> Store:
    path = storage_path(settings.storage.file)
    if path is None:
        _log.warning("there is no directory for what should last: set [storage] file")
        return NoStore()
    return SqliteStore(path, clock.wall_iso)


def writing_of(settings: Settings) -> Writing:
    """Return what is written of what people say."""
    if settings.floor.mode == "nobody":
        return "minutes"
    return "none" if settings.chat.mirror == "off" and settings.chat.transcript == "off" else "chat"


def _consent_rules_now(settings_now: Callable[[], Settings]) -> Callable[[], ConsentRules]:
    """Return what gives the rules that hold; they are made anew only when the settings have changed."""
    privacy = settings_now().privacy
    rules = consent_rules(privacy)

    def now() -> ConsentRules:
        nonlocal privacy, rules
        if (latest := settings_now().privacy) is not privacy:
            privacy, rules = latest, consent_rules(latest)
        return rules

    return now


def consent_rules(settings: PrivacySettings) -> ConsentRules:
    """Return what the settings mean."""
    return ConsentRules(
        mode=settings.mode,  # type: ignore[arg-type]  # one_of in the option
        allowed_users=_ids(settings.allow_users),
        allowed_roles=_ids(settings.allow_roles),
        denied_users=_ids(settings.deny_users),
        denied_roles=_ids(settings.deny_roles),
    )


def presence_rules(settings: PresenceSettings) -> PresenceRules:
    """Return what the settings mean."""
    return PresenceRules(
        comes_when_occupied=settings.join == "occupied",
        follows=tuple(UserId(int(user)) for user in settings.follow),
        channels=frozenset(ChannelId(int(channel)) for channel in settings.channels),
        alone_s=settings.leave_alone_ms / 1000,
        idle_s=settings.leave_idle_ms / 1000,
    )


def _ids(texts: tuple[str, ...]) -> frozenset[int]:
    return frozenset(map(int, texts))
