"""The embedded agent: a table of rules, so that VoxBridge answers something true before any agent is connected.

It tells the time and the date, does sums, throws dice and coins, remembers what it is told, and repeats itself. To
anything else it says what it heard and that no AI agent is connected. Pure: the clock and the dice are passed in,
so the same words at the same instant give the same answer.

Each rule is a pattern over the whole of what was said (lower case, no punctuation but what numbers need, no
courtesies) and a function that answers with sentences, each of which is spoken as soon as it is there. The first
rule that matches answers; one that returns None passes.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections import OrderedDict
from collections.abc import Callable

import attrs

from voxbridge.engines.arithmetic import NotArithmetic, TooBig, compute, number, spoken

SESSIONS_MAX = 256
FACTS_MAX = 32
_FACT_CHARS_MAX = 200
_DICE_MAX = 20


@attrs.define
class Memory:
    """What one session has told us, and what it was told last."""

    name: str | None = None
    facts: OrderedDict[str, str] = attrs.field(factory=OrderedDict)
    notes: list[str] = attrs.field(factory=list)
    last_answer: list[str] = attrs.field(factory=list)
    was_told_of_help: bool = False


@attrs.frozen
class _Asked:
    """One question with all that an answer may depend on."""

    heard: str
    words: re.Match[str]
    memory: Memory
    now: dt.datetime
    rng: random.Random

    def __getitem__(self, group: str) -> str:
        return self.words[group] or ""


_Answer = Callable[[_Asked], list[str] | None]


@attrs.frozen
class _Rule:
    pattern: re.Pattern[str]
    answer: _Answer


def _ordinal(day: int) -> str:
    suffix = "th" if 10 < day % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"


def _time(asked: _Asked) -> list[str]:
    hour = asked.now.hour % 12 or 12
    half = "AM" if asked.now.hour < 12 else "PM"
    return [f"It is {hour}:{asked.now.minute:02} {half}."]


_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def _date(asked: _Asked) -> list[str]:
    which = next((day for day in _DAYS if day in asked.words[0]), "today")
    date = asked.now + dt.timedelta(days=_DAYS[which])
    verb = "was" if which == "yesterday" else "is"
    return [f"{which.capitalize()} {verb} {date:%A}, {date:%B} {_ordinal(date.day)}, {date.year}."]


def _year(asked: _Asked) -> list[str]:
    return [f"It is the year {asked.now.year}."]


def _arithmetic(asked: _Asked) -> list[str] | None:
    try:
        return [f"That is {spoken(compute(asked['sum']))}."]
    except ZeroDivisionError:
        return ["Nothing can be divided by zero."]
    except TooBig:
        return ["That number is too big to say aloud."]
    except NotArithmetic:
        return None


_PAIR = ("a pair of", "the", "some", "")  # of "dice": who says "roll the dice" means two


def _whole(text: str, *, otherwise: int) -> int:
    """Return a number in words or digits, or ``otherwise``."""
    try:
        return int(number(text))
    except NotArithmetic:
        return otherwise


def _and(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _dice(asked: _Asked) -> list[str]:
    counted = asked["count"].strip()
    count = _whole(counted, otherwise=2 if counted in _PAIR and asked["die"] == "dice" else 1)
    sides = _whole(asked["sides"] or asked["d"], otherwise=6)
    if not 1 <= count <= _DICE_MAX or not 2 <= sides <= 1000:
        return [f"I can throw up to {_DICE_MAX} dice of 2 to 1000 sides."]
    thrown = [asked.rng.randint(1, sides) for _ in range(count)]
    if count == 1:
        return [f"You rolled a {thrown[0]}."]
    return [f"You rolled {_and([str(value) for value in thrown])}.", f"That makes {sum(thrown)}."]


def _coin(asked: _Asked) -> list[str]:
    return [f"It is {asked.rng.choice(['heads', 'tails'])}."]


def _pick(asked: _Asked) -> list[str] | None:
    try:
        low, high = sorted(int(number(bound)) for bound in (asked["low"], asked["high"]))
    except NotArithmetic:
        return None
    return [f"I pick {asked.rng.randint(low, high)}."]


def _learn_name(asked: _Asked) -> list[str]:
    asked.memory.name = asked["name"].title()[:_FACT_CHARS_MAX]
    return [f"Nice to meet you, {asked.memory.name}."]


def _tell_name(asked: _Asked) -> list[str]:
    if asked.memory.name is None:
        return ["I don't know your name yet.", "Tell me: my name is, and then your name."]
    return [f"Your name is {asked.memory.name}."]


def _turned(text: str) -> str:
    """Return what the user said of themselves as we say it to them: "my keys" is "your keys"."""
    swap = {"my": "your", "i": "you", "me": "you", "mine": "yours", "am": "are", "i'm": "you're", "our": "your"}
    return " ".join(swap.get(word, word) for word in text.split())


def _learn_fact(asked: _Asked) -> list[str]:
    facts, thing = asked.memory.facts, asked["thing"][:_FACT_CHARS_MAX]
    facts[thing] = asked["value"][:_FACT_CHARS_MAX]
    facts.move_to_end(thing)
    if len(facts) > FACTS_MAX:
        facts.popitem(last=False)
    return [f"I will remember that your {_turned(thing)} {asked['is']} {_turned(facts[thing])}."]


def _tell_fact(asked: _Asked) -> list[str] | None:
    value = asked.memory.facts.get(asked["thing"])
    if value is None:
        # "Where is my car?" may be meant for an agent with other sources than what it was told.
        return [f"You have not told me your {_turned(asked['thing'])}."] if asked["what"] else None
    return [f"Your {_turned(asked['thing'])} {asked['is'] or 'is'} {_turned(value)}."]


def _learn_note(asked: _Asked) -> list[str]:
    notes = asked.memory.notes
    notes.append(_turned(asked["note"][:_FACT_CHARS_MAX]))
    del notes[:-FACTS_MAX]
    return [f"I will remember that {notes[-1]}."]


def _tell_all(asked: _Asked) -> list[str]:
    memory = asked.memory
    known = [f"Your {_turned(thing)} is {_turned(value)}." for thing, value in memory.facts.items()]
    known += [f"You told me that {note}." for note in memory.notes]
    if memory.name is not None:
        known.insert(0, f"Your name is {memory.name}.")
    return known or ["You have not told me anything to remember."]


def _forget(asked: _Asked) -> list[str]:
    asked.memory.name = None
    asked.memory.facts.clear()
    asked.memory.notes.clear()
    return ["I have forgotten everything you told me."]


def _repeat(asked: _Asked) -> list[str]:
    return asked.memory.last_answer or ["I have not said anything yet."]


def _says(*sentences: str) -> _Answer:
    return lambda _: list(sentences)


def _greet(asked: _Asked) -> list[str]:
    return [f"Hello, {asked.memory.name}." if asked.memory.name else "Hello.", "How can I help you?"]


_HELP = _says(
    "I can tell you the time and the date.",
    "I can do sums, roll dice and flip a coin.",
    "I can remember your name, and facts like: remember that my favorite color is blue.",
    "For anything more, connect an AI agent to VoxBridge.",
)
_NUMBER = r"(?:minus )?[\w,.]+(?: [\w,.]+){0,5}?"


def _rule(pattern: str, answer: _Answer) -> _Rule:
    return _Rule(re.compile(pattern), answer)


RULES: tuple[_Rule, ...] = (
    _rule(
        r"(say|repeat) (that|it)( again)?|(can|could) you (say|repeat) (that|it)( again)?|repeat|once more|come again"
        r"|say again|what did you (just )?say|pardon( me)?"
        r"|(i )?(did not|didn't|couldn't) (hear|catch|understand) (that|you)",
        _repeat,
    ),
    _rule(
        r"help( me)?|what (can|do) you (do|know)|what can i (say|ask)( you)?|how (can|do) you help( me)?",
        _HELP,
    ),
    _rule(
        r"((what|tell me what) time (is it|it is)|(what is|tell me) the (current )?time"
        r"|(do you )?(have|know|got) the time|the time)( now)?",
        _time,
    ),
    _rule(
        r"(what is|tell me) (the date|(the |today's |yesterday's |tomorrow's )date|today)( today| tomorrow)?"
        r"|what (day|date) (is|was|will) (it|today|tomorrow|yesterday)( be)?( today| tomorrow| yesterday)?"
        r"|what day of the week is (it|today)|what is the day( today)?|the date",
        _date,
    ),
    _rule(r"what year is (it|this)|what is the year", _year),
    _rule(
        r"(roll|throw|cast)( me)? (?P<count>\d+ |a pair of |\w+ )?"
        r"(?:d ?(?P<d>\d+)|(?P<sides>\w+)[- ]sided (?:die|dice)|(?P<die>die|dice|dices))",
        _dice,
    ),
    _rule(r"((flip|toss|throw)( me)? )?(a )?coin( flip| toss)?|heads or tails", _coin),
    _rule(
        r"(pick|choose|give me|tell me|say) (a |any )?(random )?number (between|from) "
        rf"(?P<low>{_NUMBER}) (and|to) (?P<high>{_NUMBER})",
        _pick,
    ),
    _rule(r"((what|how much) is|calculate|compute|work out|what does) (?P<sum>.+?)( equals?| make| is)?", _arithmetic),
    _rule(r"(?P<sum>.+)", _arithmetic),
    _rule(r"(remember (that )?)?(my name is|call me) (?P<name>(?!not\b)[\w'-]+( [\w'-]+){0,2})", _learn_name),
    _rule(
        r"(what is|tell me|do you (know|remember)|say) (my name|what my name is)|who am i|what am i called",
        _tell_name,
    ),
    _rule(r"(remember|note|keep in mind)( that)? my (?P<thing>.+?) (?P<is>is|are) (?P<value>.+)", _learn_fact),
    _rule(
        r"my (?P<thing>favou?rite .+?|birthday|phone number|address|job|dog|cat) (?P<is>is|are) (?P<value>.+)",
        _learn_fact,
    ),
    _rule(r"(remember|note|keep in mind) (that )?(?P<note>.+)", _learn_note),
    _rule(
        r"what (do|did) you (remember|know)( about me)?|what (do|did|have) i (told|tell|said) (to )?you",
        _tell_all,
    ),
    _rule(r"(?:(?P<what>what)|who|where|when) (?P<is>is|are) my (?P<thing>.+)", _tell_fact),
    _rule(r"forget (everything|all|it all|me|what i (said|told you))( you know)?( about me)?", _forget),
    _rule(r"(hello|hi|hey|howdy|good (morning|afternoon|evening)|greetings)( there| again| voxbridge)?", _greet),
    _rule(r"how are you( doing)?( today)?|how is it going|how do you do", _says("I am fine, thank you.")),
    _rule(r"(thank you|thanks)( very much| so much| a lot)?|that is all|cheers", _says("You're welcome.")),
    _rule(r"(good ?bye|bye|see you|good night)( bye| later| now)?", _says("Goodbye.")),
    _rule(
        r"(who|what) are you|what is your name|are you (a robot|an ai|human|a bot)",
        _says("I am the small agent inside VoxBridge.", "I follow a few simple rules until an AI agent is connected."),
    ),
    _rule(r"stop|never ?mind|cancel( that| it)?|be quiet|forget it|okay|ok|yes|no", _says("Okay.")),
)

_SIGNS = r"*/+^%\u00d7\u00f7\u00b7\u221a\u00b2\u00b3\u2212\u2013"
_COURTESY = re.compile(
    r"^((please|okay|ok|so|well|now|um|uh|hey|and|can you|could you|would you|will you|i said|voxbridge)\b ?)+(?=\S)"
    r"|( (please|for me|thanks|thank you|right now|voxbridge))+$"
)
_SHORT_FORMS = (
    (re.compile(r"\b(what|how|who|where|when|that|it)'s\b"), r"\1 is"),
    (re.compile(r"\bwhats\b"), "what is"),
    (re.compile(r"\bwhat're\b"), "what are"),
)


def plain(heard: str) -> str:
    """Return what was said as the rules read it: lower case, no punctuation, no courtesies."""
    text = heard.casefold().replace("\u2019", "'")
    text = re.sub(rf"(?<!\d)[.,]|[.,](?!\d)|[^\w\s.,'{_SIGNS}-]", " ", text)
    text = " ".join(text.split())
    for pattern, long_form in _SHORT_FORMS:
        text = pattern.sub(long_form, text)
    return _COURTESY.sub("", text) or text


class RuleAgent:
    """The table of rules with a memory per session; the sessions unused for longest are forgotten first."""

    def __init__(self, *, now: Callable[[], dt.datetime], rng: random.Random) -> None:
        """``now`` gives the local time; ``rng`` throws the dice."""
        self._now, self._rng = now, rng
        self._sessions: OrderedDict[str, Memory] = OrderedDict()

    def _memory(self, session: str) -> Memory:
        memory = self._sessions.setdefault(session, Memory())
        self._sessions.move_to_end(session)
        if len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        return memory

    def answer(self, session: str, heard: str) -> list[str]:
        """Return the answer to one turn of a session, sentence by sentence; never empty."""
        memory, text = self._memory(session), plain(heard)
        sentences = self._by_rule(text, heard, memory) or self._honest(heard, memory)
        memory.last_answer = sentences
        return sentences

    def _by_rule(self, text: str, heard: str, memory: Memory) -> list[str] | None:
        for rule in RULES:
            words = rule.pattern.fullmatch(text)
            if words is not None:
                answer = rule.answer(_Asked(heard, words, memory, self._now(), self._rng))
                if answer:
                    return answer
        return None

    @staticmethod
    def _honest(heard: str, memory: Memory) -> list[str]:
        """Say what was heard and that nobody is here who could answer it."""
        said = " ".join(heard.split())
        if not said:
            return ["I did not hear anything."]
        mark = "" if said[-1] in ".!?" else "."
        sentences = [f"I heard: {said}{mark}", "But no AI agent is connected yet, so I can't answer that."]
        if not memory.was_told_of_help:
            memory.was_told_of_help = True
            sentences.append("Say help to hear what I can do.")
        return sentences
