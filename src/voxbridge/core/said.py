"""What a reader has said of an answer so far, and the events it says it with."""

from __future__ import annotations

import re

import attrs

from voxbridge.core.reply import NoText, Outcome

_SURROGATE = re.compile("[\ud800-\udfff]")


@attrs.frozen
class Delta:
    """A piece of the answer, spaces included; the first one begins with a visible character."""

    text: str


@attrs.frozen
class Flush:
    """What has come so far is complete, though more may follow (n8n's ``end``: a tool may run now)."""


@attrs.frozen
class Ended:
    """The answer is over. ``detail`` is for the operator: the peer's own message, never the answer."""

    outcome: Outcome
    detail: str = ""


AnswerEvent = Delta | Flush | Ended


class Said:
    """Turns texts into events: no leading blanks, no halves of a surrogate pair, no flush without text."""

    def __init__(self) -> None:
        self._has_said = False
        self._is_flushed = True
        self._half = ""
        self._silence: NoText | None = None
        self._was_empty_on_purpose = False

    def say(self, text: str) -> list[AnswerEvent]:
        """Add a text."""
        text = self._whole_letters(text)
        if not self._has_said:
            text = text.lstrip()
        if not text:
            self._was_empty_on_purpose = True
            return []
        self._has_said, self._is_flushed = True, False
        return [Delta(text)]

    def _whole_letters(self, text: str) -> str:
        """Join an emoji whose two surrogates came in two JSON strings; a lone one becomes U+FFFD."""
        text, self._half = self._half + text, ""
        if not _SURROGATE.search(text):
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def flush(self) -> list[AnswerEvent]:
        """Note that what was said is complete."""
        if self._is_flushed:
            return []
        self._is_flushed = True
        return [Flush()]

    def refuse(self, why: NoText) -> None:
        """Note that something came that is no answer; it counts if nothing else does."""
        self._silence = self._silence or why

    def end(self) -> list[AnswerEvent]:
        """Judge the answer at its end."""
        if self._has_said:
            return [Ended("ok")]
        if self._silence is not None and not self._was_empty_on_purpose:
            return [Ended(self._silence.outcome, self._silence.why)]
        return [Ended("empty", "the answer holds no text")]
