"""Texts of any length in a chat: messages that fit, and a file for what would be a flood."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.chat.pieces import split_message
from voxbridge.core.ids import ChannelId
from voxbridge.discord.posting import post_whole, time_for

pytestmark = pytest.mark.unit

CHANNEL = ChannelId(2)
NOTE = "The rest is in this file."
LONG = "word " * 2000


class Chat:
    """Takes posts; ``refusal`` is the status with which files are refused."""

    def __init__(self, refusal: int = 0) -> None:
        self.refusal = refusal
        self.posts: list[tuple[str, str | None]] = []

    async def post(self, _channel: ChannelId, text: str, file: str | None) -> None:
        await trio.lowlevel.checkpoint()
        if file is not None and self.refusal:
            raise discord.HTTPException(cast("Any", SimpleNamespace(status=self.refusal, reason="no")), "refused")
        self.posts.append((text, file))


@given(st.text(max_size=9000))
def test_split_message_fits_discord_and_loses_no_word(text):
    """Messages of at most 2000 characters, none blank, and all words in order."""
    pieces = split_message(text)
    assert all(0 < len(piece) <= 2000 and piece.strip() for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    if len(text) <= 2000:
        assert pieces == ([text.strip()] if text.strip() else [])


def test_split_message_cuts_at_words():
    """Words stay whole where they can."""
    pieces = split_message("word " * 700)
    assert [set(piece.split()) for piece in pieces] == [{"word"}, {"word"}]


async def test_a_text_of_up_to_three_messages_is_posted_as_messages():
    """5,000 characters: three messages, no file."""
    chat = Chat()
    await post_whole(chat.post, CHANNEL, "word " * 1000, NOTE)
    assert [file for _, file in chat.posts] == [None] * 3
    assert " ".join(text for text, _ in chat.posts).split() == ["word"] * 1000


async def test_a_longer_one_is_a_beginning_and_a_file_with_all_of_it():
    """One message: the first words, where the rest is, and the whole text as a file."""
    chat = Chat()
    await post_whole(chat.post, CHANNEL, LONG, NOTE)
    [(text, file)] = chat.posts
    assert text.startswith("word word")
    assert text.endswith(f" …\n\n{NOTE}")
    assert len(text) < 2000
    assert file == LONG


@pytest.mark.parametrize("status", [400, 403, 413])
async def test_where_files_are_not_allowed_all_of_it_is_posted_as_messages(status):
    """Without the permission "Attach Files" no word is lost either."""
    chat = Chat(status)
    await post_whole(chat.post, CHANNEL, LONG, NOTE)
    assert " ".join(text for text, _ in chat.posts).split() == ["word"] * 2000
    assert all(file is None for _, file in chat.posts)


async def test_a_failure_that_says_nothing_of_files_is_passed_on():
    """Discord has trouble: whoever posts counts it."""
    with pytest.raises(discord.HTTPException):
        await post_whole(Chat(500).post, CHANNEL, LONG, NOTE)


def test_a_long_text_has_time_for_the_rate_limit():
    """Five messages in five seconds: forty thousand characters are twenty messages."""
    assert time_for("short") == 10.0
    assert time_for("x" * 40_000) >= 10 + 20
