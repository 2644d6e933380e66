"""The commands as a user types them, as far as they need no server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from voxbridge import __version__
from voxbridge.cli import main
from voxbridge.config import Settings, load
from voxbridge.errors import EXIT_CONFIG

pytestmark = pytest.mark.unit


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run in an empty directory and without the variables that would be settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISCORD_TOKEN", "CREDENTIALS_DIRECTORY", "VOXBRIDGE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def invoke(*args: str, **environ: str) -> Result:
        return CliRunner().invoke(main, args, env=environ)

    return invoke


def test_init_writes_a_file_for_the_owner_only_that_says_nothing_yet(invoke, tmp_path: Path) -> None:
    """A token may be written into it, so nobody else may read it from the start."""
    done = invoke("init")
    file = tmp_path / "voxbridge.toml"
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert load(file, {}) == Settings()


def test_init_overwrites_only_if_told_to(invoke, tmp_path: Path) -> None:
    """A configuration that somebody wrote is not lost by a command typed twice."""
    file = tmp_path / "mine.toml"
    file.write_text("# mine\n")
    file.chmod(0o644)
    refused = invoke("init", str(file))
    assert refused.exit_code == EXIT_CONFIG
    assert "--force" in refused.stderr
    assert file.read_text() == "# mine\n"
    assert invoke("init", str(file), "--force").exit_code == 0
    assert "[discord]" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "mine.toml.bak").read_text() == "# mine\n", "what was there is kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.toml", "mine.toml.bak"]


def test_init_into_nowhere_is_refused(invoke) -> None:
    """A missing directory is named, not a traceback."""
    done = invoke("init", "no/such/dir/v.toml")
    assert done.exit_code == EXIT_CONFIG
    assert "No such file or directory" in done.stderr


def test_version_names_ours_and_the_libraries(invoke) -> None:
    """What a bug report wants to know."""
    lines = invoke("version").output.splitlines()
    assert lines[0] == f"voxbridge {__version__}"
    assert any(line.startswith("trio ") for line in lines)


def test_version_is_an_option_too(invoke) -> None:
    """As of most programs."""
    assert invoke("--version").stdout == f"voxbridge {__version__}\n"


def test_a_directory_is_no_configuration(invoke, tmp_path: Path) -> None:
    """Whatever is wrong with the configuration has the code of a configuration."""
    done = invoke("run", "--config", str(tmp_path))
    assert done.exit_code == EXIT_CONFIG
    assert "directory" in done.stderr


def test_run_without_a_token_is_refused_before_anything_starts(invoke) -> None:
    """Exit code 78 keeps systemd from trying again."""
    done = invoke("run")
    assert done.exit_code == EXIT_CONFIG
    assert "discord.token: the bot's token is missing" in done.stderr


def test_run_refuses_a_wrong_file(invoke, tmp_path: Path) -> None:
    """One line that names file, key, value and what is allowed."""
    (tmp_path / "voxbridge.toml").write_text('[tts]\nkind = "espeak"\n')
    done = invoke("run")
    assert done.exit_code == EXIT_CONFIG
    assert done.stderr == (
        "voxbridge: voxbridge.toml: tts.kind: there is no such kind of [tts] (got 'espeak'). "
        "Allowed: embedded | chatterbox | openai | wyoming\n"
    )


def test_check_of_a_wrong_file_is_a_problem_with_the_code_of_a_configuration(invoke, tmp_path: Path) -> None:
    """Check tells all mistakes and goes no further."""
    (tmp_path / "voxbridge.toml").write_text('[tts]\nkind = "espeak"\n[log]\nspech = true\n')
    done = invoke("check")
    assert done.exit_code == EXIT_CONFIG
    assert "problem  config" in done.output
    assert "tts.kind" in done.output
    assert "Did you mean speech?" in done.output


def test_check_offline_looks_at_this_host(invoke, tmp_path: Path) -> None:
    """File, libopus, models and engines, without asking anybody."""
    (tmp_path / "voxbridge.toml").write_text('[health]\nlisten = ""\n')
    done = invoke("check", "--offline")
    assert done.exit_code == 0, done.output
    found = [line.split()[:2] for line in done.output.splitlines()]
    assert found == [["ok", name] for name in ("config", "libopus", "models", "engines", "control")]


def test_check_tells_programs_in_json(invoke, tmp_path: Path) -> None:
    """The same findings, with their codes; a wrong file too."""
    (tmp_path / "voxbridge.toml").write_text('[health]\nlisten = ""\n')
    done = invoke("check", "--offline", "--json")
    record = json.loads(done.stdout)
    assert record["exit_code"] == done.exit_code == 0
    assert {"config", "libopus"} <= {finding["about"] for finding in record["findings"]}
    (tmp_path / "voxbridge.toml").write_text('[health]\nlisten = "127.0.0.1:99999"\n')
    done = invoke("check", "--offline", "--json")
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["exit_code"] == done.exit_code == EXIT_CONFIG
    assert "health.listen" in finding["text"]
    assert "port up to 65535" in finding["text"]


def test_no_color_is_kept(invoke, tmp_path: Path) -> None:
    """$NO_COLOR, whatever it is set to, means no escape sequences, on a terminal too."""
    (tmp_path / "voxbridge.toml").write_text('[health]\nlisten = ""\n')
    colourful = CliRunner().invoke(main, ["check", "--offline"], color=True)
    assert "\x1b[" in colourful.output
    plain = CliRunner().invoke(main, ["check", "--offline"], color=True, env={"NO_COLOR": "1"})
    assert "\x1b[" not in plain.output


def test_check_warns_of_a_number_that_was_clamped(invoke, tmp_path: Path) -> None:
    """Which file, key and value, what is legal, and what is used; a variable that wins is named in the file's place."""
    (tmp_path / "voxbridge.toml").write_text(
        "[tts]\nkind = 'chatterbox'\nurl = 'http://127.0.0.1:9'\nexaggeration = 9\nstreaming_chunk_size = 100\n"
    )
    done = invoke("check", "--offline", TTS_STREAMING_CHUNK_SIZE="20")
    assert [line.split(maxsplit=2) for line in done.output.splitlines() if line.startswith("warning")] == [
        ["warning", "config", f"{place}: tts.{key}: out of range (got {got}). Allowed: {allowed}. Used: {used}"]
        for place, key, got, allowed, used in (
            ("voxbridge.toml", "exaggeration", 9, "0.25 to 2.0", 2.0),
            ("environment variable TTS_STREAMING_CHUNK_SIZE", "streaming_chunk_size", 20, "50 to 500", 50),
        )
    ]
    assert done.exit_code == 0
    shown = invoke("check", "--settings")
    assert json.loads(shown.stdout)["tts.exaggeration"] == 2.0
    assert shown.stderr.startswith("voxbridge: voxbridge.toml: tts.exaggeration: out of range (got 9)")


