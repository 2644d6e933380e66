# ruff: noqa: RUF001, SIM905 - typographic marks are what is tested
"""The speakable filter: no mark is read aloud, no word is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voxbridge.core.text.speakable import SpeakableRules, SpokenPieces, speakable

pytestmark = pytest.mark.unit

CASES = [
    # emphasis, code, headings, lists, quotes, tables
    ("**bold**, __bold__, *em*, _em_, ***both*** and ~~gone~~", "bold, bold, em, em, both and gone"),
    ("Call `run()` or ``a`b``.", "Call run or a b."),
    ("```python\nprint(1)\n```\nDone.", "Code omitted. Done."),
    ("~~~\nprint(1)\n~~~ Done.", "Code omitted. Done."),
    ("```py\nnever closed", "Code omitted."),
    ("# Title", "Title"),
    ("-# small print", "small print"),
    ("- eggs", "eggs"),
    ("* [x] milk", "milk"),
    ("• flour", "flour"),
    ("2. milk", "2. milk"),
    ("> > quoted", "quoted"),
    ("| name | age | | |", "name, age"),
    ("|---|:--:|", ""),
    ("-----", ""),
    ("||the killer||", "the killer"),
    ("snake_case_name", "snake case name"),
    # links and addresses
    ("See [the docs](https://example.com/a_(b) 'title').", "See the docs."),
    ("See [the docs][1] and [this] [2].", "See the docs and this."),
    ("![a cat](cat.png) sits", "a cat sits"),
    ("Go to https://www.example.com:8080/a?b=1#c.", "Go to example.com."),
    ("Go to http://user:pw@example.com or www.example.org/x!", "Go to example.com or example.org!"),
    ("<https://example.com/x> and <me@example.com>", "example.com and me@example.com"),
    ("I said [hello](/həˈloʊ/) there", "I said hello there"),
    # Discord
    ("Hi <@123>, <@!4> and <@&5>: see <#6>!", "Hi, and: see!"),
    ("Nice <:smile:123> <a:dance:45> :thumbsup: work", "Nice work"),
    ("@everyone come to <t:1700000000:R> </help:123>", "everyone come to"),
    # HTML and entities
    ("<p>Hi <b class='x'>there</b><br/>you</p>", "Hi there you"),
    ("Q&amp;A &lt;b&gt;now&lt;/b&gt; &#128512; &notit", "Q&A now &notit"),
    ("<!-- note -->Yes", "Yes"),
    ("<think>I must\nnot say this</think>Yes.", "Yes."),
    # stage directions and arithmetic
    ("*smiles* Hello! *waves a hand* How are you? *laughing softly*", "Hello! How are you?"),
    ("I *never* said *always*.", "I never said always."),
    ("*Never* do that. *Always* look. *Things* change.", "Never do that. Always look. Things change."),
    ("2*3*4 is 24, 2 * 3 is 6, 2**3 is 8", "2 times 3 times 4 is 24, 2 times 3 is 6, 2 to the power of 3 is 8"),
    ("3 < 4 and 5 > 4 and x<=y", "3 is less than 4 and 5 is greater than 4 and x at most y"),
    ("C# is #1 of #languages", "C# is #1 of languages"),
    ("about ~5 or 4~6", "about 5 or 4~6"),
    ("a -> b <- c => d", "a b c d"),
    # characters
    ("Great 😀👍🏽🇩🇪1️⃣!", "Great 1!"),
    ("a\u200bb\u00adc\x00d\ufeff", "abcd"),
    ("20 °C, 5 €, ©, naïve café, 5 ㎡", "20 °C, 5 €, ©, naïve café, 5 ㎡"),
    ("A → B", "A B"),
    ("no\u00a0break", "no break"),
    # punctuation
    ("Wow!!!! What???? Really?!?! Well..... ok,, yes", "Wow! What? Really?! Well... ok, yes"),
    ("Really?! That is quite amazing.", "Really?! That is quite amazing."),
    ("It costs .5 ( ) or -5", "It costs .5 or -5"),
    ("\\*not bold\\* and C:\\Users", "not bold and C: Users"),
    ("Source [1] says [^2] so.", "Source says so."),
    # nothing to say
    ("...", ""),
    ("😀", ""),
    ("**", ""),
    (" \n ", ""),
    ("", ""),
    # short things are said
    ("Hi,", "Hi,"),
    ("Yes.", "Yes."),
    ("5", "5"),
    ("これは文です。", "これは文です。"),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=lambda value: value[:30])
def test_said(text: str, expected: str):
    """What is written and what is said of it."""
    assert speakable(text) == expected


def test_rules_choose():
    """Code can be passed over in silence, addresses too, and stage directions can be read."""
    rules = SpeakableRules(code_placeholder="", drop_actions=False, say_hosts=False)
    assert speakable("*smiles* See https://a.example/b. \n```\nx\n```", rules) == "smiles See."


def said(*chunks: str) -> list[str]:
    """Take an answer all the way: through the splitter and the filter."""
    pieces = SpokenPieces()
    return [piece for chunk in chunks for piece in pieces.feed(chunk)] + pieces.flush()


def test_code_that_spans_pieces_is_left_out():
    """A block of code, streamed in pieces, is one placeholder; what is around it is said."""
    chunks = ["Try this:\n``", "`py", "thon\nprint('Hi. There.')\n", "x = 1\n\n``", "`\nThen run it. O", "k."]
    assert said(*chunks) == ["Try this:", "Code omitted.", "Then run it.", "Ok."]


def test_reasoning_that_spans_pieces_is_left_out():
    """A model's reasoning is not said, however many sentences it has; nor is what an unclosed block hides."""
    assert said("<think>I must. Not say\n\nthis.", " At all.</think>\n\nYes. <!-- no\nno --> Sure.") == [
        "Yes.",
        "Sure.",
    ]
    assert said("Yes.\n```\nno. no.") == ["Yes.", "Code omitted."]


