# ruff: noqa: RUF001, SIM905 - typographic marks are what this module is about; lists of words read as text
"""One piece of Markdown, a sentence or a line, as a voice can say it.

markdown-it reads what is Markdown: emphasis, code, links, pictures, entities, escapes. Rules of our own stand before
its own ones for what is not: formulas, whatever stands in angle brackets, stars that are arithmetic. What comes out as
text then goes through the rules of ``residue``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from voxbridge.core.text.addresses import host_of
from voxbridge.core.text.formulas import say_formula
from voxbridge.core.text.noises import deeds_of, sounds_of
from voxbridge.core.text.plain import is_plain_piece
from voxbridge.core.text.residue import HTML, Residue, is_talked_of
from voxbridge.core.text.words import relations_of, words_of

_MATH = re.compile(
    r"\$\$(?P<block>[^$]+)(?:\$\$|\Z)|\\\((?P<round>.+?)\\\)|\\\[(?P<square>.+?)\\\]"
    r"|(?P<environment>\\begin\{(?P<name>[a-z]+\*?)\}.*?(?:\\end\{(?P=name)\}|\Z))"
    r"|\$(?!\s)(?P<dollar>[^$]{1,200}?)(?<![\s\\])\$(?!\d)",
    re.DOTALL,
)
_PROSE = re.compile(r"(?<!\\)(?<![A-Za-z{])[A-Za-z]{3,}\s+[A-Za-z]{2,}|[,;.]\s+[a-z]{2,}")
_FORMULA = re.compile(
    r"[\\^_={}<>+]|^[A-Za-z](?:\s*[-*/]\s*[A-Za-z0-9])*$|^\d[\d.,]*$|^[A-Za-z]\(\w(?:,\s*\w)*\)$|\d[A-Za-z]"
)

_DISCORD = re.compile(r"<(?:@[!&]?\d+|#\d+|a?:\w+:\d+|/[^<>\n]+:\d+|t:-?\d+(?::\w)?|id:\w+)>")
_AUTOLINK = re.compile(r"<((?:[a-z][a-z0-9+.-]*:|[^\s<>@]+@)[^\s<>]+\.[^\s<>]+)>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)((?:\s+[\w:@.-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=]+))?)*)\s*(/?)>")
_MARKUP = re.compile(r"<(?:!--.*?(?:-->|\Z)|[!?][^<>]*>)", re.DOTALL)
_SPECIAL = re.compile(r"<[|｜]([^|｜<>\n]{1,60})[|｜]>")
_PLACEHOLDER = re.compile(r"<([^\W\d_][\w .,:/@'-]{0,60})>")

# A stage direction begins with what somebody does: "smiles", "clears throat", "laughing". These only look like it.
_NO_DEEDS = frozenset(
    "always this is was yes its his as us has does perhaps sometimes nothing everything anything something thing things"
    " during thanks less news these those besides across towards afterwards others ours yours theirs hers bring being"
    " evening morning king ring sing spring string bus plus gas lens series species".split()
)


_PEOPLE = frozenset("he she they i er sie ich elle il je él ella lei lui io ele ela eu он она я він вона".split())


def _math(state: StateInline, silent: bool) -> bool:
    """Take a formula; money is none."""
    if state.src[state.pos] not in "$\\":
        return False
    match = _MATH.match(state.src, state.pos)
    if match is None:
        return False
    formula = next(
        group
        for group in (match["block"], match["round"], match["square"], match["environment"], match["dollar"])
        if group
    )
    if match["dollar"] is not None and (_PROSE.search(formula) or not _FORMULA.search(formula)):
        return False
    if not silent:
        state.push("formula", "", 0).content = formula
    state.pos = match.end()
    return True


def _angle(state: StateInline, silent: bool) -> bool:
    """Take what stands in angle brackets: a mention, an address, a tag, a placeholder."""
    if state.src[state.pos] != "<":
        return False
    for pattern, kind in _ANGLES:
        match = pattern.match(state.src, state.pos)
        if match is None:
            continue
        if pattern is _PLACEHOLDER and " " in match[1] and "," not in match[1] and _is_behind_word(state):
            return False  # x<y and z>w
        if pattern is _TAG and match[3].strip() and "=" not in match[3] and _is_behind_word(state):
            return False  # a<b and b>c
        if not silent:
            token = state.push(kind, "", 0)
            token.content = match[1] if match.lastindex else ""
            token.meta = {"match": match}
        state.pos = match.end()
        return True
    return False


def _is_behind_word(state: StateInline) -> bool:
    return state.pos > 0 and state.src[state.pos - 1].isalnum()


_ANGLES = (
    (_DISCORD, "nothing"),
    (_AUTOLINK, "address"),
    (_MARKUP, "nothing"),
    (_SPECIAL, "named"),
    (_TAG, "tag"),
    (_PLACEHOLDER, "named"),
)


def _star(state: StateInline, silent: bool) -> bool:
    """Keep a star that is arithmetic or stands for several genders from being emphasis."""
    src, pos = state.src, state.pos
    if src[pos] != "*":
        return False
    end = pos + (2 if src.startswith("**", pos) else 1)
    before, after = src[max(0, pos - 2) : pos], src[end : end + 7]
    is_factor = before[-1:].isdigit() or before[-1:] == ")" or (before[-1:].isalpha() and not before[:-1].isalpha())
    is_product = is_factor and (after[:1].isdigit() or after[:1] == "(" or re.match(r"[A-Za-z](?![A-Za-z])", after))
    is_gender = end == pos + 1 and before[-1:].isalpha() and re.match(r"(?:in|innen|r|n|e|s|er|en)\b", after)
    if not (is_product or is_gender):
        return False
    if not silent:
        state.pending += src[pos:end]
    state.pos = end
    return True


def _parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark").enable("strikethrough").disable(["html_inline", "autolink"])
    # What is to be said is not shown: markdown-it drops links whose scheme a browser should not open.
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    for name, rule in (("formula", _math), ("angle", _angle), ("star", _star)):
        markdown.inline.ruler.before("escape", name, rule)
    return markdown


_MARKDOWN = _parser()


class Inline:
    """Says pieces of one language."""

    def __init__(self, language: str, *, drop_actions: bool, say_hosts: bool) -> None:
        self._language = language
        self._words, self._relations = words_of(language), relations_of(language)
        self._drop_actions, self._say_hosts = drop_actions, say_hosts
        self._residue = Residue(language, drop_actions=drop_actions, say_hosts=say_hosts)
        self._deeds = deeds_of(language)
        self._sounds = sounds_of(language)

    def say(self, piece: str) -> str:
        """Return what can be said of a piece: one line without marks, or "" if there is nothing to say. Never"
        " raises."""
        if is_plain_piece(piece):
            return piece
        text = self._residue.before(piece)
        if any(char in text for char in "*_`[]<>\\$&~!"):
            tokens = _MARKDOWN.parseInline(text)[0].children or []
            text = self._flat(tokens)
        text = self._residue.after(text)
        return text if any(map(str.isalnum, text)) else ""

    def _flat(self, tokens: Sequence[Token]) -> str:
        said: list[str] = []
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.type in {"em_open", "strong_open"}:
                close = _closing(tokens, place)
                said.append(self._emphasis(tokens, place, close, "".join(said)))
                place = close
            else:
                said.append(self._one(token, tokens, place, "".join(said[-3:])))
            place += 1
        return "".join(said)

    def _one(self, token: Token, tokens: Sequence[Token], place: int, before: str) -> str:
        match token.type:
            case "text":
                return token.content
            case "code_inline":
                return self._residue.say_code(token.content)
            case "formula":
                said = say_formula(
                    token.content, self._words, self._relations, is_english=self._language[:2].lower() in {"en", ""}
                )
                return f"{'' if before[-1:] in '([' else ' '}{said} " if said else " "
            case "address":
                return host_of(token.content) if "://" in token.content else token.content.removeprefix("mailto:")
            case "named":
                return f" {token.content.replace('_', ' ').replace('-', ' ')} "
            case "tag":
                return self._tag(token, tokens, place, before)
            case "image":
                return token.content if token.children is None else self._flat(token.children)
            case "softbreak" | "hardbreak":
                return " "
            case _:
                return ""

    def _tag(self, token: Token, tokens: Sequence[Token], place: int, before: str) -> str:
        match = token.meta["match"]
        name, attributes = match[2], match[3]
        known = name.lower() in HTML
        is_opening = not match[1] and not match[4] and not attributes.strip()
        after = tokens[place + 1].content if place + 1 < len(tokens) else ""
        is_closed = any(_closes(each, name) for each in tokens[place + 1 :])
        said = f" {re.sub(r'[_.:-]+', ' ', name)} "
        if known:
            is_bare = not match[4] and not attributes.strip()
            talked_of = is_bare and not is_closed and is_talked_of(before, after) and not self._is_open(tokens, place)
            if name.lower() in {"td", "th", "option"} and before.strip():
                return ", "
            if talked_of:
                return said
            if name.lower() == "img":
                alt = re.search(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", attributes)
                return (alt[1] or alt[2] or "") if alt else ""
            if is_opening and name.lower() == "sup" and after[:1].isdigit():
                return "^"
            return " " if name.lower() in {"sub", "br"} and not after[:1].isalpha() else ""
        is_sound = name.islower() and (name in self._deeds or name in self._sounds)
        if is_sound and self._drop_actions and before.strip()[-1:] in ("", *".!?…,"):
            return ""
        if not is_opening or is_closed:
            return f" {said}{attributes} " if attributes and "=" not in attributes and not match[1] else " "
        is_lone = not before.strip() and (not after.strip() or after[:1].isalnum())
        return "" if is_lone else said

    def _is_open(self, tokens: Sequence[Token], place: int) -> bool:
        """Tell whether a closing tag ends one that was opened before it."""
        match = tokens[place].meta["match"]
        same = (each.meta["match"] for each in tokens[:place] if each.type == "tag")
        return bool(match[1]) and any(not each[1] and each[2].lower() == match[2].lower() for each in same)

    def _emphasis(self, tokens: Sequence[Token], place: int, close: int, before: str) -> str:
        inner = self._flat(tokens[place + 1 : close])
        after = self._flat(tokens[close + 1 : close + 4]) if close + 1 < len(tokens) else "\n"
        left = before.rstrip(" \t")[-1:]
        right = after.lstrip(" \t")[:1]
        is_dropped = self._drop_actions and self._is_stage_direction(inner, left, right)
        if tokens[place].type == "strong_open":  # mostly emphasis
            is_dropped = is_dropped and inner.islower() and inner.split()[0] in self._deeds
        return "" if is_dropped else inner

    def _is_stage_direction(self, inner: str, left: str, right: str) -> bool:
        """Tell ``*smiles*`` from an emphasis, between the nearest letters on its left and right ("" for none).

        Leaving out a stressed word can turn the sense round ("I *never* said so"), so what does not begin with a deed
        at the beginning of a sentence or clause is kept.
        """
        words = inner.split()
        if not words or (left and left not in "\n.!?…,;:—–-)\"”'’。！？।۔؟።"):
            return False
        deed = words[0].lower().strip(".,!?…")
        if deed in _PEOPLE and len(words) > 1 and (not left or left in "\n.!?…。！？"):
            verb = words[1].lower().strip(".,!?…")
            return verb in self._deeds or f"{verb}s" in self._deeds
        if deed in self._deeds:
            return True
        if len(words) == 1 and deed in self._sounds:
            return True
        if self._language[:2].lower() not in {"en", ""}:
            return len(words) == 2 and words[1].lower().strip(".,!?…") in self._deeds
        if deed in _NO_DEEDS or len(deed) < 4 or not (deed.endswith("ing") or (deed[-1] == "s" and deed[-2] != "s")):
            return False
        return not inner[0].isupper() or not right or right == "\n" or right.isupper()


def _closing(tokens: Sequence[Token], place: int) -> int:
    level, closer = tokens[place].level, tokens[place].type.replace("open", "close")
    for index in range(place + 1, len(tokens)):
        if tokens[index].type == closer and tokens[index].level == level:
            return index
    return len(tokens) - 1


def _closes(token: Token, name: str) -> bool:
    meta: dict[str, Any] = token.meta
    return token.type == "tag" and bool(meta["match"][1]) and meta["match"][2].lower() == name.lower()
