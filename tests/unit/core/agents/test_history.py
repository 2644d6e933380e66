"""The conversations we keep: what was heard stays, what was not goes, and there is never too much."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.agents.history import Exchange, History, HistoryRules, Message, tokens_of

pytestmark = pytest.mark.unit

S = "session"


def exchange(history: History, turn: str, asked: str, answer: str, *, user: str = "ada", now: float = 0.0, **more):
    """Play an exchange that comes to its end; return the messages that went out."""
    messages = history.ask(S, turn, user, asked, now, **more)
    for piece in answer:
        history.add(S, turn, piece)
    history.close(S, turn, now)
    return messages


def pairs(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.role[0], message.content) for message in messages]


def test_answers_are_remembered():
    """The next question comes with what was said before it."""
    history = History(HistoryRules())
    assert pairs(exchange(history, "1", "One?", "Yes.")) == [("u", "One?")]
    assert pairs(exchange(history, "2", "Two?", "No.")) == [("u", "One?"), ("a", "Yes."), ("u", "Two?")]


def test_interrupted_answer_keeps_what_was_heard():
    """Barge-in: the model's full answer gives way to the words that were played."""
    history = History(HistoryRules())
    exchange(history, "1", "Tell me a story.", "Once upon a time there was a very long story.")
    messages = history.ask(S, "2", "ada", "Stop.", 1.0, heard="Once upon a time")
    assert pairs(messages) == [("u", "Tell me a story."), ("a", "Once upon a time"), ("u", "Stop.")]


def test_superseded_turn_is_dropped():
    """The user went on speaking before anything was heard: the new question holds the words of the old one."""
    history = History(HistoryRules())
    exchange(history, "0", "Hi.", "Hello.")
    history.ask(S, "1", "ada", "What is the weather", 1.0)
    history.add(S, "1", "It is ")
    history.close(S, "1", 1.5)
    messages = history.ask(S, "2", "ada", "What is the weather in Rome?", 2.0, heard="")
    assert pairs(messages) == [("u", "Hi."), ("a", "Hello."), ("u", "What is the weather in Rome?")]


def test_superseded_before_the_first_text_spares_the_answer_before():
    """``heard`` belongs to the turn that was cut, also when that one had no text yet."""
    history = History(HistoryRules())
    exchange(history, "0", "Hi.", "Hello.")
    exchange(history, "1", "What is", "")
    messages = history.ask(S, "2", "ada", "What is that?", 2.0, heard="")
    assert pairs(messages) == [("u", "Hi."), ("a", "Hello."), ("u", "What is that?")]


def test_question_that_goes_on_is_one_question():
    """The user went on when two words had been heard: the model is told one question, and not that it had begun."""
    history = History(HistoryRules())
    exchange(history, "1", "What is the weather", "It is sunny here.")
    messages = history.ask(S, "2", "ada", "What is the weather in Rome?", 2.0, heard="It is", goes_on=True)
    assert pairs(messages) == [("u", "What is the weather in Rome?")]


def test_interrupted_before_a_word_was_whole_joins_the_questions():
    """Nothing was heard, but the words are new: both questions go in one message, since roles must alternate."""
    history = History(HistoryRules())
    exchange(history, "1", "Tell me a story.", "Once upon a time.")
    assert pairs(history.ask(S, "2", "ada", "No, a joke.", 1.0, heard="")) == [("u", "Tell me a story.\nNo, a joke.")]


def test_failed_turn_is_forgotten():
    """A question that got no answer is not asked again with the next one."""
    history = History(HistoryRules())
    exchange(history, "1", "One?", "")
    assert pairs(exchange(history, "2", "Two?", "Yes.")) == [("u", "Two?")]


def test_late_words_of_a_cut_answer_do_not_count():
    """The old turn may still be unwinding when the next question is asked."""
    history = History(HistoryRules())
    history.ask(S, "1", "ada", "One?", 0.0)
    history.add(S, "1", "Yes, and")
    history.ask(S, "2", "ada", "Two?", 1.0, heard="Yes")
    history.add(S, "1", " so on.")
    history.close(S, "1", 1.0)
    history.add(S, "2", "No.")
    history.close(S, "2", 1.5)
    assert pairs(history.ask(S, "3", "ada", "Three?", 2.0))[:2] == [("u", "One?"), ("a", "Yes")]


