"""A speaker's usual loudness, and what is far behind it, by plain figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.distance import FORGOTTEN_S, Distance, SpeakerDistance

pytestmark = pytest.mark.unit

MARGIN_DB = 12.0
FRAME_S = 0.02


def speak(levels: SpeakerDistance, dbfs: float, seconds: float, at: float = 0.0) -> list[Distance]:
    """Let somebody speak at one level; return where the voice seemed to be after each frame."""
    levels.begin(at)
    found: list[Distance] = []
    for _ in range(round(seconds / FRAME_S)):
        levels.hear(dbfs, FRAME_S)
        found.append(levels.distance(MARGIN_DB))
    levels.ended(at + seconds, MARGIN_DB, is_own=True)
    return found


def known(dbfs: float = -20.0) -> SpeakerDistance:
    """Return the levels of somebody who has asked something for two seconds."""
    levels = SpeakerDistance()
    speak(levels, dbfs, 2.0)
    assert levels.usual_dbfs == dbfs
    return levels


def test_a_voice_20_db_below_is_far_after_a_quarter_of_a_second() -> None:
    """Not before: a voice begins softly. And it changes nothing of what is usual."""
    levels = known()
    found = speak(levels, -40.0, 1.0)
    assert found[:11] == ["unknown"] * 11
    assert set(found[11:]) == {"far"}
    assert levels.usual_dbfs == -20.0


def test_the_speaker_is_near_as_soon_as_it_is_loud_enough() -> None:
    """0.1 s, also a good deal softer than usual."""
    assert speak(known(), -31.0, 1.0)[4:] == ["near"] * 46


def test_nobody_is_far_before_a_second_of_the_speaker_is_known() -> None:
    """The first words of a call are somebody's who wants something; a short one does not say how loud people are."""
    levels = SpeakerDistance()
    assert set(speak(levels, -45.0, 0.5)) == {"near"}
    assert levels.usual_dbfs is None
    assert set(speak(levels, -20.0, 0.5)) == {"near"}
    assert levels.usual_dbfs == -45.0, "of two the softer one counts"


def test_after_a_far_voice_the_next_one_is_doubted_from_its_first_frame() -> None:
    """A television does not lower the answer with each of its sentences; the speaker is near all the same."""
    levels = known()
    assert not levels.is_doubted
    speak(levels, -40.0, 1.0)
    assert levels.is_doubted
    assert set(speak(levels, -40.0, 1.0)) == {"far"}
    assert speak(levels, -20.0, 1.0)[4:] == ["near"] * 46
    assert not levels.is_doubted


def test_one_shout_makes_nobody_far() -> None:
    """The lower median of what was said lately."""
    levels = known(-22.0)
    speak(levels, -8.0, 1.0)
    assert levels.usual_dbfs == -22.0
    assert speak(levels, -24.0, 1.0)[-1] == "near"


def test_what_was_before_the_first_certain_frame_counts_up_to_a_tenth_of_a_second() -> None:
    """The onset is known late, and the beginning of a word is its loudest part."""
    levels = known()
    for _ in range(5):
        levels.hear(-20.0, FRAME_S)
    levels.begin(5.0)
    assert levels.distance(MARGIN_DB) == "near"


def test_our_name_makes_a_soft_voice_the_speakers() -> None:
    """Whoever says it is meant; what was usual is learned anew."""
    levels = known()
    levels.begin(5.0)
    for _ in range(50):
        levels.hear(-40.0, FRAME_S)
    assert levels.distance(MARGIN_DB) == "far"
    levels.called()
    assert levels.distance(MARGIN_DB) == "near"
    levels.ended(6.0, MARGIN_DB, is_own=True)
    assert levels.usual_dbfs == -40.0
    assert speak(levels, -40.0, 1.0, at=7.0)[-1] == "near"


def test_what_is_usual_is_forgotten_after_two_minutes() -> None:
    """Another microphone, or a child asleep: nobody stays unheard."""
    levels = known()
    assert speak(levels, -40.0, 1.0, at=FORGOTTEN_S)[-1] == "far"
    assert set(speak(levels, -40.0, 1.0, at=FORGOTTEN_S + 10)) == {"near"}


def test_an_echo_or_a_click_teaches_nothing() -> None:
    """Only what was long enough to be a turn, and nobody else's, is the speaker's own."""
    levels = known()
    levels.begin(5.0)
    levels.hear(-10.0, 1.0)
    levels.ended(6.0, MARGIN_DB, is_own=False)
    assert levels.usual_dbfs == -20.0


def test_margin_zero_has_nobody_far() -> None:
    """The switch of whoever shares one microphone with a room."""
    levels = known()
    levels.begin(5.0)
    levels.hear(-59.0, 1.0)
    assert levels.distance(0.0) == "near"


@given(st.lists(st.tuples(st.floats(-100, 0), st.floats(0.02, 3.0)), max_size=30), st.floats(1, 60))
def test_whatever_is_heard_a_voice_as_loud_as_usual_is_near(said: list[tuple[float, float]], margin_db: float) -> None:
    """For any levels and any margin of more than the step in which levels are counted."""
    levels, at = SpeakerDistance(), 0.0
    for dbfs, seconds in said:
        levels.begin(at)
        levels.hear(dbfs, seconds)
        at += seconds
        levels.ended(at, margin_db, is_own=True)
    if levels.usual_dbfs is not None:
        levels.begin(at)
        levels.hear(levels.usual_dbfs + 1e-6, 1.0)
        assert levels.distance(margin_db) == "near"
