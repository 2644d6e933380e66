"""What Discord demands of a list of application commands, and how it says what is wrong with one.

Discord documentation, "Application Commands": naming, the structures of commands, options and choices, localisation,
and the limit of 8000 characters in all. A list with one mistake is refused whole (error 50035, "Invalid Form Body").
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import attrs

from voxbridge.rehearsal.discord.objects import Json

COMMANDS_MAX, OPTIONS_MAX, CHOICES_MAX = 100, 25, 25
NAME_MAX, DESCRIPTION_MAX, CHOICE_MAX, ALL_CHARS_MAX = 32, 100, 100, 8000
# fmt: off
LOCALES = frozenset((
    "id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no", "pl", "pt-BR",
    "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja", "zh-TW", "ko",
))
# fmt: on
SUBCOMMAND, SUBCOMMAND_GROUP, STRING, INTEGER, CHANNEL, NUMBER = 1, 2, 3, 4, 7, 10
_KINDS = range(1, 12)
_COMPLETED = (STRING, INTEGER, NUMBER)
_TEXT_MAX = 6000  # min_length and max_length of an option
_INTEGER_MAX = 2**53


@attrs.frozen
class Mistake:
    """One thing that is wrong: where, and Discord's code for it."""

    path: tuple[str, ...]
    code: str
    message: str


