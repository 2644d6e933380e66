"""The receiver with a scripted end-to-end side: who gets which packet, and what waits for what."""

from __future__ import annotations

from collections import Counter, deque

import attrs
import pytest

from voxbridge.core.call.flood import Allowance
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import SILENCE_OPUS, OpusPacket
from voxbridge.core.wire.rtp import DaveAdvice, build_header
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.dave import FRAME_MARKER
from voxbridge.discord.receiver import Receiver
from voxbridge.discord.seal import TransportKey

pytestmark = pytest.mark.unit

ME, ADA, BOB = UserId(1), UserId(2), UserId(3)
ADA_SSRC, BOB_SSRC = 20, 30
KEY = bytes(range(32))


def dave_frame(user_id: int, epoch: int, opus: bytes) -> bytes:
    """A stand-in for a DAVE frame: readable only by who knows that it is this user's, of this epoch."""
    return bytes([user_id, epoch]) + opus + FRAME_MARKER


@attrs.define
class ScriptedKeys:
    """The end-to-end side: opens frames of members, of the epochs whose keys it has."""

    version: int = 1
    is_ready: bool = True
    epoch: int | None = 1
    has_epochs: set[int] = attrs.field(factory=lambda: {1})
    users: list[UserId] = attrs.field(factory=lambda: [ME, ADA, BOB])
    tried: list[UserId] = attrs.field(factory=list)

    def members(self) -> list[UserId]:
        return self.users

    def open(self, user_id: UserId, frame: bytes) -> bytes:
        self.tried.append(user_id)
        if frame[0] != user_id or frame[1] not in self.has_epochs or not frame.endswith(FRAME_MARKER):
            raise ValueError("not his, or not of an epoch that we know")
        return frame[2:-2]

    def advance(self, epoch: int) -> None:
        self.epoch = epoch
        self.has_epochs.add(epoch)


@attrs.define
class ForwardOnlyKeys(ScriptedKeys):
    """As DAVE's libraries do it: a frame older than the first one that was opened is refused, and so is a replay."""

    opened: dict[int, int] = attrs.field(factory=dict)

    def open(self, user_id: UserId, frame: bytes) -> bytes:
        opus = super().open(user_id, frame)
        if opus[0] <= self.opened.get(user_id, -1):
            raise ValueError("a nonce that cannot be processed")
        self.opened[user_id] = opus[0]
        return opus


@attrs.define
class Ear:
    """A receiver and what came out of it."""

    keys: ScriptedKeys
    receiver: Receiver
    counters: VoiceCounters
    heard: list[OpusPacket]
    advice: list[DaveAdvice]
    wire: TransportKey = attrs.field(factory=lambda: TransportKey(KEY))

    def feed(self, ssrc: int, sequence: int, payload: bytes, now: float) -> None:
        self.receiver.feed(self.wire.seal(build_header(sequence, sequence * 960, ssrc), payload), now)

    def out(self) -> list[tuple[UserId, int, bytes, float]]:
        return [(p.user_id, p.sequence, p.opus, p.arrived_at) for p in self.heard]


@pytest.fixture
def ear() -> Ear:
    return make_ear()


def make_ear(*, require_e2ee: bool = True, keys: ScriptedKeys | None = None) -> Ear:
    keys, counters = keys or ScriptedKeys(), VoiceCounters()
    heard, advice = list[OpusPacket](), list[DaveAdvice]()
    receiver = Receiver(ME, keys, counters, require_e2ee=require_e2ee, deliver=heard.append, advise=advice.append)
    receiver.key = TransportKey(KEY)
    return Ear(keys, receiver, counters, heard, advice)


def test_receiver_before_the_session_description_drops(ear):
    """Without a transport key there is nothing to try."""
    ear.receiver.key = None
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 1, b"a"), 0.0)
    assert (ear.heard, ear.counters.no_key_yet) == ([], 1)


def test_receiver_hands_on_what_waited_for_its_name(ear):
    """Silence can't be tried, so it waits; with the first voiced frame all come out, in order, as they arrived."""
    ear.feed(ADA_SSRC, 1, SILENCE_OPUS, 1.00)
    ear.feed(ADA_SSRC, 2, SILENCE_OPUS, 1.02)
    assert ear.heard == []
    ear.feed(ADA_SSRC, 3, dave_frame(ADA, 1, b"a"), 1.04)
    assert ear.out() == [(ADA, 1, SILENCE_OPUS, 1.00), (ADA, 2, SILENCE_OPUS, 1.02), (ADA, 3, b"a", 1.04)]
    assert ear.counters.identified_by_key == 1


