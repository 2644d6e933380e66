"""[chat]: the conversation in writing."""
# ruff: noqa: RUF009 - option() makes an attrs field

from __future__ import annotations

import attrs

from voxbridge.config.rules import matches, one_of, option


@attrs.frozen
class ChatSettings:
    """[chat]."""

    mirror: str = option(
        "off",
        "Where questions and answers are written as well: channel is the voice channel's own chat, or the one named "
        "in channels; thread is a new thread in the channel named there, for each call.",
        one_of("off", "channel", "thread"),
        live=True,
    )
    captions: bool = option(
        False,
        "Write all that is heard, as it is spoken, and not only what is for VoxBridge. Members are told so.",
        live=True,
    )
    transcript: str = option(
        "off",
        "A file with what was written, posted when VoxBridge leaves: text has a line for each turn, webvtt is for "
        "players of a recording.",
        one_of("off", "text", "webvtt"),
        live=True,
    )
    channels: dict[str, str] = option(
        attrs.Factory(dict),
        "Text channels in place of the voice channel's own chat: the id of a voice channel or of a server = the id of "
        "a text channel.",
        matches(r"\d{1,20}", "a number (Discord's developer mode copies it)"),
        example={"123456789012345679": "123456789012345680"},
        live=True,
    )
