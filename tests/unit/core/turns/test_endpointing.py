"""Beginning and end of utterances, by plain numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.endpointing import (
    Endpointer,
    EndpointEvent,
    EndpointRules,
    Guess,
    SpeechConfirmed,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)

pytestmark = pytest.mark.unit

FRAME_S = 0.032


def about(seconds: float) -> Any:
    """Return what equals this time but for the last bits, in the place of a float."""
    return pytest.approx(seconds)


def voiced(endpointer: Endpointer, count: int, start: float) -> tuple[list[EndpointEvent], float]:
    """Feed voiced frames; return the events and the time of the last one's end."""
    events: list[EndpointEvent] = []
    now = start
    for _ in range(count):
        now += FRAME_S
        events += endpointer.on_frame(0.9, FRAME_S, now)
    return events, now


def run_clock(endpointer: Endpointer, until: float) -> list[EndpointEvent]:
    """Let time pass without frames, waking only when the endpointer asks for it."""
    events: list[EndpointEvent] = []
    while (due := endpointer.next_due()) is not None and due <= until:
        events += endpointer.on_clock(due)
    return events


def test_a_turn_ends_at_exactly_the_commit_silence() -> None:
    """Guess at 200 ms and end at 500 ms after the last voiced frame, though no packet ever comes again."""
    endpointer = Endpointer()
    events, last = voiced(endpointer, 20, 10.0)
    assert events == [SpeechStarted(10.0), SpeechConfirmed(about(10.0 + 5 * FRAME_S))]
    guess, ended = run_clock(endpointer, last + 5)
    assert guess == Guess(about(last + 0.2), about(20 * FRAME_S))
    assert isinstance(ended, TurnEnded)
    assert ended.at == pytest.approx(last + 0.5), f"ended {(ended.at - last) * 1000:.0f} ms after the last voice"
    assert ended.speech_end == last
    assert ended.started_at == 10.0
    assert ended.voiced_s == pytest.approx(20 * FRAME_S)
    assert ended.confirmed


def test_packets_that_stop_in_silence_do_not_delay_the_end() -> None:
    """A microphone that closes just before the commit costs at most the jitter buffer's depth, not the packet gap."""
    endpointer = Endpointer()
    _, last = voiced(endpointer, 20, 0.0)
    now = last
    while now < last + 0.45:
        now += FRAME_S
        endpointer.on_frame(0.0, FRAME_S, now)
    (ended,) = run_clock(endpointer, last + 5)
    assert isinstance(ended, TurnEnded)
    assert ended.at - last <= 0.5 + 0.06, f"ended {(ended.at - last) * 1000:.0f} ms after the last voice"


def lets_go(endpointer: Endpointer, last: float, frames: int = 3) -> float:
    """Send frames of silence as a client does whose key was let go; return when the last one ended."""
    for _ in range(frames):
        last += FRAME_S
        endpointer.on_packet(signs_off=True)
        assert endpointer.on_frame(0.0, FRAME_S, last) == []
    return last


def test_a_key_that_is_let_go_ends_the_turn_at_once() -> None:
    """As soon as a packet behind the trailing frames would be there; without the key it is a pause like any other."""
    endpointer = Endpointer(EndpointRules(push_to_talk=True))
    _, last = voiced(endpointer, 20, 0.0)
    off = lets_go(endpointer, last)
    (ended,) = run_clock(endpointer, last + 5)
    assert isinstance(ended, TurnEnded)
    assert (ended.at, ended.reason, ended.speech_end) == (about(off + 0.06), "released", last)
    usual = Endpointer()
    _, last = voiced(usual, 20, 0.0)
    lets_go(usual, last)
    assert run_clock(usual, last + 5)[-1].at == about(last + 0.5)


def test_a_pause_with_the_key_held_is_no_end() -> None:
    """1.9 s of silence that is sent are none, 2 s are; and packets that stop without a sign prove nothing."""
    endpointer = Endpointer(EndpointRules(push_to_talk=True))
    _, now = voiced(endpointer, 20, 0.0)
    last, events = now, list[EndpointEvent]()
    while not any(isinstance(event, TurnEnded) for event in events):
        now += FRAME_S
        endpointer.on_packet(signs_off=False)
        events += endpointer.on_frame(0.0, FRAME_S, now)
        assert now < last + 3
    assert 2.0 <= now - last < 2.0 + FRAME_S
    _, last = voiced(endpointer, 20, now)
    assert run_clock(endpointer, last + 5)[-1].at == about(last + 0.5), "the frames of silence may be lost"


