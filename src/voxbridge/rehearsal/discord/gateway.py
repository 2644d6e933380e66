"""The main gateway, version 10: sessions with resume, guilds, voice states, interactions.

Discord documentation, "Gateway"; fields as discord.py 2.7 reads them.
"""

from __future__ import annotations

import collections
import json
import secrets
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trio

from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.rehearsal.discord.connection import CloseWith, Connection, HungUp
from voxbridge.rehearsal.discord.knobs import Knobs
from voxbridge.rehearsal.discord.objects import Json, guild_object, member_object, user_object, voice_state_object
from voxbridge.rehearsal.discord.record import Record
from voxbridge.rehearsal.discord.timers import Timers
from voxbridge.rehearsal.discord.world import CONNECT_PERMISSION, STAGE, VOICE, Bot, VoiceState, World

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME = 0, 1, 2, 3, 4, 6
RECONNECT, MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 7, 8, 9, 10, 11
SOUNDBOARD = 31

_KNOWN_FROM_CLIENTS = frozenset({HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME, MEMBERS, SOUNDBOARD, 43})
_PRIVILEGED_INTENTS = 1 << 1 | 1 << 8 | 1 << 15
_ALL_INTENTS = (1 << 29) - 1
_INTENT_OF = {"VOICE_STATE_UPDATE": 1 << 7, "MESSAGE_CREATE": 1 << 9, "GUILD_CREATE": 1 << 0, "THREAD_CREATE": 1 << 0}
_VOICE_EVENTS = frozenset({"VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"})
_REPLAY_EVENTS = 1000
_CHUNK_MEMBERS = 1000  # Discord documentation, "Guild Members Chunk"
_MESSAGE_CONTENT = 1 << 15
_FATAL_CLOSES = frozenset({4004, 4010, 4011, 4012, 4013, 4014})  # the session cannot be resumed after these


class Session:
    """A bot's session: outlives its websocket and keeps its events for a resume."""

    def __init__(self, bot: Bot, intents: int, record: Record, knobs: Knobs, timers: Timers) -> None:
        self.id = secrets.token_hex(16)
        self.bot, self.intents, self._record, self._knobs, self._timers = bot, intents, record, knobs, timers
        self._voice_due_at = 0.0
        self.line: _Dialogue | None = None
        self._sequence = 0
        self._events: collections.deque[tuple[int, str, object]] = collections.deque(maxlen=_REPLAY_EVENTS)

    def dispatch(self, name: str, data: Any) -> None:
        """Send an event, if the bot's intents ask for it. What concerns voice comes late, and nothing overtakes it."""
        wanted = _INTENT_OF.get(name, 0)
        if wanted and not self.intents & wanted:
            return
        if name == "MESSAGE_CREATE" and not self.intents & _MESSAGE_CONTENT and not self._may_read(data):
            # Discord documentation, "Message Content Intent": without it, only one's own and what mentions one
            data = {**data, "content": "", "embeds": [], "attachments": [], "components": []}
        if name == "VOICE_SERVER_UPDATE" and self._knobs.lose_voice_servers > 0:
            self._knobs.lose_voice_servers -= 1
            return
        now = trio.current_time()
        late_s = self._knobs.gateway_late_s if name in _VOICE_EVENTS else 0.0
        if late_s > 0 or self._voice_due_at > now:
            self._voice_due_at = max(now + late_s, self._voice_due_at)
            self._timers.after(self._voice_due_at - now, partial(self._dispatch, name, data))
            return
        self._dispatch(name, data)

    def _may_read(self, message: Json) -> bool:
        me = str(self.bot.user.id)
        return message["author"]["id"] == me or f"<@{me}>" in message["content"]

    def _dispatch(self, name: str, data: object) -> None:
        self._sequence += 1
        self._events.append((self._sequence, name, data))
        self._record.note("gateway", "out", self.bot.user.id, DISPATCH, name)
        if self.line is not None:
            self.line.send(DISPATCH, data, sequence=self._sequence, name=name)

    def replay(self, seen: int) -> None:
        """Send again what came after a sequence number."""
        for sequence, name, data in list(self._events):
            if sequence > seen and self.line is not None:
                self.line.send(DISPATCH, data, sequence=sequence, name=name)