def test_receiver_opens_the_first_words_of_a_stranger_who_is_ahead_of_our_keys():
    """His first frames came before our keys and before his name: they are opened oldest first, so none is refused."""
    ear = make_ear(keys=ForwardOnlyKeys())
    for number in range(3):
        ear.feed(ADA_SSRC, number, dave_frame(ADA, 2, bytes([number])), 5.0 + number * 0.02)
    assert ear.heard == []
    ear.keys.advance(2)
    ear.feed(ADA_SSRC, 3, dave_frame(ADA, 2, bytes([3])), 5.06)
    assert [(p.sequence, p.opus) for p in ear.heard] == [(n, bytes([n])) for n in range(4)]
    assert ear.counters.dave_fail == 0


def test_receiver_tries_nobodys_key_on_a_plain_frame(ear):
    """With passthrough on, any key would "open" a plain frame, and words be put in a mouth: it only waits."""
    ear.feed(ADA_SSRC, 1, b"\x78plain", 1.0)
    ear.receiver.assign(ADA_SSRC, ADA, 1.1)
    assert (ear.heard, ear.counters.identified_by_key, ear.counters.plaintext_refused) == ([], 0, 1)


def test_receiver_believes_discords_word_over_its_own(ear):
    """Op 5 gives a known stream to somebody else: from then on his keys are used."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 1, b"a"), 0.0)
    ear.receiver.assign(ADA_SSRC, BOB, 0.1)
    ear.feed(ADA_SSRC, 2, dave_frame(BOB, 1, b"b"), 0.1)
    assert [(p.user_id, p.opus) for p in ear.heard] == [(ADA, b"a"), (BOB, b"b")]


def test_receiver_follows_two_members_who_swap_their_streams(ear):
    """Discord names the new owners after the sound, or never: not a frame is lost, and nobody's words are another's."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.receiver.assign(BOB_SSRC, BOB, 0.0)
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 1, b"a"), 1.0)
    ear.feed(BOB_SSRC, 1, dave_frame(BOB, 1, b"b"), 1.0)
    for number in range(2, 12):
        ear.feed(ADA_SSRC, number, dave_frame(BOB, 1, bytes([number])), 1 + number * 0.02)
        ear.feed(BOB_SSRC, number, dave_frame(ADA, 1, bytes([number])), 1 + number * 0.02)
    for user_id in (ADA, BOB):
        assert [p.sequence for p in ear.heard if p.user_id == user_id] == list(range(1, 12))
    ear.receiver.assign(ADA_SSRC, BOB, 2.0)
    ear.feed(ADA_SSRC, 12, dave_frame(BOB, 1, b"c"), 2.0)
    assert (ear.heard[-1].user_id, ear.counters.dave_fail, ear.advice) == (BOB, 0, [])


