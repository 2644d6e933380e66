"""The table of commands in docs/in-discord.md, made of the list that Discord gets.

``python -m tests.unit.discord.commands_page`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import discord
import trio

from voxbridge.core.messages.catalogue import OURS
from voxbridge.core.messages.links import CommandLinks
from voxbridge.discord.answering import Answering
from voxbridge.discord.commands import Descriptions, whole_tree
from voxbridge.discord.island import open_island

PAGE = Path(__file__).parents[3] / "docs" / "in-discord.md"
BEGIN, END = "<!-- commands: made by tests/unit/discord/commands_page.py -->\n", "<!-- end of commands -->\n"
_SUBCOMMAND, _SUBCOMMAND_GROUP = 1, 2
_PERMISSIONS = {1 << bit: name for name, bit in (("Move Members", 24), ("Manage Channels", 4), ("Manage Server", 5))}


async def payload() -> list[dict[str, Any]]:
    """Return the list of commands as it goes to Discord, with all translations."""
    async with open_island() as island:

        async def made() -> list[dict[str, Any]]:
            client = discord.Client(intents=discord.Intents.none())
            nobody = cast("Any", None)  # the commands are described here and not used
            tree = whole_tree(client, nobody, nobody, island, Answering(lambda: OURS, CommandLinks()))
            translator = Descriptions(lambda: OURS)
            return [await command.get_translated_payload(tree, translator) for command in tree.get_commands()]

        return await island.call(made)


def table(commands: list[dict[str, Any]]) -> str:
    """Return the table."""
    rows = [row for command in commands for row in _rows(command, f"/{command['name']}", _who(command))]
    return "\n".join(["| command | what it does | who, at first |", "|---|---|---|", *rows]) + "\n"


def _who(command: dict[str, Any]) -> str:
    wanted = command["default_member_permissions"]
    return "everybody" if wanted is None else f"who has *{_PERMISSIONS[int(wanted)]}*"


def _rows(what: dict[str, Any], name: str, who: str) -> Iterator[str]:
    below = [each for each in what.get("options") or () if each["type"] in (_SUBCOMMAND, _SUBCOMMAND_GROUP)]
    if below:
        for each in below:
            yield from _rows(each, f"{name} {each['name']}", who)
        return
    options = "".join(
        f" `{each['name']}:`" if each.get("required") else f" [`{each['name']}:`]" for each in what["options"]
    )
    yield f"| `{name}`{options} | {what['description']} | {who} |"


def page(text: str, commands: list[dict[str, Any]]) -> str:
    """Return the page with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + table(commands) + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), trio.run(payload)), encoding="utf-8")