def test_a_hesitant_speaker_is_given_more_time() -> None:
    """When the turn model says that more is coming, the turn ends at 1.6 s."""
    endpointer = Endpointer()
    _, last = voiced(endpointer, 20, 0.0)
    assert endpointer.on_clock(last + 0.2) == [Guess(last + 0.2, about(20 * FRAME_S))]
    endpointer.on_completion(0.1)
    assert run_clock(endpointer, last + 1.59) == []
    (ended,) = run_clock(endpointer, last + 1.7)
    assert isinstance(ended, TurnEnded)
    assert ended.at == pytest.approx(last + 1.6)


def test_a_late_verdict_is_waited_for() -> None:
    """Until both verdicts are in the turn does not end; what they say then holds at once, or ends a longer silence."""
    endpointer = Endpointer()
    _, last = voiced(endpointer, 20, 0.0)
    endpointer.on_clock(last + 0.2)
    endpointer.await_verdicts()
    assert run_clock(endpointer, last + 0.8) == []
    endpointer.on_completion(0.9)
    endpointer.on_words("likely")
    assert endpointer.next_due() == pytest.approx(last + 0.4), "it is due already"
    (ended,) = endpointer.on_clock(last + 0.81)
    assert isinstance(ended, TurnEnded)


def test_verdicts_that_never_come_are_not_waited_for_for_ever() -> None:
    """At 1.2 s the turn ends all the same."""
    endpointer = Endpointer()
    _, last = voiced(endpointer, 20, 0.0)
    endpointer.on_clock(last + 0.2)
    endpointer.await_verdicts()
    (ended,) = run_clock(endpointer, last + 5)
    assert isinstance(ended, TurnEnded)
    assert ended.at == pytest.approx(last + 1.2)


def test_words_of_a_dropped_guess_are_not_taken_for_the_next_ones() -> None:
    """The speaker went on: "the" was not the end, and says nothing of the next pause."""
    endpointer = Endpointer()
    _, last = voiced(endpointer, 10, 0.0)
    endpointer.on_clock(last + 0.25)
    endpointer.on_words("unfinished")
    _, last = voiced(endpointer, 10, last + 0.3)
    ended = run_clock(endpointer, last + 5)[-1]
    assert isinstance(ended, TurnEnded)
    assert ended.at == pytest.approx(last + 0.5)


def test_resumed_speech_is_the_same_utterance() -> None:
    """A pause longer than the guess and shorter than the commit drops the guess and nothing else."""
    endpointer = Endpointer()
    _, last = voiced(endpointer, 10, 0.0)
    assert endpointer.on_clock(last + 0.25) == [Guess(last + 0.25, about(10 * FRAME_S))]
    events, last = voiced(endpointer, 10, last + 0.3)
    assert events[0] == SpeechResumed(about(last - 9 * FRAME_S), about(0.3))
    guess, ended = run_clock(endpointer, last + 5)
    assert isinstance(guess, Guess)
    assert isinstance(ended, TurnEnded)
    assert ended.started_at == 0.0
    assert ended.voiced_s == pytest.approx(20 * FRAME_S)


def test_a_stale_verdict_changes_nothing() -> None:
    """The turn model's answer to a dropped guess is not taken for the next one's."""
    endpointer = Endpointer()
    _, last = voiced(endpointer, 10, 0.0)
    endpointer.on_clock(last + 0.25)
    _, last = voiced(endpointer, 10, last + 0.3)
    endpointer.on_completion(0.0)
    ended = run_clock(endpointer, last + 5)[-1]
    assert isinstance(ended, TurnEnded)
    assert ended.at == pytest.approx(last + 0.5)


def test_speech_that_gets_softer_goes_on_until_it_is_well_under_the_threshold() -> None:
    """Once begun, speech lasts down to 0.15 under the threshold: a soft syllable is no pause, and begins nothing."""
    for probability, silent_s in ((0.36, 0.0), (0.34, 10 * FRAME_S)):
        endpointer = Endpointer(EndpointRules(threshold=0.5))
        _, last = voiced(endpointer, 20, 0.0)
        now = last
        for _ in range(10):
            now += FRAME_S
            endpointer.on_frame(probability, FRAME_S, now)
        assert endpointer.speech_end == about(now - silent_s), f"at {probability}"
    quiet = Endpointer(EndpointRules(threshold=0.5))
    assert not [event for n in range(20) for event in quiet.on_frame(0.49, FRAME_S, n * FRAME_S)]
    assert quiet.on_frame(0.5, FRAME_S, 1.0) + quiet.on_frame(0.5, FRAME_S, 1.0 + FRAME_S) + quiet.on_frame(
        0.5, FRAME_S, 1.0 + 2 * FRAME_S
    ) == [SpeechStarted(about(1.0 - FRAME_S))], "the threshold itself is speech"


