"""RTP as the SFU sees it: header bytes, Discord's "rtpsize" transport encryption, the look of a DAVE frame.

Written apart from ``voxbridge.core``: this is the other end, and must not share its mistakes.
"""

from __future__ import annotations

import struct

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl import bindings
from nacl.exceptions import CryptoError

from voxbridge.rehearsal.discord.knobs import AES_GCM

OPUS_PAYLOAD_TYPE = 0x78
_TAG_BYTES, _NONCE_BYTES = 16, 4
_HEADER_BYTES = 12
_EXTENSION_PREAMBLE = b"\xbe\xde\x00\x01"  # one-byte header extensions, one word
_EXTENSION_WORDS = b"\x10\x7f\x00\x00"  # seen on the wire: audio level
_DAVE_MARKER = b"\xfa\xfa"
_DAVE_TAG_BYTES = 8


class TransportError(ValueError):
    """A datagram that is not RTP, or whose seal does not hold."""


@attrs.frozen
class RtpPacket:
    """One packet without its transport encryption, extension and padding."""

    ssrc: int
    sequence: int
    timestamp: int
    payload: bytes
    payload_type: int = OPUS_PAYLOAD_TYPE


class Seal:
    """One client's transport key and mode. Nonces count up from 1 for what we send."""

    def __init__(self, mode: str, key: bytes) -> None:
        self.mode, self._key, self._count = mode, key, 0
        self._gcm = AESGCM(key) if mode == AES_GCM else None

    def _encrypt(self, header: bytes, body: bytes) -> bytes:
        self._count = (self._count + 1) & 0xFFFF_FFFF
        nonce = struct.pack(">I", self._count)
        if self._gcm is not None:
            return self._gcm.encrypt(nonce.ljust(12, b"\0"), body, header) + nonce
        sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(body, header, nonce.ljust(24, b"\0"), self._key)
        return sealed + nonce

    def _decrypt(self, header: bytes, sealed: bytes, nonce: bytes) -> bytes:
        try:
            if self._gcm is not None:
                return self._gcm.decrypt(nonce.ljust(12, b"\0"), sealed, header)
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed, header, nonce.ljust(24, b"\0"), self._key
            )
        except (InvalidTag, CryptoError) as error:
            raise TransportError("the transport seal does not hold") from error

    def open(self, datagram: bytes) -> RtpPacket:
        """Take a client's datagram apart. Raises: TransportError."""
        header_bytes = _HEADER_BYTES + 4 * (datagram[0] & 0x0F)
        has_extension, has_padding = bool(datagram[0] & 0x10), bool(datagram[0] & 0x20)
        if has_extension:
            header_bytes += 4
        if datagram[0] >> 6 != 2 or len(datagram) < header_bytes + _TAG_BYTES + _NONCE_BYTES:
            raise TransportError("not RTP, or too short")
        header, nonce = datagram[:header_bytes], datagram[-_NONCE_BYTES:]
        body = self._decrypt(header, datagram[header_bytes:-_NONCE_BYTES], nonce)
        if has_extension:
            body = body[4 * int.from_bytes(header[-2:], "big") :]
        if has_padding:
            if not body or not 1 <= body[-1] <= len(body):
                raise TransportError("padding longer than the packet")
            body = body[: -body[-1]]
        sequence, timestamp, ssrc = struct.unpack_from(">HII", datagram, 2)
        return RtpPacket(ssrc, sequence, timestamp, body, datagram[1] & 0x7F)

    def close(self, packet: RtpPacket, *, with_extension: bool, padding_bytes: int = 0) -> bytes:
        """Make the datagram that a client gets."""
        first = 0x80 | (0x10 if with_extension else 0) | (0x20 if padding_bytes else 0)
        header = struct.pack(">BBHII", first, packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc)
        body = packet.payload
        if with_extension:
            header, body = header + _EXTENSION_PREAMBLE, _EXTENSION_WORDS + body
        if padding_bytes:
            body += bytes(padding_bytes - 1) + bytes([padding_bytes])
        return header + self._encrypt(header, body)


def is_dave_frame(payload: bytes) -> bool:
    """Tell whether a payload has the form of a DAVE frame for Opus (DAVE protocol 1.1, "Payload format").

    Ciphertext, 8-byte tag, ULEB128 nonce, no unencrypted ranges, one byte with the size of all that but the
    ciphertext, and the marker FA FA.
    """
    if len(payload) < _DAVE_TAG_BYTES + 4 or not payload.endswith(_DAVE_MARKER):
        return False
    supplemental_bytes = payload[-3]
    nonce = payload[len(payload) - supplemental_bytes + _DAVE_TAG_BYTES : -3]
    if not _DAVE_TAG_BYTES + 4 <= supplemental_bytes <= len(payload):
        return False
    return all(byte & 0x80 for byte in nonce[:-1]) and not nonce[-1] & 0x80
