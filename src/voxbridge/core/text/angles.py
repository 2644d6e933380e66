# ruff: noqa: RUF001 - DeepSeek's tokens are written with full-width bars
"""What stands in angle brackets: a tag of HTML, thoughts or a call of a tool, a special token, or text.

``step_at`` looks at the beginning of what is held, and at what came out before it, and says what becomes of it.
"""

from __future__ import annotations

import re

import attrs

from voxbridge.core.text.machine_talk import (
    CHANNEL,
    DSML,
    DSML_BEGUN,
    HALF,
    HALF_BEGUN,
    MACHINES_MESSAGE,
    MAYBE,
    NUMBERED,
    NUMBERED_BEGUN,
    OTHERS_MESSAGE,
    REASONING,
    ROLE,
    ROLE_BEGUN,
    SPEAKERS,
    SPECIAL,
    SPECIAL_BEGUN,
    SUMMARY,
    SUMMARY_BEGUN,
    TALKED_OF,
    THOUGHT_OF,
    THOUGHTS,
    TOKENS,
    TOOLS,
    Hidden,
    end_of_tag,
    hidden_by_token,
    name_of_token,
    until,
)
from voxbridge.core.text.tokens import Step, Token

_TAG_CHARS_MAX = 320
_CHANNEL_CHARS_MAX = 220
_DECIDING_CHARS = 12  # behind a tag: enough to see "tag" or the first word
_TAG = re.compile(
    r"<(/?)([A-Za-z][\w:-]*)(?:=[\w.:-]+|(?:\s+[\w:@.-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=]+))?)*)?\s*(/?)>"
)
_NAME = re.compile(r"</?([A-Za-z][\w:-]*)")
_UNSEEN = frozenset({"script", "style", "svg", "template", "noscript"})
_BREAKS = frozenset(
    {"br", "p", "div", "li", "ul", "ol", "dl", "dt", "dd", "tr", "table", "thead", "tbody", "tfoot", "caption", "hr"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "section", "article", "header", "footer", "main", "aside"}
    | {"nav", "details", "summary", "figure", "figcaption", "pre", "html", "head", "body", "title", "center", "form"}
)
_CELLS = frozenset({"td", "th", "option"})
_HELD_NAMES = tuple(sorted(THOUGHTS | TOOLS | MAYBE | _UNSEEN | _BREAKS | _CELLS | TOKENS))

_TALKED_BEFORE = re.compile(r"[^\W_][,;:]? ?\(?[\"'“„«]?\Z")
_TALKED_AFTER = re.compile(
    r"[-’'\"”»)]|[.,;:!?](?:\s|\Z)"
    r"|\s+(?:tags?|elements?|tokens?|blocks?|sections?|markers?|balises?|etiquetas?|Elemente?s?|теги?|тег|标签|標籤|タグ)\b"
)
_WORD_AFTER = re.compile(r"[ \t]+[^\W\d_]")


def step_at(held: str, before: str, *, is_end: bool) -> Step | None:
    """Return what becomes of the angle bracket at the beginning; None if that cannot be told yet.

    ``before`` is the end of what came out; ``is_end``: nothing more will come.
    """
    return _Place(held, before, is_end).step()


_TEXT = Step(passes=1)


