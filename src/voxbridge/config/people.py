"""[privacy], [presence] and [storage]: who may be heard, where we go by ourselves, where what lasts is kept."""

from __future__ import annotations

import attrs

from voxbridge.config.rules import between, matches, one_of, option

_ID = matches(r"\d{1,20}", "a number (Discord's developer mode copies it)")


@attrs.frozen
class PrivacySettings:
    """[privacy]."""

    mode: str = option(
        "open",
        "Who is heard: open hears everybody but those who said no with /privacy; opt-out does the same, and hears "
        "nobody who has not agreed while the choices cannot be read; opt-in hears only those who have agreed.",
        one_of("open", "opt-out", "opt-in"),
        live=True,
    )
    notice: str = option(
        "text",
        "How people are told that VoxBridge listens, when it comes and when somebody new comes, each of them once a "
        "day: in the channel's chat, by voice, or not at all.",
        one_of("text", "spoken", "none"),
        live=True,
    )
    allow_users: tuple[str, ...] = option(
        (),
        "Only these users, and those with a role of allow_roles, may be heard. If both lists are empty, everybody may.",
        _ID,
        example=["123456789012345678"],
        live=True,
    )
    allow_roles: tuple[str, ...] = option(
        (), "Only members with one of these roles may be heard.", _ID, example=["123456789012345678"], live=True
    )
    deny_users: tuple[str, ...] = option(
        (), "These users are never heard.", _ID, example=["123456789012345678"], live=True
    )
    deny_roles: tuple[str, ...] = option(
        (), "Members with one of these roles are never heard.", _ID, example=["123456789012345678"], live=True
    )


@attrs.frozen
class PresenceSettings:
    """[presence]."""

    join: str = option(
        "command",
        "When VoxBridge comes into a voice channel by itself: command is never, occupied is where people are. The "
        "channels of discord.join are always joined.",
        one_of("command", "occupied"),
        live=True,
    )
    channels: tuple[str, ...] = option(
        (),
        "The voice channels into which it comes by itself; all, if the list is empty.",
        _ID,
        example=["123456789012345679"],
        live=True,
    )
    follow: tuple[str, ...] = option(
        (),
        "Users whom it follows into voice channels and from one to another; the first of them who is there counts.",
        _ID,
        example=["123456789012345678"],
        live=True,
    )
    leave_alone_ms: int = option(
        300_000,
        "It leaves after so long without a person in the channel; 0 is never. In the channels of discord.join it "
        "stays.",
        between(0, 86_400_000),
        live=True,
    )
    leave_idle_ms: int = option(
        0, "It leaves when no person has spoken for so long; 0 is never.", between(0, 86_400_000), live=True
    )
    come_back: bool = option(True, "After a restart, go back into the channels in which it was.")
    sign: bool = option(
        False,
        "Show in the voice channel's status that it listens, while somebody is heard there. The bot needs the "
        "permission Set Voice Channel Status.",
        live=True,
    )
    greeting: str = option("", "What it says when it comes into a channel.", example="Hello, I am here.", live=True)


@attrs.frozen
class CommandsSettings:
    """[commands]."""

    roles: tuple[str, ...] = option(
        (),
        "Only members with one of these roles may change what lasts: /agent, /voice, /language, /mode, /settings. If "
        "the list is empty, Discord's own permissions decide (Manage Server, unless an admin has changed it).",
        _ID,
        example=["123456789012345678"],
        live=True,
    )


@attrs.frozen
class StorageSettings:
    """[storage]."""

    file: str = option(
        "",
        "The SQLite file for what lasts over restarts, such as who may be heard; by default voxbridge.db in systemd's "
        "StateDirectory=, in $XDG_STATE_HOME/voxbridge or in ~/.local/state/voxbridge.",
        example="/var/lib/voxbridge/voxbridge.db",
    )
    conversations: bool = option(
        True,
        "Keep in this file what VoxBridge remembers of conversations for an agent of kind openai or ollama, and which "
        "conversation of a Dify app is whose, so that a restart does not end them. false: they are lost at the end, "
        "and what the file has of them is deleted.",
    )
