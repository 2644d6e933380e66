"""Voice in writing: what is heard and answered, in the channel's chat as it happens, and in a file at the end.

    notices, reports --> lines --> Roll (pure: what to write or edit next) --> ChatPort (Discord)
                             '---> Minutes (pure) ------- when we leave ------> a file

It runs beside the conversation: whatever Discord does to it, speech does not wait. Who is not heard does not appear.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
import structlog
import trio

from voxbridge.config.chat import ChatSettings
from voxbridge.core.chat.minutes import Minute, Minutes, as_text, as_webvtt
from voxbridge.core.chat.plain import disarmed, plain, plain_name
from voxbridge.core.chat.roll import Deed, Roll
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.errors import DiscordError
from voxbridge.session.notices import (
    AnswerText,
    FinalTranscript,
    Notice,
    PartialTranscript,
    SpeakerStarted,
    TurnTaken,
)
from voxbridge.session.report import TurnReport

_log = structlog.get_logger(__name__)

_DEED_LIMIT_S = 60.0  # with what Discord's rate limit may make of it
_AFTER_REFUSAL_S = 30.0
_LAST_WORDS_S = 5.0
_BROKEN_OFF = " —"
_OPEN = " …"


class ChatPort(Protocol):
    """Writes into chats. All of it raises DiscordError."""

    async def write(self, channel_id: ChannelId, text: str) -> int:
        """Write a message; return its id."""
        ...

    async def edit(self, channel_id: ChannelId, message_id: int, text: str) -> None:
        """Change a message."""

    async def remove(self, channel_id: ChannelId, message_id: int) -> None:
        """Take a message away."""

    async def open_thread(self, channel_id: ChannelId, name: str) -> ChannelId:
        """Open a thread; return its id."""
        ...

    async def attach(self, channel_id: ChannelId, text: str, file_name: str, content: str) -> None:
        """Write a message with a file."""


@attrs.frozen
class Call:
    """The call that is written down: where, and what we are called there."""

    guild_id: GuildId
    channel_id: ChannelId
    own_name: Callable[[], str]


class RoomChat:
    """One call. ``run`` returns when the call is over and its file is posted."""

    def __init__(self, call: Call, settings_now: Callable[[], ChatSettings], *, file_note: str, wall_day: str) -> None:
        self.call, self._settings_now = call, settings_now
        self._file_note, self._wall_day = file_note, wall_day
        self._began_at = trio.current_time()
        self._roll, self.minutes = Roll(), Minutes()
        self._stirred, self._is_over = trio.Event(), trio.Event()
        self._place: ChannelId | None = None
        self._has_complained = False
        self._spoke_at: dict[UserId, float] = {}
        self._being_said: dict[UserId, str] = {}
        """The line of an utterance that goes on."""
        self._lines: dict[str, str] = {}
        """The line of a turn's question."""
        self._answers_as: dict[str, str] = {}
        self._ahead: dict[str, str] = {}
        """Answers to turns of which it is not certain yet that they are any."""
        self._numbers = 0

    @property
    def is_on(self) -> bool:
        """Tell whether questions and answers are written."""
        return self._settings_now().mirror != "off"

    def over(self) -> None:
        """Note that the call is over."""
        self._is_over.set()
        self._stirred.set()

    # What happens

    def on_notice(self, notice: Notice) -> None:
        """Take note of what happens in the room, if any of it is to be written."""
        settings = self._settings_now()
        if settings.mirror == "off" and settings.transcript == "off":
            return
        match notice:
            case SpeakerStarted(speaker):
                self._spoke_at[speaker.user_id] = trio.current_time()
                self._being_said.pop(speaker.user_id, None)
            case PartialTranscript(speaker, text) if settings.captions and text.strip():
                key = self._being_said.get(speaker.user_id) or self._new_key(speaker.user_id)
                self._show(key, speaker.name, plain(text) + _OPEN)
            case FinalTranscript(speaker, turn_id, text) if settings.captions:
                self._heard(speaker.user_id, speaker.name, turn_id, text)
            case TurnTaken(speaker, turn_id, text):
                if not settings.captions:
                    self._heard(speaker.user_id, speaker.name, turn_id, text)
                if (answer := self._ahead.pop(turn_id, None)) is not None:
                    self._answer(turn_id, answer)
            case AnswerText(_, turn_id, text, is_decided, name):
                self._answers_as[turn_id] = name or self.call.own_name()
                if is_decided:
                    self._answer(turn_id, text)
                else:
                    self._ahead[turn_id] = text
            case _:
                pass

    def on_report(self, report: TurnReport) -> None:
        """Take note of how a turn ended."""
        turn_id, answer = report.turn_id, f"a {report.turn_id}"
        self._ahead.pop(turn_id, None)
        question = self._lines.pop(turn_id, None)
        if turn_id not in self._answers_as and question is None:
            return
        if report.outcome == "superseded" and question is not None:  # its words come again, with the next turn's
            self._roll.drop(question)
            self.minutes.drop(question)
        if report.outcome in ("superseded", "interrupted", "cancelled"):
            if report.spoken.strip():
                self._answer(turn_id, report.spoken, mark=_BROKEN_OFF)
            else:
                self._roll.drop(answer)
                self.minutes.drop(answer)
        self._answers_as.pop(turn_id, None)
        self._stirred.set()

    def hush(self, user_id: UserId) -> None:
        """Take away what somebody is saying now: they are not heard any more."""
        if (key := self._being_said.pop(user_id, None)) is not None:
            self._roll.drop(key)
            self._stirred.set()

    def _new_key(self, user_id: UserId) -> str:
        self._numbers += 1
        key = self._being_said[user_id] = f"u {self._numbers}"
        return key

    def _heard(self, user_id: UserId, name: str, turn_id: str, text: str) -> None:
        key = self._being_said.pop(user_id, None) or self._new_key(user_id)
        self._being_said.pop(user_id, None)
        if not text.strip():
            self._roll.drop(key)
            return
        self._lines[turn_id] = key
        self._show(key, name, plain(text))
        self._note(key, self._spoke_at.get(user_id, trio.current_time()), user_id, name, text)

    def _answer(self, turn_id: str, text: str, mark: str = "") -> None:
        key, now = f"a {turn_id}", trio.current_time()
        name = self._answers_as.get(turn_id) or self.call.own_name()
        began = next((self._began_at + line.began_s for line in self.minutes.lines if line.key == key), now)
        self._show(key, name, disarmed(text) + mark)
        self._note(key, began, None, name, text + mark)

    def _show(self, key: str, name: str, text: str) -> None:
        if self.is_on:
            self._roll.put(key, f"**{plain_name(name)}:** {text}", trio.current_time())
            self._stirred.set()

    def _note(self, key: str, began_at: float, user_id: UserId | None, name: str, text: str) -> None:
        if self._settings_now().transcript != "off":
            began_s, ended_s = began_at - self._began_at, trio.current_time() - self._began_at
            self.minutes.put(Minute(key, max(0.0, began_s), ended_s, user_id, name, text))

    # The task

    async def run(self, port: ChatPort) -> None:
        """Write until the call is over, then post the file."""
        while not self._is_over.is_set():
            self._stirred = trio.Event()
            if (deed := self._roll.next_deed(trio.current_time())) is not None:
                await self._carry_out(deed, port)
                continue
            with trio.move_on_at(self._roll.due_at()):
                await self._stirred.wait()
        with trio.move_on_after(_LAST_WORDS_S):
            await self._write_the_rest(port)
        await self._post_file(port)

    async def _write_the_rest(self, port: ChatPort) -> None:
        while (due_at := self._roll.due_at()) < float("inf"):
            await trio.sleep_until(due_at)
            if (deed := self._roll.next_deed(trio.current_time())) is not None:
                await self._carry_out(deed, port)

    async def _carry_out(self, deed: Deed, port: ChatPort) -> None:
        message_id = deed.message.id
        try:
            with trio.fail_after(_DEED_LIMIT_S):
                place = await self._where(port)
                if message_id is None:
                    message_id = await port.write(place, deed.text)
                elif deed.text:
                    await port.edit(place, message_id, deed.text)
                else:
                    await port.remove(place, message_id)
        except (DiscordError, trio.TooSlowError) as error:
            self._roll.failed(deed, trio.current_time(), _AFTER_REFUSAL_S)
            self._complain(error)
        else:
            self._roll.done(deed, message_id, trio.current_time())
            self._has_complained = False

    async def _where(self, port: ChatPort) -> ChannelId:
        """Return where to write: decided with the first message of a call."""
        if self._place is None:
            settings, call = self._settings_now(), self.call
            named = settings.channels.get(str(call.channel_id)) or settings.channels.get(str(call.guild_id))
            place = ChannelId(int(named)) if named else call.channel_id
            if settings.mirror == "thread":
                try:
                    place = await port.open_thread(place, f"{call.own_name()} {self._wall_day}".strip())
                except DiscordError as error:
                    _log.warning("no thread could be opened: the channel itself is written into", reason=str(error))
            self._place = place
        return self._place

    async def _post_file(self, port: ChatPort) -> None:
        kind = self._settings_now().transcript
        if kind == "off" or not len(self.minutes):
            return
        name, content = (
            ("transcript.vtt", as_webvtt(self.minutes))
            if kind == "webvtt"
            else ("transcript.txt", as_text(self.minutes))
        )
        try:
            with trio.fail_after(_DEED_LIMIT_S):
                await port.attach(await self._where(port), self._file_note, name, content)
        except (DiscordError, trio.TooSlowError) as error:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        if not self._has_complained:
            self._has_complained = True
            _log.warning("the chat could not be written", guild=str(self.call.guild_id), reason=str(error))


