"""The DAVE end of a member in the call: davey, or Discord's own libdave as an independent second opinion."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, Protocol

import davey

from voxbridge.core.ids import ChannelId, UserId
from voxbridge.rehearsal.discord.dave import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

DaveLibrary = Literal["davey", "libdave"]


class DaveEnd(Protocol):
    """One member's keys. Bytes in and out are those of the voice operations, without transition id."""

    @property
    def is_ready(self) -> bool:
        """Tell whether frames can be encrypted."""
        ...

    def begin(self, channel_id: ChannelId) -> bytes:
        """Start a fresh session and return its key package (op 26)."""
        ...

    def set_external_sender(self, package: bytes) -> None:
        """Take op 25."""

    def process_proposals(self, payload: bytes, user_ids: AbstractSet[UserId]) -> bytes | None:
        """Take op 27; return op 28 if there is something to commit."""
        ...

    def process_commit(self, commit: bytes, user_ids: AbstractSet[UserId]) -> bool:
        """Take op 29 and prepare to receive with the new keys; False if it cannot be used."""
        ...

    def process_welcome(self, welcome: bytes, user_ids: AbstractSet[UserId]) -> bool:
        """Take op 30 and prepare to receive with the new keys; False if it cannot be used."""
        ...

    def execute(self) -> None:
        """Take op 22: send with the new keys from now on."""

    def encrypt(self, opus: bytes) -> bytes | None:
        """Encrypt a frame; None without keys."""
        ...

    def decrypt(self, sender: UserId, payload: bytes) -> bytes | None:
        """Decrypt a frame; None if it cannot be done."""
        ...


class DaveyEnd:
    """davey: it uses new keys for sending from the commit on, and keeps the old for receiving for 10 s."""

    def __init__(self, user_id: UserId) -> None:
        self._user_id = user_id
        self._session: davey.DaveSession | None = None
        self._sender: bytes | None = None

    @property
    def is_ready(self) -> bool:
        """Tell whether frames can be encrypted."""
        return self._session is not None and self._session.ready

    @property
    def _open(self) -> davey.DaveSession:
        assert self._session is not None
        return self._session

    def begin(self, channel_id: ChannelId) -> bytes:
        """Start a fresh session and return its key package."""
        self._session = davey.DaveSession(PROTOCOL_VERSION, self._user_id, channel_id)
        if self._sender is not None:
            self._session.set_external_sender(self._sender)
        return self._session.get_serialized_key_package()

    def set_external_sender(self, package: bytes) -> None:
        """Take op 25."""
        self._sender = package
        if self._session is not None:
            self._session.set_external_sender(package)

    def process_proposals(self, payload: bytes, user_ids: AbstractSet[UserId]) -> bytes | None:
        """Take op 27."""
        kinds = davey.ProposalsOperationType
        kind = kinds.append if payload[0] == 0 else kinds.revoke
        try:
            answer = self._open.process_proposals(kind, payload[1:], sorted(user_ids))
        except (ValueError, RuntimeError):
            return None
        return None if answer is None else answer.commit + (answer.welcome or b"")

    def process_commit(self, commit: bytes, user_ids: AbstractSet[UserId]) -> bool:  # noqa: ARG002  (davey keeps them)
        """Take op 29."""
        try:
            self._open.process_commit(commit)
        except (ValueError, RuntimeError):
            return False
        return True

    def process_welcome(self, welcome: bytes, user_ids: AbstractSet[UserId]) -> bool:  # noqa: ARG002
        """Take op 30."""
        try:
            self._open.process_welcome(welcome)
        except (ValueError, RuntimeError):
            return False
        return True

    def execute(self) -> None:
        """Take op 22."""

    def encrypt(self, opus: bytes) -> bytes | None:
        """Encrypt a frame."""
        return self._open.encrypt_opus(opus) if self.is_ready else None

    def decrypt(self, sender: UserId, payload: bytes) -> bytes | None:
        """Decrypt a frame."""
        try:
            return self._open.decrypt(sender, davey.MediaType.audio, payload)
        except ValueError:
            return None


