"""Sealing packets for the way out: RTP header and transport encryption ``aead_xchacha20_poly1305_rtpsize``.

It is the one mode that Discord always offers (documentation, "Voice Connections", transport encryption modes).
"""

from __future__ import annotations

import struct

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from voxbridge.core.sound.pcm import RTP_TICKS_PER_FRAME
from voxbridge.core.wire.rtp import NONCE_BYTES, SEQUENCE_MODULUS, TIMESTAMP_MODULUS, build_header

_NONCE_PAD = bytes(24 - NONCE_BYTES)
_COUNTER = struct.Struct(">I")
_LAST_NONCE = 0xFFFF_FFFF


class TransportKey:
    """The secret key of one voice session, and the counter that must never repeat under it."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._nonce = 0

    @property
    def is_spent(self) -> bool:
        """Tell whether the counter is used up (after 2.7 years of speech without a break)."""
        return self._nonce > _LAST_NONCE

    def seal(self, header: bytes, payload: bytes) -> bytes:
        """Return the whole datagram: header, ciphertext with its tag, nonce."""
        nonce = _COUNTER.pack(self._nonce)
        self._nonce += 1
        sealed: bytes = crypto_aead_xchacha20poly1305_ietf_encrypt(payload, header, nonce + _NONCE_PAD, self.key)
        return header + sealed + nonce

    def open(self, ciphertext: bytes, additional: bytes, nonce: bytes) -> bytes:
        """Open what a peer sealed.

        Raises:
            ValueError: It is not authentic.
        """
        try:
            plain: bytes = crypto_aead_xchacha20poly1305_ietf_decrypt(
                ciphertext, additional, nonce + _NONCE_PAD, self.key
            )
        except CryptoError as exc:
            raise ValueError("not authentic") from exc
        return plain


class RtpStream:
    """Our own stream: sequence without a gap, timestamp that counts the pauses too. Both wrap."""

    def __init__(self, sequence: int = 0, timestamp: int = 0) -> None:
        self.sequence, self.timestamp = sequence, timestamp

    def header(self, ssrc: int) -> bytes:
        """Return the header of the next 20 ms."""
        return build_header(self.sequence, self.timestamp, ssrc)

    def sent(self) -> None:
        """Step on: a packet has left. One that could not leave is no gap in the sequence."""
        self.sequence = (self.sequence + 1) % SEQUENCE_MODULUS
        self.skip(1)

    def skip(self, frames: int) -> None:
        """Let ``frames`` times 20 ms pass without a packet."""
        self.timestamp = (self.timestamp + RTP_TICKS_PER_FRAME * frames) % TIMESTAMP_MODULUS
