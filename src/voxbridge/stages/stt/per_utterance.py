"""A line with one connection per utterance, made of a ``Connector``: what all kinds but ``whisperx`` have."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Self

import attrs
import trio

from voxbridge.core.sound.pcm import HEARING_RATE_HZ, HeardSound
from voxbridge.core.stt.owed import Call, Manners, Owed
from voxbridge.errors import StageError, StageProtocolError, StageUnavailable
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.stt.line import SttLine, open_line
from voxbridge.stages.stt.takes import Connector, OnPartial, Take

# Packets per message: 60 ms when live, so that a message's own cost (60 us) is shared; 100 ms when there is a backlog.
_BATCH_MIN, _BATCH_MAX = 3, 5
# A server that fails with the whole utterance in hand, or answers nonsense, gets it so often in all: the third time
# would be no different from the fourth.
_TRIES_MAX = 3


class _Connection:
    """One take; see ``Connection``."""

    def __init__(self, line: SttLine, call: Call, take: Take) -> None:
        self._line, self._call, self._take = line, call, take

    async def write(self) -> None:
        """Wait for an utterance, and send all of it."""
        line, take = self._line, self._take
        while (owed := self._call.owed) is None:
            await line.calls.changed.park()
        sent = 0
        while True:
            waiting = owed.fed - sent
            if waiting >= _BATCH_MIN or (waiting and owed.has_ended):
                packets, sent = owed.after(sent, _BATCH_MAX)
                await take.send(b"".join(packets))
            elif owed.has_ended:
                await take.end(is_voiced=owed.is_clearly_voiced)
                return
            else:
                await line.calls.changed.park()

    async def read(self) -> None:
        """Wait for the final, and pass it on."""
        transcript = await self._take.listen()
        owed = self._call.owed
        if owed is None or not self._take.is_told_all:
            detail = "the server gave its final transcript before the utterance was over"
            raise StageProtocolError("stt", detail, backend=self._line.backend)
        if transcript.duration_s is None:
            transcript = attrs.evolve(transcript, duration_s=owed.fed_bytes / (2 * HEARING_RATE_HZ))
        self._line.answered(owed, transcript)

    async def keep_alive(self) -> None:
        """Do as the take does."""
        await self._take.keep_alive()

    def blamed(self, error: StageError) -> Owed | None:
        """See ``Connection``."""
        return self._call.owed if self._take.is_told_all or isinstance(error, StageProtocolError) else None


class _PerUtterance:
    """A connection per utterance; see ``LineProtocol``. There are no early transcripts: what these servers give before
    the end lags behind."""

    can_peek = False

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.manners = Manners(
            is_lasting=False,
            connects_ahead=connector.connects_ahead,
            tries_max=_TRIES_MAX,
            has_connection=connector.has_connection,
            is_greeted=connector.is_greeted,
        )

    def packets(self, sound: HeardSound) -> list[bytes]:
        """Return a piece of sound as it is."""
        return [sound.pcm]

    def rest(self) -> list[bytes]:
        """Return nothing: all of it is in the packets."""
        return []

    @asynccontextmanager
    async def connect(self, line: SttLine, call: Call) -> AsyncIterator[_Connection]:
        """Open a take. Entering raises: StageError."""

        def on_partial(text: str) -> None:
            line.heard_so_far(call.owed, text)

        wanted = None if line.on_partial is None else on_partial
        async with self._connector.connect(line.speaker, wanted) as take:
            yield _Connection(line, call, take)

    async def peek(self, line: SttLine) -> Transcript:
        """Raise StageUnavailable."""
        await trio.lowlevel.checkpoint()
        raise StageUnavailable("stt", "this server has no early transcripts", backend=line.backend)


class TakeStage:
    """A speech-to-text stage made of a connector. The line says when to connect, what to send and what to repeat."""

    def __init__(
        self, name: str, connector: Connector, *, limit_s: float, rng: Callable[[], float] = random.random
    ) -> None:
        """Take the connector. ``limit_s``: from the end of an utterance to its final. ``rng`` draws the jitter."""
        self.name, self.connector, self.limit_s, self.rng = name, connector, limit_s, rng
        self._is_down = self._is_mute = False

    def note_outage(self, *, is_known: bool) -> None:
        """See ``OutageAware``."""
        self._is_down = is_known

    def note_muteness(self, *, is_known: bool) -> None:
        """See ``MutenessAware``."""
        self._is_mute = is_known

    async def __aenter__(self) -> Self:
        await self.connector.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.connector.__aexit__(*exc_info)

    def open(self, speaker: Speaker, on_partial: OnPartial | None = None) -> AbstractAsyncContextManager[SttLine]:
        """Open a line for one speaker; entering does not wait for a connection."""
        line = SttLine(
            _PerUtterance(self.connector),
            speaker,
            on_partial,
            backend=self.name,
            limit_s=self.limit_s,
            rng=self.rng,
            is_down=lambda: self._is_down,
            is_mute=lambda: self._is_mute,
        )
        return open_line(line)

    async def probe(self) -> str:
        """Check that the server is there and speaks our protocol. Raises: StageError."""
        return await self.connector.probe()
