"""[profile.NAME], [[guild]] and [[channel]]: who answers, and where. What a profile does not say, the file says."""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

import attrs

from voxbridge.config.rules import matches, one_of, option, require
from voxbridge.config.stages import AUTO, LANGUAGE, AgentSettings, TtsSettings

DEFAULT = "default"
"""The profile that is the file itself: its [agent], its [tts], its [floor]."""
_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
_NAME_RULE = matches(_NAME, "the name of a profile")
_ID = matches(r"\d{1,20}", "a number (Discord's developer mode copies it)")


@attrs.frozen
class ProfileSettings:
    """[profile.NAME]. What is not set is as the rest of the file has it."""

    names: tuple[str, ...] = option(
        (), "What it is called by; the name of its table if this is not set.", example=["Iris"], live=True
    )
    voice: str = option("", "The voice's name, for the server of [tts] or for its own.", example="alloy", live=True)
    prompt: str = option(
        "",
        "Instructions for the agent, in place of agent.system_prompt. A workflow finds them as metadata.prompt.",
        example="You are Iris. You are cheerful, and you answer in one sentence.",
        live=True,
    )
    language: str = option(
        "",
        "The language in which it speaks. Where it answers first, people are expected to speak it too.",
        matches(f"{AUTO}|{LANGUAGE}", "a code such as en or de, or auto"),
        example="de",
        live=True,
    )
    mode: str = option(
        "",
        "Who gets an answer where it answers first; see floor.mode.",
        one_of("addressed", "everyone", "lock", "queue"),
        example="everyone",
        live=True,
    )
    barge_in: str = option(
        "",
        "What speech does to its answers; see barge_in.policy.",
        one_of("duck", "yield", "finish", "ignore"),
        example="finish",
        live=True,
    )
    agent: AgentSettings | None = option(
        None, "An agent of its own: a table [profile.NAME.agent], with the options of [agent].", example={"kind": "n8n"}
    )
    tts: TtsSettings | None = option(
        None,
        "A speech server of its own: a table [profile.NAME.tts], with the options of [tts].",
        example={"kind": "chatterbox"},
    )


@attrs.frozen
class GuildSettings:
    """[[guild]]."""

    id: str = option("", "The server.", _ID, example="123456789012345678", live=True)
    profiles: tuple[str, ...] = option(
        (),
        "Who may answer in it. The first one answers when nobody else is called, and to the bot's name in Discord.",
        _NAME_RULE,
        example=["iris", "otto"],
        live=True,
    )


@attrs.frozen
class ChannelSettings:
    """[[channel]]."""

    id: str = option("", "The voice channel.", _ID, example="123456789012345679", live=True)
    profiles: tuple[str, ...] = option(
        (), "Who may answer in it, instead of those of the server.", _NAME_RULE, example=["otto"], live=True
    )


def require_profiles(
    profiles: Mapping[str, ProfileSettings],
    guilds: Iterable[GuildSettings],
    channels: Iterable[ChannelSettings],
) -> None:
    """Check what these tables say of each other. Raises: ConfigError."""
    for name in profiles:
        is_name = re.fullmatch(_NAME, name) is not None and name != DEFAULT
        require(is_name, f"profile.{name}", "cannot be a profile's name", allowed="small letters, digits, - and _")
    tables: dict[str, list[GuildSettings | ChannelSettings]] = {"guild": [*guilds], "channel": [*channels]}
    for table, places in tables.items():
        ids = [place.id for place in places]
        for number, place in enumerate(places):
            require(bool(place.id), f"{table}[{number}].id", "is needed")
            require(ids.index(place.id) == number, f"{table}[{number}].id", "stands in another table too")
            require(bool(place.profiles), f"{table}[{number}].profiles", "is needed")
            for name in place.profiles:
                _require_known(name, profiles, f"{table}[{number}].profiles")


def _require_known(name: str, profiles: Mapping[str, ProfileSettings], key: str) -> None:
    known = [DEFAULT, *profiles]
    close = difflib.get_close_matches(name, known, 1)
    hint = f". Did you mean {close[0]}?" if close else ""
    allowed = "" if close else ", ".join(known)
    require(name in known, key, f"there is no profile {name}{hint}", allowed=allowed)
