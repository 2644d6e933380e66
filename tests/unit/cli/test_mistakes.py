"""What a newcomer's file gets wrong: one line that helps, the exit code of a configuration, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from voxbridge.cli import main
from voxbridge.errors import EXIT_CONFIG

pytestmark = pytest.mark.unit

KEPT = "the bot's token alone: no spaces, no quotes"
PLACE = "guild_id:channel_id, both numbers"
CHATTERBOX = '[tts]\nkind = "chatterbox"\n'
N8N = '[agent]\nkind = "n8n"\nurl = "http://n8n/webhook/x"\n'

# What stands in the file, and a part of the line that is told of it; "precious" must not be in that.
MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "notes": ("hello\n", "is not TOML"),
    "yaml": ("log:\n  level: info\n", "is not TOML"),
    "json": ('{"log": {"level": "info"}}\n', "is not TOML"),
    "ini": ('; hello\n[log]\nlevel = "info"\n', "is not TOML"),
    "env": ("# mine\nDISCORD_TOKEN=abc\n", "looks like an .env file: `voxbridge init --from"),
    "exported": ("export N8N_WEBHOOK_URL=http://n8n\n", "looks like an .env file"),
    "variables": (
        'WHISPER_SERVER_URL = "ws://x"\n',
        "no such setting. Did you mean stt.url?",
    ),
    "notepad": ('[log]\nlevel = "info"\n'.encode("utf-16"), "is not UTF-8 text but UTF-16: save it as UTF-8"),
    "latin": ("# café\n".encode("latin-1"), "is not UTF-8 text: save it as UTF-8"),
    "quotes": ("[log]\nlevel = “info”\n", "(at line 2, column 9)"),
    "no-quotes": ("[log]\nlevel = info\n", "(at line 2"),
    "windows-path": ('[journal]\nfile = "C:\\Users\\me"\n', "(at line 2"),
    "twice": ('[stt]\nkind = "whisperx"\nkind = "openai"\n', "Cannot overwrite a value (at line 3"),
    "table-twice": ("[stt]\nlimit_ms = 1\n[stt]\nlimit_ms = 2\n", "twice (at line 3"),
    "tables": ("[[discord]]\n", "discord: is of the wrong type, list. Allowed: a table"),
    "capital": ('[Discord]\nlanguage = "en"\n', "Discord: there is no such setting. Did you mean discord?"),
    "kind-as-table": ('[whisper]\nurl = "ws://x"\n', 'Did you mean [stt] with kind = "whisperx"?'),
    "n8n-as-table": ('[n8n]\nurl = "http://x"\n', 'Did you mean [agent] with kind = "n8n"?'),
    "no-table": ('token = "x"\n', "Did you mean discord.token?"),
    "other-table": ('[discord]\nurl = "http://x"\n', "Did you mean stt.url or agent.url or tts.url?"),
    "slip": ('[log]\nlevle = "info"\n', "log.levle: there is no such setting. Did you mean level?"),
    "kind-slip": ('[stt]\nkind = "WhisperX"\n', "no such kind of [stt]; did you mean whisperx?"),
    "kind-elsewhere": ('[stt]\nkind = "chatterbox"\n', "no such kind of [stt]; it is a kind of [tts]"),
    "kind-missing": ('[stt]\nurl = "ws://x"\n', 'is not an option of kind = "embedded". Allowed: with kind = whisperx'),
    "kind-list": ('[stt]\nkind = ["whisperx"]\n', "stt.kind: is of the wrong type"),
    "token-bot": ('[discord]\ntoken = "Bot precious"\n', KEPT),
    "token-quoted": ("[discord]\ntoken = '\"precious\"'\n", KEPT),
    "token-lines": ('[discord]\ntoken = """precious\nprecious"""\n', KEPT),
    "token-dots": ('[discord]\ntoken = "precious…"\n', KEPT),
    "token-number": ("[discord]\ntoken = 123\n", "discord.token: must be a secret"),
    "token-directory": ('[discord]\ntoken = { file = "/tmp" }\n', "/tmp cannot be read (Is a directory)"),
    "token-missing": ('[discord]\ntoken = { file = "no-such" }\n', "cannot be read (No such file or directory)"),
    "token-unset": ('[discord]\ntoken = { env = "NO_SUCH" }\n', "environment variable NO_SUCH is not set"),
    "token-path": ('[discord]\ntoken = { path = "/x" }\n', "name one place that it comes from"),
    "join-link": ('[discord]\njoin = ["https://discord.com/channels/1/2"]\n', PLACE),
    "join-channel": ('[discord]\njoin = ["123456789012345678"]\n', PLACE),
    "join-number": ("[discord]\njoin = [123456789012345678]\n", "discord.join[0]: is of the wrong type"),
    "join-spaces": ('[discord]\njoin = ["1 : 2"]\n', PLACE),
    "join-names": ('[discord]\njoin = ["Home:General"]\n', PLACE),
    "join-text": ('[discord]\njoin = "1:2"\n', "Allowed: a list in [brackets]"),
    "http": ('[stt]\nkind = "whisperx"\nurl = "http://host:4901"\n', "(got 'http://host:4901/...'). Allowed: ws://"),
    "no-scheme": (f'{CHATTERBOX}url = "192.168.1.5:4123"\n', "tts.url: this value is not allowed"),
    "big-port": (f'{CHATTERBOX}url = "http://host:70000"\n', "(got 'http://host:70000/...')"),
    "port-0": (f'{CHATTERBOX}url = "http://host:0"\n', "(got 'http://host:0/...')"),
    "space": (f'{CHATTERBOX}url = "http://host:4123 "\n', "tts.url: this value is not allowed"),
    "no-url": (CHATTERBOX, 'tts.url: is needed with kind = "chatterbox"'),
    "header-name": (f'{N8N}headers = {{ "X Key" = "precious" }}\n', "is not the name of an HTTP header"),
    "header-colon": (f'{N8N}headers = {{ "X-Key:" = "precious" }}\n', "is not the name of an HTTP header"),
    "header-text": (f'{N8N}headers = {{ X-Key = "precious…" }}\n', "Allowed: one line of ASCII characters"),
    "header-list": (f'{N8N}headers = ["X-Key: precious"]\n', "agent.headers: is of the wrong type, list"),
    "key-text": (f'{N8N}api_key = "precious…"\n', "Allowed: one line of ASCII characters"),
    "text-number": ('[endpointing]\ncommit_ms = "500"\n', "(got '500'). Allowed: a whole number"),
    "seconds": ("[endpointing]\ncommit_ms = 0.5\n", "(got 0.5). Allowed: a whole number"),
    "yes": ("[log]\nspeech = yes\n", "(at line 2"),
    "true-text": ('[log]\nspeech = "true"\n', "(got 'true'). Allowed: true or false"),
    "level": ('[log]\nlevel = "INFO"\n', "(got 'INFO'). Allowed: debug | info"),
    "language": ('[stt]\nkind = "whisperx"\nurl = "ws://x"\nlanguage = "English"\n', "a code such as en or de"),
    "port-alone": ('[health]\nlisten = "8080"\n', "health.listen: this value is not allowed (got '8080')"),
    "listen-number": ("[health]\nlisten = 8080\n", "health.listen: is of the wrong type"),
    "listen-url": ('[health]\nlisten = "http://127.0.0.1:8080"\n', "Allowed: address:port"),
    "listen-big": ('[health]\nlisten = "127.0.0.1:99999"\n', "with a port up to 65535"),
}


@pytest.mark.parametrize(("text", "says"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_the_file_is_one_line(
    text: str | bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``run`` and ``check`` tell the same in one line with exit code 78, show no secret, and leave the file alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    file = tmp_path / "voxbridge.toml"
    data = text if isinstance(text, bytes) else text.encode()
    file.write_bytes(data)
    for command in (["run"], ["check", "--offline"]):
        done = CliRunner().invoke(main, command)
        (line,) = done.output.splitlines()
        assert done.exit_code == EXIT_CONFIG, line
        assert "voxbridge.toml: " in line
        assert says in line, line
        assert "precious" not in line
    assert file.read_bytes() == data
    assert list(tmp_path.iterdir()) == [file]


FINE: dict[str, bytes] = {
    "crlf": b'[log]\r\nlevel = "info"\r\n',
    "byte-order-mark": '\ufeff[log]\nlevel = "info"\n'.encode(),
    "comment-behind": b'[log]\nlevel = "info" # not so much\n',
    "empty": b"",
    "token-with-spaces-around": b'[discord]\ntoken = " aaa.bbb.ccc\\n"\n',
}


@pytest.mark.parametrize("data", FINE.values(), ids=FINE.keys())
def test_what_is_no_mistake_is_taken(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows' line ends and mark, and what was copied with a space, are read as they were meant."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voxbridge.toml").write_bytes(data)
    assert CliRunner().invoke(main, ["check", "--settings"]).exit_code == 0


@pytest.mark.parametrize("token", ["YOUR_TOKEN_HERE", "0123456789abcdef0123456789abcdef"])
def test_what_is_no_bots_token_is_told_without_asking_discord(token: str, tmp_path: Path, monkeypatch) -> None:
    """A placeholder, the client secret: a warning says where the token is."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["check", "--offline"], env={"DISCORD_TOKEN": token})
    (line,) = [line for line in done.output.splitlines() if "Developer Portal" in line]
    assert line.startswith("warning")
    assert token not in done.output
    twice = CliRunner().invoke(main, ["check", "--offline"], env={"DISCORD_TOKEN": "aaa.bbb.ccc"})
    assert "Developer Portal" not in twice.output


def test_a_server_that_is_named_twice_is_found_before_the_start(tmp_path: Path, monkeypatch) -> None:
    """``run`` would refuse it; ``check`` says so."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voxbridge.toml").write_text('[discord]\njoin = ["1:2", "1:3"]\n')
    done = CliRunner().invoke(main, ["check", "--offline"])
    assert done.exit_code == EXIT_CONFIG
    assert "one channel per guild" in done.output


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_file_without_its_option_is_told_the_option(command: str) -> None:
    """Many programs take their configuration so."""
    done = CliRunner().invoke(main, [command, "mine.toml"])
    assert "named with --config FILE" in done.output


def test_a_directory_in_a_files_place_is_a_configuration_fault(tmp_path: Path) -> None:
    """``init`` writes a file, and says so in one line."""
    done = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert (done.exit_code, done.output) == (EXIT_CONFIG, f"voxbridge: {tmp_path}: is a directory: name the file\n")
