"""What Discord refuses of a list of commands, and what it takes."""

from __future__ import annotations

from typing import Any

import pytest

from voxbridge.rehearsal.discord.command_rules import as_body, mistakes_in

pytestmark = pytest.mark.unit


def command(**changes: Any) -> dict[str, Any]:
    """A command that Discord takes, with changes."""
    return {"name": "play", "description": "Play something", **changes}


def option(**changes: Any) -> dict[str, Any]:
    """An option that Discord takes, with changes."""
    return {"type": 3, "name": "what", "description": "What to play", **changes}


@pytest.mark.parametrize(
    "taken",
    [
        command(),
        command(name="a" * 32, description="d" * 100),
        command(name="hör-mich"),
        command(name="話す"),
        command(name="हिन्दी"),
        command(name_localizations={"de": "spielen"}, description_localizations={"ja": "再生する"}),
        command(options=[option(required=True), option(name="how")]),
        command(options=[option(type=1, options=[option()])]),
        command(options=[option(type=2, options=[option(type=1, options=[option()])])]),
        command(options=[option(choices=[{"name": "x" * 100, "value": str(n)} for n in range(25)])]),
        command(options=[option(autocomplete=True, min_length=0, max_length=6000)]),
        command(default_member_permissions="16", contexts=[0]),
    ],
    ids=lambda taken: str(taken)[:60],
)
def test_takes(taken):
    """What the documentation allows."""
    assert mistakes_in([taken]) == []


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (command(name="Play"), "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="play it"), "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="play!"), "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="a" * 33), "BASE_TYPE_BAD_LENGTH"),
        (command(name=""), "BASE_TYPE_REQUIRED"),
        (command(description=""), "BASE_TYPE_REQUIRED"),
        (command(description="d" * 101), "BASE_TYPE_BAD_LENGTH"),
        (command(name_localizations={"de": "Spielen"}), "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name_localizations={"es": "tocar"}), "APPLICATION_COMMAND_INVALID_LOCALE"),
        (command(description_localizations={"de": "d" * 101}), "BASE_TYPE_BAD_LENGTH"),
        (
            command(options=[option(), option(name="how", required=True)]),
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (command(options=[option(), option()]), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"),
        (command(options=[option(name=f"o{n}") for n in range(26)]), "BASE_TYPE_MAX_LENGTH"),
        (command(options=[option(type=1), option(name="how")]), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"),
        (command(options=[option(type=1, options=[option(type=1)])]), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"),
        (
            command(options=[option(choices=[{"name": "x", "value": str(n)} for n in range(26)])]),
            "BASE_TYPE_MAX_LENGTH",
        ),
        (command(options=[option(choices=[{"name": "x" * 101, "value": "x"}])]), "BASE_TYPE_BAD_LENGTH"),
        (command(options=[option(choices=[{"name": "x", "value": 1}])]), "BASE_TYPE_BAD_LENGTH"),
        (
            command(options=[option(choices=[{"name": "x", "value": "x"}], autocomplete=True)]),
            "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID",
        ),
        (command(options=[option(type=7, autocomplete=True)]), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"),
        (command(options=[option(max_length=6001)]), "NUMBER_TYPE_MAX"),
        (command(default_member_permissions="admin"), "APPLICATION_COMMAND_INVALID_PERMISSIONS"),
        (command(contexts=[7]), "BASE_TYPE_CHOICES"),
        (
            command(
                options=[option(name=f"o{n}", choices=[{"name": "n" * 100, "value": "v" * 100}] * 4) for n in range(12)]
            ),
            "APPLICATION_COMMAND_TOO_LARGE",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_refuses(refused, code):
    """What the documentation forbids, with the code for it."""
    assert code in [mistake.code for mistake in mistakes_in([command(name="other"), refused])]


def test_two_commands_of_one_name_are_refused_in_any_language():
    """Members would not know which one they type."""
    shown = [command(), command(name="say", name_localizations={"fr": "play"})]
    assert [mistake.code for mistake in mistakes_in(shown)] == ["APPLICATION_COMMANDS_DUPLICATE_NAME"]


def test_the_refusal_says_where():
    """As Discord nests it: number of the command, field, errors."""
    body = as_body(mistakes_in([command(), command(name="Say")]))
    assert body["code"] == 50035
    assert body["errors"]["1"]["name"]["_errors"][0]["code"] == "APPLICATION_COMMAND_INVALID_NAME"


@pytest.mark.parametrize("nonsense", [None, {}, "x", [None], [[]], [{"options": {}}], [{"options": [1]}]])
def test_nonsense_is_refused_and_breaks_nothing(nonsense):
    """Any JSON that is no list of commands is refused, and raises nothing."""
    assert mistakes_in(nonsense) != []
