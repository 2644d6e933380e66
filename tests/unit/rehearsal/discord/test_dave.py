"""The delivery service with real ends of davey and libdave, joined by a queue."""

from __future__ import annotations

import collections
import random

import pytest

from voxbridge.core.ids import ChannelId, UserId
from voxbridge.rehearsal.discord import dave, mls
from voxbridge.rehearsal.discord.ends import make_end

pytestmark = pytest.mark.unit

CHANNEL = ChannelId(77)


class Call:
    """Members and their messages: what Discord's voice gateway does with the commands."""

    def __init__(self):
        self.service = dave.DeliveryService(CHANNEL, mls.ExternalSender())
        self.ends = {}
        self.queue: collections.deque[dave.Command] = collections.deque()
        self.ops = collections.defaultdict(list)
        self.refused = []
        self.transitions = []
        self.deaf = set()  # members who say nothing more

    def carry_out(self, commands):
        self.queue.extend(commands)
        while self.queue:
            command = self.queue.popleft()
            if isinstance(command, dave.ToMember):
                self.ops[command.user_id].append(command.op)
                if command.user_id not in self.deaf:
                    self._tell(command)
            elif isinstance(command, dave.Refused):
                self.refused.append(command.why)
            else:
                self.transitions.append(command.transition_id)

    def _tell(self, command):
        end, user_id, body = self.ends.get(command.user_id), command.user_id, command.body
        if end is None:
            return
        everybody = set(self.ends)
        if command.op == dave.EXTERNAL_SENDER:
            end.set_external_sender(body)
        elif command.op == dave.PREPARE_EPOCH:
            self.offer(user_id)
        elif command.op == dave.PROPOSALS:
            commit = end.process_proposals(body, everybody)
            if commit is not None:
                self.queue.extend(self.service.commit(user_id, commit))
        elif command.op in (dave.ANNOUNCE_COMMIT, dave.WELCOME):
            process = end.process_commit if command.op == dave.ANNOUNCE_COMMIT else end.process_welcome
            assert process(body[2:], everybody), f"{user_id} could not use op {command.op}"
            self.queue.extend(self.service.ready(user_id, int.from_bytes(body[:2], "big")))
        elif command.op == dave.EXECUTE_TRANSITION:
            end.execute()

    def offer(self, user_id):
        self.queue.extend(self.service.offer_key_package(user_id, self.ends[user_id].begin(CHANNEL)))

    def join(self, user_id, library="davey"):
        self.ends[user_id] = make_end(library, user_id, user_id)
        package = self.ends[user_id].begin(CHANNEL)
        self.carry_out(self.service.admit(user_id))
        self.carry_out(self.service.offer_key_package(user_id, package))

    def leave(self, user_id):
        del self.ends[user_id]
        self.carry_out(self.service.leave(user_id))

    def assert_all_hear_all(self):
        for speaker, mouth in self.ends.items():
            for listener, ear in self.ends.items():
                if speaker != listener:
                    frame = mouth.encrypt(b"\x78hello")
                    assert ear.decrypt(speaker, frame) == b"\x78hello", f"{listener} does not hear {speaker}"


def call_of(*user_ids):
    call = Call()
    for user_id in map(UserId, user_ids):
        call.join(user_id)
    return call


def test_first_commit_founds_the_group():
    """Two members: both commit, one wins, the other's is dropped; both get op 22."""
    call = call_of(1, 2)
    assert call.service.epoch == 1
    assert call.service.in_group == {1, 2}
    assert call.service.is_settled
    assert call.refused == ["dropped_commit"]
    assert call.ops[1][-1] == call.ops[2][-1] == dave.EXECUTE_TRANSITION
    call.assert_all_hear_all()


def test_one_member_alone_is_pending():
    """Alone in a call there is no group, and no proposal is sent to the one it concerns."""
    call = call_of(1)
    assert call.ops[1] == [dave.EXTERNAL_SENDER]
    assert not call.service.is_established


@pytest.mark.parametrize("seed", range(6))
def test_any_comings_and_goings_end_with_all_hearing_all(seed):
    """Through random joins, leaves and self-made recoveries the group stays whole, with both libraries in it."""
    dice, call, numbers = random.Random(seed), Call(), iter(range(1, 100))
    for _ in range(14):
        inside = list(call.ends)
        kind = dice.choice(["join", "join", "leave", "recover"]) if len(inside) > 1 else "join"
        if kind == "join" and len(inside) < 5:
            call.join(UserId(next(numbers)), dice.choice(["davey", "libdave"]))
        elif kind == "leave" and inside:
            call.leave(dice.choice(inside))
        elif inside:
            user_id = dice.choice(inside)
            call.carry_out(call.service.invalid(user_id))
            call.offer(user_id)
            call.carry_out([])
        if len(call.ends) > 1:
            assert call.service.is_settled, f"seed {seed}: {call.service.leaves} of {set(call.ends)}"
            call.assert_all_hear_all()