@attrs.frozen
class _Place:
    """An angle bracket and what stands round it."""

    held: str
    before: str
    is_end: bool

    def step(self) -> Step | None:
        text, follower = self.held, self.held[1:2]
        if not follower:
            return self._unless_begun(is_begun=True)
        if follower in "|｜" or text[:3] in {"</|", "</｜"}:
            return self._special_token()
        if follower == "!":
            return self._comment()
        if (numbered := NUMBERED.match(text)) is not None:
            return self._numbered_token(numbered[0])
        name = _NAME.match(text)
        known = "" if name is None else name[1].lower()
        is_begun = NUMBERED_BEGUN.match(text) is not None or text == "</"
        if name is not None and name.end() == len(text):
            is_begun = is_begun or any(each.startswith(known) for each in _HELD_NAMES)
        if is_begun and not self.is_end:
            return None
        return self._known_tag(known) if known in _HELD_NAMES else _TEXT

    def _unless_begun(self, *, is_begun: bool) -> Step | None:
        """Wait for more of what has only begun; at the end it is text."""
        return None if is_begun and not self.is_end else _TEXT

    # -- tags

    def _known_tag(self, name: str) -> Step | None:
        text = self.held
        if (half := HALF.match(text)) is not None:
            return Step(drops=half.end())
        tag = _TAG.match(text)
        is_bare = tag is not None and " " in tag[0] and "=" not in tag[0] and not tag[1]
        if is_bare and self.before[-1:].isalnum():
            return _TEXT  # x<p and p>q
        if HALF_BEGUN.match(text) or tag is None or len(tag[0]) > _TAG_CHARS_MAX or _is_broken(tag[0]):
            is_begun = len(text) <= _TAG_CHARS_MAX and ">" not in text and not _is_broken(text)
            return self._unless_begun(is_begun=is_begun)
        after = text[tag.end() :]
        if len(after) < _DECIDING_CHARS and "\n" not in after and not self.is_end and self._needs_more(name, after):
            return None
        if self._is_talked_of(name, tag, after):
            return Step(passes=tag.end())
        if name in TOKENS:
            return self._message_header(tag.end()) if name == "start_of_turn" else Step(drops=tag.end())
        if tag[1] or tag[3]:
            return self._plain_tag(name, tag.end(), is_opening=not tag[1])
        if name == "details":
            return self._details(tag)
        if name in THOUGHTS or name in TOOLS or name in MAYBE or name in _UNSEEN:
            return Step(drops=tag.end(), hides=end_of_tag(name))
        return self._plain_tag(name, tag.end(), is_opening=True)

    def _details(self, tag: re.Match[str]) -> Step | None:
        """Deal with a fold: one that holds thoughts is left out, as its mark or its title says."""
        after = self.held[tag.end() :]
        is_thought = REASONING.search(tag[0]) is not None
        if not is_thought:
            if SUMMARY_BEGUN.fullmatch(after) and not self.is_end:
                return None
            summary = SUMMARY.match(after)
            is_thought = summary is not None and THOUGHT_OF.search(summary["title"]) is not None
        if not is_thought:
            return self._plain_tag("details", tag.end(), is_opening=True)
        return Step(drops=tag.end(), hides=Hidden(until(r"</details\s*>"), 12))

    def _needs_more(self, name: str, after: str) -> bool:
        if name in _CELLS and self.before[-1:] != " ":
            return False
        stripped = after.lstrip(" \t")
        return len(stripped) < 2 or (stripped[0].isalnum() and stripped != after and stripped.isalnum())

    def _plain_tag(self, name: str, length: int, *, is_opening: bool) -> Step:
        tag = self.held[:length]
        if name in _BREAKS:
            return Step(drops=length, gives=Token("break", tag))
        return Step(drops=length, gives=Token("cell", tag) if name in _CELLS and is_opening else None)

    def _is_talked_of(self, name: str, tag: re.Match[str], after: str) -> bool:
        is_in_sentence = _TALKED_BEFORE.search(self.before) is not None and not self.before.endswith("\n")
        spaced = self.before[-1:] == " "
        if name in {"br", "hr"} or name in _CELLS:
            return bool(spaced and re.match(r"[ \t]+(?:tags?|elements?)\b|-Tag", after))
        if name in TOKENS:
            return spaced and TALKED_OF.match(after) is not None
        if name in TOOLS and (re.match(r"\s*[{\[<]|\n", after) or "=" in tag[0].split()[0]):
            return False
        if re.match(r"[ \t]+(?:tags?|elements?|blocks?|tokens?|is|are|was)\b|-Tag|-Element", after):
            return True
        if not (is_in_sentence and spaced):
            return False
        if not after.strip():
            return "\n" not in after
        if _TALKED_AFTER.match(after):
            return True
        follower = _WORD_AFTER.match(after)
        return follower is not None and not follower[0][-1].isupper()

    def _comment(self) -> Step | None:
        text = self.held
        if not text.startswith("<!--"):
            return self._unless_begun(is_begun="<!--".startswith(text))
        return Step(drops=4, hides=Hidden(until("-->"), 3, is_kept=True))

    # -- the special tokens of chat templates

    def _numbered_token(self, written: str) -> Step | None:
        if written.startswith("<0x"):
            return Step(drops=len(written), gives=Token("text", "\n" if written.endswith("0A>") else " "))
        after = self.held[len(written) :]
        if after in "thought" and not self.is_end:
            return None
        is_thought = re.match(r"thought\s", after) is not None
        return Step(drops=len(written), hides=Hidden(until(r"<unused\d+>"), 12) if is_thought else None)

    def _special_token(self) -> Step | None:
        text = self.held
        token = SPECIAL.match(text)
        if token is None:
            return self._odd_token()
        name, length = name_of_token(token[1]), token.end()
        after = text[length:]
        if self.before[-1:] == " " and _TALKED_BEFORE.search(self.before):
            if not self.is_end and len(after) < _DECIDING_CHARS and "\n" not in after:
                return None
            if TALKED_OF.match(after):
                return Step(passes=length)
        if name == "channel":
            return self._channel(length)
        if name in {"im_start", "start", "start_header_id"}:
            return self._message_header(length)
        begins_message = name in SPEAKERS and self.before
        return Step(drops=length, gives=_NEW_MESSAGE if begins_message else None, hides=hidden_by_token(name))

    def _odd_token(self) -> Step | None:
        """Deal with tokens that have a bar on one side, or a name of their own between bars."""
        text = self.held
        if (half := HALF.match(text)) is not None:
            return Step(drops=half.end(), hides=hidden_by_token(half["opening"] or ""))
        if (dsml := DSML.match(text)) is not None:
            end = Hidden(until(rf"</[|｜]DSML[|｜]\s?{dsml['name']}\s*>"), len(dsml["name"]) + 16)
            return Step(drops=dsml.end(), hides=None if dsml["end"] else end)
        begun = SPECIAL_BEGUN.match(text) or HALF_BEGUN.match(text) or DSML_BEGUN.match(text)
        return self._unless_begun(is_begun=begun is not None)

    def _channel(self, length: int) -> Step | None:
        header = CHANNEL.match(self.held)
        if header is None:
            is_begun = len(self.held) < length + _CHANNEL_CHARS_MAX and not self.is_end
            return None if is_begun else Step(drops=length)
        words = header[1].split()
        is_for_ears = not words or words[0] == "final" or (words[0] == "commentary" and "to=" not in header[1])
        return Step(drops=header.end(), hides=None if is_for_ears else MACHINES_MESSAGE)

    def _message_header(self, length: int) -> Step | None:
        """Leave out "assistant" behind the token that opens a message; hide what is no message of the assistant's."""
        rest = self.held[length:]
        if ROLE_BEGUN.match(rest) and not self.is_end:
            return None
        header = ROLE.match(rest)
        if header is None:
            return Step(drops=length)
        is_ours = header[1].lower() in SPEAKERS
        # what was said before was another message
        gives = _NEW_MESSAGE if self.before else None
        return Step(drops=length + header.end(), gives=gives, hides=None if is_ours else OTHERS_MESSAGE)


_NEW_MESSAGE = Token("break", "\n")


def _is_broken(tag: str) -> bool:
    """Tell whether this is no tag: another bracket or an empty line stands in it."""
    return "\n\n" in tag or "<" in tag[1:]
