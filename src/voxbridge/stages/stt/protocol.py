"""What a kind of speech-to-text server brings to a line: how to connect, and what is done with one connection."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from voxbridge.core.sound.pcm import HeardSound
from voxbridge.core.stt.owed import Call, Manners, Owed
from voxbridge.errors import StageError
from voxbridge.stages.contracts import Transcript

if TYPE_CHECKING:
    from voxbridge.stages.stt.line import SttLine


class Connection(Protocol):
    """One connection, used by three tasks from the first moment on; a cancel of any is followed by its close."""

    async def write(self) -> None:
        """Send what is due. Raises: StageError."""

    async def read(self) -> None:
        """Take in what comes, and return when there is nothing more to come. Raises: StageError."""

    async def keep_alive(self) -> None:
        """Do what keeps the connection up, and notice a peer that is gone. Raises: StageError."""

    def blamed(self, error: StageError) -> Owed | None:
        """Return the utterance with which the server has failed by itself, if the connection ended with ``error``."""
        ...


class LineProtocol(Protocol):
    """What a kind of server wants of one speaker's line."""

    manners: Manners

    def packets(self, sound: HeardSound) -> list[bytes]:
        """Return what of a piece of sound is to be sent, in the pieces that are kept until the final is in."""
        ...

    def rest(self) -> list[bytes]:
        """Return what of the sound so far is left when an utterance ends, once."""
        ...

    @property
    def can_peek(self) -> bool:
        """See ``SttSession.can_peek``."""
        ...

    async def peek(self, line: SttLine) -> Transcript:
        """See ``SttSession.peek``."""
        ...

    def connect(self, line: SttLine, call: Call) -> AbstractAsyncContextManager[Connection]:
        """Connect, bounded in time. Entering raises: StageError."""
        ...