def test_channel_conversation_names_its_speakers():
    """Each line says whose it is; an interruption cuts the interrupter's answer, not the last one."""
    history = History(HistoryRules())
    exchange(history, "1", "One?", "Yes indeed.", user="ada", name="Ada: the\nfirst")
    exchange(history, "2", "Two?", "No.", user="bob", name="Bob")
    messages = history.ask(S, "3", "ada", "Three?", 1.0, name="Ada", heard="Yes")
    assert pairs(messages) == [
        ("u", "Ada the first: One?"),
        ("a", "Yes"),
        ("u", "Bob: Two?"),
        ("a", "No."),
        ("u", "Ada: Three?"),
    ]


def test_others_answer_under_way_is_left_out():
    """A shared conversation does not wait: what is still being said is not history yet."""
    history = History(HistoryRules())
    history.ask(S, "1", "ada", "One?", 0.0)
    history.add(S, "1", "Well")
    assert pairs(history.ask(S, "2", "bob", "Two?", 0.5)) == [("u", "Two?")]


def test_old_exchanges_are_forgotten():
    """After ``age_s`` the conversation begins anew."""
    history = History(HistoryRules(age_s=60.0))
    exchange(history, "1", "One?", "Yes.", now=0.0)
    exchange(history, "2", "Two?", "No.", now=50.0)
    assert [content for _role, content in pairs(history.ask(S, "3", "ada", "Three?", 100.0))] == [
        "Two?",
        "No.",
        "Three?",
    ]
    assert pairs(history.ask("other", "4", "ada", "Four?", 100.0)) == [("u", "Four?")]


def test_conversations_are_bounded():
    """The conversation that was silent longest goes first."""
    history = History(HistoryRules(conversations_max=2))
    for index in range(5):
        history.ask(f"s{index}", "1", "ada", "One?", float(index))
        history.add(f"s{index}", "1", "Yes.")
        history.close(f"s{index}", "1", float(index))
    assert len(history.ask("s4", "2", "ada", "Two?", 9.0)) == 3
    assert len(history.ask("s0", "2", "ada", "Two?", 9.0)) == 1


@attrs.frozen
class Step:
    user: str
    asked: str
    answer: str
    heard: str | None
    gap_s: float
    is_closed: bool


WORD = st.text("ab é世", min_size=1, max_size=8).filter(str.strip)
STEPS = st.lists(
    st.builds(
        Step,
        user=st.sampled_from(["ada", "bob"]),
        asked=WORD,
        answer=st.text("xyz ", max_size=12),
        heard=st.none() | st.text("h", max_size=3),
        gap_s=st.sampled_from([0.0, 1.0, 40.0, 100.0]),
        is_closed=st.booleans(),
    ),
    max_size=12,
)


