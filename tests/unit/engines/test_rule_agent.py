"""The table of rules: what is said and what is answered, at a fixed instant with fixed dice."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.engines.rule_agent import FACTS_MAX, SESSIONS_MAX, RuleAgent, plain

pytestmark = pytest.mark.unit

NOW = dt.datetime(2026, 3, 3, 15, 7, tzinfo=dt.UTC)  # a Tuesday


def agent(now: dt.datetime = NOW) -> RuleAgent:
    return RuleAgent(now=lambda: now, rng=random.Random(4))


def said(*turns: str) -> str:
    """Return the answer to the last of some turns."""
    rules, answer = agent(), [""]
    for turn in turns:
        answer = rules.answer("s", turn)
    return " ".join(answer)


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        ("What time is it?", "It is 3:07 PM."),
        ("Could you tell me the time, please?", "It is 3:07 PM."),
        ("What's the date today?", "Today is Tuesday, March 3rd, 2026."),
        ("what day is it", "Today is Tuesday, March 3rd, 2026."),
        ("What day is it tomorrow?", "Tomorrow is Wednesday, March 4th, 2026."),
        ("What day was yesterday?", "Yesterday was Monday, March 2nd, 2026."),
        ("What year is it?", "It is the year 2026."),
        ("What is seven times eight?", "That is 56."),
        ("What's 12 plus 30?", "That is 42."),
        ("2 + 2", "That is 4."),
        ("How much is 10 divided by 3?", "That is about 3.3333."),
        ("What is five divided by zero?", "Nothing can be divided by zero."),
        ("What is 2 to the power of 1000?", "That number is too big to say aloud."),
        ("Roll a die.", "You rolled a 2."),
        ("Roll two dice, please.", "You rolled 2 and 3. That makes 5."),
        ("Roll a twenty-sided die.", "You rolled a 8."),
        ("Roll 500 dice.", "I can throw up to 20 dice of 2 to 1000 sides."),
        ("Flip a coin.", "It is heads."),
        ("Pick a number between five and five.", "I pick 5."),
        ("Hello there!", "Hello. How can I help you?"),
        ("How are you?", "I am fine, thank you."),
        ("Thanks a lot.", "You're welcome."),
        ("Good night.", "Goodbye."),
        ("Never mind.", "Okay."),
        ("Say that again.", "I have not said anything yet."),
        ("What's my name?", "I don't know your name yet. Tell me: my name is, and then your name."),
        ("What do you remember?", "You have not told me anything to remember."),
        ("What is my favorite color?", "You have not told me your favorite color."),
    ],
)
def test_rule_answers(heard, answer):
    """One turn, one answer."""
    assert said(heard) == answer


@pytest.mark.parametrize(
    ("hour", "minute", "answer"), [(0, 5, "It is 12:05 AM."), (12, 0, "It is 12:00 PM."), (23, 59, "It is 11:59 PM.")]
)
def test_time_is_told_by_the_twelve_hour_clock(hour, minute, answer):
    """Midnight is 12 AM and noon 12 PM."""
    assert agent(NOW.replace(hour=hour, minute=minute)).answer("s", "what time is it") == [answer]


@pytest.mark.parametrize(
    ("day", "spoken"), [(1, "1st"), (2, "2nd"), (11, "11th"), (13, "13th"), (22, "22nd"), (30, "30th")]
)
def test_date_has_its_ordinal(day, spoken):
    """11th to 13th are the exceptions."""
    assert f"March {spoken}, 2026" in agent(NOW.replace(day=day)).answer("s", "what is the date")[0]


def test_help_names_what_it_can_do():
    """Help is no dead end: it says how to get more."""
    answer = said("Help!")
    assert all(word in answer for word in ("time", "date", "sums", "dice", "coin", "remember", "agent"))


@pytest.mark.parametrize(
    "heard", ["What is the capital of France?", "Where is my car?", "Tell me a story.", "\u4f60\u597d"]
)
def test_anything_else_is_answered_honestly(heard):
    """It repeats what it heard and says that no AI agent is connected; help is offered once only."""
    rules = agent()
    first, second = rules.answer("s", heard), rules.answer("s", heard)
    assert heard.rstrip(".") in first[0]
    assert "no AI agent is connected" in first[1]
    assert first == [*second, "Say help to hear what I can do."]


def test_silence_is_answered():
    """Blank text has an answer too."""
    assert said("  ") == "I did not hear anything."


def test_name_and_facts_are_remembered_per_session():
    """One speaker's name and facts are not another's."""
    rules = agent()
    assert rules.answer("a", "My name is Anna.") == ["Nice to meet you, Anna."]
    rules.answer("b", "Call me Bob.")
    rules.answer("a", "Remember that my favorite color is blue.")
    rules.answer("a", "Remember that I parked my car on level 3.")
    assert rules.answer("a", "What's my name?") == ["Your name is Anna."]
    assert rules.answer("b", "Who am I?") == ["Your name is Bob."]
    assert rules.answer("a", "What is my favorite color?") == ["Your favorite color is blue."]
    assert rules.answer("b", "What is my favorite color?") == ["You have not told me your favorite color."]
    assert rules.answer("a", "What do you remember?") == [
        "Your name is Anna.",
        "Your favorite color is blue.",
        "You told me that you parked your car on level 3.",
    ]
    assert rules.answer("a", "Hello.")[0] == "Hello, Anna."
    rules.answer("a", "Forget everything.")
    assert "don't know your name" in rules.answer("a", "What's my name?")[0]


@pytest.mark.parametrize("again", ["Say that again.", "Can you repeat that, please?", "Pardon?", "What did you say?"])
def test_answer_is_repeated(again):
    """The last answer comes again, also after it was repeated already."""
    assert said("What is two plus two?", again, again) == "That is 4."


def test_same_dice_and_clock_give_the_same_answers():
    """Nothing but the given clock and dice decides."""
    turns = ["Roll three dice.", "Flip a coin.", "Pick a number between one and a hundred."]
    assert said(*turns) == said(*turns)


def test_memory_is_bounded():
    """Sessions and facts beyond the limit push out the oldest."""
    rules = agent()
    rules.answer("first", "My name is Anna.")
    for at in range(FACTS_MAX + 3):
        rules.answer("many", f"Remember that my number {at} is {at}.")
    assert rules.answer("many", "What is my number 0?") == ["You have not told me your number 0."]
    assert rules.answer("many", f"What is my number {FACTS_MAX}?") == [f"Your number {FACTS_MAX} is {FACTS_MAX}."]
    for at in range(SESSIONS_MAX):
        rules.answer(f"session {at}", "Hello.")
    assert "don't know your name" in rules.answer("first", "What is my name?")[0]


@pytest.mark.parametrize(
    ("heard", "read"),
    [
        ("Okay, so what's 1,250 + 3.5?", "what is 1,250 + 3.5"),
        ("Please.", "please"),
        ("Could you please FLIP a coin for me?", "flip a coin"),
        ("What\u2019s up, VoxBridge", "what is up"),
    ],
)
def test_courtesies_and_punctuation_are_left_out(heard, read):
    """The rules see lower case, and punctuation only inside numbers."""
    assert plain(heard) == read


@given(st.lists(st.text(max_size=80), max_size=5))
def test_every_turn_has_an_answer(turns):
    """Whatever is said, in whatever order, something is answered."""
    rules = agent()
    for turn in turns:
        assert all(sentence.strip() for sentence in rules.answer("s", turn))
