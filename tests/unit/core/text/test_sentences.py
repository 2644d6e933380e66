# ruff: noqa: RUF001, SIM905 - typographic quotes and full-width stops are what is tested
"""The sentence splitter: the same pieces however the text was cut on its way, and the right ones."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voxbridge.core.text.sentences import SentenceSplitter, count_words, joined

pytestmark = pytest.mark.unit


def split(*chunks: str, splitter: SentenceSplitter | None = None) -> list[str]:
    splitter = splitter or SentenceSplitter()
    return [piece for chunk in chunks for piece in splitter.feed(chunk)] + splitter.flush()


ACCEPTANCE = [
    (["Pi is about 3.", "14 and that is fine."], ["Pi is about 3.14 and that is fine."]),
    (["I saw Dr", ".", " Smith today. He is well."], ["I saw Dr. Smith today.", "He is well."]),
    (["Visit https://example.com/a?b=1 now. Then go."], ["Visit https://example.com/a?b=1 now.", "Then go."]),
    (["Use it, i.e. now please. Done now."], ["Use it, i.e. now please.", "Done now."]),
    (["I said no. Then I left the room."], ["I said no.", "Then I left the room."]),
    (
        ["I was born in May. My sister in Dec. She is older than me."],
        ["I was born in May.", "My sister in Dec.", "She is older than me."],
    ),
    (['He said "stop it now." Then he ran away fast.'], ['He said "stop it now."', "Then he ran away fast."]),
    (["これは文です。次の文です。"], ["これは文です。", "次の文です。"]),
    (["- eggs\n- milk\n- flour"], ["- eggs", "- milk", "- flour"]),
    (["Really?! That is quite amazing."], ["Really?!", "That is quite amazing."]),
    (["You need vitamin C. It helps a lot today."], ["You need vitamin C.", "It helps a lot today."]),
    (["Hmm let me think... Okay here is the answer."], ["Hmm let me think...", "Okay here is the answer."]),
]

OTHERS = [
    # short pieces are spoken
    ("Hi,", ["Hi,"]),
    ("Yes.", ["Yes."]),
    ("Yes. No. Hi!", ["Yes.", "No.", "Hi!"]),
    # abbreviations, numbers, initials
    ("We met on Jan. 5th, 2024. It rained.", ["We met on Jan. 5th, 2024.", "It rained."]),
    ("Bring pens, paper, etc. to class. Thanks.", ["Bring pens, paper,", "etc. to class.", "Thanks."]),
    ("Bring pens etc. Then we start.", ["Bring pens etc.", "Then we start."]),
    ("Mr. and Mrs. Smith vs. Prof. Lee. Who won?", ["Mr. and Mrs. Smith vs. Prof. Lee.", "Who won?"]),
    ("He lives in the U.S. He likes it.", ["He lives in the U.S.", "He likes it."]),
    ("The U.S. Army left. Good.", ["The U.S. Army left.", "Good."]),
    ("At 9 a.m. sharp. Or 5 p.m. It is up to you.", ["At 9 a.m. sharp.", "Or 5 p.m.", "It is up to you."]),
    ("J. R. R. Tolkien wrote it. George W. Bush did not.", ["J. R. R. Tolkien wrote it.", "George W. Bush did not."]),
    ("So do I. What about you?", ["So do I.", "What about you?"]),
    ("Take No. 5 or no. 6. Both work.", ["Take No. 5 or no. 6.", "Both work."]),
    ("Apple Inc. makes it. Ask Sam Jr. He knows.", ["Apple Inc. makes it.", "Ask Sam Jr.", "He knows."]),
    ("It costs $3.50 at 9:30am. Fine.", ["It costs $3.50 at 9:30am.", "Fine."]),
    ("There are 1,000,000 of them. Really.", ["There are 1,000,000 of them.", "Really."]),
    ("It was 2024. Then came 2025.", ["It was 2024.", "Then came 2025."]),
    # stops with something behind them
    ('"Stop!" he said. She did.', ['"Stop!" he said.', "She did."]),
    ("“Stop!” He ran.", ["“Stop!”", "He ran."]),
    ("(It was late.) We left.", ["(It was late.)", "We left."]),
    ("**Be careful.** It is hot.", ["**Be careful.**", "It is hot."]),
    ("Well... maybe not. Hm… yes.", ["Well... maybe not.", "Hm… yes."]),
    ("Great!😀 Now we go on.", ["Great!", "😀 Now we go on."]),
    ("See example.com or node.js. Bye.", ["See example.com or node.js.", "Bye."]),
    ("「はい。」と言った。本当？！そう。", ["「はい。」と言った。", "本当？！", "そう。"]),
    # lines
    ("1. Eggs\n2. Milk", ["1. Eggs", "2. Milk"]),
    ("# Title\n\nText here.\r\nMore", ["# Title", "Text here.", "More"]),
    ("  \n\n \t ", []),
    # the first piece ends early, at a clause
    ("Well of course, I can help you, my friend.", ["Well of course,", "I can help you, my friend."]),
    ("Here is the plan: first we eat.", ["Here is the plan:", "first we eat."]),
    ("I think so — but wait.", ["I think so —", "but wait."]),
    ("I think so - but wait.", ["I think so -", "but wait."]),
    ("Sure, I can help.", ["Sure, I can help."]),
    ("One two three four five six seven eight nine, ten.", ["One two three four five six seven eight nine, ten."]),
]


@pytest.mark.parametrize(("chunks", "expected"), ACCEPTANCE, ids=lambda value: value[0][:30])
def test_known_hard_text(chunks: list[str], expected: list[str]):
    """The inputs that the first VoxBridge got wrong come out right."""
    assert split(*chunks) == expected


@pytest.mark.parametrize(("text", "expected"), OTHERS, ids=lambda value: value[:30] if isinstance(value, str) else "")
def test_other_text(text: str, expected: list[str]):
    """Abbreviations, quotes, lines and the early first piece."""
    assert split(text) == expected


def test_sentence_comes_out_at_its_whitespace():
    """An ordinary sentence need not wait for the next word."""
    splitter = SentenceSplitter()
    assert splitter.feed("Hello there.") == []
    assert splitter.feed(" ") == ["Hello there."]
    assert splitter.flush() == []


def test_first_clause_comes_out_before_its_sentence_ends():
    """The first piece is there as soon as the word behind its clause begins; later sentences stay whole."""
    splitter = SentenceSplitter()
    assert splitter.feed("Let me see, t") == ["Let me see,"]
    assert splitter.feed("here is one way, and another. N") == ["there is one way, and another."]


def test_flush_amid_an_answer_ends_the_piece():
    """What came before a flush is spoken on its own, and the first piece is behind us."""
    splitter = SentenceSplitter()
    assert splitter.feed("One moment") + splitter.flush() == ["One moment"]
    assert splitter.feed("Here we are now, at last. ") == ["Here we are now, at last."]


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("Hello there.", ["Hello there."]),
        ("Yes!", ["Yes!"]),
        ("これは文です。", ["これは文です。"]),
        ("Pi is 3.", []),
        ("I saw Dr.", []),
        ("the U.S.", []),
        ("well...", []),
        ("not yet", []),
        ("", []),
    ],
)
def test_settle_takes_only_what_is_a_sentence_whatever_follows(text: str, settled: list[str]):
    """Where nobody announces the end, a finished sentence comes out, and nothing else is touched."""
    splitter = SentenceSplitter()
    assert splitter.feed(text) == []
    assert splitter.settle() == settled
    assert splitter.flush() == ([] if settled or not text else [text])


def test_text_without_punctuation_is_cut_by_words():
    """Eighty words without a mark come out in pieces of 25 words while they stream."""
    splitter = SentenceSplitter()
    pieces = splitter.feed(" ".join(f"word{i}" for i in range(80)))
    assert [count_words(piece) for piece in pieces + splitter.flush()] == [25, 25, 25, 5]


def test_long_sentence_is_cut_at_its_last_clause():
    """A sentence over the limit is cut where a speaker would breathe: at a clause, else before a conjunction."""
    twenty = " ".join(["word"] * 20)
    assert split(f"Go. {twenty}, more and {twenty}.")[1] == f"{twenty},"
    assert split(f"Go. {twenty} and {twenty}.")[1:] == [twenty, f"and {twenty}."]


def test_text_without_spaces_is_cut_by_characters():
    """A word beyond all measure is cut; an address is not, since the half of one cannot be left out of speech."""
    assert [len(piece) for piece in split("x" * 600)] == [280, 280, 40]
    url = "https://example.com/" + "a" * 500
    assert split(f"{url} is long. Yes.") == [url, "is long.", "Yes."]
    assert split(url) == [url]
    assert len(split("https://" + "a" * 3000)[0]) == len("https://") + 2048
    assert all(len(piece) <= 51 for piece in split("文" * 300))


texts = st.lists(
    st.sampled_from(
        "Dr. Smith|e.g.|U.S.|C.|no. 5|Jan.|Dec.| |  |\n|\n\n|.|?!|...|…|,| - |—|:|;|。|」|\"|'|(|)|*|- |1. |3.14|It|he|"
        "The|I|文|これは|https://a.b/c?d=e|etc.|Inc.|word|a|😀|1".split("|")
    )
    | st.text(max_size=4)
    | st.just(" "),
    max_size=60,
).map("".join)


@given(texts, st.lists(st.integers(0, 400), max_size=12))
@example("vitamin C. It", [11, 12, 13])
@example("word " * 30, [100, 101, 125])
def test_any_split_of_a_text_gives_the_same_pieces(text: str, cuts: list[int]):
    """The pieces depend on the text alone, not on how it was cut on its way."""
    whole = split(text)
    assert split(*text) == whole, "fed letter by letter"
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    assert split(*(text[a:b] for a, b in itertools.pairwise(places))) == whole


@given(texts)
def test_nothing_is_lost_and_no_piece_is_too_long(text: str):
    """All letters come out once and in order, in pieces that are neither blank nor over the limits."""
    pieces = split(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    for piece in pieces:
        assert piece.strip() == piece != ""
        assert count_words(piece) <= 25
        assert len(piece) <= 280


LONG = "I can do all of that for you by tomorrow evening."


@pytest.mark.parametrize(
    ("piece", "follower", "is_first", "expected"),
    [
        ("Sure!", "I can do that.", True, "Sure! I can do that."),
        ("Sure!", LONG, True, None),
        ("Sure!", LONG, False, f"Sure! {LONG}"),
        ("Of course.", "Here it is.", False, None),
        ("はい。", "わかりました。", False, "はい。わかりました。"),
    ],
)
def test_one_word_goes_with_what_follows(piece: str, follower: str, is_first: bool, expected: str | None):
    """A text of one word makes some voices babble; it is joined, but never so that the first sound comes late."""
    assert joined(piece, follower, is_first=is_first) == expected
