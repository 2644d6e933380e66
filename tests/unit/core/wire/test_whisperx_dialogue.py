"""The dialogue of one connection, against a server model that has nothing but the plain protocol's manners."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxbridge.core.stt.ledger import Dial, Ledger
from voxbridge.core.stt.owed import Call, Failure, FailureKind, Manners, Owed
from voxbridge.core.wire.whisperx import Final
from voxbridge.core.wire.whisperx_dialogue import (
    TAKE_MAX,
    Dialogue,
    DialogueEvent,
    FinalHeard,
    Garbled,
    PartialHeard,
    PeekHeard,
    PeekLost,
    ServerFailed,
    Stray,
)

pytestmark = pytest.mark.unit

LIMIT_S = 5.0
START = '{"type":"start"}'
FINALIZE = '{"type":"finalize"}'


class Book:
    """A line's ledger and the dialogue of its one connection."""

    def __init__(self, *, is_started: bool = False) -> None:
        manners = Manners(is_lasting=True, connects_ahead=True, tries_max=2)
        self.ledger = Ledger(manners, limit_s=LIMIT_S, rng=lambda: 0.0)
        [self.call] = self.ledger.new_calls()
        self.connect()
        if is_started:
            assert self.take() == [START]

    def connect(self) -> None:
        assert isinstance(self.ledger.next_step(self.call, 0.0), Dial)
        self.ledger.up(self.call, 0.0)
        self.dialogue = Dialogue(start=START, limit_s=LIMIT_S)

    def lose(self) -> None:
        self.ledger.lost(self.call, Failure(FailureKind.BROKEN), 0.0)
        self.connect()

    def feed(self, *packets: bytes) -> Owed:
        for packet in packets:
            self.ledger.feed(packet)
        assert self.ledger.current is not None
        return self.ledger.current

    def end(self, now: float = 0.0) -> Owed:
        owed, _ = self.ledger.end(now)
        assert owed is not None
        return owed

    def drop(self, owed: Owed) -> None:
        self.ledger.drop(owed, 0.0)

    def take(self, now: float = 0.0) -> list[str | bytes]:
        return self.dialogue.take(self.ledger.owed, now)

    def receive(self, message: str) -> DialogueEvent | None:
        event = self.dialogue.receive(message)
        if isinstance(event, FinalHeard):
            self.ledger.answered(event.owed)
        return event


def final(text: str = "", **more: object) -> str:
    return json.dumps({"type": "final", "text": text, **more})


def test_start_comes_first_and_once_on_each_connection():
    """Each connection has one start before all else, and a new one has the utterance from its beginning."""
    book = Book()
    assert book.take() == [START]
    assert book.take() == []
    book.feed(b"a")
    assert book.take() == [b"a"]
    book.lose()
    assert book.take() == [START, b"a"]


def test_a_live_packet_leaves_alone_and_a_replay_in_bundles():
    """What is sent again goes in bundles, so that it does not hold up the rest."""
    book = Book(is_started=True)
    book.feed(*[b"x"] * 100)
    book.end()
    sizes = []
    while taken := book.take():
        sizes.append(len(taken))
    assert sizes == [TAKE_MAX, TAKE_MAX, TAKE_MAX, 4 + 1]


def test_packets_of_the_next_utterance_follow_a_finalize_but_its_finalize_waits():
    """The next utterance's sound follows at once; its finalize waits for the first final."""
    book = Book()
    book.feed(b"a")
    first = book.end()
    book.feed(b"b")
    second = book.end()
    assert book.take() == [START, b"a", FINALIZE, b"b"]
    assert book.take() == []
    assert book.receive(final("A")) == FinalHeard(first, Final("A"))
    assert book.take() == [FINALIZE]
    assert book.receive(final("B")) == FinalHeard(second, Final("B"))
    assert not book.ledger.owed


