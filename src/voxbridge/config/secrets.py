"""Secrets: a value that never shows itself, and the four places it may come from.

token = "inline"
token = { file = "/etc/voxbridge/token" }       read at load, white space stripped
token = { env = "MY_TOKEN" }
token = { credential = "discord-token" }        systemd's LoadCredential=, from $CREDENTIALS_DIRECTORY
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import attrs

from voxbridge.errors import ConfigError

SOURCES = ("file", "env", "credential")
ALLOWED = 'a text, or one of { file = "/path" }, { env = "NAME" }, { credential = "name" }'
_SECRET_BYTES_MAX = 1 << 16
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"  # systemd.exec(5), "Credentials"


@attrs.frozen(repr=False, str=False)
class Secret:
    """A value that never shows itself in a log, a traceback or a status page."""

    _value: str

    def reveal(self) -> str:
        """Return the value itself, for the wire only."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('***')" if self._value else "Secret('')"

    __str__ = __repr__


@attrs.frozen
class SecretReader:
    """Turns what the file says of a secret into the secret.

    ``base`` is the directory that relative paths start from: the configuration file's own.
    """

    environ: Mapping[str, str]
    base: Path

    def read(self, raw: object) -> Secret:
        """Resolve one value. Raises: ConfigError, which never holds the value."""
        if isinstance(raw, str):
            return Secret(raw.strip())
        if not isinstance(raw, dict):
            raise ConfigError(f"must be a secret, not a value of type {type(raw).__name__}", allowed=ALLOWED)
        if len(raw) != 1 or not set(raw) <= set(SOURCES):
            raise ConfigError("must be a secret: name one place that it comes from", allowed=ALLOWED)
        ((source, where),) = raw.items()
        if not isinstance(where, str) or not where:
            raise ConfigError(f"the secret's {source} must be a text", allowed=ALLOWED)
        value = {"file": self._file, "env": self._env, "credential": self._credential}[source](where).strip()
        if not value:
            raise ConfigError(f"the secret's {source} {where} is empty")
        return Secret(value)

    def credential(self, name: str) -> Secret | None:
        """Return a systemd credential, or None when there is none of that name (or no systemd)."""
        directory = self.environ.get(CREDENTIALS_DIRECTORY)
        try:
            is_there = bool(directory) and (Path(directory or "") / name).exists()
        except PermissionError:  # an ExecReload= command is told the directory, but may not enter it (systemd 252)
            is_there = False
        return self.read({"credential": name}) if is_there else None

    def _file(self, where: str) -> str:
        try:
            path = self.base / Path(where).expanduser()
        except RuntimeError:  # a ~ whose home nobody knows
            raise ConfigError(f"the home directory of the secret's file {where} is not known") from None
        text = _read(path)
        try:
            is_open = bool(path.stat().st_mode & stat.S_IROTH)
        except OSError as error:
            raise ConfigError(f"the secret's file {path} cannot be read ({error.strerror})") from error
        if is_open:
            raise ConfigError(f"everybody on this host can read the secret's file {path}: run chmod o-rwx on it")
        return text

    def _env(self, where: str) -> str:
        try:
            return self.environ[where]
        except KeyError:
            raise ConfigError(f"the secret's environment variable {where} is not set") from None

    def _credential(self, where: str) -> str:
        directory = self.environ.get(CREDENTIALS_DIRECTORY)
        if not directory:
            raise ConfigError(
                f"the credential {where} comes from systemd, and ${CREDENTIALS_DIRECTORY} is not set: "
                "start VoxBridge with systemctl, or give the secret as a file or an environment variable"
            )
        if "/" in where:
            raise ConfigError(f"{where} is a path: name a credential, or write it as a file")
        return _read(Path(directory) / where, hint=f": add LoadCredential={where}:/path/to/it to the unit")


def _read(path: Path, *, hint: str = "") -> str:
    try:
        with path.open("rb") as source:
            data = source.read(_SECRET_BYTES_MAX + 1)
    except (OSError, ValueError) as error:  # ValueError: a path that no file system takes
        said = getattr(error, "strerror", None) or "it is not a path"
        raise ConfigError(f"the secret's file {path} cannot be read ({said}){hint}") from error
    if len(data) > _SECRET_BYTES_MAX:
        raise ConfigError(f"the secret's file {path} is too long: more than {_SECRET_BYTES_MAX} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"the secret's file {path} is not UTF-8 text") from None
