"""One person in the simulated call, live: the shell between a page and the daemon's process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import trio

from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import SimulatedCall, opus_of
from voxbridge.rehearsal.discord.hearing import Heard
from voxbridge.rehearsal.discord.world import BOT_ID, GUILD_ID
from voxbridge.rehearsal.talk.control_client import ControlClient
from voxbridge.rehearsal.talk.microphone import Loudspeaker, Microphone

TEXT_CHARS_MAX = 500  # half a minute of speech
_KEPT_MESSAGES = 200  # some thirty turns, for a page that is opened again
_QUEUED = 500  # 10 s of sound for a page that does not read; then it has to come again
_JOURNAL_RECHECK_S = 0.05
_FORGET_S = 60.0

_NO_VOICE = "Typed text is spoken by the built-in voice, which is not installed: install the extra [embedded]."

Message = dict[str, Any] | bytes
SpeakText = Callable[[str], Pcm]


class Studio:
    """The call, its events and its sound, for one page at a time."""

    def __init__(self, call: SimulatedCall, control: ControlClient, speak_text: SpeakText | None) -> None:
        self._call, self._control, self._speak_text = call, control, speak_text
        self._story: deque[dict[str, Any]] = deque(maxlen=_KEPT_MESSAGES)
        self._page: trio.MemorySendChannel[Message] | None = None
        self._loudspeaker: Loudspeaker | None = None
        self._microphone: Microphone | None = None
        self._typed = trio.Lock()
        self.is_taken = False

    async def run(self) -> None:
        """Carry events, turns and sound to the page, until the daemon ends. Raises: ControlLost, DaemonFailed."""
        self._call.ada.on_heard = self._hear
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow_turns)
            nursery.start_soon(self._forget)
            await self._control.follow(self._on_event)
            nursery.cancel_scope.cancel(reason="the daemon has ended")

    # What comes from the daemon.

    def _on_event(self, event: dict[str, Any]) -> None:
        self._tell({"type": "event", "event": event.get("event"), "data": event.get("data")})

    async def _follow_turns(self) -> None:
        told = 0
        while True:
            turns = self._call.daemon.turns
            for report in turns[told:]:
                self._tell({"type": "turn", "report": report})
            told = len(turns)
            await trio.sleep(_JOURNAL_RECHECK_S)

    async def _forget(self) -> None:
        while True:
            await trio.sleep(_FORGET_S)
            self._call.discord.record.clear()

    def _hear(self, heard: Heard) -> None:
        if self._loudspeaker is not None and (pcm := self._loudspeaker.feed(heard)):
            self._send(pcm)

    def _tell(self, message: dict[str, Any]) -> None:
        self._story.append(message)
        self._send(message)

    def _send(self, message: Message) -> None:
        if self._page is None:
            return
        try:
            self._page.send_nowait(message)
        except trio.WouldBlock:
            self._page.close()
            self._page = None

    # The page.

    def open(self, rate_hz: int) -> trio.MemoryReceiveChannel[Message]:
        """Begin to serve a page whose sound has this rate; return what it is to be sent, the story so far first."""
        send, receive = trio.open_memory_channel[Message](_QUEUED + _KEPT_MESSAGES)
        for message in self._story:
            send.send_nowait(message)
        self._page = send
        self._loudspeaker, self._microphone = Loudspeaker(BOT_ID, rate_hz), Microphone(self._call.ada, rate_hz)
        return receive

    def close(self) -> None:
        """The page is gone: its microphone is silent."""
        if self._microphone is not None:
            self._microphone.close()
        self._page = self._loudspeaker = self._microphone = None

    def say_sound(self, pcm: bytes) -> None:
        """Send what the page's microphone has heard."""
        if self._microphone is not None:
            self._microphone.feed(pcm)

    def mute(self) -> None:
        """Fall silent until the next sound comes."""
        if self._microphone is not None:
            self._microphone.close()

    async def say_text(self, text: str) -> None:
        """Speak a typed text in the call, with the built-in voice; one after the other."""
        if self._speak_text is None:
            self._send(
                {"type": "problem", "text": "To speak typed text, install the built-in voice: the extra [embedded]."}
            )
            return
        async with self._typed:
            sound = await trio.to_thread.run_sync(self._speak_text, text)
            self._tell({"type": "typed", "text": text})
            await self._call.ada.speak(opus_of(sound))

    async def stop_answer(self) -> None:
        """Make the bot fall silent, as `/stop` does. Raises: ControlLost."""
        await self._control.ask("/v1/stop", {"guild_id": str(GUILD_ID)})