def test_receiver_tries_the_others_keys_a_few_times_only(ear):
    """Whoever sends what nobody can open makes us try five times, until the keys change or he is understood again."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    for number in range(100):
        ear.feed(ADA_SSRC, number, dave_frame(9, 1, b"x"), number * 0.02)
    assert (ear.keys.tried.count(ADA), ear.keys.tried.count(BOB)) == (100, 5)


def test_receiver_keeps_nothing_of_streams_that_are_no_more():
    """A member who takes a thousand stream numbers, and a thousand members who come and go, leave no trace."""
    ear = make_ear()
    for number in range(1000):
        ear.feed(100 + number, 1, dave_frame(ADA, 1, b"a"), 0.1 * number)
    ear.keys.users = [ME, *(UserId(n % 250 + 4) for n in range(200))]
    for number in range(200):
        ear.feed(5000 + number, 1, dave_frame(number % 250 + 4, 1, b"b"), 200 + 0.1 * number)
        ear.feed(9000 + number, 1, dave_frame(255, 1, b"c"), 200 + 0.1 * number)
        ear.receiver.member_left(UserId(number % 250 + 4))
    assert len(ear.heard) == 1200
    assert growth(ear.receiver) < 300, f"{growth(ear.receiver)} things are kept"


def growth(receiver: Receiver) -> int:
    """How many things the receiver holds, whatever they are called."""
    parts = [*vars(receiver).values(), *(getattr(receiver.ssrcs, f.name) for f in attrs.fields(type(receiver.ssrcs)))]
    return sum(len(part) for part in parts if isinstance(part, dict | set | deque | list))


def test_receiver_keeps_frames_that_are_ahead_of_our_keys(ear):
    """A member who sends with the new keys before we have the commit loses nothing, and order is kept."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 1, b"a"), 5.00)
    ear.feed(ADA_SSRC, 2, dave_frame(ADA, 2, b"b"), 5.02)
    ear.feed(ADA_SSRC, 3, dave_frame(ADA, 2, b"c"), 5.04)
    assert len(ear.heard) == 1
    ear.keys.advance(2)
    ear.feed(ADA_SSRC, 4, dave_frame(ADA, 2, b"d"), 5.06)
    assert [(p.sequence, p.opus, p.arrived_at) for p in ear.heard] == [
        (1, b"a", 5.00),
        (2, b"b", 5.02),
        (3, b"c", 5.04),
        (4, b"d", 5.06),
    ]
    assert (ear.counters.dave_fail, ear.counters.opened_later, ear.counters.late) == (2, 2, 0)
    assert ear.advice == []


def test_receiver_keeps_frames_that_are_two_changes_ahead(ear):
    """Two members come at once and our websocket is behind: what the first change does not open waits for the next."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 2, b"b"), 5.00)
    ear.feed(ADA_SSRC, 2, dave_frame(ADA, 3, b"c"), 5.02)
    ear.keys.advance(2)
    ear.feed(ADA_SSRC, 3, dave_frame(ADA, 3, b"d"), 5.04)
    ear.keys.advance(3)
    ear.feed(ADA_SSRC, 4, dave_frame(ADA, 3, b"e"), 5.06)
    assert [p.opus for p in ear.heard] == [b"b", b"c", b"d", b"e"]
    assert ear.counters.dave_fail == ear.counters.opened_later == 3


def test_receiver_hands_on_the_last_words_when_their_keys_come(ear):
    """Nothing follows them: it is the websocket's message that opens what came ahead of it, or before any keys."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.keys.is_ready = False
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 2, b"b"), 5.00)
    ear.keys.is_ready = True
    ear.feed(ADA_SSRC, 2, dave_frame(ADA, 2, b"c"), 5.02)
    ear.receiver.look_at_keys(5.04)
    assert ear.heard == []
    ear.keys.advance(2)
    ear.receiver.look_at_keys(5.06)
    assert [p.opus for p in ear.heard] == [b"b", b"c"]


def test_receiver_does_not_keep_old_frames(ear):
    """A second later nobody wants to hear it any more."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 2, b"b"), 5.0)
    ear.keys.advance(2)
    ear.feed(ADA_SSRC, 2, dave_frame(ADA, 2, b"c"), 6.5)
    assert [p.opus for p in ear.heard] == [b"c"]


def test_receiver_advises_after_dozens_of_failures(ear):
    """The advice comes once, not with each packet."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.feed(ADA_SSRC, 0, dave_frame(ADA, 1, b"a"), 0.0)
    for number in range(50):
        ear.feed(ADA_SSRC, number + 1, dave_frame(ADA, 9, b"x"), 2.0 + number * 0.02)
    assert ear.advice == ["heal"]


def test_receiver_without_keys_waits_for_them(ear):
    """Out of the group for a moment: counted apart, and no illness."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.keys.is_ready = False
    for number in range(10):
        ear.feed(ADA_SSRC, number, dave_frame(ADA, 1, b"x"), 5.0)
    assert (ear.counters.dave_not_ready, ear.counters.dave_fail, ear.advice) == (10, 0, [])


def test_receiver_in_a_plain_call_obeys_the_setting():
    """Version 0: refused by default, heard where the operator allows it; silence passes in either case."""
    for require, expected in ((True, [SILENCE_OPUS]), (False, [b"\x78plain", SILENCE_OPUS])):
        ear = make_ear(require_e2ee=require)
        ear.keys.version = 0
        ear.receiver.assign(ADA_SSRC, ADA, 0.0)
        ear.feed(ADA_SSRC, 1, b"\x78plain", 0.0)
        ear.feed(ADA_SSRC, 2, SILENCE_OPUS, 0.0)
        assert [p.opus for p in ear.heard] == expected, require


def test_receiver_counts_what_comes_late(ear):
    """Out of order and twice: handed on, counted; the wrap of the sequence is not late."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    for sequence in (65534, 65535, 0, 2, 1, 2, 3):
        ear.feed(ADA_SSRC, sequence, dave_frame(ADA, 1, bytes([sequence & 7])), 0.0)
    assert [p.sequence for p in ear.heard] == [65534, 65535, 0, 2, 1, 2, 3]
    assert ear.counters.late == 2