@given(steps=STEPS, tokens_max=st.integers(0, 60))
def test_messages_alternate_and_fit(steps, tokens_max):
    """Roles alternate, the question is last, and what goes before it is neither too much nor empty."""
    history = History(HistoryRules(tokens_max=tokens_max, age_s=60.0))
    now = 0.0
    for index, step in enumerate(steps):
        now += step.gap_s
        messages = history.ask(S, str(index), step.user, step.asked, now, heard=step.heard)
        assert [message.role for message in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"]
        assert all(message.content for message in messages)
        assert messages[-1].content.endswith(step.asked)
        assert tokens_of(messages[:-1]) <= tokens_max
        history.add(S, str(index), step.answer)
        if step.is_closed:
            history.close(S, str(index), now)


@given(steps=STEPS)
def test_what_was_not_heard_is_never_sent(steps):
    """An answer that was cut short comes back as what was heard of it, whatever else happens."""
    history = History(HistoryRules(tokens_max=10_000))
    unheard: set[str] = set()
    latest: dict[str, str] = {}
    for index, step in enumerate(steps):
        if step.heard is not None and step.user in latest:
            unheard.add(latest[step.user])
        messages = history.ask(S, str(index), step.user, step.asked, float(index), heard=step.heard)
        sent = [message.content for message in messages if message.role == "assistant"]
        assert not unheard & set(sent), f"{unheard & set(sent)} was never heard"
        latest[step.user] = f"answer {index}."
        history.add(S, str(index), f"answer {index}.")
        if step.is_closed:
            history.close(S, str(index), float(index))


def test_tokens_are_estimated():
    """Four ASCII characters or one other letter make a token, and a message costs four."""
    assert tokens_of([Message("user", "abcd")]) == 5
    assert tokens_of([Message("user", "abcde")]) == 6
    assert tokens_of([Message("user", "世界"), Message("assistant", "")]) == 10


def test_news_of_an_interruption_that_comes_late_is_written_over_its_own_turn():
    """The question between failed, and its news with it: the interrupted answer is cut, the failed one is gone."""
    history = History(HistoryRules())
    exchange(history, "1", "Tell me a story.", "Once upon a time there was a very long story.")
    exchange(history, "2", "Stop.", "", heard="Once upon", heard_of="1")
    messages = history.ask(S, "3", "ada", "What time is it?", 2.0, heard="Once upon", heard_of="1")
    assert pairs(messages) == [("u", "Tell me a story."), ("a", "Once upon"), ("u", "What time is it?")]


def test_news_of_a_turn_that_is_forgotten_is_written_over_no_other():
    """The interrupted answer was too old to be kept: the one that is kept stands as it was heard."""
    history = History(HistoryRules())
    exchange(history, "2", "One?", "Yes.")
    messages = history.ask(S, "3", "ada", "Two?", 2.0, heard="Once", heard_of="1")
    assert pairs(messages) == [("u", "One?"), ("a", "Yes."), ("u", "Two?")]


def test_a_member_is_forgotten_in_all_channels_of_a_guild() -> None:
    """What others said stays, and so does what the member said elsewhere; an answer under way is forgotten too."""
    history = History(HistoryRules(scope="channel"))
    for number, (session, user, guild) in enumerate(
        [("one", "ada", "1"), ("one", "bob", "1"), ("two", "ada", "1"), ("one", "ada", "12")]
    ):
        history.ask(session, f"t{number}", user, f"Hello {number}?", 0.0, guild=guild)
        history.add(session, f"t{number}", "Hi.")
        history.close(session, f"t{number}", 1.0)
    history.ask("one", "open", "ada", "And now?", 2.0, guild="1")
    assert history.count("1", "ada") == 3
    assert history.forget("1", "ada") == 3
    history.add("one", "open", "Too late.")
    history.close("one", "open", 3.0)
    assert history.count("1", "ada") == 0
    assert history.count("1", "bob") == 1
    assert history.count("12", "ada") == 1
    told = history.ask("one", "next", "bob", "Who was here?", 4.0)
    assert [message.content for message in told] == ["Hello 1?", "Hi.", "Hello 3?", "Hi.", "Who was here?"]


def test_no_more_turns_are_kept_than_wanted() -> None:
    """However short they are."""
    history = History(HistoryRules(turns_max=2))
    for number in range(5):
        exchange(history, str(number), f"{number}?", "Yes.")
    assert pairs(history.ask(S, "9", "ada", "Now?", 1.0))[::2] == [("u", "3?"), ("u", "4?"), ("u", "Now?")]


def test_what_has_changed_is_told_once() -> None:
    """A question alone is no change; its end is, and so are what was heard of it, age and a member's wish."""
    history = History(HistoryRules(age_s=10.0))

    def changed() -> dict[str, list[str]]:
        return {session: [one.answer for one in kept] for session, kept in history.changed().items()}

    history.ask(S, "1", "ada", "One?", 0.0, guild="1")
    assert changed() == {}
    history.add(S, "1", "Yes, of course.")
    history.close(S, "1", 1.0)
    assert changed() == {S: ["Yes, of course."]}
    assert changed() == {}
    history.ask(S, "2", "ada", "Two?", 2.0, heard="Yes", guild="1")
    assert changed() == {S: ["Yes"]}
    history.expire(11.0)
    assert changed() == {}
    history.expire(11.5)
    assert changed() == {S: []}
    history.add(S, "2", "No.")
    history.close(S, "2", 12.0)
    assert history.forget("1", "ada") == 1
    assert changed() == {S: []}
    history.touch([S])
    assert changed() == {S: []}


def test_what_was_kept_elsewhere_comes_before_what_is_known() -> None:
    """As old as it is by now; what is too old stays away."""
    history = History(HistoryRules(age_s=10.0))
    kept = [Exchange(f"k{at}", "ada", f"{at}?", f"{at}?", at, "Yes.", is_open=False) for at in (-20.0, -5.0)]
    exchange(history, "1", "One?", "No.")
    history.restore(S, kept, 0.0)
    assert pairs(history.ask(S, "2", "ada", "Now?", 1.0))[::2] == [("u", "-5.0?"), ("u", "One?"), ("u", "Now?")]
