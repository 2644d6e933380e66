"""Whatever stands in the configuration, reading it gives settings or our own error, and the process ends with 78."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxbridge.cli import main
from voxbridge.config import Settings, find_file, load
from voxbridge.core.agents.placeholders import template_fault
from voxbridge.errors import EXIT_CONFIG, ConfigError

pytestmark = pytest.mark.unit

DIGITS = "9" * 5001
HEX = "0x" + "f" * 20_000

# name: what stands in the file, and what is said of it
POISON: dict[str, tuple[bytes, str]] = {
    "an integer of 5,001 digits": (f"[endpointing]\ncommit_ms = {DIGITS}".encode(), "is not TOML"),
    "a hexadecimal one, which TOML reads": (f"[endpointing]\ncommit_ms = {HEX}".encode(), "a number of some"),
    "the same where a range is clamped": (f"[tts]\nlexicon = {HEX}".encode(), "wrong type"),
    "the same where a fraction may stand": (f"[endpointing]\nvad_threshold = {HEX}".encode(), "is too large"),
    "lists nested 100,000 deep": (b"a = " + b"[" * 100_000, "nested too deeply"),
    "tables nested 100,000 deep": (b"a = " + b"{a=" * 100_000, "nested too deeply"),
    "a key of 20,000 parts": (b"discord." + b".".join([b"a"] * 20_000) + b" = 1", "more than 100 parts"),
    "a key of 20,000 parts inside a table of values": (
        b"tts.lexicon.en." + b".".join([b"a"] * 20_000) + b" = 1",
        "more than 100 parts",
    ),
    "a megabyte and more": (b"#" * (1 << 20) + b"\n", "is too long"),
    "no UTF-8": (b"\xff\xfe\x00", "not UTF-8"),
    "a NUL in a secret's path": (b'discord.token = { file = "a\\u0000b" }', "it is not a path"),
    "a secret in nobody's home": (b'discord.token = { file = "~no-such-user/x" }', "the home directory of"),
    "a secret that is a directory": (b'discord.token = { file = "." }', "cannot be read"),
    "a secret that never ends": (b'discord.token = { file = "/dev/zero" }', "is too long"),
    "a body nested 900 deep": (
        b"agent.kind = 'http'\nagent.url = 'http://h'\nagent.body = '" + b"[" * 900 + b"]" * 900 + b"'",
        "this value is not allowed",
    ),
    "a date": (b"discord.join = 1979-05-27", "wrong type"),
    "an infinite time": (b"endpointing.vad_threshold = inf", "this value is not allowed"),
}


@pytest.mark.parametrize("name", POISON)
def test_poison_is_refused_with_78(name: str, tmp_path: Path) -> None:
    """By the loader, and so by every command; on a reload the old configuration stays in force."""
    data, says = POISON[name]
    file = tmp_path / "voxbridge.toml"
    file.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert says in told
    assert len(told) < 1000, "nobody reads more"
    outcome = CliRunner(env={"DISCORD_TOKEN": ""}).invoke(main, ["check", "--offline", "--config", str(file)])
    assert outcome.exit_code == EXIT_CONFIG, outcome.output


def test_names_that_a_terminal_would_obey_are_written_out(tmp_path: Path) -> None:
    """A key may hold anything; the message holds nothing that moves a cursor."""
    file = tmp_path / "voxbridge.toml"
    file.write_text('[discord]\n"\\u001b[2J\\u202e" = 1\n')
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert str(caught.value).isprintable()
    assert "\\x1b[2J\\u202e" in str(caught.value)


def test_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    """Editors on Windows write one; of a secret's file it is no part."""
    file, secret = tmp_path / "voxbridge.toml", tmp_path / "token"
    secret.write_bytes(b"\xef\xbb\xbfabc\r\n")
    secret.chmod(0o600)
    file.write_bytes(b'\xef\xbb\xbfdiscord.token = { file = "token" }\r\n[log]\r\nlevel = "debug"\r\n')
    loaded = load(file, {})
    assert (loaded.log.level, loaded.discord.token.reveal()) == ("debug", "abc")


@pytest.mark.parametrize("what", ["a directory", "a loop of links", "below a file"])
def test_what_cannot_be_read_is_a_mistake_of_the_configuration(what: str, tmp_path: Path) -> None:
    """Exit code 78 and one sentence, whichever way the file system refuses it."""
    file = tmp_path / "voxbridge.toml"
    match what:
        case "a directory":
            file.mkdir()
        case "a loop of links":
            file.symlink_to(file)
        case _:
            file.write_text("")
            file = file / "more.toml"
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_of_somebody_else_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    """The usual one: /etc/voxbridge belongs to the service."""
    file = tmp_path / "voxbridge.toml"
    file.touch(0o000)
    with pytest.raises(ConfigError, match="Permission denied"):
        load(file, {})


def test_file_that_may_not_be_looked_at_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the defaults would come into force where a file stands; a loop of links cannot be looked at either."""
    monkeypatch.chdir(tmp_path)
    Path("voxbridge.toml").symlink_to("voxbridge.toml")
    assert find_file({}) == Path("voxbridge.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(None, {})


def settings_or_our_error(file: Path) -> bool:
    """Load a file; false if the error does not name it."""
    try:
        return isinstance(load(file, {}), Settings)
    except ConfigError as error:
        return str(error).startswith(str(file))


VALUES = st.recursive(
    st.none().map(lambda _: "1979-05-27")
    | st.integers().map(str)
    | st.floats().map(repr)
    | st.booleans().map(lambda yes: str(yes).lower())
    | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"], exclude_characters="'")).map("'{}'".format),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(["file", "env", "kind", "a"]), inner, max_size=3).map(
            lambda table: "{ " + ", ".join(f"{key} = {value}" for key, value in table.items()) + " }"
        )
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.sampled_from(["discord", "endpointing", "stt", "agent", "tts", "turn", "log", "health", "stt.backup", "new"]),
    st.sampled_from(
        ["kind", "url", "token", "join", "hints", "lexicon", "headers", "auth", "backup", "commit_ms", "x"]
    ),
    VALUES,
)
def test_any_value_anywhere_is_settings_or_our_error(tmp_path: Path, table: str, key: str, value: str) -> None:
    """The loader is total: no value of whatever shape gets past the rules as another exception."""
    file = tmp_path / "voxbridge.toml"
    file.write_text(f"{table}.{key} = {value}\n", encoding="utf-8")
    assert settings_or_our_error(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_our_error(tmp_path: Path, data: bytes) -> None:
    """Also what is no text at all."""
    file = tmp_path / "voxbridge.toml"
    file.write_bytes(data)
    assert settings_or_our_error(file)


def test_template_of_any_depth_has_a_verdict() -> None:
    """What fills it recurses, so that a deep one is refused here."""
    assert template_fault("[" * 40 + '"{text}"' + "]" * 40) is None
    for depth in (60, 900, 100_000):
        assert template_fault("[" * depth + '"{text}"' + "]" * depth) == "is nested too deeply"
