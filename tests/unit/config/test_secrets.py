"""Secrets: where they come from, and that they stay unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxbridge.config import load
from voxbridge.config.secrets import Secret
from voxbridge.errors import ConfigError

pytestmark = pytest.mark.unit


@pytest.fixture
def config(tmp_path: Path):
    def config(token: str) -> Path:
        file = tmp_path / "voxbridge.toml"
        file.write_text(f"[discord]\ntoken = {token}\n" if token else "")
        return file

    return config


@pytest.fixture
def credentials(tmp_path: Path) -> dict[str, str]:
    """As systemd gives them: a directory, a file each, a line end or not."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    (directory / "discord-token").write_text("from-the-default-credential\n")
    (directory / "other").write_text("from-another-credential")
    return {"CREDENTIALS_DIRECTORY": str(directory)}


def token(file: Path, environ: dict[str, str]) -> str:
    return load(file, environ).discord.token.reveal()


def test_secret_never_shows_itself() -> None:
    """repr, str, format and an exception's arguments are masked; whether it is set can be seen."""
    secret = Secret("precious")
    assert "precious" not in f"{secret} {secret!r} {[secret]} {ValueError(secret)}"
    assert secret
    assert not Secret("")


def test_file_is_read_beside_the_configuration_and_stripped(config, tmp_path: Path) -> None:
    """A relative path starts at the configuration's directory, not at the process's."""
    (tmp_path / "token").write_text("  from-a-file\n")
    (tmp_path / "token").chmod(0o600)
    assert token(config('{ file = "token" }'), {}) == "from-a-file"


def test_file_that_everybody_may_read_is_refused(config, tmp_path: Path) -> None:
    """A secret that all users of the host can read is none."""
    (tmp_path / "token").write_text("x")
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod o-rwx"):
        token(config('{ file = "token" }'), {})


def test_variable_is_read(config) -> None:
    """Any variable may be named."""
    assert token(config('{ env = "MINE" }'), {"MINE": "from-a-variable"}) == "from-a-variable"


def test_credential_is_read(config, credentials: dict[str, str]) -> None:
    """systemd's credentials are named, not their path."""
    assert token(config('{ credential = "other" }'), credentials) == "from-another-credential"


def test_token_order_is_environment_file_default_credential(config, credentials: dict[str, str]) -> None:
    """The default credential is for those who set nothing."""
    assert token(config(""), credentials) == "from-the-default-credential"
    assert token(config('"from-the-file"'), credentials) == "from-the-file"
    assert token(config('"from-the-file"'), {**credentials, "DISCORD_TOKEN": "from-the-env"}) == "from-the-env"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('{ file = "nowhere" }', "cannot be read"),
        ('{ file = "empty" }', "is empty"),
        ('{ file = "binary" }', "not UTF-8"),
        ('{ env = "NOWHERE" }', "variable NOWHERE is not set"),
        ('{ credential = "missing" }', "LoadCredential=missing:"),
        ('{ credential = "../token" }', "is a path"),
        ('{ file = "a", env = "B" }', "name one place"),
        ("{ file = 3 }", "must be a text"),
        ("{}", "name one place"),
        ("3", "must be a secret"),
    ],
)
def test_source_that_fails_says_how_to_mend_it(config, credentials, tmp_path: Path, value: str, says: str) -> None:
    """Each way a source can fail has its own sentence, under the setting's key."""
    (tmp_path / "empty").touch(0o600)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError) as caught:
        token(config(value), credentials)
    assert says in str(caught.value), str(caught.value)
    assert caught.value.key == "discord.token"


def test_credential_without_systemd_is_refused(config) -> None:
    """Outside systemd the message says what a credential is and what else can be done."""
    with pytest.raises(ConfigError, match="start VoxBridge with systemctl"):
        token(config('{ credential = "discord-token" }'), {})