def test_receiver_forgets_who_left(ear):
    """Op 13: his streams are nobody's."""
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.receiver.member_left(ADA)
    ear.feed(ADA_SSRC, 1, SILENCE_OPUS, 0.0)
    assert (ear.heard, ear.counters.unknown_ssrc) == ([], 1)


def test_receiver_survives_noise(ear):
    """Truncated, altered, alien: counted by kind."""
    good = ear.wire.seal(build_header(1, 960, ADA_SSRC), b"x")
    ear.receiver.feed(good[:-1], 0.0)
    ear.receiver.feed(good[:20] + b"?" + good[21:], 0.0)
    ear.receiver.feed(b"\x80\xc9" + bytes(40), 0.0)
    ear.receiver.feed(b"", 0.0)
    assert (ear.counters.transport_fail, ear.counters.not_audio) == (2, 2)
    assert ear.heard == []


def suspects_deafness(ear: Ear, payload: bytes, *, spoilt: bool = False) -> bool:
    """Feed 200 packets in 4 s; tell whether the watch finds that we hear nobody."""
    if spoilt:
        ear.wire = TransportKey(bytes(32))
    for number in range(200):
        ear.feed(ADA_SSRC, number, payload, 100 + number * 0.02)
    return ear.receiver._deafness.check(104.0, can_heal=True) is not None


@pytest.mark.parametrize("fault", ["transport", "no place in the group", "keys of nobody"])
def test_receiver_that_opens_nothing_is_suspected_of_deafness(ear, fault):
    """Whichever layer fails: packets that come for seconds and do not open are no silence."""
    if fault == "no place in the group":
        ear.receiver.assign(ADA_SSRC, ADA, 99.0)
        ear.keys.is_ready = False
    frame = dave_frame(9 if fault == "keys of nobody" else ADA, 1, b"a")
    assert suspects_deafness(ear, frame, spoilt=fault == "transport")


def test_receiver_that_opens_frames_is_not(ear):
    """Sound that is understood."""
    assert not suspects_deafness(ear, dave_frame(ADA, 1, b"a"))


def test_receiver_that_gets_nothing_but_the_servers_silence_is_suspected_all_the_same(ear):
    """The voice server makes silence itself, in clear: it does not show that we can hear anybody."""
    ear.receiver.assign(ADA_SSRC, ADA, 100.0)
    ear.keys.is_ready = False
    for sequence in range(100):
        ear.feed(ADA_SSRC, 2 * sequence, dave_frame(ADA, 1, b"a"), 100.0 + 0.04 * sequence)
        ear.feed(ADA_SSRC, 2 * sequence + 1, SILENCE_OPUS, 100.02 + 0.04 * sequence)
    assert len(ear.heard) == 100, "silence is passed on"
    assert ear.receiver._deafness.check(104.1, can_heal=True) == "heal"


def test_receiver_of_plain_frames_is_not(ear):
    """What we refuse by our own rule is no deafness: joining anew would not make the others encrypt."""
    ear.receiver.assign(ADA_SSRC, ADA, 99.0)
    assert not suspects_deafness(ear, b"\x78plain")


@attrs.define
class Watched(ScriptedKeys):
    """Notes whose keys were tried."""

    tried: list[UserId] = attrs.field(factory=list)

    def open(self, user_id: UserId, frame: bytes) -> bytes:
        self.tried.append(user_id)
        return super().open(user_id, frame)


class Wire:
    """A transport key that counts what it opens."""

    def __init__(self) -> None:
        self.key, self.opened = TransportKey(KEY), 0

    def open(self, ciphertext: bytes, clear: bytes, nonce: bytes) -> bytes:
        self.opened += 1
        return self.key.open(ciphertext, clear, nonce)


