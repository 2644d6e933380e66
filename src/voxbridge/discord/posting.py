"""Texts of any length in a channel's chat: a few messages, or the beginning in one and all of it in a file.

Nothing is lost: where files are not allowed (the permission "Attach Files"), a long text goes as many messages as it
takes. discord.py waits where Discord's rate limit wants it (five messages in five seconds).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import discord

from voxbridge.core.chat.pieces import MESSAGE_CHARS, cut, split_message
from voxbridge.core.ids import ChannelId

PostMessage = Callable[[ChannelId, str, str | None], Coroutine[Any, Any, None]]
"""Posts a message, with a text as a file if there is one."""

FILE_NAME = "answer.txt"
_MESSAGES_MAX = 3  # more would be a flood in the chat; a file folds
_BEGINNING_CHARS = 600  # of a text in a file: what the reader sees at once


def time_for(text: str) -> float:
    """Return how long the posting of a text may take, in seconds: with the waits of the rate limit, if it is long."""
    return 10.0 + 1.5 * (len(text) // MESSAGE_CHARS)


async def post_whole(post: PostMessage, channel_id: ChannelId, text: str, note: str) -> None:
    """Post all of a text; ``note`` says that the rest is in the file. Raises: what ``post`` raises."""
    pieces = split_message(text)
    if len(pieces) > _MESSAGES_MAX:
        beginning, _ = cut(text.strip(), _BEGINNING_CHARS)
        try:
            await post(channel_id, f"{beginning} …\n\n{note}", text)
        except discord.HTTPException as exc:
            if exc.status not in (400, 403, 413):
                raise
        else:
            return
    for piece in pieces:
        await post(channel_id, piece, None)
