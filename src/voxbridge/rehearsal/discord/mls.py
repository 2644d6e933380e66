"""The bytes of MLS (RFC 9420) that Discord's voice gateway must write and read: no group secret is needed.

Ciphersuite 2 (DHKEM P-256, AES-128-GCM, SHA-256), as DAVE 1.1 prescribes. The gateway is the group's external
sender: it proposes additions and removals, orders the commits, and cuts a Welcome for each new member.
"""

from __future__ import annotations

import hashlib
import struct

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_MLS_10 = 1
_SUITE = 2
_PUBLIC_MESSAGE = 1
_KEY_PACKAGE_MESSAGE = b"\x00\x01\x00\x05"  # MLSMessage header that the DAVE whitepaper wants and no client sends
_SENDER_MEMBER, _SENDER_EXTERNAL = 1, 2
_CONTENT_PROPOSAL, _CONTENT_COMMIT = 2, 3
_BY_REFERENCE = 2
_BASIC_CREDENTIAL = 1
_LEAF_FROM_KEY_PACKAGE, _LEAF_FROM_COMMIT = 1, 3


class MlsError(ValueError):
    """The peer's bytes are not what RFC 9420 or DAVE prescribes."""


def vector(data: bytes) -> bytes:
    """Prefix bytes with their length in 1, 2 or 4 bytes (RFC 9420, section 2.1.2)."""
    if len(data) < 1 << 6:
        return bytes([len(data)]) + data
    if len(data) < 1 << 14:
        return struct.pack(">H", len(data) | 0x4000) + data
    return struct.pack(">I", len(data) | 0x8000_0000) + data


class Reader:
    """Takes a structure apart from front to back. Raises: MlsError when the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0

    def __bool__(self) -> bool:
        return self.offset < len(self._data)

    def take(self, count: int) -> bytes:
        """Return exactly so many bytes."""
        end = self.offset + count
        if end > len(self._data):
            raise MlsError(f"wanted {count} bytes at {self.offset}, have {len(self._data) - self.offset}")
        piece, self.offset = self._data[self.offset : end], end
        return piece

    def number(self, size: int) -> int:
        """Return an unsigned big-endian integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self) -> bytes:
        """Return the content of a length-prefixed vector."""
        first = self.number(1)
        kind = first >> 6
        if kind == 3:
            raise MlsError("a vector length of 8 bytes is not allowed")
        more = (0, 1, 3)[kind]
        return self.take(((first & 0x3F) << (8 * more)) | self.number(more))


def reference(label: bytes, value: bytes) -> bytes:
    """Hash a value into its reference (RFC 9420, section 5.2)."""
    return hashlib.sha256(vector(label) + vector(value)).digest()


def _to_be_signed(label: bytes, content: bytes) -> bytes:
    return vector(b"MLS 1.0 " + label) + vector(content)


def _verify(public_key: bytes, label: bytes, content: bytes, signature: bytes) -> None:
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        key.verify(signature, _to_be_signed(label, content), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError) as error:
        raise MlsError(f"the signature of the {label.decode()} does not fit") from error


@attrs.frozen
class LeafNode:
    """What a leaf says about its member (RFC 9420, section 7.2). ``signed``: its bytes but the signature."""

    identity: bytes
    signature_key: bytes
    source: int
    signed: bytes
    signature: bytes


def read_leaf_node(reader: Reader, data: bytes) -> LeafNode:
    """Read one leaf node. ``data`` is what the reader reads. Raises: MlsError."""
    start = reader.offset
    reader.vector()  # encryption key
    signature_key = reader.vector()
    if reader.number(2) != _BASIC_CREDENTIAL:
        raise MlsError("wanted a basic credential")
    identity = reader.vector()
    for _ in range(5):  # capabilities: versions, ciphersuites, extensions, proposals, credentials
        reader.vector()
    source = reader.number(1)
    if source == _LEAF_FROM_KEY_PACKAGE:
        reader.take(16)  # lifetime
    elif source == _LEAF_FROM_COMMIT:
        reader.vector()  # parent hash
    reader.vector()  # extensions
    end = reader.offset
    return LeafNode(identity, signature_key, source, data[start:end], reader.vector())


@attrs.frozen
class KeyPackage:
    """A member's offer to be added. ``data`` is bare, without an MLSMessage header."""

    data: bytes
    user_id: int

    @property
    def reference(self) -> bytes:
        """Return the KeyPackageRef, by which a Welcome names its reader."""
        return reference(b"MLS 1.0 KeyPackage Reference", self.data)


