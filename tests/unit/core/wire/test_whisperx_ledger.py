"""The ledger of utterances, against a server model that has nothing but the plain protocol's manners."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxbridge.core.wire.whisperx import Final
from voxbridge.core.wire.whisperx_ledger import (
    PACKETS_MAX,
    TAKE_MAX,
    FinalHeard,
    PartialHeard,
    PeekHeard,
    PeekLost,
    ServerFailed,
    Stray,
    Utterance,
    UtteranceFailed,
    UtteranceLedger,
)

pytestmark = pytest.mark.unit

LIMIT_S = 5.0
START = '{"type":"start"}'
FINALIZE = '{"type":"finalize"}'


def ledger() -> UtteranceLedger:
    return UtteranceLedger(start=START, limit_s=LIMIT_S)


def feed(book: UtteranceLedger, *packets: bytes) -> None:
    for packet in packets:
        book.feed(packet)


def end(book: UtteranceLedger, now: float = 0.0) -> Utterance:
    utterance = book.end(now)
    assert utterance is not None
    return utterance


def final(text: str = "", **more: Any) -> str:
    return json.dumps({"type": "final", "text": text, **more})


def test_start_comes_first_and_once():
    book = ledger()
    assert book.take(0) == [START]
    assert book.take(0) == []
    feed(book, b"a")
    assert book.take(0) == [b"a"]
    book.lost()
    assert book.take(0) == [START, b"a"]


def test_a_live_packet_leaves_alone_and_a_replay_in_bundles():
    book = ledger()
    book.take(0)
    feed(book, *[b"x"] * 100)
    end(book)
    sizes = []
    while taken := book.take(0):
        sizes.append(len(taken))
    assert sizes == [TAKE_MAX, TAKE_MAX, TAKE_MAX, 4 + 1]


def test_packets_of_the_next_utterance_follow_a_finalize_but_its_finalize_waits():
    book = ledger()
    feed(book, b"a")
    first = end(book)
    feed(book, b"b")
    second = end(book)
    assert book.take(0) == [START, b"a", FINALIZE, b"b"]
    assert book.take(0) == []
    assert book.receive(final("A")) == FinalHeard(first, Final("A"))
    assert book.take(0) == [FINALIZE]
    assert book.receive(final("B")) == FinalHeard(second, Final("B"))
    assert not book.is_pending


def test_a_third_utterance_waits_for_the_second_ones_finalize():
    book = ledger()
    for packet in (b"a", b"b", b"c"):
        feed(book, packet)
        end(book)
    assert book.take(0) == [START, b"a", FINALIZE, b"b"]
    book.receive(final())
    assert book.take(0) == [FINALIZE, b"c"]


def test_an_abandoned_utterance_that_was_never_sent_leaves_no_trace():
    book = ledger()
    feed(book, b"a")
    book.abandon(end(book))
    feed(book, b"b")
    end(book)
    assert book.take(0) == [START, b"b", FINALIZE]


def test_an_abandoned_utterance_on_the_wire_is_finalized_and_its_final_ignored():
    book = ledger()
    feed(book, b"a", b"b")
    book.take(0)
    current = book.current
    assert current is not None
    book.abandon(current)
    feed(book, b"c")
    last = end(book)
    assert book.take(0) == [FINALIZE, b"c"]
    assert book.receive(final("ab")) == Stray()
    assert book.take(0) == [FINALIZE]
    assert book.receive(final("c")) == FinalHeard(last, Final("c"))


def test_with_the_extension_an_abandoned_utterance_is_discarded():
    book = ledger()
    book.take(0)
    book.receive('{"type":"ready","protocol":"voxbridge/1"}')
    feed(book, b"a")
    book.take(0)
    assert book.current is not None
    book.abandon(book.current)
    feed(book, b"b")
    last = end(book)
    assert book.take(0) == ['{"type":"discard"}', b"b", f'{{"type":"finalize","id":{last.id}}}']
    assert book.receive(final("stale", id=last.id + 100)) == Stray()
    assert book.receive(final("b", id=last.id)) == FinalHeard(last, Final("b", id=last.id))


def test_a_final_is_overdue_after_the_limit():
    book = ledger()
    assert book.final_due() is None
    feed(book, b"a")
    end(book, now=10.0)
    book.take(12.0)
    assert book.final_due() == 17.0
    book.receive(final())
    assert book.final_due() is None


def test_an_ended_utterance_nobody_asked_for_in_time_is_dropped():
    book = ledger()
    feed(book, b"a")
    end(book, now=0.0)
    feed(book, b"b")
    assert book.take(LIMIT_S + 0.1) == [START, b"b"]


def test_a_partial_belongs_to_the_open_utterance_or_nobody():
    book, partial = ledger(), '{"type":"partial","text":"hel"}'
    assert book.receive(partial) is None
    feed(book, b"a")
    assert book.receive(partial) is None, "nothing of it was sent yet"
    book.take(0)
    assert book.receive(partial) == PartialHeard("hel")
    end(book)
    assert book.receive(partial) is None
    feed(book, b"b")
    book.take(0)
    assert book.receive(partial) is None, "while a final is due, a partial may be of the utterance before"


def test_a_failed_final_is_tried_twice():
    book = ledger()
    feed(book, b"a")
    utterance = end(book)
    for _ in range(2):
        assert book.take(0) == [START, b"a", FINALIZE]
        assert book.receive('{"type":"error"}') == ServerFailed()
        lost = book.lost()
    assert lost == [UtteranceFailed(utterance)]
    assert book.take(0) == [START]


def test_losses_without_an_error_are_replayed_as_often_as_it_takes():
    book = ledger()
    feed(book, b"a")
    end(book)
    for _ in range(5):
        assert book.take(0) == [START, b"a", FINALIZE]
        assert book.lost() == []


def test_peeks_are_sent_after_the_packets_before_them():
    book = ledger()
    assert book.peek() is None
    feed(book, b"a")
    first = book.peek()
    second = book.peek()
    assert first is not None
    assert second is not None
    book.forget_peek(second)
    assert book.take(0) == [START, b"a", f'{{"type":"peek","id":{first}}}']
    answer = json.dumps({"type": "peeked", "id": first, "text": "A"})
    assert isinstance(book.receive(answer), PeekHeard)
    assert book.receive(answer) == Stray()
    third = book.peek()
    assert third is not None
    assert book.receive(json.dumps({"type": "error", "id": third})) == PeekLost(third)
    fourth = book.peek()
    assert book.lost() == [PeekLost(fourth)]


def test_the_ring_keeps_the_last_two_minutes():
    book = ledger()
    feed(book, *[n.to_bytes(2, "big") for n in range(PACKETS_MAX + 3)])
    sent = []
    while taken := book.take(0):
        sent += taken
    assert sent == [START, *[n.to_bytes(2, "big") for n in range(3, PACKETS_MAX + 3)]]


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
    st.sampled_from(["feed", "feed", "feed", "end", "abandon", "discard", "take", "take", "answer", "answer", "lose"]),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_every_final_names_the_packets_of_its_own_utterance(steps):
    """Whatever is given up, lost, or overlaps: an utterance gets its own words, all of them, once each."""
    book, server = ledger(), PlainServer()
    fed: dict[int, list[str]] = {}
    waiting: list[Utterance] = []
    number = 0

    def answer() -> None:
        if server.answers:
            event = book.receive(server.answers.pop(0))
            if isinstance(event, FinalHeard):
                assert event.final.text.split() == fed[event.utterance.id]
                waiting.remove(event.utterance)

    for step in steps:
        match step:
            case "feed":
                number += 1
                book.feed(str(number).encode())
                assert book.current is not None
                fed.setdefault(book.current.id, []).append(str(number))
            case "end":
                if utterance := book.end(0.0):
                    waiting.append(utterance)
            case "abandon" if waiting:
                book.abandon(waiting.pop(0))
            case "discard":
                if book.current is not None:
                    book.abandon(book.current)
            case "take":
                server.hear(book.take(0.0))
            case "answer":
                answer()
            case "lose":
                book.lost()
                server = PlainServer()
    for _ in range(2 * len(steps) + 2):
        server.hear(book.take(0.0))
        answer()
    assert not waiting, "a final never came"
