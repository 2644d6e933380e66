"""Four people, forty utterances, twelve of them for the bot: rounds that were written without a look at the rules.

The first line of a file says by which names the bot goes, in which language they talk, and who they are. Each further
line is one utterance: who, how many seconds after the one before was dealt with, for the bot (+) or not (-), the words.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from voxbridge.core.ids import UserId


@attrs.frozen
class Utterance:
    """What somebody says, ``pause_s`` after the one before and its answer, if it had one."""

    who: UserId
    pause_s: float
    text: str
    is_for_us: bool


@attrs.frozen
class Round:
    """A talk. ``bot`` is its name in Discord; ``names`` are those that the operator gave it beside that."""

    title: str
    bot: str
    names: tuple[str, ...]
    language: str
    people: dict[UserId, str]
    said: tuple[Utterance, ...]


def rounds() -> list[Round]:
    """Return all of them."""
    return [_read(file) for file in sorted(Path(__file__).parent.glob("*.txt"))]


def _read(file: Path) -> Round:
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    facts = dict(fact.split(": ", 1) for fact in head.split(" | "))
    people = {UserId(number): name for number, name in enumerate(facts["people"].split(", "), 1)}
    return Round(
        title=file.stem,
        bot=facts["bot"],
        names=tuple(facts["names"].split(", ")) if "names" in facts else (),
        language=facts["language"],
        people=people,
        said=tuple(_utterance(line, {name: who for who, name in people.items()}) for line in lines),
    )


def _utterance(line: str, people: dict[str, UserId]) -> Utterance:
    who, pause_s, sign, text = line.split(" ", 3)
    return Utterance(people[who], float(pause_s), text, {"+": True, "-": False}[sign])
