"""End-to-end encryption (DAVE) of one connection, as far as media needs it.

discord.py keeps the keys (ops 21 to 31) and one ``davey.DaveSession`` per connection, which it re-initialises rather
than replaces. Everything that touches davey is in here.
"""

from __future__ import annotations

from typing import Protocol

import davey

from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import SILENCE_OPUS

# The last two bytes of a DAVE frame (protocol whitepaper 1.1, "Payload Format", magic marker).
FRAME_MARKER = b"\xfa\xfa"


class NotEncrypted(Exception):
    """A frame would have left without end-to-end encryption."""


class DaveConnection(Protocol):
    """What is read of the connection; discord.py's websocket keeps both up to date."""

    dave_protocol_version: int
    dave_session: davey.DaveSession | None


class FrameKeys(Protocol):
    """What hearing needs of the DAVE side: see ``EndToEnd``."""

    @property
    def version(self) -> int: ...

    @property
    def is_ready(self) -> bool: ...

    @property
    def epoch(self) -> int | None: ...

    def members(self) -> list[UserId]: ...

    def open(self, user_id: UserId, frame: bytes) -> bytes: ...


class EndToEnd:
    """The DAVE side of a voice connection."""

    def __init__(self, connection: DaveConnection) -> None:
        self._connection = connection

    @property
    def version(self) -> int:
        """Return the protocol version in force; 0 means that the call is not end-to-end encrypted."""
        return self._connection.dave_protocol_version

    @property
    def is_ready(self) -> bool:
        """Tell whether we hold keys. discord.py leaves this true after a disconnect: ask for that as well."""
        session = self._connection.dave_session
        return session is not None and session.ready

    @property
    def epoch(self) -> int | None:
        """Return the group's epoch, None without a group."""
        session = self._connection.dave_session
        return None if session is None else session.epoch

    @property
    def privacy_code(self) -> str | None:
        """Return the code that members may compare aloud (Discord calls it the voice privacy code)."""
        session = self._connection.dave_session
        return session.voice_privacy_code if session is not None and session.ready else None

    def members(self) -> list[UserId]:
        """Return the group's members, ourselves included."""
        session = self._connection.dave_session
        return [] if session is None else [UserId(int(user)) for user in session.get_user_ids()]

    def seal(self, opus: bytes) -> bytes:
        """Encrypt one Opus packet.

        Raises:
            NotEncrypted: We hold no keys, or the library gave the packet back as it was.
        """
        session = self._connection.dave_session
        if session is None:
            raise NotEncrypted("no session")
        try:
            sealed = session.encrypt_opus(opus)
        except ValueError as exc:
            raise NotEncrypted("no keys") from exc
        # Discord's silence frame is the one packet that DAVE passes on in clear.
        if opus != SILENCE_OPUS and not sealed.endswith(FRAME_MARKER):
            raise NotEncrypted("passed through")
        return sealed

    def open(self, user_id: UserId, frame: bytes) -> bytes:
        """Decrypt one frame of ``user_id``.

        Raises:
            ValueError: It is not his, not of an epoch whose keys we hold, a replay, or not encrypted at all.
        """
        session = self._connection.dave_session
        if session is None:
            raise ValueError("no session")
        return session.decrypt(user_id, davey.MediaType.audio, frame)
