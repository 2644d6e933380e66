"""How words are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.text.lexicon import Lexica, Lexicon

pytestmark = pytest.mark.unit

WORDS = {
    "n8n": "n eight n",
    "SQL": "sequel",
    "sql server": "sequel server",
    "US": "you ess",
    "us": "us all",
    "New York": "Noo York",
    "C++": "see plus plus",
    ".NET": "dot net",
    "e.g.": "for example",
    "straße": "strasse",
    "hush": "",
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ask n8n.", "Ask n eight n."),
        ("N8N and N8n's nodes", "n eight n and n eight n's nodes"),
        ("n8nodes, an8n, n8n_x", "n8nodes, an8n, n8n_x"),
        ("SQL, sql and Sql", "sequel, sql and Sql"),
        ("SQL Server", "sequel server"),
        ("the US told us", "the you ess told us all"),
        ("New\n  York, new york", "Noo York, new york"),
        ("C++, C+++ or C++17", "see plus plus, see plus plus+ or C++17"),
        (".NET, ASP.NET", "dot net, ASP.NET"),
        ("fruit, e.g. apples", "fruit, for example apples"),
        ("Straße STRAßE", "strasse strasse"),
        ("hush now", " now"),
        ("n8n-n8n", "n eight n-n eight n"),
        ("", ""),
    ],
)
def test_words_are_said_as_written_down(text, said):
    """Whole words, the longest first, capitals only as they stand."""
    assert Lexicon(WORDS).apply(text) == said


def test_what_was_put_in_is_not_looked_at_again():
    """Entries that lead to each other do not chase each other."""
    assert Lexicon({"a": "b", "b": "a"}).apply("a b") == "b a"
    assert Lexicon({"x": r"\1 \g<0>"}).apply("x") == r"\1 \g<0>"


def test_languages():
    """Each language has its own words; a country falls back on its language, another language on nothing."""
    lexica = Lexica({"en": {"n8n": "n eight n"}, "de-AT": {"jänner": "Jenner"}, "fr": {}})
    assert lexica.apply("n8n", "en-GB") == "n eight n"
    assert lexica.apply("Jänner", "de-at") == "Jenner"
    assert lexica.apply("n8n Jänner", "de") == "n8n Jänner"
    assert lexica.apply("n8n", "fr") == "n8n"
    assert lexica
    assert not Lexica({"fr": {}})


@given(text=st.text(max_size=60), words=st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=5))
def test_any_words_and_any_text(text, words):
    """No entry is a pattern by accident, and a word that does not occur changes nothing."""
    lexicon = Lexicon(words)
    lexicon.apply(text)
    folded = " ".join(text.split()).casefold()
    if not any(" ".join(word.split()).casefold() in folded for word in words if word.strip()):
        assert lexicon.apply(text) == text


@given(word=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8))
def test_each_word_is_found(word):
    """Whatever its letters, a word between spaces is said as it was written down."""
    assert Lexicon({word: "said"}).apply(f"a1 {word}, b2") == "a1 said, b2" or word in ("a1", "b2")
