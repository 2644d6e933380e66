# ruff: noqa: RUF001 - the marks of many languages
"""Which words can end a phrase, by language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.completeness import completeness_of
from voxbridge.core.turns.unfinished_words import words_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I want to go to the."),
        ("en", "What is the weather in Boston and"),
        ("en", "I would like, um"),
        ("en", "Because my"),
        ("en-GB", "Well, let's see,"),
        ("en", "he might have been..."),
        ("de", "Wie ist das Wetter in der"),
        ("de", "Ich möchte wissen, ob ähm"),
        ("fr", "Quel temps fait-il dans le"),
        ("fr", "Je voudrais aller à l'"),
        ("es", "Quiero saber si el"),
        ("it", "Vorrei andare al"),
        ("pt", "Quero ir para o"),
        ("nl", "Ik ga naar huis omdat"),
        ("pl", "Chciałbym wiedzieć, czy mój i"),
        ("ru", "Какая погода в"),
        ("sv", "Jag vill ha en"),
        ("ja", "東京の天気を"),
        ("ja", "えーと"),
        ("zh", "我想知道，如果"),
        ("ko", "서울의 날씨를"),
    ],
)
def test_a_phrase_that_cannot_end_there_is_unfinished(language: str, text: str) -> None:
    """An article, a conjunction, a preposition, a filler, a comma: more is coming, whatever mark the server set."""
    assert completeness_of(text, language) == "unfinished"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Please remind me."),
        ("en", "I would like to know."),
        ("en", "When you have time."),
        ("en", "And he was."),
        ("de", "Wenn es morgen regnet."),
        ("de", "Erinnere mich."),
        ("fr", "Dis-moi."),
    ],
)
def test_what_wants_an_object_or_a_main_clause_is_doubtful(language: str, text: str) -> None:
    """A verb without its object, a subordinate clause alone: it seldom ends there."""
    assert completeness_of(text, language) == "doubtful"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Yes."),
        ("en", "no thank you"),
        ("en", "42"),
        ("en", "I don’t know"),
        ("en", "What is the weather like in Boston?"),
        ("en", "If it rains tomorrow, what should I wear?"),
        ("de", "Ja, genau."),
        ("fr", "D'accord."),
        ("es", "Sí."),
        ("ja", "はい"),
        ("zh", "好的。"),
        ("ko", "네"),
    ],
)
def test_a_short_answer_and_a_question_are_complete(language: str, text: str) -> None:
    """Yes, no, a number, thanks, and a question with its mark are whole by themselves."""
    assert completeness_of(text, language) == "complete"


def test_a_stranded_preposition_may_end_a_question() -> None:
    """ "Where are you from?" is no fragment, as "I am from" is one."""
    assert completeness_of("Where are you from?", "en") == "unknown"
    assert completeness_of("I am from", "en") == "doubtful"


def test_a_name_is_whole_as_a_reply() -> None:
    """The agent has asked something: two words may be all of the answer; without a question nobody knows."""
    assert completeness_of("Ada Lovelace", "en", is_reply=True) == "complete"
    assert completeness_of("Ada Lovelace", "en") == "unknown"
    assert completeness_of("from the", "en", is_reply=True) == "unfinished"


def test_a_server_that_punctuates_has_heard_no_sentence_where_there_is_no_mark() -> None:
    """A text without a mark says nothing of a server that sets none, and much of one that does."""
    assert completeness_of("tell me a funny story", "en") == "unknown"
    assert completeness_of("tell me a funny story", "en", server_punctuates=True) == "doubtful"
    assert completeness_of("Tell me a funny story.", "en", server_punctuates=True) == "likely"


def test_a_language_without_a_table_has_only_its_marks() -> None:
    """What is not known is not guessed."""
    assert completeness_of("Mi van ma este?", "hu") == "likely"
    assert completeness_of("az egy", "hu") == "unknown"
    assert completeness_of("the", "auto") == "unknown"


def test_no_word_is_both_a_whole_answer_and_the_end_of_nothing() -> None:
    """The tables do not contradict each other, but where an answer goes first by rule."""
    for language in ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "tr", "sv", "ja", "zh", "ko"):
        table = words_of(language)
        assert table is not None
        assert not table.never & table.seldom, language


@given(st.text(max_size=200), st.sampled_from(["en", "de", "fr", "ja", "zh", "ko", "auto", "xx"]), st.booleans())
def test_every_text_has_a_verdict(text: str, language: str, flag: bool) -> None:
    """Any text in any language: one of the five, and no error."""
    verdict = completeness_of(text, language, is_reply=flag, server_punctuates=not flag)
    assert verdict in ("unfinished", "doubtful", "unknown", "likely", "complete")
