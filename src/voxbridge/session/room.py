"""One voice channel with us in it: who is there, who is heard, and the one mouth that answers."""

from __future__ import annotations

from typing import assert_never

import attrs
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
    VoiceEvent,
    VoiceUp,
)
from voxbridge.core.ids import UserId
from voxbridge.core.messages.catalogue import Line, line
from voxbridge.core.sound.pcm import FRAME_S, OpusPacket
from voxbridge.core.turns.floor import Floor, OpenTurn
from voxbridge.session.context import RoomContext, Tools
from voxbridge.session.mouth import Mouth, PlayoutClock
from voxbridge.session.saying import Saying
from voxbridge.session.speaker import SpeakerSession
from voxbridge.session.typed import Tell, Typed
from voxbridge.session.voice import VoicePort
from voxbridge.stages.contracts import Speaker
from voxbridge.supervise import Fuse, keep, supervise

_log = structlog.get_logger(__name__)

_FADE_FRAMES = 15  # 300 ms: short enough to obey, long enough not to click
# UDP may be behind the gateway by so much: the last packets of one who left, or who is still unknown to the roster.
_STRAGGLING_S = 2.0


class Room:
    """The conversation in one voice channel. ``run`` may be started again after a crash: who is there is known."""

    def __init__(self, port: VoicePort, tools: Tools, clock: PlayoutClock) -> None:
        self.port = port
        self.mouth = Mouth(port, clock, tools.counters, stereo=tools.rules.sends_stereo)
        self._clock = clock
        self._tools = tools
        self._members: dict[UserId, MemberJoined] = {}
        self._sessions: dict[UserId, SpeakerSession] = {}
        self._stays: dict[UserId, trio.CancelScope] = {}
        self._left_at: dict[UserId, float] = {}
        self._people_changed = trio.Event()
        self._floor = Floor()
        self._listening = trio.CancelScope()
        self._is_draining = False
        self._has_left = False
        self._context = RoomContext(
            tools=tools,
            port=port,
            mouth=self.mouth,
            floor=self._floor,
            participants=lambda: sum(not member.is_bot for member in self._members.values()),
            names_beside=self._names_beside,
        )

    def review(self) -> None:
        """Look at the settings anew, for those who are here: which language is expected of them."""
        for user_id, session in self._sessions.items():
            session.expect(self._tools.rules.languages.of(user_id, self.port.guild_id))

    @property
    def people_changed(self) -> trio.Event:
        """Return what is set when somebody comes or goes next."""
        return self._people_changed

    async def post(self, told: Line) -> None:
        """Write a message into the channel's chat, in the language of the server."""
        await self._context.post(told)

    def spoken(self, told: Line) -> str:
        """Return a message for the ear of all who are here."""
        return self._tools.rules.messages.spoken(told, self._context.language)

    def _note_people(self) -> None:
        self._people_changed.set()
        self._people_changed = trio.Event()

    @property
    def members(self) -> list[MemberJoined]:
        """Return who is in the channel, bots included."""
        return list(self._members.values())

    @property
    def languages(self) -> set[str]:
        """Return the languages in which somebody here may be spoken to."""
        return {self._context.known(each) for each in self._tools.rules.languages.all}

    @property
    def speakers(self) -> list[SpeakerSession]:
        """Return who is listened to."""
        return list(self._sessions.values())

    @property
    def turns(self) -> list[OpenTurn]:
        """Return what is being said or thought about, oldest first."""
        return self._floor.turns

    @property
    def open_turns(self) -> int:
        """Return how many turns are open."""
        return len(self._floor.turns)

    async def run(self) -> None:
        """Live until the port's events end."""
        self._clock.add(self.mouth)
        self._has_left = False
        try:
            async with trio.open_nursery() as nursery:
                board = self._context.outages
                nursery.start_soon(supervise, "outages", lambda: board.run(self.port))
                for member in self._members.values():
                    self._listen_to(member, nursery)
                with trio.CancelScope() as self._listening:
                    if self._is_draining:
                        self._listening.cancel(reason="drain")
                    fuse = Fuse()
                    with self.port.listening(lambda event: fuse.call(self._on, event, nursery, fuse)):
                        await fuse.wait()
                    nursery.cancel_scope.cancel(reason="left")
                await self._silenced()
                nursery.cancel_scope.cancel(reason="drain")
        finally:
            self._clock.remove(self.mouth)
            self._has_left = True
            for turn in self._floor.turns:  # said for somebody who does not live here, and would wait for ever
                turn.cut("left")

    def _on(self, event: VoiceEvent, nursery: trio.Nursery, fuse: Fuse) -> None:
        match event:
            case OpusPacket(user_id=user_id):
                if user_id not in self._members and not self._has_just_left(user_id):
                    # Discord's roster may lag behind the sound.
                    self._welcome(MemberJoined(user_id, str(user_id), is_bot=False), nursery)
                if user_id in self._sessions:
                    self._sessions[user_id].hear(event)
            case MemberJoined():
                self._welcome(event, nursery)
            case MemberLeft(user_id):
                self._members.pop(user_id, None)
                now = trio.current_time()
                self._left_at = {who: at for who, at in self._left_at.items() if now - at < _STRAGGLING_S}
                self._left_at[user_id] = now
                self._context.addressing.went(user_id)
                self._context.company.went(user_id)
                self._context.who.went(user_id)
                self._note_people()
                self._listen_no_more(user_id)
            case HearingChanged(user_id, is_heard):
                if user_id in self._members:
                    self._welcome(attrs.evolve(self._members[user_id], is_heard=is_heard), nursery)
            case VoiceDown(reason):
                _log.warning("voice connection lost", reason=reason, guild=str(self.port.guild_id))
                for session in self._sessions.values():
                    session.hear(event)
            case Unheard():
                for session in self._sessions.values():
                    session.hear(event)
            case VoiceUp():
                _log.info("voice connection up", guild=str(self.port.guild_id))
            case SpeakingChanged():
                pass  # a hint that comes later than the sound; the sound decides
            case VoiceEnded():
                fuse.end()
            case _:
                assert_never(event)

    def _has_just_left(self, user_id: UserId) -> bool:
        left_at = self._left_at.get(user_id)
        if left_at is None:
            return False
        if trio.current_time() - left_at < _STRAGGLING_S:
            return True
        del self._left_at[user_id]
        return False

    def _welcome(self, member: MemberJoined, nursery: trio.Nursery) -> None:
        known = self._members.get(member.user_id)
        self._members[member.user_id] = member
        self._left_at.pop(member.user_id, None)
        self._note_people()
        if member.is_bot:
            self._context.addressing.went(member.user_id)
        else:
            self._context.addressing.came(member.user_id, trio.current_time())
        if member.is_bot or not member.is_heard:
            self._context.company.went(member.user_id)
            # a bot's first packets came before the roster; who is not heard any more is dropped in mid-word
            self._listen_no_more(member.user_id)
            return
        self._context.company.came(member.user_id, member.name)
        if known is None or known.is_bot or not known.is_heard:
            self._listen_to(member, nursery)
        elif member.user_id in self._sessions:
            self._sessions[member.user_id].call_by(member.name)

    def _listen_to(self, member: MemberJoined, nursery: trio.Nursery) -> None:
        if member.is_bot or not member.is_heard:
            return
        # Made here and not in its task: the next packet may be handled before the task has begun.
        session = self._sessions[member.user_id] = SpeakerSession(self._context, self._speaker_of(member))
        stay = self._stays[member.user_id] = trio.CancelScope()
        nursery.start_soon(self._host, session, stay)

    def _speaker_of(self, member: MemberJoined) -> Speaker:
        return Speaker(
            user_id=member.user_id,
            name=member.name,
            guild_id=self.port.guild_id,
            channel_id=self.port.channel_id,
            language=self._tools.rules.languages.of(member.user_id, self.port.guild_id),
            names_now=self._names,
        )

    def _names(self) -> tuple[str, ...]:
        """Return the names of the people who are heard here now, one line each."""
        heard = (member for member in self._members.values() if member.is_heard and not member.is_bot)
        return tuple(" ".join(member.name.split())[:100] for member in heard)

    def _names_beside(self, user_id: UserId) -> tuple[str, ...]:
        return tuple(member.name for member in self._members.values() if member.user_id != user_id)

    def _listen_no_more(self, user_id: UserId) -> None:
        if user_id in self._stays:
            del self._sessions[user_id]
            self._stays.pop(user_id).cancel(reason="left")

    async def _host(self, session: SpeakerSession, stay: trio.CancelScope) -> None:
        """Keep one speaker's session for as long as the speaker stays."""
        user_id = session.speaker.user_id
        with stay:
            try:
                await keep("speaker", session.run, given_up=session.tell_deaf, user=str(user_id))
            finally:
                if self._sessions.get(user_id) is session:
                    del self._sessions[user_id], self._stays[user_id]

    async def say(self, text: str) -> bool:
        """Speak a ready text, behind what is being said; False if it could not be spoken to its end, or may not be."""
        if self._is_draining or self._has_left or self._context.allowance.silence() is not None:
            return False
        return await Saying(self._context).run(text)

    async def ask(self, member: MemberJoined, text: str, tell: Tell) -> Line | None:
        """Have a typed question answered, aloud and by ``tell``; return what went wrong, if anything."""
        if self._is_draining or self._has_left:
            return line("cannot_speak")
        return await Typed(self._context).ask(self._speaker_of(member), text, tell)

    async def repeat(self) -> Line:
        """Say the last answer again, or its unheard rest; return what to tell who wanted it."""
        if self._is_draining or self._has_left:
            return line("cannot_speak")
        return await Typed(self._context).repeat()

    def stop(self) -> bool:
        """Cut short whatever is being said or thought; tell whether there was anything."""
        return self._context.interruptions.stop()

    async def drain(self, sentence_s: float) -> None:
        """Hear no more; let a sentence that is being spoken end within ``sentence_s``, else fade it out."""
        self._is_draining = True
        self._listening.cancel(reason="drain")
        for session in self._sessions.values():
            session.deafen()
        for turn in self._floor.turns:
            if turn.is_sounding:
                turn.wind_up()
            else:
                turn.cut("drain")
        with trio.move_on_after(sentence_s) as limit:
            await self._silenced()
        if limit.cancelled_caught:
            for turn in self._floor.turns:
                turn.fade_out(_FADE_FRAMES)
            with trio.move_on_after(2 * _FADE_FRAMES * FRAME_S):
                await self._silenced()

    async def _silenced(self) -> None:
        """Wait until no turn is open and the last silence frame has left."""
        while not self._floor.is_empty or not self.mouth.is_idle:
            await self.mouth.until_changed()
