"""What a reader has said of an answer so far, and the events it says it with."""

from __future__ import annotations

import re

import attrs

from voxbridge.core.agents.reply import NoText, Outcome
from voxbridge.core.agents.unwrapping import Unwrapper
from voxbridge.core.text.thinking import ThinkingFilter

_SURROGATE = re.compile("[\ud800-\udfff]")
# What bytes that are no UTF-8 become in an event stream, whose standard has them replaced.
_UNREADABLE = "\ufffd"
_NOTHING = re.compile(rf"[\s{_UNREADABLE}]*")


@attrs.frozen
class Delta:
    """A piece of the answer, spaces included; the first one begins with a visible character."""

    text: str


@attrs.frozen
class Flush:
    """What has come so far is complete, though more may follow (n8n's ``end``: a tool may run now)."""


@attrs.frozen
class Ended:
    """The answer is over. ``detail`` is for the operator: the peer's own message, never the answer.

    With ``ok`` it says, if anything, why the answer is shorter than the agent meant it.
    """

    outcome: Outcome
    detail: str = ""


AnswerEvent = Delta | Flush | Ended


class Said:
    """Turns texts into events: no leading blanks or unreadable letters, no halves of a surrogate pair, no empty flush.

    What a model thinks between ``<think>`` and ``</think>`` is not said, whatever it came through.
    """

    def __init__(self) -> None:
        self._thinking = ThinkingFilter()
        self._unwrapper = Unwrapper()
        self._has_said = False
        self._is_flushed = True
        self._half = ""
        self._silence: NoText | None = None
        self._was_empty_on_purpose = False
        self._was_unreadable = False
        self._is_silent = False

    @property
    def has_said(self) -> bool:
        """Tell whether any text was said."""
        return self._has_said

    @property
    def was_refused(self) -> bool:
        """Tell whether something came that is no answer."""
        return self._silence is not None

    def say(self, text: str) -> list[AnswerEvent]:
        """Add a text."""
        text = self._whole_letters(text)
        if text:
            text = self._unwrapper.feed(self._thinking.feed(text))
            if not text:
                return []  # thoughts, or what may be the beginning of some, or JSON round the answer
        return self._pass_on(text)

    def _held(self) -> list[AnswerEvent]:
        """Say what was held until here."""
        held = self._unwrapper.feed(self._thinking.end()) + self._unwrapper.end()
        return self._pass_on(held) if held else []

    def _pass_on(self, text: str) -> list[AnswerEvent]:
        if not self._has_said:
            self._was_unreadable = self._was_unreadable or _UNREADABLE in text
            text = _NOTHING.sub("", text, count=1)
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
        events = self._held()
        if self._is_flushed:
            return events
        self._is_flushed = True
        return [*events, Flush()]

    def refuse(self, why: NoText) -> None:
        """Note that something came that is no answer; it counts if nothing else does."""
        self._silence = self._silence or why

    def be_silent(self) -> None:
        """Note a whole answer whose text is empty: there is nothing to say, and nobody has failed."""
        self._is_silent = True

    def end(self) -> list[AnswerEvent]:
        """Judge the answer at its end."""
        events = self._held()
        if self._has_said:
            return [*events, Ended("ok")]
        if self._is_silent:
            return [Ended("ok", "the answer is empty on purpose")]
        if self._was_unreadable:
            return [Ended("protocol_error", "its text is not UTF-8")]
        if self._silence is not None and not self._was_empty_on_purpose:
            return [Ended(self._silence.outcome, self._silence.why)]
        return [Ended("empty", "the answer holds no text")]
