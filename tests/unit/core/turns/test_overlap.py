"""What speech does to what is being said, by facts and figures alone."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.turns import ADA, BOB, Open
from voxbridge.core.ids import UserId
from voxbridge.core.turns.barge_in import Cut, Deed, Duck, Hold, Phase, Resume, SpeechOver, WindUp
from voxbridge.core.turns.distance import Distance
from voxbridge.core.turns.overlap import Manner, OverlapPolicy, OverlapRules

pytestmark = pytest.mark.unit


def sounding(name: str = "a", user: UserId | None = ADA, heard_s: float = 3.0, *, asked: bool = False) -> Open:
    return Open(name, user, is_sounding=True, heard_s=heard_s, has_asked_aloud=asked)


@attrs.define
class Talk:
    """One person's utterance, told to a policy step by step."""

    policy: OverlapPolicy
    turns: Sequence[Open]
    user: UserId = ADA
    utterance: int = 1
    lasts_s: float = 0.0

    def tell(
        self, phase: Phase, voiced_s: float = 0.0, words: str = "", distance: Distance = "near", **more: bool
    ) -> list[Deed]:
        self.lasts_s = max(self.lasts_s, voiced_s)
        speech = SpeechOver(
            self.user,
            phase,
            voiced_s,
            words,
            lasts_s=self.lasts_s,
            utterance=self.utterance,
            distance=distance,
            **more,
        )
        deeds = self.policy.on_speech(speech, self.turns)
        assert not any(turn.done for turn in self.turns), "a policy decides; who asked it carries it out"
        return deeds

    def until(self, voiced_s: float) -> list[Deed]:
        """Let it begin and go on, frame by frame."""
        deeds = self.tell("began")
        steps = round(voiced_s / 0.032)
        for step in range(1, steps + 1):
            deeds += self.tell("voiced", step * 0.032)
        return deeds

    def reply(self, words: str, distance: Distance = "near") -> str:
        return self.policy.reply_to(
            SpeechOver(self.user, "words", words=words, utterance=self.utterance, is_whole=True, distance=distance)
        )


def talk(*turns: Open, user: UserId = ADA, utterance: int = 1, **rules: object) -> Talk:
    return Talk(OverlapPolicy(OverlapRules(**rules)), turns, user, utterance)  # type: ignore[arg-type]


# duck


def test_an_onset_lowers_the_own_answer_within_a_frame() -> None:
    """At once, before anybody knows what it is; others' answers stay as they are."""
    a = sounding()
    assert talk(a).tell("began") == [Duck(a, 0.2, 1)]
    assert talk(a, user=BOB).tell("began") == []


def test_a_cough_lets_it_go_on() -> None:
    """Not long enough to be a turn: back to full level."""
    a = sounding()
    cough = talk(a)
    assert cough.until(0.13) == [Duck(a, 0.2, 1)]
    assert cough.tell("ended", 0.13) == [Resume(a, 5)]


@pytest.mark.parametrize("words", ["Mhm.", "Yeah.", "Okay, okay.", "Genau.", ""])
def test_a_backchannel_lets_it_go_on_as_soon_as_its_words_are_known(words: str) -> None:
    """And nobody is answered. So does a noise of which the speech server makes nothing."""
    a = sounding()
    mhm = talk(a)
    assert mhm.until(0.4) == [Duck(a, 0.2, 1)]
    assert mhm.tell("words", 0.4, words, is_whole=True) == [Resume(a, 5)]
    assert mhm.tell("ended", 0.4, is_turn=True) == []
    assert mhm.reply(words) == ("backchannel" if words else "answer")


def test_words_cut_it_before_they_are_over() -> None:
    """A partial transcript that can be no backchannel any more is speech."""
    a = sounding()
    question = talk(a)
    question.until(0.4)
    assert question.tell("words", 0.4, "yeah") == []
    assert question.tell("words", 0.5, "yeah but") == [Cut(a, "barge-in")]