def test_invalid_commit_and_new_key_package_may_share_one_commit():
    """Op 31 and op 26 at once: the member is removed and added again, without a duplicate identity."""
    call = call_of(1, 2, 3)
    commands = call.service.invalid(UserId(2))
    commands += call.service.offer_key_package(UserId(2), call.ends[2].begin(CHANNEL))
    epoch = call.service.epoch
    call.carry_out(commands)
    assert call.service.epoch - epoch in (1, 2)
    assert call.service.is_settled
    call.assert_all_hear_all()


def test_pending_member_hears_no_proposals_after_an_invalid_commit():
    """Who has reported a commit gets nothing of the group until he offers a key package."""
    call = call_of(1, 2, 3)
    before = len(call.ops[2])
    call.carry_out(call.service.invalid(UserId(2)))
    assert call.ops[2][before:] == []
    assert call.service.in_group == {1, 3}
    assert call.service.invalid(UserId(2)) == []


def test_add_of_a_member_who_left_is_revoked():
    """Before the commit, the open Add of somebody who has gone is taken back with op 27, type 1."""
    call = call_of(1, 2)
    call.deaf = {UserId(1), UserId(2)}  # they will not commit
    call.join(UserId(3))
    commands = call.service.leave(UserId(3))
    assert [(c.user_id, c.op, c.body[:1]) for c in commands] == [(1, 27, b"\x01"), (2, 27, b"\x01")]
    reference = commands[0].body[1:]
    assert len(mls.Reader(mls.Reader(reference).vector()).vector()) == 32
    assert not call.service._proposals


@pytest.mark.parametrize("library", ["davey", "libdave"])
def test_revoked_add_is_understood_and_the_group_goes_on(library):
    """After a revocation the members' next commit fits again."""
    call = Call()
    for user_id in (1, 2):
        call.join(UserId(user_id), library)
    call.ends[3] = make_end("davey", UserId(3), 3)
    package = call.ends[3].begin(CHANNEL)
    call.carry_out(call.service.admit(UserId(3)))
    commands = call.service.offer_key_package(UserId(3), package)
    for command in commands:  # proposals are heard, commits get lost
        assert isinstance(command, dave.ToMember)
        assert isinstance(command.body, bytes)
        call.ends[command.user_id].process_proposals(command.body, set(call.ends))
    call.leave(UserId(3))
    call.join(UserId(4), library)
    assert call.service.is_settled, call.refused
    call.assert_all_hear_all()


def test_last_but_one_leaving_restarts_the_group():
    """One member left: op 24 with epoch 1, op 21 with transition 0, and he is pending."""
    call = call_of(1, 2)
    call.leave(UserId(2))
    assert call.ops[1][-2:] == [dave.PREPARE_EPOCH, dave.PREPARE_TRANSITION]
    assert not call.service.is_established
    call.join(UserId(2))
    call.assert_all_hear_all()


def test_transition_waits_for_all_and_its_time_may_run_out():
    """Op 22 comes when the last has said ready, or when the gateway loses patience; once."""
    call = call_of(1, 2)
    call.deaf = {UserId(1)}
    call.join(UserId(3))
    call.deaf = set()
    assert call.ops[3][-1] == dave.WELCOME
    (transition_id,) = call.service._transitions
    late = call.service.execute(transition_id)
    assert {(c.user_id, c.op) for c in late} == {(1, 22), (2, 22), (3, 22)}
    assert call.service.ready(UserId(1), transition_id) == []
    assert call.service.execute(transition_id) == []


def test_member_who_leaves_is_not_waited_for():
    """A transition that only the leaver had not confirmed is executed."""
    call = call_of(1, 2, 3)
    call.deaf = {UserId(1)}
    call.join(UserId(4))
    before = call.ops[4].count(dave.EXECUTE_TRANSITION)
    call.leave(UserId(1))
    assert call.ops[4].count(dave.EXECUTE_TRANSITION) > before


@pytest.mark.parametrize("payload", [b"", b"\x00\x01\x00\x01", bytes(300)])
def test_useless_messages_are_refused(payload):
    """Bytes that are no key package or commit change nothing."""
    call = call_of(1, 2)
    call.carry_out(call.service.offer_key_package(UserId(1), payload))
    call.carry_out(call.service.commit(UserId(1), payload))
    assert call.refused[-2:] == ["bad_key_package", "bad_commit"]
    assert call.service.is_settled


def test_key_package_of_another_user_is_refused():
    """Nobody can have somebody else added."""
    call = call_of(1, 2)
    package = make_end("davey", UserId(9), 9).begin(CHANNEL)
    call.carry_out(call.service.offer_key_package(UserId(1), package))
    assert call.refused[-1] == "key_package_of_another_user"


def test_transition_ids_are_never_zero():
    """After 65535 comes 1: 0 means at once."""
    call = call_of(1, 2)
    call.service._last_transition = 0xFFFF
    call.join(UserId(3))
    assert call.transitions[-1] == 1