def test_a_third_utterance_waits_for_the_second_ones_finalize():
    """Sound of a third utterance never mixes with that of the second."""
    book = Book()
    for packet in (b"a", b"b", b"c"):
        book.feed(packet)
        book.end()
    assert book.take() == [START, b"a", FINALIZE, b"b"]
    book.receive(final())
    assert book.take() == [FINALIZE, b"c"]


def test_an_abandoned_utterance_that_was_never_sent_leaves_no_trace():
    """An utterance given up before it was sent is never sent."""
    book = Book()
    book.feed(b"a")
    book.drop(book.end())
    book.feed(b"b")
    book.end()
    assert book.take() == [START, b"b", FINALIZE]


def test_an_abandoned_utterance_on_the_wire_is_finalized_and_its_final_is_its_own():
    """One that was given up on the wire is ended, so that its words do not stand in the next."""
    book = Book(is_started=True)
    cough = book.feed(b"a", b"b")
    book.take()
    book.drop(cough)
    book.feed(b"c")
    last = book.end()
    assert book.take() == [FINALIZE, b"c"]
    assert book.receive(final("ab")) == FinalHeard(cough, Final("ab"))
    assert book.take() == [FINALIZE]
    assert book.receive(final("c")) == FinalHeard(last, Final("c"))


def test_with_the_extension_an_abandoned_utterance_is_discarded():
    """With the extension it is thrown away instead, and finals are known by their numbers."""
    book = Book(is_started=True)
    book.receive('{"type":"ready","protocol":"voxbridge/1"}')
    cough = book.feed(b"a")
    book.take()
    book.drop(cough)
    book.feed(b"b")
    last = book.end()
    [discard, packet, finalize] = book.take()
    assert (discard, packet) == ('{"type":"discard"}', b"b")
    assert isinstance(finalize, str)
    number = json.loads(finalize)["id"]
    assert book.receive(final("stale", id=number + 100)) == Stray()
    assert book.receive(final("b", id=number)) == FinalHeard(last, Final("b", id=number))


def test_a_final_is_overdue_after_the_limit():
    """A final is due 5 s after its finalize went out, not after the utterance's end."""
    book = Book()
    assert book.dialogue.answer_due == float("inf")
    book.feed(b"a")
    book.end(now=10.0)
    book.take(12.0)
    assert book.dialogue.answer_due == 17.0
    book.receive(final())
    assert book.dialogue.answer_due == float("inf")


def test_a_partial_belongs_to_the_open_utterance_or_nobody():
    """Early words are those of the open utterance, or nobody's where they may be old."""
    book, partial = Book(), '{"type":"partial","text":"hel"}'
    assert book.receive(partial) is None
    first = book.feed(b"a")
    assert book.receive(partial) is None, "nothing of it was sent yet"
    book.take()
    assert book.receive(partial) == PartialHeard(first, "hel")
    book.end()
    assert book.receive(partial) is None
    book.feed(b"b")
    book.take()
    assert book.receive(partial) is None, "while a final is due, a partial may be of the utterance before"


def test_an_error_after_a_finalize_may_be_of_it():
    """An error is blamed on the utterance whose final is due, and on none before."""
    book = Book()
    first = book.feed(b"a")
    book.take()
    assert book.receive('{"type":"error"}') == ServerFailed()
    assert book.dialogue.failed is None, "it was of a partial"
    book.end()
    book.take()
    assert book.receive('{"type":"error"}') == ServerFailed()
    assert book.dialogue.failed is first


def test_peeks_are_sent_after_the_packets_before_them():
    """An early transcript has all sound before it, is answered once, and can fail by itself."""
    book = Book()
    owed = book.feed(b"a")
    first, second = book.dialogue.peek(owed), book.dialogue.peek(owed)
    book.dialogue.forget_peek(second)
    assert book.take() == [START, b"a", f'{{"type":"peek","id":{first}}}']
    answer = json.dumps({"type": "peeked", "id": first, "text": "A"})
    assert isinstance(book.receive(answer), PeekHeard)
    assert book.receive(answer) == Stray()
    third = book.dialogue.peek(owed)
    assert book.receive(json.dumps({"type": "error", "id": third})) == PeekLost(third)