def test_a_click_starts_nothing() -> None:
    """One loud frame between silent ones is no utterance."""
    endpointer = Endpointer()
    for index in range(20):
        probability = 0.99 if index % 5 == 0 else 0.0
        assert endpointer.on_frame(probability, FRAME_S, index * FRAME_S) == []
    assert endpointer.next_due() is None


def test_a_cough_ends_unconfirmed() -> None:
    """Sound shorter than the barge-in limit is an utterance that may not interrupt."""
    endpointer = Endpointer()
    events, last = voiced(endpointer, 3, 0.0)
    assert not any(isinstance(event, SpeechConfirmed) for event in events)
    ended = run_clock(endpointer, last + 5)[-1]
    assert isinstance(ended, TurnEnded)
    assert not ended.confirmed


def test_endless_speech_is_cut_at_the_limit() -> None:
    """An open microphone in a noisy room ends the turn at the limit, and speech goes on as the next one."""
    endpointer = Endpointer(EndpointRules(max_utterance_s=2.0))
    events, _ = voiced(endpointer, 100, 0.0)
    ends = [event for event in events if isinstance(event, TurnEnded)]
    assert [end.reason for end in ends] == ["limit"]
    assert ends[0].at == pytest.approx(2.0, abs=FRAME_S)
    assert endpointer.is_speaking


def test_a_broken_stream_keeps_what_was_said() -> None:
    """When the connection breaks in mid-utterance the utterance ends there; without one nothing happens."""
    endpointer = Endpointer()
    assert endpointer.cut_off(0.0) == []
    _, last = voiced(endpointer, 10, 0.0)
    (ended,) = endpointer.cut_off(last + 0.1)
    assert isinstance(ended, TurnEnded)
    assert (ended.reason, ended.confirmed) == ("cut off", True)
    assert not endpointer.is_speaking


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.0, 2.0)), max_size=200))
def test_every_beginning_has_one_end(steps: list[tuple[float, float]]) -> None:
    """Whatever the frames and gaps, started and ended alternate, and no utterance stays open for ever."""
    endpointer, now, open_ = Endpointer(), 0.0, False
    events: list[EndpointEvent] = []
    for probability, gap_s in steps:
        events += run_clock(endpointer, now + gap_s)
        now += gap_s + FRAME_S
        events += endpointer.on_frame(probability, FRAME_S, now)
    events += run_clock(endpointer, now + 10)
    for event in events:
        if isinstance(event, SpeechStarted):
            assert not open_
            open_ = True
        elif isinstance(event, TurnEnded):
            assert open_
            open_ = False
    assert not open_


def kinds_of(probabilities: list[float], *, minds_traces: bool = True) -> list[tuple[int, str]]:
    """Feed frames of 32 ms; return what was said, and after which frame."""
    endpointer = Endpointer(minds_traces=lambda: minds_traces)
    said: list[tuple[int, str]] = []
    for number, probability in enumerate(probabilities, 1):
        said += [(number, type(event).__name__) for event in endpointer.on_frame(probability, 0.032, number * 0.032)]
    return said


def test_a_voice_that_comes_slowly_is_traced_and_likely_before_it_is_confirmed() -> None:
    """From its first trace on it has lasted 160 ms when it is certain; a sure one is confirmed in the same instant."""
    assert kinds_of([0.0, 0.1, 0.1, 0.2, 0.2, 0.2, 0.6, 0.9, 0.9, 0.9, 0.9]) == [
        (2, "VoiceStirred"),
        (8, "SpeechStarted"),
        (8, "VoiceLikely"),
        (11, "SpeechConfirmed"),
    ]
    assert kinds_of([0.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]) == [
        (2, "VoiceStirred"),
        (3, "SpeechStarted"),
        (6, "SpeechConfirmed"),
        (7, "VoiceLikely"),
    ]


def test_a_trace_is_told_only_where_it_matters() -> None:
    """While nothing is being said, nobody need know."""
    assert kinds_of([0.0, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0]) == [(2, "VoiceStirred"), (7, "VoiceStilled")]
    assert kinds_of([0.0, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0], minds_traces=False) == []


def test_a_trace_is_over_when_the_packets_are() -> None:
    """Discord sends nothing in silence: the clock takes it back, and so does a broken connection."""
    endpointer = Endpointer(minds_traces=lambda: True)
    endpointer.on_frame(0.2, 0.032, 1.0)
    assert endpointer.next_due() == pytest.approx(1.1)
    assert [type(event).__name__ for event in endpointer.on_clock(1.1)] == ["VoiceStilled"]
    assert endpointer.next_due() is None
    endpointer.on_frame(0.2, 0.032, 5.0)
    assert [type(event).__name__ for event in endpointer.cut_off(5.01)] == ["VoiceStilled"]
    assert endpointer.next_due() is None
