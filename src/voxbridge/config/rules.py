"""What a setting may be: each rule stands beside its setting, says what is allowed, and is checked on construction."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import attrs

from voxbridge.config.secrets import Secret
from voxbridge.core.agents.placeholders import template_fault
from voxbridge.errors import ConfigError

T = TypeVar("T")


def _as_it_is(value: Any) -> Any:
    return value


@attrs.frozen
class Rule:
    """An attrs validator that knows how to say what it wants.

    It applies to the value, to what a Secret holds, and to each item of a tuple or value of a table. None and
    the empty text mean "not set" and pass. ``show`` makes the value fit to be printed.
    """

    allowed: str
    holds: Callable[[Any], bool]
    show: Callable[[Any], Any] = _as_it_is

    def __call__(self, _instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        """Check a value. Raises: ConfigError naming the setting, the value (not a secret's) and what is allowed."""
        match value:
            case tuple():
                items = {f"{attribute.name}[{index}]": item for index, item in enumerate(value)}
            case dict():
                items = {f'{attribute.name}."{key}"': item for key, item in value.items()}
            case _:
                items = {attribute.name: value}
        for key, item in items.items():
            plain = item.reveal() if isinstance(item, Secret) else item
            if plain is None or plain == "" or self.holds(plain):
                continue
            shown = None if isinstance(item, Secret) else self.show(plain)
            raise ConfigError("this value is not allowed", key=key, value=shown, allowed=self.allowed)


def option(
    default: T,
    about: str,
    rule: Rule | None = None,
    *,
    example: object = None,
    needed: bool = False,
    live: bool = False,
    once: bool = False,
    was: tuple[str, ...] = (),
) -> T:
    """Declare one setting: its default, its help, its rule.

    ``example`` is what the template shows where the default says nothing (empty or not set); ``needed`` says that an
    empty one is a mistake.
    ``live``: a reload changes it, since whoever uses it asks anew for each thing that begins (a test holds to it).
    ``once``: it holds for a stage with all its backups, and so stands in the stage's own table only.
    ``was``: names that it had before, dotted within its table; they still work, and the operator is told the new one.
    """
    validators = [rule] if rule is not None else []
    return attrs.field(
        default=default,
        validator=[_is_there, *validators] if needed else validators,
        metadata={"help": about, "rule": rule, "example": example, "live": live, "once": once, "was": was},
    )


def _is_there(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not value:
        raise ConfigError(f'is needed with kind = "{instance.kind}"', key=attribute.name)


def own_kind(name: str) -> str:
    """Declare the ``kind`` of a class of settings: the name that selects it."""
    return option(name, "Which kind of backend it is.", Rule(name, lambda value: value == name))


def one_of(*names: str) -> Rule:
    """Allow these words only."""
    return Rule(" | ".join(names), lambda value: value in names)


def between(low: float, high: float) -> Rule:
    """Allow numbers from ``low`` to ``high``, both included (and so neither NaN nor infinity)."""
    return Rule(f"{low} to {high}", lambda value: low <= value <= high)


@attrs.frozen(kw_only=True)
class ClampRule(Rule):
    """Allows a range of a server's. In the file a number beyond it is no mistake: the nearest one is used."""

    low: float
    high: float

    @property
    def range(self) -> str:
        """Return the range in words."""
        return f"{self.low} to {self.high}"

    def nearest(self, value: object) -> float | None:
        """Return what to use for a number out of range; None for all else (NaN is not beyond a range, it is none)."""
        is_whole_only = isinstance(self.low, int)
        if type(value) is not int and (is_whole_only or type(value) is not float):
            return None
        if value < self.low:
            return self.low
        return self.high if value > self.high else None


def clamped_between(low: float, high: float) -> Rule:
    """Allow numbers from ``low`` to ``high``; the loader clamps others, with a warning (``config.mending``)."""
    return ClampRule(
        allowed=f"{low} to {high} (a number beyond is clamped)",
        holds=lambda value: low <= value <= high,
        low=low,
        high=high,
    )


def at_least(low: int) -> Rule:
    """Allow whole numbers from ``low`` on."""
    return Rule(f"{low} or more", lambda value: value >= low)


def url(*schemes: str) -> Rule:
    """Allow an absolute URL of these schemes. In a message only scheme and host are shown: the rest may be a secret."""
    return Rule(
        " or ".join(f"{scheme}://host[:port][/path]" for scheme in schemes),
        lambda value: _is_url(value, schemes),
        _without_secrets,
    )


_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):(\d{1,5})", re.ASCII)
_PORT_MAX = 65_535
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)  # RFC 9110, 5.6.2: a token
_HEADER_TEXT = re.compile(r"[\t -~]*")
LIMIT = between(1, 3_600_000)  # ms; an hour is more than any voice turn, and a typo of three zeros is caught


def host_and_port() -> Rule:
    """Allow host:port with a port that there can be; an IPv6 address stands in brackets."""
    return Rule(
        f"address:port, with a port up to {_PORT_MAX}",
        lambda value: (found := _HOST_AND_PORT.fullmatch(value)) is not None and int(found[1]) <= _PORT_MAX,
    )


def matches(pattern: str, allowed: str) -> Rule:
    """Allow a text that the pattern fits as a whole; ``allowed`` says so in words."""
    return Rule(allowed, lambda value: re.fullmatch(pattern, value) is not None)


@attrs.frozen
class HeaderRule(Rule):
    """Looks at the names of HTTP headers as well."""

    def __call__(self, instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        """Check a table of headers. Raises: ConfigError, which never holds a value."""
        for name in value:
            if not _HEADER_NAME.fullmatch(name):
                raise ConfigError(
                    "is not the name of an HTTP header", key=f'{attribute.name}."{name}"', allowed="letters, digits, -"
                )
        Rule.__call__(self, instance, attribute, value)


def http_headers() -> Rule:
    """Allow headers that HTTP can carry; others would fail with the first request."""
    return HeaderRule("one line of ASCII characters", lambda value: _HEADER_TEXT.fullmatch(value) is not None)


def json_template() -> Rule:
    """Allow JSON whose strings hold known placeholders, ``{text}`` among them."""
    return Rule(
        'JSON with placeholders in its strings, such as {"message": "{text}", "user": "{user_id}"}',
        lambda value: template_fault(value) is None,
    )


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and port != 0 and not re.search(r"\s", value)


def _without_secrets(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        return "***"
    if not parts.scheme or not parts.hostname:
        return "no URL"
    port = re.search(r":\d{1,6}$", parts.netloc, re.ASCII)  # what is no number may be half of a password
    return f"{parts.scheme}://{parts.hostname}{port[0] if port else ''}/..."


def require(holds: bool, key: str, message: str, *, allowed: str = "") -> None:
    """Check what two settings of one table demand of each other. Raises: ConfigError."""
    if not holds:
        raise ConfigError(message, key=key, allowed=allowed)
