"""Coming from the original VoxBridge: its variables, its .env, and the page about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.config.original_page import PAGE, page
from voxbridge.cli import main
from voxbridge.config import load_noting
from voxbridge.config.catalogue import keys
from voxbridge.config.environment import VARIABLES
from voxbridge.config.original import REPLACED
from voxbridge.errors import EXIT_CONFIG

pytestmark = pytest.mark.unit

ENV = """\
# The original's
export DISCORD_TOKEN="abc.$def.ghi"
WHISPER_SERVER_URL=ws://localhost:4901
N8N_WEBHOOK_URL='https://n8n.example.org/webhook/xyz'
CHATTERBOX_URL=http://localhost:4800/v1
CHATTERBOX_VOICE_ID=emma
PORT=4900
MAX_UTTERANCE_TIME_MS=0
LOG_LEVEL=warn
WHISPERX_MODEL=small # of the server
TTS_STREAMING_BUFFER_SIZE=
"""


@pytest.fixture
def invoke(monkeypatch, tmp_path):
    """Run a command in an empty directory, without the environment's own settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("VOXBRIDGE_CONFIG", *(variable.name for variable in VARIABLES), *REPLACED):
        monkeypatch.delenv(name, raising=False)
    return lambda *args: CliRunner().invoke(main, args)


def test_page_is_what_the_tables_say():
    """docs/from-the-original.md follows from them. Write it anew with ``python -m tests.unit.config.original_page``."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_no_variable_is_both_known_and_replaced():
    """What is honoured is not called without effect, and what is named in its place is a setting that exists."""
    assert not {variable.name for variable in VARIABLES} & set(REPLACED)
    for says in REPLACED.values():
        for named in re.findall(r"\b(?:tts|stt|agent)\.[a-z_]+", says):
            assert named in keys(), named
        for table, name in re.findall(r"\[([a-z_]+)\] ([a-z]+_[a-z_]+)", says):
            assert f"{table}.{name}" in keys(), (table, name)


def test_env_file_becomes_a_configuration(invoke, tmp_path: Path):
    """Each setting is in it as it was, for the owner's eyes only; what has no effect is told; the check is content."""
    (tmp_path / ".env").write_text(ENV)
    done = invoke("init", "--from", ".env")
    assert done.exit_code == 0, done.output
    file = tmp_path / "voxbridge.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    settings = load_noting(file, {}).settings
    assert settings.discord.token.reveal() == "abc.$def.ghi"
    assert (settings.stt.kind, settings.agent.kind, settings.tts.kind) == ("whisperx", "n8n", "chatterbox")
    assert settings.endpointing.max_utterance_ms == 600_000
    assert settings.log.level == "warning"
    assert getattr(settings.agent, "also_as", None) == ("text",), "its workflow reads the words under this name"
    told = done.stderr.splitlines()
    assert [re.search(r"variable (\w+)", line)[1] for line in told] == ["PORT", "WHISPERX_MODEL"]  # type: ignore[index]
    assert "abc" not in done.output


def test_variables_of_another_program_are_left_alone():
    """PORT alone is anybody's; beside the original's own names it is told."""
    assert load_noting(Path("/dev/null"), {"PORT": "80"}).notes == ()
    (note,) = load_noting(Path("/dev/null"), {"PORT": "80", "WHISPER_SERVER_URL": "ws://w"}).notes
    assert str(note).startswith("environment variable PORT: has no effect here: ")


def test_a_wrong_env_file_writes_nothing(invoke, tmp_path: Path):
    """The mistake is told with its variable, and no configuration is made of it."""
    (tmp_path / ".env").write_text("SILENCE_THRESHOLD_MS=fast\n")
    done = invoke("init", "--from", ".env")
    assert done.exit_code == EXIT_CONFIG
    assert "SILENCE_THRESHOLD_MS" in done.stderr
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    assert invoke("init", "--from", ".env").exit_code == EXIT_CONFIG
    assert not (tmp_path / "voxbridge.toml").exists()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"DISCORD_TOKEN=aaa.bbb.ccc\nN8N_WEBHOOK_URL: http://n8n\n", ".env: line 2 is not NAME=value"),
        ("DISCORD_TOKEN=aaa.bbb.ccc\r\n".encode("utf-16"), ".env: is not UTF-8 text: save it as UTF-8"),
        (b"WHISPER_SERVER_URL=localhost:4901\n", ".env: environment variable WHISPER_SERVER_URL: stt.url: "),
        (b"SILENCE_THRESHOLD_MS=500ms\n", ".env: environment variable SILENCE_THRESHOLD_MS: "),
        (b'DISCORD_TOKEN="Bot aaa.bbb.ccc"\n', "no spaces, no quotes"),
        (None, ".env: cannot be read (No such file or directory)"),
    ],
)
def test_a_mistake_in_an_env_file_is_one_line(invoke, tmp_path: Path, data: bytes | None, says: str):
    """It names the file and what is wrong in it; no line of it is left out without a word."""
    if data is not None:
        (tmp_path / ".env").write_bytes(data)
    done = invoke("init", "--from", ".env")
    (line,) = done.output.splitlines()
    assert done.exit_code == EXIT_CONFIG
    assert says in line
    assert "aaa" not in line
    assert not (tmp_path / "voxbridge.toml").exists()


def test_comments_quotes_and_line_ends_of_an_env_file_are_read(invoke, tmp_path: Path):
    """As Docker and shells write them: a comment behind a value, single quotes, export, Windows' line ends and mark."""
    text = "\ufeffexport DISCORD_TOKEN='aaa.bbb.ccc' # mine\r\nWHISPER_SERVER_URL=ws://localhost:4901   # ours\r\n"
    (tmp_path / ".env").write_bytes(text.encode())
    assert invoke("init", "--from", ".env").exit_code == 0
    settings = load_noting(tmp_path / "voxbridge.toml", {}).settings
    assert settings.discord.token.reveal() == "aaa.bbb.ccc"
    assert getattr(settings.stt, "url", None) == "ws://localhost:4901"
