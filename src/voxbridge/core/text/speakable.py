"""From what an agent writes to what a voice can say.

    deltas --Scanner--> tokens --Blocks--> lines --SentenceSplitter--> pieces --Inline--> what is said   (SpokenPieces)

Agents write Markdown, HTML, LaTeX, links, mentions and emoji, and with it what only machines should read; a voice
reads all of it aloud, mark by mark. The scanner leaves out what is hidden and finds the code, the blocks find lists,
tables and wrapped lines, the splitter cuts sentences, and each sentence goes through a Markdown parser. Nothing waits
for the end of a paragraph, so the first clause leaves early.

Plain text passes unchanged, whitespace apart. Brackets never pass: some engines take ``[name](/sounds/)`` for
phonemes (hibari-tts does), which an agent's text must not reach.
"""

from __future__ import annotations

import attrs

from voxbridge.core.text.blocks import Blocks
from voxbridge.core.text.inline import Inline
from voxbridge.core.text.plain import is_plain_stretch
from voxbridge.core.text.scanner import Scanner
from voxbridge.core.text.sentences import SentenceSplitter
from voxbridge.core.text.words import words_of

_STEP_CHARS = 2048  # taken at a time, so that a long answer in one piece costs in proportion
_PLAIN_CHARS_MAX = 120  # half of what makes a piece too long


@attrs.frozen
class SpeakableRules:
    """What is said of that which cannot be said.

    ``code_placeholder`` stands for a block of code ("" for silence, None for the language's own words);
    ``drop_actions`` leaves out stage directions such as ``*smiles*``; ``say_hosts`` says "example.com" for an address
    instead of nothing.
    """

    code_placeholder: str | None = None
    drop_actions: bool = True
    say_hosts: bool = True


class SpokenPieces:
    """Takes one answer as it streams, cut anywhere, and gives what to say, piece by piece, none blank."""

    def __init__(
        self,
        rules: SpeakableRules = SpeakableRules(),
        splitter: SentenceSplitter | None = None,
        *,
        language: str = "en",
    ) -> None:
        code = words_of(language).code if rules.code_placeholder is None else rules.code_placeholder
        self._scanner = Scanner()
        self._blocks = Blocks(code, language)
        self._splitter = splitter or SentenceSplitter(language=language)
        self._inline = Inline(language, drop_actions=rules.drop_actions, say_hosts=rules.say_hosts)
        self._plain = ""
        """Plain prose in mid-sentence that nobody has looked at yet: no piece can end in it."""
        self._words_left = 0  # so many more of them make no piece too long
        self._is_flushed = True  # nothing has come since: an answer's end often comes right behind its last flush

    def feed(self, text: str) -> list[str]:
        """Take the next stretch of the answer; return the pieces that are complete."""
        self._is_flushed = self._is_flushed and not text
        if self._words_left and is_plain_stretch(text, with_commas=not self._splitter.is_first):
            self._plain += text
            if self._plain.count(" ") < self._words_left and len(self._plain) < _PLAIN_CHARS_MAX:
                return []
            text = ""
        pieces = self._take(text)
        is_idle = self._scanner.is_idle and self._blocks.is_idle and self._splitter.is_idle
        self._words_left = self._splitter.words_left if is_idle else 0
        return self._said(pieces)

    def flush(self) -> list[str]:
        """Return what is left: whatever has come is complete."""
        if self._is_flushed:
            return []
        self._is_flushed = True
        pieces = self._take("")
        pieces += self._splitter.feed(self._blocks.feed(self._scanner.flush()) + self._blocks.flush())
        return self._said(pieces + self._splitter.flush())

    def settle(self) -> list[str]:
        """Return the sentence at the end if it is one whatever follows; see ``SentenceSplitter.settle``."""
        return self._said(self._take("") + self._splitter.settle())

    def _take(self, text: str) -> list[str]:
        text, self._plain, self._words_left = self._plain + text, "", 0
        pieces: list[str] = []
        for at in range(0, len(text), _STEP_CHARS):
            tokens = self._scanner.feed(text[at : at + _STEP_CHARS])
            pieces += self._splitter.feed(self._blocks.feed(tokens))
        return pieces

    def _said(self, pieces: list[str]) -> list[str]:
        return [said for piece in pieces if (said := self._inline.say(piece))]


def speakable(text: str, rules: SpeakableRules = SpeakableRules(), *, language: str = "en") -> str:
    """Return what a voice can say of a text that stands alone, on one line."""
    pieces = SpokenPieces(rules, language=language)
    return " ".join([*pieces.feed(text), *pieces.flush()])