def test_list_is_one_piece_a_line_without_marks():
    """A list comes out one entry a piece, the marks not spoken."""
    assert said("- eggs\n- **milk**\n- [flour](http://x.example)\n") == ["eggs", "milk", "flour"]


def test_first_clause_does_not_tear_what_the_filter_wants_whole():
    """The early first piece does not end inside a stage direction, a link or code."""
    assert said("*smiles at you all warmly, then waves* Hello there.") == ["Hello there."]
    assert said("See [one and two, or three](http://x.example), my friend.") == [
        "See one and two, or three,",
        "my friend.",
    ]


fragments = st.lists(
    st.sampled_from(
        "* ** *** _ __ ` `` ``` ~~~ ~~ ~ [ ] ]( ) ( ![ < > </ <@1> <@ <#2> <b> <br> <think> </think> <!-- --> &lt;"
        ' <|eot_id|> <|channel|> <|start|>assistant <tool_call> </tool_call> <script> [1] [laughs] \\( $x^2$ {"a":1}'
        " 【1†s】 data:image/png;base64, \\n [TOOL_CALLS] ::: IV. Dr. ca. 5. am 🍕 and <1% <Enter>"
        " &amp; & https://a.example/b www. :// @ @everyone :smile: # ## - -- --- + > | || \\ { } ^ $ $$ 😀 👍🏽 → °"
        " 2*3 smiles waves word Word 5 . ! ? ... , ; : ' \" — / = == => -> <- 文 。".split()
    )
    | st.sampled_from([" ", " ", " ", "\n", "\t", "\u200b", "\x00", "\ufeff"])
    | st.text(max_size=3),
    max_size=40,
).map("".join)


@given(fragments)
@example("[a](" * 50)
@example("<" * 300)
@example("&amp;" * 3 + "amp;lt;b&amp;gt;")
def test_no_mark_is_ever_said(text: str):
    """Whatever an agent writes, no markup, address, mention, emoji or unseen character comes out, nor a blank line."""
    result = speakable(text)
    forbidden = r"[`\[\]{}|\\\x00-\x1f\x7f\u200b-\u200f\ufeff\n😀👍]|\*\*(?!\d)|://|<@|</|_|~~|\$\$|  "
    assert not re.search(forbidden, result), result
    assert result == result.strip()
    assert result == "" or any(map(str.isalnum, result))


@given(st.lists(st.from_regex(r"[A-Za-zäéß]+('[a-z]+)?[,;:.!?]?|\d+(\.\d+)?%?|\$\d+", fullmatch=True), min_size=1))
def test_plain_text_passes_unchanged(parts: list[str]):
    """Words, numbers and ordinary punctuation come out as they went in."""
    text = " ".join(parts)
    assert speakable(text) == text


@given(fragments)
@example("*\\n[<@1>")
def test_any_split_of_a_text_says_the_same(text: str):
    """Splitter and filter together keep the promise of the splitter."""
    assert said(*text) == said(text)


@pytest.mark.parametrize("kind", ["{}", "[]", "null", "7", "true", '"?"'])
def test_json_of_a_type_that_is_none_crashes_nothing(kind: str):
    """What an agent writes where a word belongs is no machine's call, and what follows it is said."""
    assert said(f'{{"type": {kind}}}\n\nGood day.')[-1] == "Good day."


def test_brackets_that_are_closed_nowhere_are_text() -> None:
    """What looks like JSON and is none costs what it is long, and is said however it is cut."""
    for text in ('{"a": ' * 1000, "{\n" * 2500, '{"\\"' * 1000, "Look: " + '[{"' * 1500 + ". Done."):
        assert said(text) == said(*(text[at : at + 7] for at in range(0, len(text), 7)))


def test_a_bracket_in_a_string_that_is_not_closed_yet_closes_nothing() -> None:
    """A call of a tool that is cut within a string is still one call, and none of it is said."""
    call = '{"name": "find", "arguments": {"text": "} or ]"}}'
    for at in range(len(call)):
        assert said("Hello. ", call[:at], call[at:], " Bye.") == ["Hello.", "Bye."]