class MainGateway:
    """All sessions of all bots."""

    def __init__(
        self, world: World, record: Record, knobs: Knobs, timers: Timers, voice_port: Callable[[], int]
    ) -> None:
        self._world, self._record, self._knobs, self._voice_port = world, record, knobs, voice_port
        self.timers = timers
        self.sessions: dict[str, Session] = {}
        self.port = 0
        self.on_voice_state: Callable[[VoiceState, ChannelId | None], None] = lambda *_: None

    def sessions_of(self, user_id: UserId) -> list[Session]:
        """Return a bot's sessions, those without a websocket included."""
        return [session for session in self.sessions.values() if session.bot.user.id == user_id]

    def broadcast(self, guild_id: GuildId, name: str, data: object) -> None:
        """Send an event to every bot in a guild."""
        for session in list(self.sessions.values()):
            if session.bot.user.id in self._world.guilds[guild_id].member_ids:
                session.dispatch(name, data)

    def announce(self, state: VoiceState) -> None:
        """Tell everybody a voice state."""
        user = self._world.users[state.user_id]
        self.broadcast(state.guild_id, "VOICE_STATE_UPDATE", voice_state_object(state, user))

    def send_voice_server(self, state: VoiceState, token: str) -> None:
        """Tell a bot where its voice server is and with which token to come."""
        for session in self.sessions_of(state.user_id):
            host = session.line.voice_host() if session.line is not None else "rehearsal1.discord.media"
            session.dispatch(
                "VOICE_SERVER_UPDATE",
                {"token": token, "guild_id": str(state.guild_id), "endpoint": f"{host}:{self._voice_port()}"},
            )

    def change_voice_state(self, bot: Bot, data: dict[str, Any]) -> None:
        """Handle op 4: join, move, leave, or change one's own mute and deaf."""
        guild_id = GuildId(int(data["guild_id"]))
        channel_id = ChannelId(int(data["channel_id"])) if data.get("channel_id") else None
        key = (guild_id, bot.user.id)
        state = self._world.voice_states.get(key)
        before = state.channel_id if state is not None else None
        if channel_id is not None and not (self._knobs.dispatch_voice_updates and self._may_join(bot, channel_id)):
            return  # Discord documentation, "Update Voice State": no answer at all
        own = (bool(data.get("self_mute")), bool(data.get("self_deaf")))
        if channel_id == before and (state is None or own == (state.self_mute, state.self_deaf)):
            self._record.counts["voice_states_unchanged"] += 1
            return  # nothing changes, so nothing is said
        if state is None or before is None:
            state = VoiceState(guild_id, bot.user.id, None, secrets.token_hex(16))
        state.channel_id = channel_id
        state.self_mute, state.self_deaf = own
        channel = self._world.channel(channel_id) if channel_id is not None else None
        state.suppress = channel is not None and channel.kind == STAGE and state.suppress | (channel_id != before)
        if channel_id is None:
            self._world.voice_states.pop(key, None)
        else:
            self._world.voice_states[key] = state
        if self._knobs.server_before_state:
            self.on_voice_state(state, before)
            self.announce(state)
        else:
            self.announce(state)
            self.on_voice_state(state, before)

    def _may_join(self, bot: Bot, channel_id: ChannelId) -> bool:
        channel = self._world.channel(channel_id)
        if channel is None or channel.kind not in (VOICE, STAGE):
            return False
        inside = self._world.people_in(channel_id)
        has_room = not channel.user_limit or bot.user.id in inside or len(inside) < channel.user_limit
        return has_room and bool(self._world.guilds[channel.guild_id].everyone_permissions & CONNECT_PERMISSION)

    async def serve(self, connection: Connection) -> None:
        """Hold one client's dialogue."""
        dialogue = _Dialogue(self, connection, self._world, self._record, self._knobs)
        dialogue.send(HELLO, {"heartbeat_interval": self._knobs.gateway_heartbeat_ms})
        try:
            while True:
                patience_s = self._knobs.gateway_heartbeat_ms / 1000 * self._knobs.heartbeat_patience
                with trio.move_on_at(dialogue.heard_at + patience_s) as scope:
                    dialogue.receive(await connection.receive())
                if scope.cancelled_caught:
                    raise CloseWith(4009, "Session timed out.")
        except HungUp as hung_up:
            if hung_up.code in (1000, 1001):
                dialogue.end()
        finally:
            dialogue.lost()

    def end(self, session: Session) -> None:
        """Forget a session: it cannot be resumed, and its bot leaves all voice channels."""
        self.sessions.pop(session.id, None)
        if self.sessions_of(session.bot.user.id):
            return
        for key, state in list(self._world.voice_states.items()):
            if state.user_id == session.bot.user.id:
                before, state.channel_id = state.channel_id, None
                del self._world.voice_states[key]
                self.announce(state)
                self.on_voice_state(state, before)

    def close(self, user_id: UserId, code: int) -> None:
        """Close a bot's websockets; all but the fatal codes can be resumed."""
        for session in self.sessions_of(user_id):
            if session.line is not None:
                session.line.connection.close(code, "Simulated.")
            if code in _FATAL_CLOSES:
                self.sessions.pop(session.id, None)

    def invalidate(self, user_id: UserId, *, resumable: bool = False) -> None:
        """Send op 9: the client has to identify anew (or, if resumable, to resume)."""
        for session in self.sessions_of(user_id):
            if session.line is not None:
                session.line.send(INVALID_SESSION, resumable)
            if not resumable:
                self.sessions.pop(session.id, None)

    def ask_to_reconnect(self, user_id: UserId) -> None:
        """Send op 7: the client has to hang up and resume."""
        for session in self.sessions_of(user_id):
            if session.line is not None:
                session.line.send(RECONNECT, None)