def test_check_warns_of_secrets_that_everybody_can_read(invoke, tmp_path: Path) -> None:
    """A warning is no failure."""
    file = tmp_path / "voxbridge.toml"
    file.write_text('[discord]\ntoken = "precious.pre.cious"\n')
    file.chmod(0o644)
    done = invoke("check", "--offline")
    (line,) = [line for line in done.output.splitlines() if line.startswith("warning")]
    assert "discord.token" in line
    assert "chmod o-rwx" in line
    assert "precious" not in done.output
    assert done.exit_code == 0
    file.chmod(0o600)
    assert "warning" not in invoke("check", "--offline").output


def test_check_names_missing_models(invoke, tmp_path: Path) -> None:
    """A problem says how to mend it, and the exit code says that there is one."""
    (tmp_path / "voxbridge.toml").write_text('[engines]\nmodel_dir = "nowhere"\n')
    done = invoke("check", "--offline")
    assert done.exit_code == 1
    assert "problem  engines" in done.output
    assert "model.bin" in done.output


def test_check_without_token_says_where_to_get_one(invoke) -> None:
    """Discord is not asked without a token."""
    done = invoke("check")
    assert done.exit_code == EXIT_CONFIG
    assert "https://discord.com/developers/applications" in done.output
    assert "warning  config" in done.output


def test_check_shows_the_settings_without_secrets(invoke) -> None:
    """What counts after file and environment, as JSON."""
    done = invoke("check", "--settings", DISCORD_TOKEN="precious", WHISPER_SERVER_URL="ws://stt:4901")
    told = json.loads(done.output)
    assert (told["discord.token"], told["stt.kind"], told["stt.url"]) == ("***", "whisperx", "ws://stt:4901")
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "either --socket or --listen"),
        (("--socket", "s", "--listen", "h:1"), "either --socket or --listen"),
        (("--listen", "4901"), "is not HOST:PORT"),
        (("--listen", "host:many"), "is not HOST:PORT"),
        (("--listen", "host:70000"), "is not HOST:PORT"),
        (("--socket", "s", "--model-dir", "nowhere"), "does not exist"),
    ],
)
def test_engines_wants_one_place_to_listen(invoke, args: tuple[str, ...], says: str) -> None:
    """A wrong option is told before anything is loaded."""
    done = invoke("engines", *args)
    assert done.exit_code == 2
    assert says in done.stderr


def test_module_and_script_are_the_same_command() -> None:
    """`python -m voxbridge` works where the script is not on PATH."""
    done = subprocess.run([sys.executable, "-m", "voxbridge", "--help"], check=True, capture_output=True, text=True)
    for name in main.commands:
        assert f"  {name}" in done.stdout