def test_without_words_time_decides() -> None:
    """0.8 s of voice are speech; what is known to be laughter or "yeah yeah" may go on for twice as long."""
    a = sounding()
    assert talk(a).until(0.8)[-1] == Cut(a, "barge-in")
    assert Cut(a, "barge-in") not in talk(a).until(0.76)
    laughter = talk(a)
    laughter.until(0.4)
    laughter.tell("words", 0.4, "haha")
    assert laughter.tell("voiced", 1.5) == []
    assert laughter.tell("voiced", 1.6) == [Cut(a, "barge-in")]


def test_words_that_come_after_the_end_still_decide() -> None:
    """Where no early transcript can be had it goes on at the end, and is cut when the final says that it was speech."""
    a = sounding()
    stop = talk(a)
    stop.until(0.4)
    assert stop.tell("ended", 0.4, is_turn=True) == [Resume(a, 5)]
    assert stop.tell("words", words="What about Friday?", is_whole=True) == [Cut(a, "barge-in")]
    assert stop.reply("What about Friday?") == "answer"


def test_two_people_lower_an_answer_and_the_last_of_them_lets_it_go_on() -> None:
    """It comes back when both have been found to be nothing."""
    a = sounding()
    policy = OverlapPolicy(OverlapRules(by_anyone=True))
    ada, bob = Talk(policy, [a], ADA), Talk(policy, [a], BOB)
    ada.until(0.1)
    bob.until(0.1)
    assert ada.tell("ended", 0.1) == []
    assert bob.tell("ended", 0.1) == [Resume(a, 5)]


def test_an_answer_that_begins_while_somebody_speaks_is_lowered_too() -> None:
    """It meets speech that was there before it."""
    a = Open("a", ADA)
    policy = OverlapPolicy(OverlapRules(thinking_s=9.0))
    ada = Talk(policy, [a])
    assert ada.until(0.2) == []
    a.is_sounding = True
    assert ada.tell("voiced", 0.22) == [Duck(a, 0.2, 1)]


# the same thought


def test_who_goes_on_before_the_answer_sounds_has_not_finished() -> None:
    """The own turn is superseded; the others' turns are not touched."""
    a, b = Open("a", ADA), Open("b", BOB)
    assert talk(a, b).until(0.16) == [Cut(a, "superseded")]
    assert talk(a, b, thinking_s=0.5).until(0.16) == []


@pytest.mark.parametrize(("heard_s", "reason"), [(0.9, "superseded"), (1.9, "barge-in")])
def test_hardly_anything_heard_is_the_same_question(heard_s: float, reason: str) -> None:
    """What was heard counts up to the beginning of the speech, however long it takes to be judged."""
    a = sounding(heard_s=heard_s)
    ada = talk(a)
    ada.until(0.4)
    assert ada.tell("words", 0.4, "and on Friday") == [Cut(a, reason)]  # type: ignore[arg-type]


def test_half_a_question_is_joined_at_the_end_of_the_speech_if_its_words_are_not_known_yet() -> None:
    """After that the next turn is open, and could not take its words any more."""
    a = sounding(heard_s=0.5)
    ada = talk(a)
    ada.until(0.4)
    assert ada.tell("ended", 0.4, is_turn=True) == [Cut(a, "superseded")]
    assert ada.reply("yeah") == "answer", "its words belong to the question"


def test_a_backchannel_right_at_the_beginning_is_one_too() -> None:
    """ "Okay" after the first words of the answer."""
    a = sounding(heard_s=0.5)
    ada = talk(a)
    ada.until(0.4)
    assert ada.tell("words", 0.4, "Okay.", is_whole=True) == [Resume(a, 5)]
    assert ada.tell("ended", 0.4, is_turn=True) == []
    assert ada.reply("Okay.") == "backchannel"


# the other manners


def test_yield_cuts_at_once() -> None:
    """Held at the onset, and cut when the speech is no cough: 160 ms."""
    a = sounding()
    assert talk(a, manner="yield").until(0.16) == [Hold(a), Cut(a, "barge-in")]


