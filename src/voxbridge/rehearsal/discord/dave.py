"""The delivery service of DAVE for one call: who is proposed, which commit wins, when an epoch begins.

Pure: facts go in, messages to members come out. Theory of operation (DAVE protocol 1.1, "Group membership"):

- Every member offers a key package (op 26). The gateway proposes to all others that he be added (op 27).
- Every member answers proposals with a commit (op 28). The first that covers exactly the outstanding proposals
  wins; the others are dropped without a word, which is normal.
- Members of the group get the commit (op 29), the added ones a Welcome (op 30), both under a transition id. When
  all have said ready (op 23), or after a timeout, the transition is executed (op 22).
- A member who cannot use a commit says so (op 31) and is pending again: he is proposed for removal, gets nothing
  of the group, and comes back with his next key package. Without the removal the others would refuse his second
  leaf, for ever.
- Before there is a group, each pending member founds one of his own and gets everybody's Add but his own; whose
  commit wins has founded it. When one member is left, everything starts anew (op 24 with epoch 1, then op 21).
"""

from __future__ import annotations

import struct
from typing import Literal

import attrs

from voxbridge.core.ids import UserId
from voxbridge.rehearsal.discord import mls

PREPARE_TRANSITION, EXECUTE_TRANSITION, TRANSITION_READY, PREPARE_EPOCH = 21, 22, 23, 24
EXTERNAL_SENDER, KEY_PACKAGE, PROPOSALS, COMMIT_WELCOME = 25, 26, 27, 28
ANNOUNCE_COMMIT, WELCOME, INVALID_COMMIT = 29, 30, 31

PROTOCOL_VERSION = 1
_APPEND, _REVOKE = b"\x00", b"\x01"


@attrs.frozen
class ToMember:
    """Send a message: ``body`` is bytes for a binary operation, a dict for a JSON one."""

    user_id: UserId
    op: int
    body: bytes | dict[str, int]


@attrs.frozen
class AwaitReady:
    """A transition has begun; ``DeliveryService.execute`` is due when its time runs out."""

    transition_id: int


@attrs.frozen
class Refused:
    """A message of a member was of no use; ``why`` is one of a few words."""

    user_id: UserId
    why: str


Command = ToMember | AwaitReady | Refused


@attrs.frozen
class _Proposal:
    kind: Literal["add", "remove"]
    user_id: UserId
    signed: mls.SignedProposal


@attrs.define
class _Transition:
    version: int
    members: set[UserId]
    unready: set[UserId]


