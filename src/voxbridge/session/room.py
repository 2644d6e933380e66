"""One voice channel with us in it: who is there, who is heard, and the one mouth that answers."""

from __future__ import annotations

import structlog
import trio

from voxbridge.core.floor import Floor
from voxbridge.core.sound import FRAME_S, OpusPacket, UserId
from voxbridge.core.voice import MemberJoined, MemberLeft, SpeakingChanged, VoiceDown, VoiceEvent, VoiceUp
from voxbridge.session.context import OpenTurn, RoomContext, Tools
from voxbridge.session.mouth import Mouth, PlayoutClock
from voxbridge.session.saying import Saying
from voxbridge.session.speaker import SpeakerSession
from voxbridge.session.supervise import supervise
from voxbridge.session.voice import VoicePort
from voxbridge.stages import Speaker

_log = structlog.get_logger(__name__)

_FADE_FRAMES = 15  # 300 ms: short enough to obey, long enough not to click


class Room:
    """The conversation in one voice channel."""

    def __init__(self, port: VoicePort, tools: Tools, clock: PlayoutClock) -> None:
        self.port = port
        self.mouth = Mouth(port, clock, tools.counters, stereo=tools.settings.discord.send_stereo)
        self._clock = clock
        self._tools = tools
        self._members: dict[UserId, MemberJoined] = {}
        self._sessions: dict[UserId, SpeakerSession] = {}
        self._stays: dict[UserId, trio.CancelScope] = {}
        self._turns: dict[str, OpenTurn] = {}
        self._listening = trio.CancelScope()
        self._context = RoomContext(
            tools=tools,
            port=port,
            mouth=self.mouth,
            floor=Floor(),
            turns=self._turns,
            participants=lambda: sum(not member.is_bot for member in self._members.values()),
        )

    @property
    def members(self) -> list[MemberJoined]:
        """Return who is in the channel, bots included."""
        return list(self._members.values())

    @property
    def speakers(self) -> list[SpeakerSession]:
        """Return who is listened to."""
        return list(self._sessions.values())

    @property
    def open_turns(self) -> int:
        """Return how many turns are being lived."""
        return len(self._turns)

    async def run(self) -> None:
        """Live until the port's events end."""
        self._clock.add(self.mouth)
        try:
            async with trio.open_nursery() as nursery:
                with self._listening:
                    async for event in self.port.events:
                        self._on(event, nursery)
                    nursery.cancel_scope.cancel(reason="left")
                await self._silenced()
                nursery.cancel_scope.cancel(reason="drain")
        finally:
            self._clock.remove(self.mouth)

    def _on(self, event: VoiceEvent, nursery: trio.Nursery) -> None:
        match event:
            case OpusPacket(user_id=user_id):
                if user_id not in self._members:
                    # Discord's roster may lag behind the sound.
                    self._welcome(MemberJoined(user_id, str(user_id), is_bot=False), nursery)
                if user_id in self._sessions:
                    self._sessions[user_id].hear(event)
            case MemberJoined():
                self._welcome(event, nursery)
            case MemberLeft(user_id):
                self._members.pop(user_id, None)
                if user_id in self._stays:
                    self._stays[user_id].cancel(reason="left")
            case VoiceDown(reason):
                _log.warning("voice connection lost", reason=reason, guild=str(self.port.guild_id))
                for session in self._sessions.values():
                    session.hear(event)
            case VoiceUp():
                _log.info("voice connection up", guild=str(self.port.guild_id))
            case SpeakingChanged():
                pass  # a hint that comes later than the sound; the sound decides

    def _welcome(self, member: MemberJoined, nursery: trio.Nursery) -> None:
        known = self._members.get(member.user_id)
        self._members[member.user_id] = member
        if member.is_bot or known is not None:
            return
        nursery.start_soon(self._host, member)

    async def _host(self, member: MemberJoined) -> None:
        """Keep one speaker's session for as long as the speaker stays."""
        speaker = Speaker(
            user_id=member.user_id,
            name=member.name,
            guild_id=self.port.guild_id,
            channel_id=self.port.channel_id,
            language=self._tools.settings.stt.language,
        )
        session = SpeakerSession(self._context, speaker)
        with trio.CancelScope() as stay:
            self._sessions[member.user_id], self._stays[member.user_id] = session, stay
            try:
                await supervise("speaker", session.run, user=str(member.user_id))
            finally:
                if self._sessions.get(member.user_id) is session:
                    del self._sessions[member.user_id], self._stays[member.user_id]

    async def say(self, text: str) -> bool:
        """Speak a ready text, behind what is being said; False if it could not be spoken to its end."""
        turn_id = self._tools.new_turn_id()
        self._turns[turn_id] = saying = Saying(self._context)
        try:
            return await saying.run(text, turn_id)
        finally:
            del self._turns[turn_id]

    def stop(self) -> bool:
        """Cut short whatever is being said or thought; tell whether there was anything."""
        turns = list(self._turns.values())
        for turn in turns:
            turn.cut("stop")
        return bool(turns)

    async def drain(self, sentence_s: float) -> None:
        """Hear no more; let a sentence that is being spoken end within ``sentence_s``, else fade it out."""
        self._listening.cancel(reason="drain")
        for turn in list(self._turns.values()):
            if turn.is_sounding:
                turn.wind_up()
            else:
                turn.cut("drain")
        with trio.move_on_after(sentence_s) as limit:
            await self._silenced()
        if limit.cancelled_caught:
            for turn in list(self._turns.values()):
                turn.fade_out(_FADE_FRAMES)
            with trio.move_on_after(2 * _FADE_FRAMES * FRAME_S):
                await self._silenced()

    async def _silenced(self) -> None:
        """Wait until no turn is open and the last silence frame has left."""
        while self._turns or not self.mouth.is_idle:
            await self.mouth.until_changed()