def test_yield_holds_at_the_first_trace_and_goes_on_after_a_noise() -> None:
    """Nothing leaves until it is known what it is. What this voice could not cut is not held."""
    a = sounding()
    ada = talk(a, manner="yield")
    assert ada.tell("stirred") == [Hold(a)]
    assert ada.tell("stilled") == [Resume(a, 5)]
    assert ada.tell("stirred") == [Hold(a)]
    assert ada.tell("began") == []
    assert ada.tell("ended", 0.1) == [Resume(a, 5)]
    assert talk(a, user=BOB, manner="yield").tell("stirred") == []
    unheard = sounding(heard_s=0.2)
    assert talk(unheard, user=BOB, manner="yield", by_anyone=True).tell("stirred") == []


def test_finish_lets_the_sentence_end() -> None:
    """Nothing is lowered; when it is known to be speech the sentence is the last."""
    a = sounding()
    ada = talk(a, manner="finish")
    assert ada.until(0.4) == []
    assert ada.tell("words", 0.4, "But what about") == [WindUp(a)]


def test_ignore_lets_it_go_on() -> None:
    """Whatever is said; it is answered afterwards. A turn that has not sounded is superseded all the same."""
    a, b = sounding(), Open("b", ADA)
    ada = talk(a, b, manner="ignore")
    assert ada.until(3.0) == [Cut(b, "superseded"), *[Cut(b, "superseded")] * (len(ada.until(3.0)) - 1)]
    assert ada.tell("words", 3.0, "But what about Friday?", is_whole=True) == []


# who


def test_others_are_passed_over_or_not_as_the_room_has_it() -> None:
    """With ``by_anyone`` everybody's speech cuts, but not before so much of the answer was heard."""
    a, early = sounding(), sounding("early", heard_s=0.2)
    assert talk(a, user=BOB).until(1.0) == []
    assert talk(a, user=BOB, by_anyone=True).until(1.0)[-1] == Cut(a, "barge-in")
    assert all(isinstance(deed, Duck) for deed in talk(early, user=BOB, by_anyone=True).until(1.0))


def test_a_text_of_the_operator_is_cut_by_nobodys_speech() -> None:
    """Speech passes it over, whoever may interrupt; a stop word does not."""
    s = sounding("s", None)
    bob = talk(s, user=BOB, by_anyone=True)
    assert bob.until(2.0) == []
    assert bob.tell("words", 2.0, "Stop!", is_whole=True) == [Cut(s, "stop")]


# stop words


@pytest.mark.parametrize("manner", ["duck", "yield", "finish", "ignore"])
def test_a_stop_word_passes_every_gate(manner: Manner) -> None:
    """From anybody, under every policy, at any point of the answer; and it is not answered."""
    a, b = sounding(heard_s=0.05), sounding("b", BOB)
    carl = talk(a, b, user=UserId(3), manner=manner)
    carl.tell("began")
    assert carl.tell("words", 0.4, "Stopp!", is_whole=True) == [Cut(a, "stop"), Cut(b, "stop")]
    assert carl.reply("Stopp!") == "stop-word"


def test_a_stop_word_of_others_counts_where_the_room_has_it_so() -> None:
    """With ``stop_by_anyone`` off it is obeyed for the own answer only."""
    a, b = sounding(), sounding("b", BOB)
    bob = talk(a, b, user=BOB, stop_by_anyone=False)
    bob.tell("began")
    assert bob.tell("words", 0.4, "stop", is_whole=True) == [Cut(b, "stop")]


def test_the_beginning_of_a_sentence_is_no_stop_word() -> None:
    """Somebody else's "Stop at ..." stops nothing: of a partial transcript nobody knows how it ends."""
    a = sounding()
    bob = talk(a, user=BOB)
    bob.tell("began")
    assert bob.tell("words", 0.3, "stop") == []
    assert bob.tell("words", 0.9, "stop at the corner", is_whole=True) == []


# somebody far behind


@pytest.mark.parametrize(("manner", "softened"), [("duck", Duck), ("yield", Hold)])
def test_a_voice_far_behind_lets_it_go_on_as_soon_as_that_is_known(manner: Manner, softened: type[Deed]) -> None:
    """Lowered or held while nobody knows; after that neither its length nor its words do anything."""
    a = sounding()
    television = talk(a, manner=manner)
    (first,) = television.tell("stirred")
    assert isinstance(first, softened)
    before = [*television.tell("began", distance="unknown"), *television.tell("voiced", 0.2, distance="unknown")]
    assert all(isinstance(deed, Duck) for deed in before), "held is held already"
    assert television.tell("voiced", 0.24, distance="far") == [Resume(a, 5)]
    assert television.tell("voiced", 3.0, distance="far") == []
    assert television.tell("words", 3.0, "the price of coffee has gone up", distance="far", is_whole=True) == []
    assert television.tell("ended", 3.0, distance="far", is_turn=True) == []
    assert television.reply("the price of coffee has gone up", "far") == "background"