class _Dialogue:
    """One websocket."""

    def __init__(
        self, gateway: MainGateway, connection: Connection, world: World, record: Record, knobs: Knobs
    ) -> None:
        self._gateway, self.connection, self._world, self._record, self._knobs = (
            gateway,
            connection,
            world,
            record,
            knobs,
        )
        compress = parse_qs(urlsplit(connection.path).query).get("compress")
        self._zlib = zlib.compressobj() if compress == ["zlib-stream"] else None
        self._session: Session | None = None
        self.heard_at = trio.current_time()  # Trio time of the last heartbeat

    def send(self, op: int, data: object, *, sequence: int | None = None, name: str | None = None) -> None:
        """Send one payload, as part of the connection's one zlib stream if the client asked for it."""
        text = json.dumps({"op": op, "d": data, "s": sequence, "t": name})
        if self._zlib is None:
            self.connection.send(text)
        else:
            self.connection.send(self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH))

    def voice_host(self) -> str:
        """Return the voice server's name: localhost for clients that came that way."""
        host = self.connection.host.split(":")[0]
        return host if host in ("localhost", "127.0.0.1") else "rehearsal1.discord.media"

    def _gateway_url(self) -> str:
        host = self.connection.host
        return f"wss://{host}" if host.startswith(("localhost", "127.0.0.1")) else "wss://gateway.discord.gg"

    def receive(self, message: str | bytes) -> None:
        """Handle one message. Raises: CloseWith."""
        try:
            parsed = json.loads(message)
            op, data = parsed["op"], parsed.get("d")
            if op != HEARTBEAT:
                user_id = self._session.bot.user.id if self._session else None
                # The token of an IDENTIFY is no business of a record that tests print.
                self._record.note("gateway", "in", user_id, op, data=_without_token(op, data))
            self._handle(op, data)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CloseWith(4002, "Error while decoding payload.") from None

    def _handle(self, op: int, data: Any) -> None:
        if op not in _KNOWN_FROM_CLIENTS:
            raise CloseWith(4001, "Unknown opcode.")
        if op == HEARTBEAT:
            self.heard_at = trio.current_time()
            self._record.counts["gateway_heartbeats"] += 1
            if self._knobs.acknowledge_heartbeats:
                # A client that notes the time after sending (discord.py) would believe an answer in no time to be old.
                self._gateway.timers.after(self._knobs.heartbeat_ack_after_s, partial(self.send, HEARTBEAT_ACK, None))
        elif op in (IDENTIFY, RESUME):
            if self._session is not None:
                raise CloseWith(4005, "Already authenticated.")
            (self._identify if op == IDENTIFY else self._resume)(data)
        elif self._session is None:
            raise CloseWith(4003, "Not authenticated.")
        elif op == VOICE_STATE:
            self._gateway.change_voice_state(self._session.bot, data)
        elif op == MEMBERS:
            self._members(data)
        elif op == SOUNDBOARD:
            for guild_id in data["guild_ids"]:
                self._session.dispatch("SOUNDBOARD_SOUNDS", {"guild_id": guild_id, "soundboard_sounds": []})

    def _bot(self, token: str) -> Bot:
        bot = self._world.bots.get(token.removeprefix("Bot "))
        if bot is None:
            raise CloseWith(4004, "Authentication failed.")
        return bot

    def _identify(self, data: dict[str, Any]) -> None:
        bot, intents = self._bot(data["token"]), int(data.get("intents", 0))
        if not 0 <= intents <= _ALL_INTENTS:
            raise CloseWith(4013, "Invalid intent(s).")
        if intents & _PRIVILEGED_INTENTS and not self._knobs.privileged_intents_allowed:
            raise CloseWith(4014, "Disallowed intent(s).")
        for lost in self._gateway.sessions_of(bot.user.id):
            if lost.line is None:  # who identifies anew will not come back for the old one
                self._gateway.sessions.pop(lost.id, None)
        session = Session(bot, intents, self._record, self._knobs, self._gateway.timers)
        session.line, self._session = self, session
        self._gateway.sessions[session.id] = session
        guilds = [guild for guild in self._world.guilds.values() if bot.user.id in guild.member_ids]
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": user_object(bot.user),
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": self._gateway_url(),
                "application": {"id": str(bot.user.id), "flags": 0},
                "private_channels": [],
                "shard": data.get("shard") or [0, 1],
            },
        )
        for guild in guilds:
            session.dispatch("GUILD_CREATE", guild_object(self._world, guild, bot.user.id))

    def _resume(self, data: dict[str, Any]) -> None:
        session = self._gateway.sessions.get(data["session_id"])
        if session is None or session.bot is not self._bot(data["token"]):
            self.send(INVALID_SESSION, False)
            return
        if session.line is not None:
            session.line.connection.cut()
        session.line, self._session = self, session
        session.replay(int(data["seq"] or 0))
        # An object, not null: discord.py 2.7 writes into it.
        session.dispatch("RESUMED", {})

    def _members(self, data: dict[str, Any]) -> None:
        assert self._session is not None
        guild = self._world.guilds[GuildId(int(data["guild_id"]))]
        asked = data.get("user_ids")
        missing: list[str] = []
        if asked is not None:
            ids = [str(user_id) for user_id in (asked if isinstance(asked, list) else [asked])]
            found = [self._world.users[UserId(int(i))] for i in ids if int(i) in guild.member_ids]
            missing = [i for i in ids if int(i) not in guild.member_ids]
        else:
            found = self._world.members_named(guild, data.get("query") or "")
            found = found[: int(data.get("limit") or 0) or None]
        chunks = [found[at : at + _CHUNK_MEMBERS] for at in range(0, len(found), _CHUNK_MEMBERS)] or [[]]
        for number, part in enumerate(chunks):
            chunk = {
                "guild_id": str(guild.id),
                "members": [member_object(user) for user in part],
                "chunk_index": number,
                "chunk_count": len(chunks),
                "nonce": data.get("nonce"),
            }
            self._session.dispatch("GUILD_MEMBERS_CHUNK", chunk | ({"not_found": missing} if missing else {}))

    def end(self) -> None:
        """The client has closed normally: its session is over."""
        if self._session is not None and self._session.line is self:
            self._gateway.end(self._session)

    def lost(self) -> None:
        """The websocket is gone; the session waits for a resume."""
        if self._session is not None and self._session.line is self:
            self._session.line = None
        self._record.touch()


def _without_token(op: int, data: object) -> object:
    """Return what of a message a record may show: the first two bear the bot's token."""
    match data:
        case {"intents": intents} if op == IDENTIFY:
            return {"intents": intents}
        case _:
            return None if op in (IDENTIFY, RESUME) else data
