"""How an error ends the process, and where the configuration comes from."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from voxbridge.cli.results import write_result
from voxbridge.cli.shell import Shell, config_option, load_settings, our_errors
from voxbridge.errors import EXIT_CONFIG, ConfigError, LoginRefused, StageUnavailable, VoxBridgeError

pytestmark = pytest.mark.unit


def run(error: BaseException, *args: str) -> Result:
    """Run a command that raises, in a group like ours."""

    @click.group(cls=Shell)
    @click.option("--debug", is_flag=True)
    def group(debug: bool) -> None: ...

    @group.command()
    def fail() -> None:
        raise error

    return CliRunner().invoke(group, [*args, "fail"])


def test_our_error_is_one_line_and_its_exit_code() -> None:
    """No traceback: the message says what to do."""
    done = run(ConfigError("is wrong", file="v.toml", key="stt.url"))
    assert (done.exit_code, done.stderr, done.stdout) == (EXIT_CONFIG, "voxbridge: v.toml: stt.url: is wrong\n", "")
    assert run(StageUnavailable("tts", "is down")).exit_code == 1


def test_further_mistakes_are_lines_of_their_own() -> None:
    """The notes of an error are told as well."""
    error = ConfigError("is wrong", key="a")
    error.add_note("b: is wrong too")
    assert run(error).stderr == "voxbridge: a: is wrong\nvoxbridge: b: is wrong too\n"


def test_debug_shows_the_traceback_and_keeps_the_exit_code() -> None:
    """Who asks for it sees where it was raised."""
    done = run(LoginRefused("no"), "--debug")
    assert "Traceback (most recent call last)" in done.stderr
    assert done.exit_code == EXIT_CONFIG


def test_group_of_our_errors_is_unwrapped_and_the_gravest_code_counts() -> None:
    """Trio's nurseries wrap even one error."""
    done = run(ExceptionGroup("a", [StageUnavailable("stt", "down"), ExceptionGroup("b", [LoginRefused("token")])]))
    assert done.stderr == "voxbridge: stt: down\nvoxbridge: token\n"
    assert done.exit_code == EXIT_CONFIG


@pytest.mark.parametrize(
    "error", [KeyError("x"), ExceptionGroup("a", [StageUnavailable("stt", "down"), KeyError("x")])]
)
def test_bug_stays_a_traceback(error: Exception) -> None:
    """What is not ours is not hidden behind a message."""
    assert run(error).exception is error


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        BaseExceptionGroup("a", [KeyboardInterrupt(), StageUnavailable("stt", "down")]),
    ],
    ids=["bare", "in a nursery"],
)
def test_ctrl_c_is_no_failure_and_no_traceback(error: BaseException) -> None:
    """A shell's code for SIGINT, and one word."""
    done = run(error)
    assert (done.exit_code, done.stderr) == (130, "voxbridge: stopped\n")


@pytest.mark.parametrize(("before", "after", "wanted"), [("a", None, "a"), (None, "b", "b"), ("a", "b", "b")])
def test_config_is_understood_before_and_after_the_command(
    tmp_path: Path, before: str | None, after: str | None, wanted: str
) -> None:
    """The nearer one wins."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(f'[stt]\nlanguage = "{name * 2}"\n')

    @click.group(cls=Shell)
    @config_option
    def group(config: Path | None) -> None: ...

    @group.command()
    @config_option
    @click.pass_context
    def voice(ctx: click.Context, config: Path | None) -> None:
        click.echo(load_settings(ctx, config).settings.stt.language)

    args = [*(["--config", str(tmp_path / before)] if before else []), "voice"]
    args += ["--config", str(tmp_path / after)] if after else []
    done = CliRunner().invoke(group, args)
    assert done.output == f"{wanted * 2}\n"


def test_a_full_disk_is_one_line_wherever_it_is_met() -> None:
    """It names the file, and is no traceback; any other error of the system stays one, since it is a bug."""
    full = OSError(errno.ENOSPC, "No space left on device", "some/file")
    (told,) = our_errors(ExceptionGroup("a nursery's", [full]))
    assert str(told) == "some/file was not written: No space left on device"
    with pytest.raises(ConnectionResetError):
        our_errors(ConnectionResetError("by peer"))


def test_a_result_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was there before stays when there is no room for the new one, and nothing else is left behind."""
    file = tmp_path / "results.json"
    write_result(file, b"first")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(VoxBridgeError, match=r"results\.json was not written: File too large"):
            write_result(file, b"a second one that is longer")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert file.read_bytes() == b"first"