def make_guest(heard: set[UserId], company: set[UserId] | None = None) -> tuple[Ear, Watched, Wire]:
    """A receiver that may hear these, in a call with ``company``."""
    keys, counters, out, wire = Watched(), VoiceCounters(), list[OpusPacket](), Wire()
    receiver = Receiver(
        ME,
        keys,
        counters,
        require_e2ee=True,
        deliver=out.append,
        advise=lambda _advice: None,
        may_hear=heard.__contains__,
        company=lambda: company if company is not None else {ADA, BOB},
    )
    receiver.key = wire  # type: ignore[assignment]
    return Ear(keys, receiver, counters, out, []), keys, wire


def test_receiver_opens_nothing_of_who_is_not_heard():
    """10,000 packets of a member who did not agree: no seal is opened, whether the owner is known or nobody may be."""
    ear, keys, wire = make_guest(set())
    for number in range(5_000):
        ear.feed(ADA_SSRC, number, dave_frame(ADA, 1, b"a"), number * 0.02)
    ear.receiver.assign(ADA_SSRC, ADA, 100.0)
    for number in range(5_000, 10_000):
        ear.feed(ADA_SSRC, number, dave_frame(ADA, 1, b"a"), number * 0.02)
    assert (wire.opened, keys.tried, ear.heard) == (0, [], [])
    assert ear.counters.not_heard == 10_000


def test_receiver_tries_unknown_streams_with_the_keys_of_who_is_heard_only():
    """A stream without an owner may be Bob's, who is heard: it is opened for him, and Ada's keys are not touched."""
    ear, keys, _wire = make_guest({BOB})
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 1, b"a"), 0.0)
    ear.feed(BOB_SSRC, 1, dave_frame(BOB, 1, b"b"), 0.02)
    assert set(keys.tried) == {BOB}
    assert [(p.user_id, p.opus) for p in ear.heard] == [(BOB, b"b")]
    ear.receiver.assign(ADA_SSRC, ADA, 0.04)  # what waited for its name
    assert len(ear.heard) == 1
    assert ear.counters.not_heard == 1


def test_receiver_tries_no_keys_of_others_who_are_not_heard():
    """Ada goes on on a stream that was Bob's: it is opened for who is heard, and for nobody else."""
    ear, keys, _wire = make_guest({BOB})
    ear.receiver.assign(BOB_SSRC, BOB, 0.0)
    for number in range(3):
        ear.feed(BOB_SSRC, number, dave_frame(ADA, 1, b"a"), number * 0.02)
    assert set(keys.tried) == {BOB}
    assert ear.heard == []


def test_receiver_hears_the_next_packet_after_a_yes_and_none_after_a_no():
    """The choice holds from one packet to the next."""
    heard: set[UserId] = set()
    ear, keys, _wire = make_guest(heard)
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 1, b"a"), 0.00)
    heard.add(ADA)
    ear.feed(ADA_SSRC, 2, dave_frame(ADA, 1, b"b"), 0.02)
    ear.feed(ADA_SSRC, 3, dave_frame(ADA, 2, b"c"), 0.04)  # ahead of our keys: it waits
    heard.clear()
    keys.advance(2)
    ear.feed(ADA_SSRC, 4, dave_frame(ADA, 2, b"d"), 0.06)
    assert [p.opus for p in ear.heard] == [b"b"]


PROOF_PACKETS = 10_000


def play(ear: Ear, ssrc: int, whose: UserId, first: int = 0, last: int = PROOF_PACKETS) -> None:
    for number in range(first, last):
        ear.feed(ssrc, number, dave_frame(whose, 1, b"a"), number * 0.02)


def test_receiver_with_no_word_whose_a_stream_is_tries_nobody_s_key_who_is_not_heard():
    """10,000 packets of Ada, who is never named; Bob may be heard: her keys are not touched, and nothing comes out."""
    ear, keys, _wire = make_guest({BOB})
    play(ear, ADA_SSRC, ADA)
    assert (set(keys.tried), ear.heard) == ({BOB}, [])


