"""What is wrong with a scene, from what came of it: each sentence says what, when, and by how much."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.scenes.expect import ExpectedTurn, ExpectedWhole
from voxbridge.rehearsal.scenes.judge import judge_scene
from voxbridge.rehearsal.scenes.played import Deed, Played, Sounded, Turn
from voxbridge.rehearsal.scenes.scene import Scene, Step

pytestmark = pytest.mark.unit

STEP = Step(pause_ms=1)


def a_turn(zero_s: float = 0.0, by: str = "Ada", **report: Any) -> Turn:
    """A turn of 2 s of speech whose answer sounds from 2.9 s to 4 s."""
    marks = {"speech_start": 0.0, "speech_end": 2.0, "turn_decided": 2.4, "first_audio": 2.9, "last_audio": 4.0}
    told = {
        "outcome": "answered",
        "heard": "what is seven times eight",
        "answer": "It is fifty-six.",
        "spoken": "It is fifty-six.",
        "error": None,
        "marks": marks | {"ended": 4.0},
        "first_audio": {"ms": 500.0},
        "parts": [{"name": "agent", "ms": 321.4, "budget_ms": None, "verdict": "-"}],
    }
    return Turn(by, told | report, zero_s)


def voice(begin_s: float, end_s: float, *, is_encrypted: bool = True) -> list[Sounded]:
    return [Sounded(begin_s + n * 0.02, is_encrypted) for n in range(round((end_s - begin_s) / 0.02))]


CUT: dict[str, Any] = {
    "outcome": "interrupted",
    "spoken": "It is",
    "marks": {**a_turn().report["marks"], "cut": 3.6, "ended": 3.6},
}


def played(*turns: Turn, **more: Any) -> Played:
    return Played((), turns, tuple(voice(2.9, 4.0)), (), ended_s=6.0, **more)


def problems(outcome: Played, *wanted: ExpectedTurn, ears: Any = None, **whole: Any) -> list[str]:
    scene = Scene(step=(STEP,), turn=wanted, expect=ExpectedWhole(**whole))
    return judge_scene(scene, outcome, ears)


def test_what_is_as_it_must_be_is_no_problem() -> None:
    """All that can be wanted of a turn that was answered, at once."""
    wanted = ExpectedTurn(
        by="Ada",
        outcome="answered",
        heard="What is seven times eight?",
        answer_has=("56",),
        answer_lacks=("57",),
        spoken_has=("fifty-six",),
        first_audio_ms=500,
        reply_ms=901,
        resumed=False,
    )
    assert problems(played(a_turn()), wanted) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (ExpectedTurn(by="Bob"), "it is Ada's, and not Bob's"),
        (ExpectedTurn(outcome="not-addressed"), "it ended as answered at 4.00 s, and not as not-addressed"),
        (ExpectedTurn(heard="good night"), 'heard "what is seven times eight" where "good night" was said'),
        (ExpectedTurn(answer_has=("57",)), 'the answer "It is fifty-six." does not hold "57"'),
        (ExpectedTurn(answer_lacks=("56",)), 'the answer "It is fifty-six." holds "56"'),
        (ExpectedTurn(spoken_has=("no",)), 'what was spoken of the answer, "It is fifty-six.", does not hold "no"'),
        (
            ExpectedTurn(first_audio_ms=450),
            (
                "first audio came 500 ms after the decision that the turn had ended, at 2.90 s: 50 ms later than the "
                "450 ms allowed (ms: agent 321)"
            ),
        ),
        (
            ExpectedTurn(reply_ms=850),
            (
                "the answer came 900 ms after the last of the speech, at 2.90 s: 50 ms later than the 850 ms allowed "
                "(ms: agent 321)"
            ),
        ),
        (ExpectedTurn(silent_ms=500), "it was not cut, where it had to be within 500 ms"),
        (ExpectedTurn(resumed=True), 'it did not go on: nobody spoke while it sounded; spoken: "It is fifty-six."'),
        (ExpectedTurn(error_has="refused"), 'its error is "none", which does not say "refused"'),
        (ExpectedTurn(clear=True), "nothing was heard of the answer"),
    ],
)
def test_what_is_not_as_it_must_be_is_one_sentence(wanted: ExpectedTurn, said: str) -> None:
    """With the turn it is about, what came, and what was wanted."""
    assert problems(played(a_turn()), wanted) == [f"turn 1 (Ada, who spoke from 0.00 s): {said}"]


def test_turns_that_are_missing_and_turns_too_many_are_told() -> None:
    """How many came, which are missing, and what the others were."""
    assert problems(played(), ExpectedTurn(by="Ada", outcome="answered")) == [
        "no turn came, and not 1",
        "turn 1 never came (wanted: Ada, answered)",
    ]
    assert problems(played(a_turn(), a_turn(5.0, "Bob")), ExpectedTurn()) == [
        "2 turns came, and not 1",
        'a turn that was not expected: Bob at 5.00 s, answered, heard "what is seven times eight"',
    ]
    assert problems(played(a_turn()), turns=0) == ["one turn came, and not 0"]


def test_a_cut_is_timed_from_the_first_sound_of_who_spoke_over_it() -> None:
    """It is heard for so long after that; the next turn's answer does not count."""
    over = Deed(1, 3.0, 5.0, "Bob", "Bob says", is_speech=True)
    cut = attrs.evolve(
        played(a_turn(**CUT), a_turn(3.1, "Bob")),
        deeds=(over,),
        voice=(*voice(2.9, 3.6), *voice(6.0, 6.5)),
        ended_s=7.0,
    )
    assert problems(cut, ExpectedTurn(silent_ms=600, resumed=False), ExpectedTurn()) == []
    assert problems(cut, ExpectedTurn(silent_ms=400), ExpectedTurn()) == [
        (
            "turn 1 (Ada, who spoke from 0.00 s): it was heard for 580 ms after Bob began at 3.00 s: 180 ms longer "
            "than the 400 ms allowed"
        )
    ]


