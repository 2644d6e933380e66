"""[stt], [agent] and [tts]: what every kind of backend has. What one kind adds stands with that kind.

The embedded engines add nothing, so these classes are theirs as they are. A kind's own class is made of one of them:

    @attrs.frozen(kw_only=True)
    class ParrotSettings(TtsSettings):
        kind: str = own_kind("parrot")
        pitch_hz: int = option(440, "How high it whistles.", between(50, 2000))
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import re
from typing import ClassVar, TypeVar

import attrs

from voxbridge.config.rules import LIMIT, Rule, between, matches, one_of, option, require, url
from voxbridge.config.secrets import Secret
from voxbridge.core.agents.session import ALLOWED, is_scope

EMBEDDED = "embedded"
LANGUAGE = r"[a-z]{2,3}(-[A-Za-z]{2,4})?"
AUTO = "auto"
"""In place of a language: the server finds out what is spoken."""
_LANGUAGE_RULE = matches(LANGUAGE, "a code such as en or de")
_SPOKEN_RULE = matches(f"{AUTO}|{LANGUAGE}", "a code such as en or de, or auto")

Option = str | int | float | bool | Secret
"""One option of a plug-in without a class of its own; ``{ file = ... }`` and its like become a Secret."""

S = TypeVar("S")


def speculation(default: str) -> str:
    """Return the option ``speculate`` with the default that is right for a kind of agent."""
    return option(
        default,
        "Whether the agent may be asked before it is certain that the user has finished. safe: yes, a question that is "
        "taken back does no harm; the answer then comes sooner. never: no, since a question may do something, or costs "
        "too much. Every backup must be safe too.",
        one_of("never", "safe"),
    )


def proxy() -> str:
    """Declare the way to a server over HTTP."""
    return option(
        "",
        'The HTTP proxy through which to reach the server; "environment" takes it from $HTTP_PROXY, $HTTPS_PROXY and '
        "$NO_PROXY. If not set, no proxy is used, even if the environment names one.",
        matches(r"environment|http://(\[[0-9A-Fa-f:.]+\]|[^\s:/@]+):\d{1,5}/?", 'http://host:port or "environment"'),
        example="environment",
    )


@attrs.frozen(kw_only=True)
class SttSettings:
    """[stt], and each [[stt.backup]]."""

    finds_language: ClassVar[bool] = False
    """The server can find out which language is spoken (``auto``)."""

    kind: str = option(EMBEDDED, "The speech-to-text server.")
    language: str = option(
        "en", "The language that is spoken; auto if the server can detect it.", _SPOKEN_RULE, once=True
    )
    languages: dict[str, str] = option(
        attrs.Factory(dict),
        "Another language for single users or whole servers, by their Discord ids. A user's language wins "
        "over the server's.",
        _SPOKEN_RULE,
        example={"123456789012345678": "de"},
        once=True,
    )
    filter: bool = option(
        True, "Drop what speech models make out of noise: credits of films, more words than the time could hold."
    )
    target_ms: int = option(
        400,
        "Target for the time from the end of the turn to the final transcript. It is measured; nothing is cut.",
        LIMIT,
    )
    limit_ms: int = option(
        5000,
        "Limit for the time from the end of the turn to the final transcript. After that the server has failed.",
        LIMIT,
    )
    connect_limit_ms: int = option(5000, "Longest wait for a connection.", LIMIT)
    backup_after_ms: int = option(
        1500,
        "If the final transcript takes longer than this, VoxBridge asks the backup too and uses the first transcript.",
        LIMIT,
        once=True,
    )
    backup: tuple[SttSettings, ...] = option(
        (),
        "Servers to use while this one cannot serve, in this order. Each is a table [[stt.backup]] of its own.",
        example=({"kind": EMBEDDED},),
        once=True,
    )

    def __attrs_post_init__(self) -> None:
        for whose in self.languages:
            require(whose.isdecimal(), f'languages."{whose}"', "is not a Discord id", allowed="the digits of an id")
        self._require_language()
        _no_nesting(self.backup)

    def _require_language(self) -> None:
        """Ask for a language where this server, or a backup of it, cannot find it out. Raises: ConfigError."""
        unable = [each.kind for each in (self, *self.backup) if not each.finds_language]
        spoken = {"language": self.language, **{f'languages."{whose}"': code for whose, code in self.languages.items()}}
        for key, code in spoken.items():
            complaint = f"cannot be {AUTO}: a server of kind {' or '.join(unable)} cannot detect the language"
            require(code != AUTO or not unable, key, complaint, allowed="a code such as en or de")


@attrs.frozen(kw_only=True)
class AgentSettings:
    """[agent], and each [[agent.backup]]."""

    kind: str = option(EMBEDDED, "The agent that answers.")
    session_scope: str = option(
        "user",
        "Who shares a conversation with the agent: user gives each user one of their own, channel gives all "
        "users of a channel one. Or the conversation's name itself, with {guild}, {channel} and {user} for the ids, so "
        "that another bot can use the same one.",
        Rule(ALLOWED, is_scope),
    )
    retries: int = option(
        2,
        "How often to try again after a failure, as long as nothing was spoken. If the agent said nothing within "
        "first_limit_ms, VoxBridge tries again once at most.",
        between(0, 10),
    )
    retry_delay_ms: int = option(250, "Pause before the first retry.", between(0, 60_000))
    retry_empty: bool = option(False, "Try again also if the answer holds nothing to speak.")
    target_ms: int = option(
        500, "Target for the time from the request to the first text. It is measured; nothing is cut.", LIMIT
    )
    first_limit_ms: int = option(
        15_000, "Limit for the time from the request to the first text. After that the attempt has failed.", LIMIT
    )
    idle_limit_ms: int = option(20_000, "Longest pause within an answer.", LIMIT)
    total_limit_ms: int = option(
        90_000, "Longest time for a whole answer. The time that its text takes to be spoken is added.", LIMIT
    )
    hedge_safe: bool = option(
        False,
        "Say true if the agent may be asked twice for one question. Then, if the first text is later than usual, "
        "VoxBridge asks the backup too and uses the answer that comes first.",
        once=True,
    )
    speculate: str = speculation("never")
    speculations_wasted_max: int = option(
        120,
        "How many questions may be asked ahead for nothing in an hour, with speculate = safe. After that, VoxBridge "
        "asks at the end of the turn only. 0 asks nothing ahead.",
        between(0, 1_000_000),
        once=True,
    )
    backup: tuple[AgentSettings, ...] = option(
        (),
        "Servers to use while this one cannot serve, in this order. Each is a table [[agent.backup]] of its own.",
        example=({"kind": EMBEDDED},),
        once=True,
    )

    def __attrs_post_init__(self) -> None:
        _no_nesting(self.backup)


def spoken_numbers(default: str) -> str:
    """Return the option ``numbers`` with the default that is right for a kind of voice."""
    return option(
        default,
        "Numbers, dates, times, money and units: words writes them as words before the server gets the text, "
        "for a voice "
        "that reads digits badly; as written leaves them.",
        one_of("words", "as written"),
    )


@attrs.frozen(kw_only=True)
class TtsSettings:
    """[tts], and each [[tts.backup]]."""

    kind: str = option(EMBEDDED, "The text-to-speech server.")
    lexicon: dict[str, dict[str, str]] = option(
        attrs.Factory(dict),
        "How to say certain words, for each language. A word in small letters is found in capitals too; a word with "
        "capitals is found only if it is written so. It is best written as a table [tts.lexicon.en]. A backup without "
        "a lexicon uses the one of the first server.",
        example={"en": {"n8n": "n eight n", "SQL": "sequel"}},
    )
    numbers: str = spoken_numbers("as written")
    concurrency: int = option(1, "How many sentences to request at the same time.", between(1, 16))
    first_byte_target_ms: int = option(
        50, "Target for the time from the request to the first byte. It is measured; nothing is cut.", LIMIT
    )
    sentence_target_ms: int = option(
        200,
        "Target for the time from the request to the last sound of a sentence. It is measured; nothing is cut.",
        LIMIT,
    )
    first_pcm_limit_ms: int = option(
        6000, "Limit for the time from the request to the first sound. After that the request has failed.", LIMIT
    )
    sentence_limit_ms: int = option(
        5000, "Longest time for a sentence. Three times the length of its sound is added.", LIMIT
    )
    hedge: bool = option(
        False,
        "Ask a second time when the first sound is later than usual (95 of 100 were earlier): the backup, or the same "
        "server if concurrency allows. The first sound counts. At most one request in 20 is doubled.",
        once=True,
    )
    backup: tuple[TtsSettings, ...] = option(
        (),
        "Servers to use while this one cannot serve, in this order. Each is a table [[tts.backup]] of its own.",
        example=({"kind": EMBEDDED},),
        once=True,
    )

    def __attrs_post_init__(self) -> None:
        for language, words in self.lexicon.items():
            is_language = re.fullmatch(LANGUAGE, language) is not None
            require(is_language, f"lexicon.{language}", "is not a language code", allowed="a code such as en or de")
            for word in words:
                require(bool(word.strip()), f"lexicon.{language}", "holds an empty word")
        _no_nesting(self.backup)


AnySettings = SttSettings | AgentSettings | TtsSettings


def _no_nesting(backups: tuple[AnySettings, ...]) -> None:
    require(
        not any(each.backup for each in backups),
        "backup",
        "a backup cannot have backups of its own: write all backups one after the other",
    )


def carried(cls: type[S], settings: AnySettings, **changes: object) -> S:
    """Return settings of another kind that say the same, where both kinds have an option; ``changes`` go before."""
    both = {field.name for field in attrs.fields(cls)} & {field.name for field in attrs.fields(type(settings))}  # type: ignore[arg-type]
    values = {name: getattr(settings, name) for name in both - {"kind"}}
    return cls(**{**values, **changes})


# What several kinds have: each declares it for itself, with these.


def server_url(about: str, *schemes: str, example: str) -> str:
    """Declare the ``url`` of a kind that needs one."""
    return option("", about, url(*schemes), example=example, needed=True)


def api_key(about: str = "The key that the server asks for.", rule: Rule | None = None, *, was: str = "") -> Secret:
    """Declare ``api_key``: a key has this name in every stage. ``was`` is the name that it had there before."""
    rule = rule or matches(r"[!-~]*", "printable ASCII characters without a space")
    return option(Secret(""), about, rule, example={"credential": "api-key"}, was=(was,) if was else ())


def voice() -> str:
    """Declare ``voice``."""
    return option("", "The voice's name; if not set, the server uses its own.", example="alloy")
