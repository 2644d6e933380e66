"""The list of slash commands, as it goes to Discord."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.discord.commands_page import PAGE, page, payload
from voxbridge.core.messages.catalogue import OURS, line
from voxbridge.discord.registration import is_same_list
from voxbridge.rehearsal.discord.command_rules import mistakes_in

pytestmark = pytest.mark.unit

LOCALES = {"de", "fr", "es-ES", "es-419", "ja"}


def parts(commands: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each command, each one below it, and each option."""
    for command in commands:
        yield command
        yield from parts(command.get("options") or [])


async def test_discord_would_take_the_list():
    """Names, lengths, order, translations: by all of Discord's rules."""
    assert mistakes_in(await payload()) == []


async def test_each_part_is_described_in_every_language():
    """Commands, the ones in groups, and their options; all of them in servers only."""
    commands = await payload()
    for part in parts(commands):
        assert set(part["description_localizations"]) == LOCALES, part["name"]
    assert all(command["contexts"] == [0] for command in commands)


async def test_names_are_translated_where_members_expect_it():
    """German, French and Spanish members type words of theirs; Japanese ones type the English names, as usual there."""
    names = {command["name"]: command["name_localizations"] for command in await payload()}
    assert names["help"] == {"de": "hilfe", "fr": "aide", "es-ES": "ayuda", "es-419": "ayuda"}
    assert names["join"]["de"] == "beitreten"


async def test_page_has_the_commands_that_there_are():
    """docs/in-discord.md follows from the list."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, await payload()) == text, "python -m tests.unit.discord.commands_page"


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ja"])
def test_help_fits_one_screen(language):
    """Under 15 lines and one message; it tells how to call the bot, how to stop it, and of /privacy."""
    told = OURS.text(line("help", name="VoxBridge"), language)
    assert len(told.splitlines()) < 15
    assert len(told) <= 1500, "links are longer than names"
    assert all(command in told for command in ("`/join`", "`/stop`", "`/privacy ignore-me`"))


async def test_a_list_is_the_same_after_discord_has_filled_it_in():
    """Discord adds fields, turns numbers into texts and leaves out what is empty; a change is seen all the same."""
    ours = await payload()
    theirs = [
        {
            **{key: value for key, value in command.items() if value not in (None, [], {}, False)},
            "id": "1",
            "application_id": "2",
            "version": "3",
            "default_member_permissions": None
            if command["default_member_permissions"] is None
            else str(command["default_member_permissions"]),
        }
        for command in reversed(ours)
    ]
    assert is_same_list(ours, theirs)
    for change in (
        {"description": "Something else"},
        {"name_localizations": {"de": "anders"}},
        {"default_member_permissions": "8"},
        {"options": [{"type": 3, "name": "new", "description": "New"}]},
    ):
        assert not is_same_list(ours, [{**theirs[0], **change}, *theirs[1:]]), change
    assert not is_same_list(ours, theirs[1:])
    assert not is_same_list(ours, [])