def test_a_voice_that_is_far_from_its_first_frame_gives_back_what_its_trace_took() -> None:
    """Whoever was far the last time is known sooner than the trace is over."""
    a = sounding()
    television = talk(a)
    television.tell("stirred")
    assert television.tell("began", distance="far") == [Resume(a, 5)]


def test_who_speaks_over_a_voice_far_behind_is_heard() -> None:
    """Lowered again when the speaker's own voice is among it, and cut as ever."""
    a = sounding()
    ada = talk(a)
    ada.tell("began", distance="far")
    assert ada.tell("voiced", 0.5, distance="near") == [Duck(a, 0.2, 1)]
    assert ada.tell("words", 0.6, "but what about", distance="near") == [Cut(a, "barge-in")]


def test_a_stop_word_from_far_behind_is_obeyed() -> None:
    """It passes this gate too: from across the room."""
    a = sounding()
    ada = talk(a)
    ada.tell("began", distance="far")
    assert ada.tell("words", 0.4, "Stop!", distance="far", is_whole=True) == [Cut(a, "stop")]
    assert ada.reply("Stop!", "far") == "stop-word"


def test_a_voice_far_behind_takes_back_no_answer_that_is_being_thought() -> None:
    """The question stays as it was asked."""
    a = Open("a", ADA)
    assert talk(a).tell("voiced", 1.0, distance="far") == []


# what is answered


def test_an_answer_that_asks_is_answered() -> None:
    """ "Yes" over the end of "Shall I go on?" is no sign of listening."""
    a = sounding(asked=True)
    ada = talk(a)
    ada.until(0.4)
    assert ada.reply("Yes.") == "answer"


def test_over_nothing_every_word_is_answered() -> None:
    """ "Okay" and "stop" alone are what somebody says to the bot."""
    assert talk().reply("Okay.") == "answer"
    assert talk().reply("Stop.") == "answer"
    assert talk().reply("Go on.") == "go on"


def test_words_are_wanted_while_they_would_decide() -> None:
    """Not before somebody speaks over an answer, not with yield, not when it is decided."""
    a = sounding()
    ada = talk(a)
    assert not ada.policy.wants_words(ADA, 1, [a])
    ada.until(0.3)
    assert ada.policy.wants_words(ADA, 1, [a])
    assert not ada.policy.wants_words(ADA, 1, []), "it has ended by itself"
    ada.tell("words", 0.4, "what about Friday")
    assert not ada.policy.wants_words(ADA, 1, [a])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ADA, BOB]),
            st.sampled_from(["stirred", "stilled", "likely", "began", "voiced", "confirmed", "words", "ended"]),
            st.sampled_from([0.1, 0.2, 0.9]),
            st.sampled_from(["", "mhm", "yeah", "stop", "what about Friday"]),
            st.booleans(),
            st.sampled_from(["near", "near", "unknown", "far"]),
        ),
        max_size=40,
    ),
    st.sampled_from(["duck", "yield", "finish", "ignore"]),
)
def test_what_was_lowered_is_cut_or_comes_back(
    steps: list[tuple[UserId, Phase, float, str, bool, Distance]], manner: Manner
) -> None:
    """Whatever happens in whatever order: after everybody has ended, no answer is left lowered."""
    policy, turns = OverlapPolicy(OverlapRules(manner=manner, by_anyone=True)), [sounding(), sounding("b", BOB)]
    level = dict.fromkeys(("a", "b"), 1.0)

    def tell(user: UserId, phase: Phase, voiced_s: float, words: str, yes: bool, distance: Distance = "near") -> None:
        speech = SpeechOver(
            user,
            phase,
            voiced_s,
            words,
            is_turn=yes,
            is_whole=yes,
            lasts_s=voiced_s,
            utterance=1,
            distance=distance,
        )
        for deed in policy.on_speech(speech, list(turns)):
            match deed:
                case Cut(turn):
                    turns[:] = [each for each in turns if each.id != turn.id]
                case Duck(turn, to):
                    level[turn.id] = to
                case Hold(turn):
                    level[turn.id] = 0.0
                case Resume(turn):
                    level[turn.id] = 1.0

    for step in steps:
        tell(*step)
    for user in (ADA, BOB):
        tell(user, "stilled", 0.0, "", False)
        tell(user, "ended", 0.1, "", False)
    assert all(level[turn.id] == 1.0 for turn in turns)


