"""What is to stand in a chat, and the next thing to do about it: write a message, edit one, take one away.

    lines (who: what)  -->  blocks of a few lines  -->  messages of at most 2000 characters
      a line may grow        one message, mostly         what Discord has of each is known

Whoever carries it out asks ``next_deed``, does it, and tells ``done`` or ``failed``. However fast the lines change,
there is one deed at a time and ``gap_s`` between two: a message that changed ten times meanwhile is edited once. New
messages come before edits of old ones, in the order of the lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs

from voxbridge.core.chat.pieces import split_message

GAP_S = 1.2  # Discord allows five writes in five seconds, and as many edits; others write as well
_BLOCK_CHARS = 1200
_BLOCK_LINES = 12
_BLOCK_AGE_S = 120.0  # what was said long before stands above what others wrote meanwhile
_BLOCKS_KEPT = 8


@attrs.define(eq=False)
class Message:
    """One message: what it is to be, and what Discord has (``id`` None: nothing yet)."""

    wanted: str = ""
    shown: str = ""
    id: int | None = None


@attrs.define(eq=False)
class _Block:
    began_at: float
    lines: dict[str, str] = attrs.field(factory=dict)
    messages: list[Message] = attrs.field(factory=list)

    def settle(self) -> None:
        """Work out what each message is to be."""
        pieces = split_message("\n".join(text for text in self.lines.values() if text))
        while len(self.messages) < len(pieces):
            self.messages.append(Message())
        for number, message in enumerate(self.messages):
            message.wanted = pieces[number] if number < len(pieces) else ""
        self.messages = [each for each in self.messages if each.wanted or each.id is not None or each.shown]

    def is_open(self, now: float) -> bool:
        """Tell whether a further line may join."""
        chars = sum(len(text) for text in self.lines.values())
        return chars < _BLOCK_CHARS and len(self.lines) < _BLOCK_LINES and now - self.began_at < _BLOCK_AGE_S


@attrs.frozen
class Deed:
    """What to do with a message: write it (it has no id), edit it, or take it away (it is to be empty)."""

    message: Message
    text: str


class Roll:
    """The lines of one room, the last ones of them."""

    def __init__(self, gap_s: float = GAP_S) -> None:
        self._gap_s = gap_s
        self._blocks: list[_Block] = []
        self._of: dict[str, _Block] = {}
        self._free_at = -math.inf

    def put(self, key: str, text: str, now: float) -> None:
        """Set a line; a new one comes at the end."""
        block = self._of.get(key)
        if block is None:
            if not self._blocks or not self._blocks[-1].is_open(now):
                self._blocks.append(_Block(now))
                self._forget_old()
            block = self._of[key] = self._blocks[-1]
        block.lines[key] = text
        block.settle()

    def drop(self, key: str) -> None:
        """Take a line away, if it is still known."""
        block = self._of.pop(key, None)
        if block is not None:
            del block.lines[key]
            block.settle()

    def knows(self, key: str) -> bool:
        """Tell whether a line is still known, and so can change."""
        return key in self._of

    def due_at(self) -> float:
        """Return when the next deed may be done; infinity: there is none."""
        return self._free_at if next(self._open(), None) is not None else math.inf

    def next_deed(self, now: float) -> Deed | None:
        """Return what to do now, if anything."""
        message = next(self._open(), None)
        if message is None or now < self._free_at:
            return None
        self._free_at = now + self._gap_s
        return Deed(message, message.wanted)

    def done(self, deed: Deed, message_id: int | None, now: float) -> None:
        """Note that a deed was done; a message that was written has an id now."""
        deed.message.shown = deed.text
        deed.message.id = message_id if deed.text else None
        self._free_at = now + self._gap_s  # a slow server is not asked faster

    def failed(self, deed: Deed, now: float, wait_s: float) -> None:
        """Note that a deed cannot be done; it is not tried again, and nothing is for a while."""
        deed.message.shown = deed.text
        self._free_at = now + wait_s

    def _open(self) -> Iterator[Message]:
        """Yield the messages that are not as they should be: those to be written first."""
        all_of_them = [message for block in self._blocks for message in block.messages]
        yield from (each for each in all_of_them if each.id is None and each.wanted != each.shown and each.wanted)
        yield from (each for each in all_of_them if each.id is not None and each.wanted != each.shown)

    def _forget_old(self) -> None:
        while len(self._blocks) > _BLOCKS_KEPT:
            for key in self._blocks.pop(0).lines:
                del self._of[key]