def test_receiver_that_learns_late_whose_a_stream_is_opens_nothing_of_it():
    """Her name comes after half of 10,000 packets: what waited for it is dropped as what follows."""
    ear, keys, wire = make_guest({BOB})
    play(ear, ADA_SSRC, ADA, last=PROOF_PACKETS // 2)
    opened = wire.opened
    ear.receiver.assign(ADA_SSRC, ADA, PROOF_PACKETS * 0.01)
    play(ear, ADA_SSRC, ADA, first=PROOF_PACKETS // 2)
    assert (set(keys.tried), ear.heard) == ({BOB}, [])
    assert wire.opened == opened, "from her name on not even the outer seal is opened"


def test_receiver_that_is_told_a_wrong_owner_opens_nothing_of_the_right_one():
    """A forged word says that her stream is Bob's, who is heard: 10,000 packets, and only his keys are tried."""
    ear, keys, _wire = make_guest({BOB})
    ear.receiver.assign(ADA_SSRC, BOB, 0.0)
    play(ear, ADA_SSRC, ADA)
    assert (set(keys.tried), ear.heard) == ({BOB}, [])


def test_receiver_opens_nothing_of_who_goes_on_with_another_s_stream_number():
    """Bob leaves, and his number becomes hers before Discord says so; later it says so: 10,000 packets, none opened."""
    ear, keys, _wire = make_guest({BOB})
    ear.receiver.assign(BOB_SSRC, BOB, 0.0)
    ear.feed(BOB_SSRC, 1, dave_frame(BOB, 1, b"b"), 0.0)
    ear.receiver.member_left(BOB)
    play(ear, BOB_SSRC, ADA, last=PROOF_PACKETS // 2)
    ear.receiver.assign(BOB_SSRC, ADA, PROOF_PACKETS * 0.01)
    play(ear, BOB_SSRC, ADA, first=PROOF_PACKETS // 2)
    assert set(keys.tried) == {BOB}
    assert [packet.user_id for packet in ear.heard] == [BOB]


def test_receiver_opens_nothing_that_came_before_a_yes():
    """What waited for its owner's name, or in the socket, was said before she agreed; what comes next is heard."""
    heard = {BOB}
    ear, keys, _wire = make_guest(heard)
    ear.feed(ADA_SSRC, 1, dave_frame(ADA, 1, b"a"), 1.00)  # waits for its owner's name
    heard.add(ADA)
    ear.receiver.hears_from_now(ADA, 1.10)
    ear.receiver.assign(ADA_SSRC, ADA, 1.11)
    ear.feed(ADA_SSRC, 2, dave_frame(ADA, 1, b"b"), 1.09)  # was in the socket
    assert set(keys.tried) == {BOB}
    ear.feed(ADA_SSRC, 3, dave_frame(ADA, 1, b"c"), 1.12)
    assert [(p.user_id, p.opus) for p in ear.heard] == [(ADA, b"c")]


def test_receiver_that_may_hear_nobody_is_not_deaf():
    """Packets that it does not open are no sign of a broken connection."""
    ear, _keys, _wire = make_guest(set())
    assert not suspects_deafness(ear, dave_frame(ADA, 1, b"a"))


@pytest.mark.parametrize("packets_per_s", [500, 2000])
def test_receiver_opens_no_more_of_a_flood_than_anybody_can_say(packets_per_s: int) -> None:
    """Ten seconds of valid frames at the full rate: real time and one burst of them are opened, and Bob loses none."""
    ear = make_ear()
    ear.receiver.assign(ADA_SSRC, ADA, 0.0)
    ear.receiver.assign(BOB_SSRC, BOB, 0.0)
    for number in range(10 * packets_per_s):
        now = number / packets_per_s
        ear.feed(ADA_SSRC, number % 65536, dave_frame(ADA, 1, b"a"), now)
        if number % (packets_per_s // 50) == 0:
            ear.feed(BOB_SSRC, number // (packets_per_s // 50), dave_frame(BOB, 1, b"b"), now)
    heard = Counter(packet.user_id for packet in ear.heard)
    assert heard[BOB] == 500
    assert 10 * 50 <= heard[ADA] <= 10 * Allowance.PACKETS_PER_S + Allowance.BURST
    assert len(ear.keys.tried) == len(ear.heard), "what is dropped costs no key"
    assert ear.counters.flooded == 10 * packets_per_s - heard[ADA]