# The first trace of a voice


def test_a_trace_lowers_a_little_and_is_taken_back() -> None:
    """To a quarter within a frame; nothing came of it: back. What others lowered stays low."""
    a = sounding()
    ada = talk(a)
    assert ada.tell("stirred") == [Duck(a, 0.25, 1)]
    assert ada.tell("stilled") == [Resume(a, 5)]
    assert ada.tell("stilled") == []
    bob = Talk(OverlapPolicy(OverlapRules(by_anyone=True)), [a], BOB)
    assert bob.tell("stirred") == [Duck(a, 0.25, 1)]
    ada = Talk(bob.policy, [a])
    assert ada.tell("began") == [Duck(a, 0.2, 1)]
    assert bob.tell("stilled") == []


def test_speech_takes_a_trace_over() -> None:
    """From the trace to the onset it only becomes softer, and its end brings it back once."""
    a = sounding()
    ada = talk(a)
    ada.tell("stirred")
    assert ada.tell("began") == [Duck(a, 0.2, 1)]
    assert ada.tell("ended") == [Resume(a, 5)]


@pytest.mark.parametrize("manner", ["duck", "finish", "ignore"])
def test_what_is_likely_speech_cuts_only_where_all_speech_does(manner: Manner) -> None:
    """``yield`` does not wait until it is certain."""
    a = sounding()
    assert talk(a, manner=manner).tell("likely") == []
    assert talk(a, manner="yield").tell("likely")[-1] == Cut(a, "barge-in")
    assert talk(sounding(heard_s=0.5), manner="yield").tell("likely")[-1].reason == "superseded"  # type: ignore[union-attr]


# to somebody else


def test_what_is_said_to_another_person_lets_the_answer_go_on_however_long_it_is() -> None:
    """Lowered, never cut by words or by time, and back when it is over."""
    turn = sounding()
    ada = talk(turn)
    assert [type(deed) for deed in ada.until(0.3)] == [Duck]
    assert ada.tell("words", 0.3, "Robert have you", is_aside=True) == []
    assert ada.until(4.0) == []
    assert ada.tell("words", 4.0, "Robert have you seen it", is_aside=True) == []
    assert [type(deed) for deed in ada.tell("ended", 4.0, is_turn=True)] == [Resume]


def test_what_turns_out_to_be_for_us_after_all_cuts() -> None:
    """A name that was misheard in the first words is corrected by the later ones."""
    turn = sounding()
    ada = talk(turn)
    ada.until(0.3)
    assert ada.tell("words", 0.3, "Robert", is_aside=True) == []
    assert ada.tell("words", 0.6, "Row but what about Friday") == [Cut(turn, "barge-in")]


def test_two_words_at_the_first_look_prove_nothing() -> None:
    """A small model hears "uh-" as "It had": at the next look it is "Aha", and nothing was lost. Else it is cut."""
    a = sounding()
    ada = talk(a)
    ada.until(0.3)
    assert ada.tell("words", 0.3, "It had") == []
    assert ada.tell("words", 0.5, "Aha") == []
    b = sounding("b")
    ben = talk(b)
    ben.until(0.3)
    assert ben.tell("words", 0.3, "Wait") == []
    assert ben.tell("words", 0.5, "Wait") == [Cut(b, "barge-in")]
    c = sounding("c")
    eve = talk(c)
    eve.until(0.3)
    assert eve.tell("words", 0.3, "Wait", is_whole=True) == [Cut(c, "barge-in")]
