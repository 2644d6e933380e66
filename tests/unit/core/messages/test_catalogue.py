"""The catalogue of what people read: whole in every language, and what the code asks for is in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import voxbridge
from tests.unit.core.messages.messages_page import PAGE, page
from voxbridge.config import load_noting
from voxbridge.config.discord import DiscordSettings
from voxbridge.core.messages import en
from voxbridge.core.messages.catalogue import LANGUAGES, OURS, Messages, gaps_of, line
from voxbridge.errors import ConfigError

pytestmark = pytest.mark.unit

SOURCES = sorted(Path(voxbridge.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_message_with_the_same_gaps(language: str) -> None:
    """No message is missing, none is left over, and each has the gaps of the English one."""
    assert {key: gaps_of(text) for key, text in LANGUAGES[language].items()} == {
        key: gaps_of(text) for key, text in en.TEXTS.items()
    }
    assert all(text.strip() == text != "" for text in LANGUAGES[language].values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_descriptions_of_commands_fit_into_discord(language: str) -> None:
    """Discord refuses all commands if one description is longer than 100 characters."""
    assert all(len(text) <= 100 for key, text in LANGUAGES[language].items() if key.startswith("about_"))


def asked_for() -> Iterator[tuple[str, frozenset[str] | None, str]]:
    """Yield each message that the code asks for: its key (stars for what is put in), its gaps, and the place.

    The gaps are None where they are not written out.
    """
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "line" and node.args
            ):
                continue
            keywords = [keyword.arg for keyword in node.keywords]
            gaps = None if None in keywords else frozenset(name for name in keywords if name is not None)
            for key in keys_of(node.args[0]):
                yield key, gaps, f"{file.name}:{node.lineno}"


def keys_of(argument: ast.expr) -> Iterator[str]:
    match argument:
        case ast.Constant(value=str(key)):
            yield key
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)


def test_what_the_code_asks_for_is_there_with_its_gaps() -> None:
    """A key that is not in the catalogue, or a gap that is not filled, would only be found when it is said."""
    found = list(asked_for())
    assert len(found) > 30, "the search finds nothing any more"
    for key, gaps, place in found:
        meant = [known for known in en.TEXTS if fnmatchcase(known, key)]
        assert meant, f"{place}: there is no message {key}"
        assert gaps is None or any(gaps_of(en.TEXTS[known]) == gaps for known in meant), f"{place}: the gaps of {key}"


def test_nothing_is_in_the_catalogue_that_nobody_says() -> None:
    """Each key stands in the code, as it is or with a part put in."""
    written = {
        node.value
        for file in SOURCES
        if file.parent.name != "messages"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    patterns = {key for key, _, _ in asked_for() if "*" in key}
    unsaid = [key for key in en.TEXTS if key not in written and not any(fnmatchcase(key, each) for each in patterns)]
    assert not unsaid


@pytest.mark.parametrize(
    ("language", "locale", "said"),
    [
        ("auto", "", "I have left."),
        ("auto", "en-GB", "I have left."),
        ("auto", "de", "Ich bin gegangen."),
        ("auto", "es-419", "He salido."),
        ("auto", "fr", "Je suis parti."),
        ("auto", "ja", "退出しました。"),
        ("auto", "ko", "I have left."),
        ("de", "ja", "Ich bin gegangen."),
        ("en", "de", "I have left."),
    ],
)
def test_the_servers_language_or_the_operators(language: str, locale: str, said: str) -> None:
    """Discord's locale decides unless the operator has; English stands in for a language that is not there."""
    assert Messages(language).text(line("left"), locale) == said


def test_a_message_in_a_message_is_in_the_same_language() -> None:
    """And a row of messages is joined as the language does it."""
    why = line("why_permission", permission=line("permission_speak"))
    assert OURS.text(line("cannot_join", channel="<#1>", why=why), "de") == (
        "Ich kann nicht in <#1> kommen: mir fehlt in diesem Kanal die Berechtigung Sprechen."
    )
    health = (line("all_well"), line("all_well"))
    told = line("status_away", stages="", health=health)
    assert "Allen Servern geht es gut. Allen Servern geht es gut." in OURS.text(told, "de")
    assert "サーバーはすべて正常です。サーバーはすべて正常です。" in OURS.text(told, "ja")


def test_names_with_braces_are_shown_as_they_are() -> None:
    """What people call themselves is no template."""
    told = line("no_pause", name="{seconds}{0.__class__}", seconds=240)
    assert "I have heard {seconds}{0.__class__} for 240 s" in OURS.text(told)


def test_an_operators_own_words_go_before_ours() -> None:
    """For all languages or for one; the one goes first. Gaps may be left out."""
    messages = DiscordSettings(texts={"left": "Bye.", "de.left": "Tschüs.", "joined": "Here!"}).messages
    assert messages.text(line("left"), "fr") == "Bye."
    assert messages.text(line("left"), "de") == "Tschüs."
    assert messages.text(line("joined", channel="<#1>"), "de") == "Here!"


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("lefft", "Bye.", "is no message of ours"),
        ("xx.left", "Bye.", "is no message of ours"),
        ("left", "Bye {name}.", r"a gap that this message cannot fill: \{name\}"),
        ("left", "Bye {.", "a brace without its partner"),
        ("joined", "{channel.guild}", r"a gap that this message cannot fill: \{channel.guild\}"),
        ("name_say", "Say", "is no name for a command"),
        ("name_say", "say it", "is no name for a command"),
        ("name_say", "x" * 33, "is no name for a command"),
        ("about_say", "x" * 101, "longer than the 100 characters"),
    ],
)
def test_own_words_that_cannot_work_are_a_mistake_in_the_configuration(key: str, text: str, why: str) -> None:
    """Found when the configuration is read, not when the message is due."""
    with pytest.raises(ConfigError, match=why) as failure:
        DiscordSettings(texts={key: text})
    assert failure.value.key == f'texts."{key}"'


def test_page_of_messages_is_what_the_catalogue_says(tmp_path: Path) -> None:
    """docs/messages.md follows from it, and its example loads."""
    assert PAGE.read_text(encoding="utf-8") == page()
    file = tmp_path / "voxbridge.toml"
    file.write_text(page().split("```toml\n")[1].split("```")[0], encoding="utf-8")
    messages = load_noting(file, {}).settings.discord.messages
    assert messages.text(line("agent_down"), "en-US") == "Der Assistent schläft gerade."