class Chats:
    """All calls that are being written down. It holds what members said (``people.privacy.Records``)."""

    holds = "records_minutes"

    def __init__(self, settings_now: Callable[[], ChatSettings], is_heard: Callable[[GuildId, UserId], bool]) -> None:
        self._settings_now, self._is_heard = settings_now, is_heard
        self._calls: dict[GuildId, RoomChat] = {}
        self._open = 0
        self._changed = trio.Event()

    def is_on(self, guild_id: GuildId) -> bool:
        """Tell whether the answers given in a guild are written."""
        return guild_id in self._calls and self._calls[guild_id].is_on

    def on_notice(self, notice: Notice) -> None:
        """Take note of what happens in a room."""
        speaker = notice.speaker
        call = self._calls.get(speaker.guild_id)
        if call is not None and self._is_heard(speaker.guild_id, speaker.user_id):
            call.on_notice(notice)

    def on_report(self, report: TurnReport) -> None:
        """Take note of how a turn ended."""
        if report.guild_id in self._calls:
            self._calls[report.guild_id].on_report(report)

    def hearing_changed(self, guild_id: GuildId, user_id: UserId, is_heard: bool) -> None:
        """Note that a member may be heard from now on, or not any more."""
        if not is_heard and guild_id in self._calls:
            self._calls[guild_id].hush(user_id)

    async def run(self, call: Call, port: ChatPort, *, file_note: str, wall_day: str) -> None:
        """Write one call down, until ``over``."""
        chat = self._calls[call.guild_id] = RoomChat(call, self._settings_now, file_note=file_note, wall_day=wall_day)
        self._open += 1
        try:
            await chat.run(port)
        finally:
            if self._calls.get(call.guild_id) is chat:
                del self._calls[call.guild_id]
            self._open -= 1
            self._changed.set()
            self._changed = trio.Event()

    def over(self, guild_id: GuildId) -> None:
        """Note that a call is over."""
        if guild_id in self._calls:
            self._calls[guild_id].over()

    async def finish(self) -> None:
        """End all of them; return when their files are posted."""
        for call in self._calls.values():
            call.over()
        while self._open:
            await self._changed.wait()

    async def count(self, guild_id: GuildId, user_id: UserId) -> int:
        """Return how many lines of the running transcript are a member's."""
        await trio.lowlevel.checkpoint()
        return self._calls[guild_id].minutes.count(user_id) if guild_id in self._calls else 0

    async def erase(self, guild_id: GuildId, user_id: UserId) -> int:
        """Take them away."""
        await trio.lowlevel.checkpoint()
        return self._calls[guild_id].minutes.erase(user_id) if guild_id in self._calls else 0