def mistakes_in(commands: object) -> list[Mistake]:
    """Return all that is wrong with a list of commands (PUT); empty: Discord takes it."""
    if not isinstance(commands, list):
        return [Mistake((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")]
    found: list[Mistake] = []
    if len(commands) > COMMANDS_MAX:
        found.append(Mistake((), "BASE_TYPE_MAX_LENGTH", f"Must be {COMMANDS_MAX} or fewer in length."))
    for number, command in enumerate(commands):
        found += _command(command, (str(number),))
    found += _unique(commands, (), "APPLICATION_COMMANDS_DUPLICATE_NAME")
    return found


def as_body(mistakes: list[Mistake]) -> Json:
    """Return the body of the refusal, each mistake at its place."""
    errors: Json = {}
    for mistake in mistakes:
        place = errors
        for step in mistake.path:
            place = place.setdefault(step, {})
        place.setdefault("_errors", []).append({"code": mistake.code, "message": mistake.message})
    return {"message": "Invalid Form Body", "code": 50035, "errors": errors}


def _command(command: object, path: tuple[str, ...]) -> Iterator[Mistake]:
    if not isinstance(command, dict):
        yield Mistake(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return
    yield from _named(command, path)
    yield from _options(command.get("options"), path, parent=None)
    wanted = command.get("default_member_permissions")
    if wanted is not None and not str(wanted).isdecimal():
        where = (*path, "default_member_permissions")
        yield Mistake(where, "APPLICATION_COMMAND_INVALID_PERMISSIONS", "Must be a set of permission bits")
    if not set(command.get("contexts") or ()) <= {0, 1, 2}:
        yield Mistake((*path, "contexts"), "BASE_TYPE_CHOICES", "Value must be one of {0, 1, 2}.")
    if _chars(command) > ALL_CHARS_MAX:
        yield Mistake(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)")


def _named(what: Json, path: tuple[str, ...]) -> Iterator[Mistake]:
    """Judge a command's or an option's name and description, in all languages."""
    for field, longest in (("name", NAME_MAX), ("description", DESCRIPTION_MAX)):
        texts = what.get(f"{field}_localizations") or {}
        if not isinstance(texts, dict):
            yield Mistake((*path, f"{field}_localizations"), "DICT_TYPE_CONVERT", "Only dictionaries may be used")
            texts = {}
        for locale in texts:
            if locale not in LOCALES:
                where = (*path, f"{field}_localizations", str(locale))
                yield Mistake(where, "APPLICATION_COMMAND_INVALID_LOCALE", "Locale is not supported")
        places = [((field,), what.get(field)), *(((f"{field}_localizations", key), texts[key]) for key in texts)]
        for place, text in places:
            if not isinstance(text, str) or not text:
                yield Mistake((*path, *place), "BASE_TYPE_REQUIRED", "This field is required")
            elif len(text) > longest:
                yield Mistake((*path, *place), "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {longest} in length.")
            elif field == "name" and not is_name(text):
                yield Mistake((*path, *place), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def is_name(text: str) -> bool:
    """Tell whether Discord takes this as a name: letters, digits, ``-_'``, in lower case where there is one."""
    return text == text.lower() and all(each in "-_'" or _is_in_name(each) for each in text)


def _is_in_name(character: str) -> bool:
    if unicodedata.category(character)[0] in "LN":
        return True
    # the vowel signs of the two scripts that Discord names: no letters by Unicode's categories
    return unicodedata.name(character, "").startswith(("DEVANAGARI ", "THAI "))


def _options(options: object, path: tuple[str, ...], *, parent: int | None) -> Iterator[Mistake]:
    if options is None:
        return
    here = (*path, "options")
    if not isinstance(options, list) or not all(isinstance(option, dict) for option in options):
        yield Mistake(here, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return
    if len(options) > OPTIONS_MAX:
        yield Mistake(here, "BASE_TYPE_MAX_LENGTH", f"Must be {OPTIONS_MAX} or fewer in length.")
    yield from _unique(options, here, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS")
    below = [option.get("type") in (SUBCOMMAND, SUBCOMMAND_GROUP) for option in options]
    if any(below) and not all(below):
        message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        yield Mistake(here, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    is_after_optional = False
    for number, option in enumerate(options):
        where = (*here, str(number))
        yield from _option(option, where, parent=parent)
        if option.get("required") and is_after_optional:
            message = "Required options must be placed before non-required options"
            yield Mistake(where, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        is_after_optional = is_after_optional or not option.get("required")


def _option(option: Json, path: tuple[str, ...], *, parent: int | None) -> Iterator[Mistake]:
    yield from _named(option, path)
    kind = option.get("type")
    if kind not in _KINDS:
        yield Mistake((*path, "type"), "BASE_TYPE_CHOICES", "Value must be one of 1 to 11.")
        return
    if kind in (SUBCOMMAND, SUBCOMMAND_GROUP):
        if parent is not None and (parent, kind) != (SUBCOMMAND_GROUP, SUBCOMMAND):
            yield Mistake(
                (*path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Option type is not allowed here"
            )
        yield from _options(option.get("options"), path, parent=kind)
        return
    yield from _choices(option, path)
    for limit, least in (("min_length", 0), ("max_length", 1)):
        length = option.get(limit)
        if length is not None and (kind != STRING or not least <= length <= _TEXT_MAX):
            yield Mistake((*path, limit), "NUMBER_TYPE_MAX", f"Only for texts, between {least} and {_TEXT_MAX}.")
    if option.get("channel_types") and kind != CHANNEL:
        yield Mistake((*path, "channel_types"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Only for channels")


def _choices(option: Json, path: tuple[str, ...]) -> Iterator[Mistake]:
    choices, kind = option.get("choices") or [], option["type"]
    if (choices or option.get("autocomplete")) and kind not in _COMPLETED:
        yield Mistake(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Choices are for texts and numbers")
    if choices and option.get("autocomplete"):
        yield Mistake(path, "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", "Cannot have choices and autocomplete")
    if len(choices) > CHOICES_MAX:
        yield Mistake((*path, "choices"), "BASE_TYPE_MAX_LENGTH", f"Must be {CHOICES_MAX} or fewer in length.")
    yield from choice_mistakes(choices, kind, (*path, "choices"))


def choice_mistakes(choices: list[Any], kind: int, path: tuple[str, ...]) -> Iterator[Mistake]:
    """Yield what is wrong with choices, of an option or of an answer while somebody types."""
    for number, choice in enumerate(choices):
        where, value = (*path, str(number)), choice.get("value")
        names = [choice.get("name"), *(choice.get("name_localizations") or {}).values()]
        if not all(isinstance(name, str) and 1 <= len(name) <= CHOICE_MAX for name in names):
            yield Mistake((*where, "name"), "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {CHOICE_MAX} in length.")
        if not set(choice.get("name_localizations") or {}) <= LOCALES:
            yield Mistake(
                (*where, "name_localizations"), "APPLICATION_COMMAND_INVALID_LOCALE", "Locale is not supported"
            )
        is_right = {
            STRING: isinstance(value, str) and 1 <= len(value) <= CHOICE_MAX,
            INTEGER: isinstance(value, int) and abs(value) <= _INTEGER_MAX,
            NUMBER: isinstance(value, int | float),
        }.get(kind, True)
        if not is_right:
            yield Mistake((*where, "value"), "BASE_TYPE_BAD_LENGTH", "The value does not fit the option")


def _unique(named: list[Any], path: tuple[str, ...], code: str) -> Iterator[Mistake]:
    """Names differ, by themselves and as each language shows them."""
    known = [each for each in named if isinstance(each, dict)]
    for locale in ("", *sorted(LOCALES)):
        shown = [(each.get("name_localizations") or {}).get(locale, each.get("name")) for each in known]
        twice = sorted({str(name) for name in shown if shown.count(name) > 1})
        if twice:
            yield Mistake(path, code, f"{twice[0]} stands there twice {locale}".strip())
            return


def _chars(what: Json) -> int:
    """Return what counts against the limit of a command: of each text its longest translation."""
    own = sum(
        max(len(text) for text in [str(what.get(field) or ""), *(what.get(f"{field}_localizations") or {}).values()])
        for field in ("name", "description")
    )
    choices = sum(_chars(each) + len(str(each.get("value", ""))) for each in what.get("choices") or ())
    return own + choices + sum(_chars(option) for option in what.get("options") or () if isinstance(option, dict))
