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

EMBEDDED = "embedded"
LANGUAGE = r"[a-z]{2,3}(-[A-Za-z]{2,4})?"
AUTO = "auto"
"""In place of a language: the server finds out what is spoken."""
_LANGUAGE_RULE = matches(LANGUAGE, "a code such as en or de")
_SPOKEN_RULE = matches(f"{AUTO}|{LANGUAGE}", "a code such as en or de, or auto")

Option = str | int | float | bool | Secret
"""One option of a plug-in without a class of its own; ``{ file = ... }`` and its like become a Secret."""

S = TypeVar("S")


def proxy() -> str:
    """Declare the way to a server over HTTP."""
    return option(
        "",
        'The HTTP proxy in front of the server, or "environment" for what $HTTP_PROXY, $HTTPS_PROXY and $NO_PROXY say; '
        "none when not set, whatever the environment says.",
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
        "en", "The language that is spoken; auto where the server can find it out.", _SPOKEN_RULE, once=True
    )
    languages: dict[str, str] = option(
        attrs.Factory(dict),
        "Other languages of single users or servers, by their Discord ids; a user's goes before a server's.",
        _SPOKEN_RULE,
        example={"123456789012345678": "de"},
        once=True,
    )
    filter: bool = option(
        True, "Drop what speech models make out of noise: credits of films, more words than the time could hold."
    )
    target_ms: int = option(400, "End of the turn to final transcript: measured.", LIMIT)
    limit_ms: int = option(5000, "End of the turn to final transcript: given up after.", LIMIT)
    connect_limit_ms: int = option(5000, "Longest wait for a connection.", LIMIT)
    backup_after_ms: int = option(
        1500,
        "Without a final transcript for so long, the backup is asked as well; the first one counts.",
        LIMIT,
        once=True,
    )
    backup: tuple[SttSettings, ...] = option(
        (),
        "Who serves in its place while it cannot, in this order; each as a table [[stt.backup]] of its own.",
        example=({"kind": EMBEDDED},),
        once=True,
    )

    def __attrs_post_init__(self) -> None:
        for whose in self.languages:
            require(whose.isdecimal(), f'languages."{whose}"', "is no Discord id", allowed="the digits of an id")
        self._require_language()
        _no_nesting(self.backup)

    def _require_language(self) -> None:
        """Ask for a language where this server, or a backup of it, cannot find it out. Raises: ConfigError."""
        unable = [each.kind for each in (self, *self.backup) if not each.finds_language]
        spoken = {"language": self.language, **{f'languages."{whose}"': code for whose, code in self.languages.items()}}
        for key, code in spoken.items():
            complaint = f"cannot be {AUTO}: a server of kind {' or '.join(unable)} does not find the language out"
            require(code != AUTO or not unable, key, complaint, allowed="a code such as en or de")


@attrs.frozen(kw_only=True)
class AgentSettings:
    """[agent], and each [[agent.backup]]."""

    kind: str = option(EMBEDDED, "The agent that answers.")
    session_scope: str = option(
        "user", "Whose conversation it is: each user's own, or the channel's.", one_of("user", "channel")
    )
    retries: int = option(
        2,
        "Further attempts after a failure, as long as nothing was spoken. After an agent that said nothing within "
        "first_limit_ms: one at most.",
        between(0, 10),
    )
    retry_delay_ms: int = option(250, "Wait before the first of them.", between(0, 60_000))
    retry_empty: bool = option(False, "Try again also when the answer holds nothing to speak.")
    target_ms: int = option(500, "Request to first text: measured.", LIMIT)
    first_limit_ms: int = option(15_000, "Request to first text: given up after.", LIMIT)
    idle_limit_ms: int = option(20_000, "Longest pause within an answer.", LIMIT)
    total_limit_ms: int = option(
        90_000, "Longest time for a whole answer, to which is added what its text takes to be spoken.", LIMIT
    )
    hedge_safe: bool = option(
        False,
        "A workflow may run twice for one question: when the first text is later than usual, the backup is asked as "
        "well, and the first one counts.",
        once=True,
    )
    backup: tuple[AgentSettings, ...] = option(
        (),
        "Who serves in its place while it cannot, in this order; each as a table [[agent.backup]] of its own.",
        example=({"kind": EMBEDDED},),
        once=True,
    )

    def __attrs_post_init__(self) -> None:
        _no_nesting(self.backup)


def spoken_numbers(default: str) -> str:
    """Return the option ``numbers`` with the default that is right for a kind of voice."""
    return option(
        default,
        "Numbers, dates, times, money and units: put into words before the server sees them, for a voice that reads "
        "digits badly, or left as they are written.",
        one_of("words", "as written"),
    )


@attrs.frozen(kw_only=True)
class TtsSettings:
    """[tts], and each [[tts.backup]]."""

    kind: str = option(EMBEDDED, "The text-to-speech server.")
    lexicon: dict[str, dict[str, str]] = option(
        attrs.Factory(dict),
        "How words are said, per language: a word in small letters is found in any case, one with capitals only as it "
        "stands. Better written as a table [tts.lexicon.en] of its own. A backup without one takes the first one's.",
        example={"en": {"n8n": "n eight n", "SQL": "sequel"}},
    )
    numbers: str = spoken_numbers("as written")
    concurrency: int = option(1, "Sentences in synthesis at the same time.", between(1, 16))
    first_byte_target_ms: int = option(50, "Request to first byte: measured.", LIMIT)
    sentence_target_ms: int = option(200, "Request to the last sound of a sentence: measured.", LIMIT)
    first_byte_limit_ms: int = option(3000, "Request to first byte: given up after.", LIMIT)
    first_pcm_limit_ms: int = option(6000, "Request to first sound: given up after.", LIMIT)
    sentence_limit_ms: int = option(
        5000, "Longest time for a sentence, to which three times its sound is added.", LIMIT
    )
    hedge: bool = option(
        False,
        "Ask a second time when the first sound is later than usual (95 of 100 were earlier): the backup, or the same "
        "server if concurrency allows. The first sound counts. At most one request in 20 is doubled.",
        once=True,
    )
    backup: tuple[TtsSettings, ...] = option(
        (),
        "Who serves in its place while it cannot, in this order; each as a table [[tts.backup]] of its own.",
        example=({"kind": EMBEDDED},),
        once=True,
    )

    def __attrs_post_init__(self) -> None:
        for language, words in self.lexicon.items():
            is_language = re.fullmatch(LANGUAGE, language) is not None
            require(is_language, f"lexicon.{language}", "is no language", allowed="a code such as en or de")
            for word in words:
                require(bool(word.strip()), f"lexicon.{language}", "holds an empty word")
        _no_nesting(self.backup)


AnySettings = SttSettings | AgentSettings | TtsSettings


def _no_nesting(backups: tuple[AnySettings, ...]) -> None:
    require(not any(each.backup for each in backups), "backup", "a backup has no backups: put them side by side")


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
    return option("", "The voice's name; the server's own when not set.", example="alloy")