def read_key_package(payload: bytes) -> KeyPackage:
    """Read and verify the key package of voice op 26, with or without MLSMessage header. Raises: MlsError."""
    data = payload.removeprefix(_KEY_PACKAGE_MESSAGE)
    reader = Reader(data)
    if (reader.number(2), reader.number(2)) != (_MLS_10, _SUITE):
        raise MlsError("wanted MLS 1.0 with ciphersuite 2")
    reader.vector()  # init key
    leaf = read_leaf_node(reader, data)
    reader.vector()  # extensions
    end = reader.offset
    signature = reader.vector()
    if leaf.source != _LEAF_FROM_KEY_PACKAGE or len(leaf.identity) != 8:
        raise MlsError("wanted a leaf for a key package with a user id of 8 bytes")
    _verify(leaf.signature_key, b"LeafNodeTBS", leaf.signed, leaf.signature)
    _verify(leaf.signature_key, b"KeyPackageTBS", data[:end], signature)
    return KeyPackage(data[: reader.offset], int.from_bytes(leaf.identity, "big"))


@attrs.frozen
class Commit:
    """A commit and the Welcome that may follow it in voice op 28."""

    data: bytes
    welcome: bytes | None
    group_id: bytes
    epoch: int
    sender_leaf: int
    references: tuple[bytes, ...]
    has_inline_proposals: bool


def read_commit(payload: bytes) -> Commit:
    """Read voice op 28: an MLSMessage with a commit, then a bare Welcome if members are added. Raises: MlsError."""
    reader = Reader(payload)
    if (reader.number(2), reader.number(2)) != (_MLS_10, _PUBLIC_MESSAGE):
        raise MlsError("wanted a public MLS message")
    group_id, epoch = reader.vector(), reader.number(8)
    if reader.number(1) != _SENDER_MEMBER:
        raise MlsError("a commit comes from a member")
    sender_leaf = reader.number(4)
    reader.vector()  # authenticated data
    if reader.number(1) != _CONTENT_COMMIT:
        raise MlsError("wanted a commit")
    proposals = Reader(reader.vector())
    references: list[bytes] = []
    while proposals and proposals.number(1) == _BY_REFERENCE:
        references.append(proposals.vector())
    has_inline = bool(proposals)
    if reader.number(1):  # an update path: a leaf node and encrypted path secrets
        read_leaf_node(reader, payload)
        reader.vector()
    for _ in range(3):  # signature, confirmation tag, membership tag
        reader.vector()
    rest = payload[reader.offset :]
    return Commit(payload[: reader.offset], rest or None, group_id, epoch, sender_leaf, tuple(references), has_inline)


def welcome_for(welcome: bytes, key_package: KeyPackage) -> bytes:
    """Cut a Welcome down to the secrets of one new member. Raises: MlsError if it holds none for him."""
    reader = Reader(welcome)
    suite, secrets_data, group_info = reader.take(2), reader.vector(), reader.vector()
    secrets, wanted = Reader(secrets_data), key_package.reference
    while secrets:
        start, named = secrets.offset, secrets.vector()
        secrets.vector()  # KEM output
        secrets.vector()  # ciphertext
        if named == wanted:
            return suite + vector(secrets_data[start : secrets.offset]) + vector(group_info)
    raise MlsError("the Welcome has no secrets for this key package")


@attrs.frozen
class SignedProposal:
    """A proposal as it is sent to the members, and the reference by which a commit names it."""

    message: bytes
    reference: bytes


class ExternalSender:
    """The gateway's own signing identity in every group."""

    def __init__(self, identity: bytes = b"simulated-discord") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.package = vector(public) + struct.pack(">H", _BASIC_CREDENTIAL) + vector(identity)

    def add(self, group_id: bytes, epoch: int, key_package: KeyPackage) -> SignedProposal:
        """Propose to add a member."""
        return self._propose(group_id, epoch, b"\x00\x01" + key_package.data)

    def remove(self, group_id: bytes, epoch: int, leaf: int) -> SignedProposal:
        """Propose to remove the member of a leaf."""
        return self._propose(group_id, epoch, b"\x00\x03" + struct.pack(">I", leaf))

    def _propose(self, group_id: bytes, epoch: int, body: bytes) -> SignedProposal:
        # FramedContent (section 6): sender "external", index 0, no authenticated data.
        sender = bytes([_SENDER_EXTERNAL]) + struct.pack(">I", 0)
        content = vector(group_id) + struct.pack(">Q", epoch) + sender + vector(b"") + bytes([_CONTENT_PROPOSAL]) + body
        # An external sender does not know the GroupContext, so it is not signed (section 6.1).
        framed = struct.pack(">HH", _MLS_10, _PUBLIC_MESSAGE) + content
        signature = self._key.sign(_to_be_signed(b"FramedContentTBS", framed), ec.ECDSA(hashes.SHA256()))
        # AuthenticatedContent carries the wire format, but not the MLSMessage's version.
        authenticated = struct.pack(">H", _PUBLIC_MESSAGE) + content + vector(signature)
        return SignedProposal(framed + vector(signature), reference(b"MLS 1.0 Proposal Reference", authenticated))