class LibdaveEnd:
    """Discord's own C++ implementation through dave.py, which is installed for development only."""

    def __init__(self, user_id: UserId, ssrc: int) -> None:
        import dave  # a development dependency: whoever asks for libdave has it

        logging.getLogger("dave").setLevel(logging.CRITICAL)  # a line for each frame that does not open
        self._dave: Any = dave
        self._user_id, self._ssrc = user_id, ssrc
        self._session: Any = None
        self._sender: bytes | None = None
        self._encryptor: Any = None
        self._decryptors: dict[UserId, Any] = {}

    @property
    def is_ready(self) -> bool:
        """Tell whether frames can be encrypted."""
        return self._encryptor is not None and bool(self._encryptor.has_key_ratchet())

    def begin(self, channel_id: ChannelId) -> bytes:
        """Start a fresh session and return its key package."""
        self._session = self._dave.Session(lambda *_: None)
        self._session.init(PROTOCOL_VERSION, channel_id, str(self._user_id), None)
        self._encryptor = self._dave.Encryptor()
        self._encryptor.assign_ssrc_to_codec(self._ssrc, self._dave.Codec.opus)
        if self._sender is not None:
            self._session.set_external_sender(self._sender)
        package: bytes = self._session.get_marshalled_key_package()
        return package

    def set_external_sender(self, package: bytes) -> None:
        """Take op 25."""
        self._sender = package
        if self._session is not None:
            self._session.set_external_sender(package)

    def process_proposals(self, payload: bytes, user_ids: AbstractSet[UserId]) -> bytes | None:
        """Take op 27."""
        answer: bytes | None = self._session.process_proposals(payload, {str(user_id) for user_id in user_ids})
        return answer

    def process_commit(self, commit: bytes, user_ids: AbstractSet[UserId]) -> bool:
        """Take op 29."""
        if self._session.process_commit(commit) == self._dave.RejectType.failed:
            return False
        self._prepare(user_ids)
        return True

    def process_welcome(self, welcome: bytes, user_ids: AbstractSet[UserId]) -> bool:
        """Take op 30."""
        if self._session.process_welcome(welcome, {str(user_id) for user_id in user_ids}) is None:
            return False
        self._prepare(user_ids)
        return True

    def _prepare(self, user_ids: AbstractSet[UserId]) -> None:
        # At the commit, not at op 22: 1-3 of 300 frames were lost otherwise. Old keys are kept for 10 s.
        for user_id in user_ids - {self._user_id}:
            ratchet = self._session.get_key_ratchet(str(user_id))
            if ratchet is not None:
                decryptor = self._decryptors.setdefault(user_id, self._dave.Decryptor())
                decryptor.transition_to_key_ratchet(ratchet)

    def execute(self) -> None:
        """Take op 22."""
        if self._session.has_established_group():
            self._encryptor.set_key_ratchet(self._session.get_key_ratchet(str(self._user_id)))

    def encrypt(self, opus: bytes) -> bytes | None:
        """Encrypt a frame."""
        if not self.is_ready:
            return None
        frame: bytes | None = self._encryptor.encrypt(self._dave.MediaType.audio, self._ssrc, opus)
        return frame

    def decrypt(self, sender: UserId, payload: bytes) -> bytes | None:
        """Decrypt a frame."""
        decryptor = self._decryptors.get(sender)
        if decryptor is None:
            return None
        frame: bytes | None = decryptor.decrypt(self._dave.MediaType.audio, payload)
        return frame


def make_end(library: DaveLibrary, user_id: UserId, ssrc: int) -> DaveEnd:
    """Make the DAVE end that was asked for."""
    return LibdaveEnd(user_id, ssrc) if library == "libdave" else DaveyEnd(user_id)