def test_a_peek_of_an_utterance_that_has_ended_is_not_asked_for():
    """No early transcript is asked for once the utterance has ended."""
    book = Book(is_started=True)
    owed = book.feed(b"a")
    book.dialogue.peek(owed)
    book.end()
    assert book.take() == [b"a", FINALIZE]


def test_the_ring_keeps_the_longest_utterance_and_no_more():
    """Ten minutes of sound, in whatever pieces; beyond that the oldest go."""
    book = Book()
    second = 2 * 16_000
    book.feed(*[n.to_bytes(2, "big") * (second // 2) for n in range(605)])
    sent: list[str | bytes] = []
    while taken := book.take():
        sent += taken
    assert [message[:2] for message in sent[1:]] == [n.to_bytes(2, "big") for n in range(3, 605)]


class PlainServer:
    """Hears packets, and answers a finalize some time later with the packets themselves; order is all it knows."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.answers: list[str] = []

    def hear(self, messages: list[str | bytes]) -> None:
        for message in messages:
            if isinstance(message, bytes):
                self.heard.append(message)
            elif message == FINALIZE:
                assert not self.answers, "a second finalize while one was outstanding"
                self.answers.append(final(" ".join(packet.decode() for packet in self.heard)))
                self.heard = []


STEPS = st.lists(
    st.sampled_from(["feed", "feed", "feed", "end", "drop", "discard", "take", "take", "answer", "answer", "lose"]),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_every_final_names_the_packets_of_its_own_utterance(steps):
    """Whatever is given up, lost, or overlaps: an utterance gets its own words, all of them, once each."""
    book, server = Book(), PlainServer()
    fed: dict[int, list[str]] = {}
    waiting: list[Owed] = []
    number = 0

    def answer() -> None:
        if server.answers:
            event = book.receive(server.answers.pop(0))
            assert isinstance(event, FinalHeard)
            if event.owed in waiting:
                assert event.final.text.split() == fed[event.owed.id]
                waiting.remove(event.owed)

    for step in steps:
        match step:
            case "feed":
                number += 1
                fed.setdefault(book.feed(str(number).encode()).id, []).append(str(number))
            case "end" if book.ledger.current is not None:
                waiting.append(book.end())
            case "drop" if waiting:
                book.drop(waiting.pop(0))
            case "discard" if book.ledger.current is not None:
                book.drop(book.ledger.current)
            case "take":
                server.hear(book.take())
            case "answer":
                answer()
            case "lose":
                book.lose()
                server = PlainServer()
    for _ in range(2 * len(steps) + 2):
        server.hear(book.take())
        answer()
    assert not waiting, "a final never came"


@given(st.lists(st.one_of(st.text(max_size=40), st.binary(max_size=40)), max_size=10))
def test_whatever_a_server_says_is_passed_over_or_understood(messages):
    """A server's messages raise nothing, and resolve nothing that nobody waits for."""
    dialogue = Dialogue(start=START, limit_s=LIMIT_S)
    dialogue.take([Owed(1, Call())], 0.0)
    for message in messages:
        assert not isinstance(dialogue.receive(message), FinalHeard | PeekHeard | PeekLost)


@pytest.mark.parametrize("nonsense", ["{", "[1]", b"\xff", '{"type":"final"}'])
def test_nonsense_counts_only_while_a_final_is_due(nonsense: str | bytes) -> None:
    """Before that nobody waits for anything; then it is very likely what is waited for."""
    book = Book(is_started=True)
    assert book.dialogue.receive(nonsense) is None
    owed = book.feed(b"a")
    book.take()
    assert book.dialogue.receive(nonsense) is None
    book.end()
    book.take()
    assert book.dialogue.receive(nonsense) == Garbled(nonsense)
    assert book.dialogue.due is owed
    book.dialogue.receive('{"type":"final","text":"a"}')
    assert book.dialogue.receive(nonsense) is None
