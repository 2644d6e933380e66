"""The bytes of MLS, read from and written to davey and libdave."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.ids import ChannelId, UserId
from voxbridge.rehearsal.discord import mls
from voxbridge.rehearsal.discord.ends import make_end

pytestmark = pytest.mark.unit

CHANNEL = ChannelId(77)
GROUP = struct.pack(">Q", CHANNEL)
ALICE, BOB, CAROL = UserId(1), UserId(2), UserId(3)
EVERYBODY = {ALICE, BOB, CAROL}
LIBRARIES = ["davey", "libdave"]


@given(st.binary(max_size=20_000))
def test_vector_reads_back_as_it_was_written(data):
    """Any length, whatever its prefix, survives the way there and back."""
    reader = mls.Reader(mls.vector(data) + b"rest")
    assert reader.vector() == data
    assert reader.take(4) == b"rest"
    assert not reader


@pytest.mark.parametrize(("length", "prefix"), [(63, "3f"), (64, "4040"), (16_383, "7fff"), (16_384, "80004000")])
def test_vector_prefix_has_the_size_of_rfc_9420(length, prefix):
    """The borders between 1, 2 and 4 bytes are where section 2.1.2 puts them."""
    assert mls.vector(bytes(length)).hex().startswith(prefix)
    assert len(mls.vector(bytes(length))) == length + len(prefix) // 2


@pytest.mark.parametrize("data", [b"", b"\x05abc", b"\x40", b"\xc0" + bytes(10)])
def test_vector_that_ends_too_early_is_an_error(data):
    """Short and forbidden lengths are told."""
    with pytest.raises(mls.MlsError):
        mls.Reader(data).vector()


@given(st.binary(max_size=400))
def test_readers_of_messages_raise_nothing_but_mls_errors(data):
    """Whatever a client sends, it is read or refused."""
    for read in (mls.read_key_package, mls.read_commit):
        with pytest.raises(mls.MlsError):
            read(data)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("header", [b"", b"\x00\x01\x00\x05"])
def test_key_package_names_its_user(library, header):
    """Bare as clients send it, or as MLSMessage as the whitepaper has it."""
    package = make_end(library, ALICE, 5).begin(CHANNEL)
    read = mls.read_key_package(header + package)
    assert (read.user_id, read.data) == (ALICE, package)


@pytest.mark.parametrize("library", LIBRARIES)
def test_key_package_with_any_byte_changed_is_refused_or_another(library):
    """Both signatures cover everything: no changed package passes for the user's."""
    package = make_end(library, ALICE, 5).begin(CHANNEL)
    for at in range(0, len(package), 7):
        spoilt = package[:at] + bytes([package[at] ^ 1]) + package[at + 1 :]
        with pytest.raises(mls.MlsError):
            mls.read_key_package(spoilt)


def group_of_two(first, second):
    """Let Alice found a group with Bob; return sender, ends, and Alice's commit as it came."""
    sender = mls.ExternalSender()
    alice, bob = make_end(first, ALICE, 5), make_end(second, BOB, 6)
    packages = {}
    for user_id, end in ((ALICE, alice), (BOB, bob)):
        packages[user_id] = mls.read_key_package(end.begin(CHANNEL))
        end.set_external_sender(sender.package)
    proposal = sender.add(GROUP, 0, packages[BOB])
    payload = alice.process_proposals(b"\0" + mls.vector(proposal.message), EVERYBODY)
    return sender, alice, bob, packages, proposal, payload


@pytest.mark.parametrize("first", LIBRARIES)
@pytest.mark.parametrize("second", LIBRARIES)
def test_commit_and_welcome_make_a_group_of_either_library(first, second):
    """Our proposal is accepted, the commit names it, and the cut Welcome lets the other in: they hear each other."""
    _, alice, bob, packages, proposal, payload = group_of_two(first, second)
    commit = mls.read_commit(payload)
    assert (commit.group_id, commit.epoch, commit.sender_leaf) == (GROUP, 0, 0)
    assert commit.references == (proposal.reference,)
    assert not commit.has_inline_proposals
    assert commit.welcome is not None
    assert alice.process_commit(commit.data, EVERYBODY)
    assert bob.process_welcome(mls.welcome_for(commit.welcome, packages[BOB]), EVERYBODY)
    for end in (alice, bob):
        end.execute()
    assert bob.decrypt(ALICE, alice.encrypt(b"\x78hello bob")) == b"\x78hello bob"
    assert alice.decrypt(BOB, bob.encrypt(b"\x78hello alice")) == b"\x78hello alice"


@pytest.mark.parametrize("library", LIBRARIES)
def test_removal_is_proposed_and_committed(library):
    """After a Remove the one who is left can no longer be heard by the one who went."""
    sender, alice, bob, packages, _, payload = group_of_two(library, "davey")
    commit = mls.read_commit(payload)
    assert commit.welcome is not None
    alice.process_commit(commit.data, EVERYBODY)
    bob.process_welcome(mls.welcome_for(commit.welcome, packages[BOB]), EVERYBODY)
    proposal = sender.remove(GROUP, 1, 1)
    removal = mls.read_commit(alice.process_proposals(b"\0" + mls.vector(proposal.message), {ALICE}))
    assert (removal.epoch, removal.references, removal.welcome) == (1, (proposal.reference,), None)
    assert alice.process_commit(removal.data, {ALICE})
    alice.execute()
    assert bob.decrypt(ALICE, alice.encrypt(b"\x78alone")) is None


def test_welcome_for_somebody_else_is_an_error():
    """A Welcome has no secrets for a key package that was not added."""
    *_, payload = group_of_two("davey", "davey")
    stranger = mls.read_key_package(make_end("davey", CAROL, 7).begin(CHANNEL))
    welcome = mls.read_commit(payload).welcome
    assert welcome is not None
    with pytest.raises(mls.MlsError):
        mls.welcome_for(welcome, stranger)