def test_who_is_spoken_over_and_goes_on_has_resumed() -> None:
    """A sign of listening does not stop it; `resumed = false` says that it should have."""
    over = Deed(1, 3.0, 3.5, "Ada", "Ada says mhm", is_speech=True)
    gone_on = attrs.evolve(played(a_turn()), deeds=(over,))
    assert problems(gone_on, ExpectedTurn(resumed=True)) == []
    assert problems(gone_on, ExpectedTurn(resumed=False)) == [
        'turn 1 (Ada, who spoke from 0.00 s): it went on: spoken: "It is fifty-six."'
    ]


def test_voice_after_a_cut_is_always_a_problem() -> None:
    """Nobody has to ask for it: an answer that was cut is not heard any more."""
    stale = attrs.evolve(played(a_turn(**CUT)), voice=(*voice(2.9, 3.6), *voice(5.0, 5.2)))
    assert problems(stale) == ["turn 1 was cut at 3.60 s, and 200 ms of voice came after that, from 5.00 s on"]


def test_a_voice_in_clear_is_always_a_problem() -> None:
    """Nobody has to ask for that either."""
    plain = attrs.evolve(played(a_turn()), voice=tuple(voice(2.9, 3.0, is_encrypted=False)))
    assert problems(plain) == ["5 packets of the voice were not end-to-end encrypted, the first at 2.90 s"]


def test_silence_and_the_chat_are_judged_as_a_whole() -> None:
    """What was heard where nothing was to be, and what was not written."""
    assert problems(played(), silent=True) == ["the bot was heard from 2.90 s to 4.00 s, and had to be silent"]
    written = attrs.evolve(played(), written=((1.0, "I have lost my voice."),))
    assert problems(written, written=("lost my VOICE",)) == []
    assert problems(written, written=("back",)) == ['the chat holds "I have lost my voice.", and not "back"']


def test_what_the_answer_sounds_like_is_compared_with_its_words() -> None:
    """By the built-in ears, where they are."""
    sounding = attrs.evolve(a_turn(), reply=Pcm(bytes(4800), 24_000))
    assert problems(played(sounding), ExpectedTurn(clear=True), ears=lambda _pcm: "it is 56") == []
    (said,) = problems(played(sounding), ExpectedTurn(clear=True), ears=lambda _pcm: "a hum")
    assert said.endswith('the answer sounds like "a hum", not like "It is fifty-six."')


def test_a_scene_that_broke_says_so_first() -> None:
    """Before everything that follows from it."""
    assert problems(played(broke="the daemon ended"), turns=1) == ["the daemon ended", "no turn came, and not 1"]
