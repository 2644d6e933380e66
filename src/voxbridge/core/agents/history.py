"""The conversations that we keep for agents without a memory of their own.

    ask            the messages to send; the exchange is open
    add            a piece of the answer was passed on
    close          the answer is over, or was cut short, or failed
    ask(heard=...) the same user's answer before was cut short: only what was heard of it is kept

The agent must not believe that the user heard what was never played. So when the next question comes with ``heard``,
that text takes the place of the user's last answer; if the question repeats the words of the one before, which was not
finished (its turn was superseded), the whole exchange goes, with the word or two that were heard. An exchange without
an answer stays until then, so that ``heard`` never meets the one before it. Questions left without an answer are joined
into one message, since many models' templates insist that user and assistant alternate.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Literal

import attrs

from voxbridge.core.agents.session import Scope

NAME_CHARS_MAX = 32
_MESSAGE_TOKENS = 4
"""What a chat template adds to each message, about."""


@attrs.frozen
class Message:
    """One message of the kind that chat APIs take."""

    role: Literal["user", "assistant"]
    content: str


@attrs.frozen
class HistoryRules:
    """How much is kept: ``tokens_max`` of what goes before the question (0: nothing), for ``age_s`` seconds, and no
    more than ``turns_max`` exchanges.

    ``scope`` says whose conversation it is (``core/agents/session.py``).
    """

    tokens_max: int = 4000
    age_s: float = 3600.0
    turns_max: int = 200
    conversations_max: int = 1000
    scope: Scope = "user"


@attrs.define(eq=False)
class Exchange:
    """A question and its answer. ``shown`` is the question as the agent sees it, perhaps with a name before it."""

    turn_id: str
    user: str
    asked: str
    shown: str
    at: float
    answer: str = attrs.field(default="", repr=False)
    is_open: bool = True
    was_cut: bool = False
    """Its answer is what was heard."""
    guild: str = ""


class History:
    """All conversations, by session. ``now`` is in seconds, of any clock that runs evenly."""

    def __init__(self, rules: HistoryRules) -> None:
        self._rules = rules
        self._sessions: OrderedDict[str, list[Exchange]] = OrderedDict()
        self._changed: set[str] = set()

    def ask(
        self,
        session: str,
        turn_id: str,
        user: str,
        text: str,
        now: float,
        *,
        name: str = "",
        heard: str | None = None,
        heard_of: str = "",
        goes_on: bool = False,
        guild: str = "",
    ) -> list[Message]:
        """Open an exchange and return its messages; see ``open`` and ``messages``."""
        self.open(
            session,
            turn_id,
            user,
            text,
            now,
            name=name,
            heard=heard,
            heard_of=heard_of,
            goes_on=goes_on,
            guild=guild,
        )
        return self.messages(session, turn_id, now, self._rules)

    def open(
        self,
        session: str,
        turn_id: str,
        user: str,
        text: str,
        now: float,
        *,
        name: str = "",
        heard: str | None = None,
        heard_of: str = "",
        goes_on: bool = False,
        guild: str = "",
    ) -> None:
        """Open an exchange.

        ``name`` is put before the user's words, for a conversation of several. ``heard`` says that the same user's
        answer before was cut short, and what was heard of it; ``heard_of`` is the turn that it answered, if it may be
        another than the user's last: the last one may have failed. ``goes_on``: this question is that one, finished.
        ``guild`` is where it was said, for who wants to have it forgotten.
        """
        kept = self._fresh(session, now)
        if heard is not None:
            _cut(kept, user, text, heard, heard_of, goes_on=goes_on)
            self._changed.add(session)
        if heard is None or heard_of:
            kept[:] = [one for one in kept if one.is_open or one.user != user or one.answer or one.was_cut]
        shown = f"{_one_line(name)}: {text}" if name.strip() else text
        kept.append(Exchange(turn_id, user, text, shown, now, guild=guild))

    def messages(self, session: str, turn_id: str, now: float, rules: HistoryRules) -> list[Message]:
        """Return the messages to send for an open exchange, the question last; none if there is no such exchange.

        Answers that are still under way are left out. ``rules`` may want less than is kept.
        """
        kept = self._sessions.get(session, [])
        at = next((at for at, one in enumerate(kept) if one.turn_id == turn_id and one.is_open), None)
        if at is None:
            return []
        over = [one for one in kept[:at] if not one.is_open and (one.answer or one.was_cut)]
        fresh = [one for one in over if now - one.at <= rules.age_s]
        return _alternating([*_fitting(fresh, rules), kept[at]])

    def add(self, session: str, turn_id: str, text: str) -> None:
        """Add to the answer of an open exchange."""
        for exchange in self._sessions.get(session, ()):
            if exchange.turn_id == turn_id and exchange.is_open:
                exchange.answer += text

    def close(self, session: str, turn_id: str, now: float) -> None:
        """End an exchange; if it has no answer and the next question tells of none, it is as if it was never asked."""
        for exchange in self._sessions.get(session, ()):
            if exchange.turn_id == turn_id and exchange.is_open:
                exchange.is_open, exchange.at, exchange.answer = False, now, exchange.answer.strip()
                self._changed.add(session)
        self._drop_unneeded(session)

    def count(self, guild: str, user: str) -> int:
        """Return how many exchanges there are of what a user said in a guild."""
        return sum((one.guild, one.user) == (guild, user) for kept in self._sessions.values() for one in kept)

    def forget(self, guild: str, user: str) -> int:
        """Forget what a user said in a guild, and the answers to it, open ones as well; return how many they were."""
        return self._drop(lambda one: (one.guild, one.user) == (guild, user))

    def expire(self, now: float) -> None:
        """Forget what has become too old, in all sessions."""
        self._drop(lambda one: not one.is_open and now - one.at > self._rules.age_s)

    def changed(self) -> dict[str, list[Exchange]]:
        """Return the sessions that have changed since the last call, each with all that is now to be kept of it."""
        changed, self._changed = self._changed, set()
        return {session: [one for one in self._sessions.get(session, ()) if not one.is_open] for session in changed}

    def touch(self, sessions: Iterable[str]) -> None:
        """Count sessions as changed again: what ``changed`` told of them could not be used."""
        self._changed.update(sessions)

    def restore(self, session: str, exchanges: Iterable[Exchange], now: float) -> None:
        """Remember what was kept elsewhere, as what came before all that is known of the session here."""
        fresh = [one for one in exchanges if now - one.at <= self._rules.age_s]
        if fresh:
            self._sessions.setdefault(session, [])[:0] = fresh
            self._drop_unneeded(session)

    def _drop(self, is_unwanted: Callable[[Exchange], bool]) -> int:
        dropped = 0
        for session, kept in list(self._sessions.items()):
            wanted = [one for one in kept if not is_unwanted(one)]
            if len(wanted) == len(kept):
                continue
            dropped += len(kept) - len(wanted)
            kept[:] = wanted
            self._changed.add(session)
            if not kept:
                del self._sessions[session]
        return dropped

    def _fresh(self, session: str, now: float) -> list[Exchange]:
        """Return the conversation without what is too old, and forget the conversations that all are silent longest."""
        kept = self._sessions.setdefault(session, [])
        fresh = [one for one in kept if one.is_open or now - one.at <= self._rules.age_s]
        if len(fresh) < len(kept):
            self._changed.add(session)
        kept[:] = fresh
        self._sessions.move_to_end(session)
        for other in list(self._sessions):
            exchanges = self._sessions[other]
            is_stale = all(not one.is_open and now - one.at > self._rules.age_s for one in exchanges)
            if other == session or not (is_stale or len(self._sessions) > self._rules.conversations_max):
                break  # in order of their last question: those behind are younger
            del self._sessions[other]
            self._changed.add(other)
        return kept

    def _drop_unneeded(self, session: str) -> None:
        kept = self._sessions.get(session)
        if kept is None:
            return
        fitting = _fitting([one for one in kept if not one.is_open], self._rules)
        kept[:] = [one for one in kept if one.is_open or one in fitting]
        if not kept:
            del self._sessions[session]


def _fitting(exchanges: list[Exchange], rules: HistoryRules) -> list[Exchange]:
    """Return the newest exchanges that fit; an exchange is kept whole or not at all."""
    left = rules.tokens_max
    fitting: list[Exchange] = []
    for exchange in reversed(exchanges[-rules.turns_max :]):
        left -= tokens_of(_alternating([exchange]))
        if left < 0:
            break
        fitting.insert(0, exchange)
    return fitting


def _cut(kept: list[Exchange], user: str, text: str, heard: str, heard_of: str, *, goes_on: bool) -> None:
    """Leave of the user's last answer, or of the one to that turn, what was heard of it."""
    last = next((one for one in reversed(kept) if one.user == user and heard_of in ("", one.turn_id)), None)
    if last is None:
        return
    last.is_open, last.was_cut, last.answer = False, True, heard.strip()
    if (goes_on and not last.answer) or ((goes_on or not last.answer) and text.startswith(last.asked)):
        kept.remove(last)


def tokens_of(messages: Iterable[Message]) -> int:
    """Estimate the tokens of messages: a token per four ASCII characters and one per any other, and the template's.

    Rough, and on the safe side: English comes out about right, German or Russian up to twice too high. The exact
    number depends on the model's tokenizer, which only its server has.
    """
    total = 0
    for message in messages:
        plain = sum(letter < "\x80" for letter in message.content)
        total += -(-plain // 4) + len(message.content) - plain + _MESSAGE_TOKENS
    return total


def _alternating(exchanges: list[Exchange]) -> list[Message]:
    messages: list[Message] = []
    unanswered = ""
    for exchange in exchanges:
        asked = f"{unanswered}\n{exchange.shown}" if unanswered else exchange.shown
        unanswered = ""
        if exchange.answer:
            messages += [Message("user", asked), Message("assistant", exchange.answer)]
        else:
            unanswered = asked
    return [*messages, Message("user", unanswered)] if unanswered else messages


def _one_line(name: str) -> str:
    """Return a name fit to stand before a colon: it is untrusted text."""
    return " ".join(name.replace(":", " ").split())[:NAME_CHARS_MAX]