class DeliveryService:
    """One call's group. ``version`` is the protocol version in force (0: plain)."""

    def __init__(self, channel_id: int, sender: mls.ExternalSender) -> None:
        self._group_id = struct.pack(">Q", channel_id)  # DAVE: the channel's id names the group
        self._sender = sender
        self._members: list[UserId] = []  # who speaks DAVE in this call, in the group or pending
        self._key_packages: dict[UserId, mls.KeyPackage] = {}
        self._transitions: dict[int, _Transition] = {}
        self._last_transition = 0
        self.version = PROTOCOL_VERSION
        self._reset_group()

    def _reset_group(self) -> None:
        self.epoch = 0
        self.leaves: list[UserId | None] = []
        self._proposals: list[_Proposal] = []
        self._expelled: set[UserId] = set()

    @property
    def is_established(self) -> bool:
        """Tell whether a first commit has won."""
        return bool(self.leaves)

    @property
    def in_group(self) -> set[UserId]:
        """Return the members of the group as of the last commit."""
        return {user_id for user_id in self.leaves if user_id is not None}

    @property
    def is_settled(self) -> bool:
        """Tell whether everybody is in the group, with no proposal and no transition open."""
        return not self._proposals and not self._transitions and self.in_group == set(self._members)

    def admit(self, user_id: UserId) -> list[Command]:
        """Take up a new member, who will offer a key package of his own accord."""
        self._members.append(user_id)
        return [ToMember(user_id, EXTERNAL_SENDER, self._sender.package)]

    def offer_key_package(self, user_id: UserId, payload: bytes) -> list[Command]:
        """Handle op 26."""
        try:
            key_package = mls.read_key_package(payload)
        except mls.MlsError:
            return [Refused(user_id, "bad_key_package")]
        if key_package.user_id != user_id:
            return [Refused(user_id, "key_package_of_another_user")]
        if self.version == 0:
            return []
        commands = self._revoke_adds_of(user_id)  # a second offer replaces the first
        self._key_packages[user_id] = key_package
        if not self.is_established:
            in_flight = b"".join(p.signed.message for p in self._proposals)
            if in_flight:
                commands.append(ToMember(user_id, PROPOSALS, _APPEND + mls.vector(in_flight)))
        elif user_id in self.in_group and user_id not in self._expelled:
            commands += self._expel(user_id)
        return commands + self._propose("add", user_id, self._sender.add(self._group_id, self.epoch, key_package))

    def commit(self, user_id: UserId, payload: bytes) -> list[Command]:
        """Handle op 28."""
        try:
            commit = mls.read_commit(payload)
        except mls.MlsError:
            return [Refused(user_id, "bad_commit")]
        founds = not self.is_established
        wanted = {p.signed.reference for p in self._proposals if not (founds and p.user_id == user_id)}
        leaf = 0 if founds else self._leaf_of(user_id)
        if (
            (commit.group_id, commit.epoch, commit.sender_leaf) != (self._group_id, self.epoch, leaf)
            or commit.has_inline_proposals
            or not wanted
            or set(commit.references) != wanted
        ):
            return [Refused(user_id, "dropped_commit")]
        added = [p.user_id for p in self._proposals if p.kind == "add" and p.signed.reference in wanted]
        try:
            welcomes = [mls.welcome_for(commit.welcome or b"", self._key_packages[new]) for new in added]
        except mls.MlsError:
            return [Refused(user_id, "bad_welcome")]
        if founds:
            self.leaves = [user_id]
        self._begin_epoch(added)
        transition_id, commands = self._begin_transition(self.version, self.in_group)
        prefix = struct.pack(">H", transition_id)
        before = [user for user in self.leaves if user is not None and user not in added]
        commands += [ToMember(user, ANNOUNCE_COMMIT, prefix + commit.data) for user in before]
        commands += [ToMember(user, WELCOME, prefix + welcome) for user, welcome in zip(added, welcomes, strict=True)]
        return commands

    def ready(self, user_id: UserId, transition_id: int) -> list[Command]:
        """Handle op 23."""
        transition = self._transitions.get(transition_id)
        if transition is None:
            return []
        transition.unready.discard(user_id)
        return [] if transition.unready else self.execute(transition_id)

    def execute(self, transition_id: int) -> list[Command]:
        """End a transition: everybody is ready, or its time has run out."""
        transition = self._transitions.pop(transition_id, None)
        if transition is None:
            return []
        if transition.version != self.version:
            self.version = transition.version
            self._reset_group()
        body = {"transition_id": transition_id}
        return [ToMember(user, EXECUTE_TRANSITION, body) for user in self._members if user in transition.members]

    def invalid(self, user_id: UserId) -> list[Command]:
        """Handle op 31: the member could not use what we sent him."""
        commands = self._wait_no_longer_for(user_id)
        if user_id not in self.in_group or user_id in self._expelled:
            return commands
        return commands + self._expel(user_id)

    def leave(self, user_id: UserId) -> list[Command]:
        """Let a member go."""
        if user_id not in self._members:
            return []
        self._members.remove(user_id)
        self._key_packages.pop(user_id, None)
        commands: list[Command] = self._revoke_adds_of(user_id)
        commands += self._wait_no_longer_for(user_id)
        if user_id not in self.in_group:
            return commands
        if len(self.in_group - {user_id}) <= 1:
            return commands + self.restart()
        return commands if user_id in self._expelled else commands + self._expel(user_id)

    def _wait_no_longer_for(self, user_id: UserId) -> list[Command]:
        commands: list[Command] = []
        for transition_id in list(self._transitions):
            self._transitions[transition_id].members.discard(user_id)
            commands += self.ready(user_id, transition_id)
        return commands

    def restart(self) -> list[Command]:
        """Throw the group away and ask everybody for a new key package."""
        self._reset_group()
        self._transitions.clear()
        self.version = PROTOCOL_VERSION
        commands: list[Command] = []
        for user in self._members:
            commands.append(ToMember(user, PREPARE_EPOCH, {"protocol_version": self.version, "epoch": 1}))
            commands.append(ToMember(user, PREPARE_TRANSITION, {"protocol_version": self.version, "transition_id": 0}))
        return commands

    def downgrade(self) -> list[Command]:
        """Lead the call out of encryption (op 21 with version 0), as when a member without DAVE came in."""
        transition_id, commands = self._begin_transition(0, set(self._members))
        body = {"protocol_version": 0, "transition_id": transition_id}
        return commands + [ToMember(user, PREPARE_TRANSITION, body) for user in self._members]

    def upgrade(self) -> list[Command]:
        """Lead a plain call back into encryption (op 24 with epoch 1)."""
        self.version = PROTOCOL_VERSION
        self._transitions.clear()  # out of encryption, perhaps
        self._reset_group()
        body = {"protocol_version": self.version, "epoch": 1}
        return [ToMember(user, PREPARE_EPOCH, body) for user in self._members]

    def _leaf_of(self, user_id: UserId) -> int:
        return self.leaves.index(user_id) if user_id in self.leaves else -1

    def _hears_proposals(self, user_id: UserId) -> bool:
        return user_id not in self._expelled and (not self.is_established or user_id in self.in_group)

    def _propose(self, kind: Literal["add", "remove"], user_id: UserId, signed: mls.SignedProposal) -> list[Command]:
        self._proposals.append(_Proposal(kind, user_id, signed))
        body = _APPEND + mls.vector(signed.message)
        return [
            ToMember(user, PROPOSALS, body)
            for user in self._members
            if self._hears_proposals(user) and not (kind == "add" and user == user_id)
        ]

    def _expel(self, user_id: UserId) -> list[Command]:
        self._expelled.add(user_id)
        return self._propose("remove", user_id, self._sender.remove(self._group_id, self.epoch, self._leaf_of(user_id)))

    def _revoke_adds_of(self, user_id: UserId) -> list[Command]:
        stale = [p for p in self._proposals if p.kind == "add" and p.user_id == user_id]
        if not stale:
            return []
        self._proposals = [p for p in self._proposals if p not in stale]
        body = _REVOKE + mls.vector(b"".join(mls.vector(p.signed.reference) for p in stale))
        return [
            ToMember(user, PROPOSALS, body) for user in self._members if user != user_id and self._hears_proposals(user)
        ]

    def _begin_epoch(self, added: list[UserId]) -> None:
        # RFC 9420, sections 12.4.2 and 7.7: removals blank their leaves, additions take the leftmost blank one.
        for proposal in self._proposals:
            if proposal.kind == "remove":
                self.leaves[self._leaf_of(proposal.user_id)] = None
        for user_id in added:
            if None in self.leaves:
                self.leaves[self.leaves.index(None)] = user_id
            else:
                self.leaves.append(user_id)
        while self.leaves[-1] is None:
            self.leaves.pop()
        self._expelled &= self.in_group - set(added)
        self._proposals = []
        self.epoch += 1

    def _begin_transition(self, version: int, members: set[UserId]) -> tuple[int, list[Command]]:
        self._last_transition = self._last_transition % 0xFFFF + 1  # 0 means "at once" and is never given
        self._transitions[self._last_transition] = _Transition(version, set(members), set(members))
        return self._last_transition, [AwaitReady(self._last_transition)]
