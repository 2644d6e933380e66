"""One memory for several backends: examples, and that it says what one backend's own memory would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.agents.conversation import AgentMemories, Conversations
from voxbridge.core.agents.history import History, HistoryRules, Message

pytestmark = pytest.mark.unit

TURNS = st.lists(
    st.tuples(
        st.text("abc", min_size=1, max_size=6),
        st.text("xyz ", max_size=6),
        st.one_of(st.none(), st.text("xyz", max_size=3)),
    ),
    max_size=8,
)


@given(TURNS, st.integers(0, 60))
def test_it_says_what_the_memory_of_one_backend_would_say(
    turns: list[tuple[str, str, str | None]], tokens_max: int
) -> None:
    """Whatever was said and heard, however short the memory: the messages are the same as with a history of its own."""
    rules = HistoryRules(tokens_max=tokens_max)
    own, shared = History(rules), Conversations([rules, HistoryRules(tokens_max=1000, scope="channel")])
    for number, (text, answer, heard) in enumerate(turns):
        wanted = own.ask("s", str(number), "ada", text, float(number), heard=heard)
        turn = shared.begin(lambda _scope: "s", str(number), "ada", text, float(number), name="Ada", heard=heard)
        assert turn.messages(rules, float(number)) == wanted
        own.add("s", str(number), answer)
        turn.add(answer)
        own.close("s", str(number), float(number))
        turn.close(float(number))


def test_a_shorter_memory_forgets_what_a_longer_one_keeps() -> None:
    """By age and by tokens."""
    short, long = HistoryRules(age_s=10.0), HistoryRules(age_s=100.0)
    shared = Conversations([short, long])
    first = shared.begin(lambda _scope: "s", "1", "ada", "One?", 0.0, name="", heard=None)
    first.add("Yes.")
    first.close(0.0)
    second = shared.begin(lambda _scope: "s", "2", "ada", "Two?", 50.0, name="", heard=None)
    assert second.messages(short, 50.0) == [Message("user", "Two?")]
    assert [message.content for message in second.messages(long, 50.0)] == ["One?", "Yes.", "Two?"]


def test_without_backends_that_forget_nothing_is_kept() -> None:
    """Whoever asks all the same is told the question."""
    turn = Conversations([]).begin(lambda _scope: "s", "1", "ada", "One?", 0.0, name="", heard=None)
    turn.add("Yes.")
    turn.close(0.0)
    assert turn.messages(HistoryRules(), 1.0) == [Message("user", "One?")]


def test_who_keeps_memories_is_told_of_each_change() -> None:
    """When a turn ends and when somebody is forgotten: else a restart would bring back what was, or lose what is."""
    told: list[str] = []
    memories = {"n8n": Conversations([HistoryRules()]), "model": Conversations([HistoryRules()])}
    AgentMemories(memories).when_changed(lambda: told.append("changed"))
    for number, conversations in enumerate(memories.values(), 1):
        turn = conversations.begin(lambda _scope: "s", "1", "ada", "One?", 0.0, name="", heard=None, guild="g")
        turn.add("Yes.")
        turn.close(1.0)
        assert len(told) == number
    assert memories["n8n"].forget("g", "ada") == 1
    assert len(told) == 3
