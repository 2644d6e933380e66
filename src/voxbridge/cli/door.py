"""The client of the control socket: plain HTTP of the standard library over a unix socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from voxbridge.core.wire.json_text import json_value
from voxbridge.errors import VoxBridgeError
from voxbridge.ops.sockets import SYSTEM_DIRECTORY, control_path

# The daemon's own answers come within milliseconds. A join is given up by the daemon after some 20 s.
QUICK_S = 10.0
SLOW_S = 60.0


class DoorShut(VoxBridgeError):
    """Nobody answers on the control socket, or we are not let in."""


class Refused(VoxBridgeError):
    """The daemon understood and said no."""


def find_socket(setting: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the daemon's control socket: where a daemon of this environment would put it, else the system's."""
    path = control_path(setting, environ)
    system = SYSTEM_DIRECTORY / "control.sock"
    if path is None or (not setting and "RUNTIME_DIRECTORY" not in environ and not path.exists()):
        return system
    return path


class Door:
    """Asks the daemon behind a control socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(
        self, method: str, target: str, body: Mapping[str, Any] | None = None, *, limit_s: float = QUICK_S
    ) -> dict[str, Any]:
        """Return the daemon's answer. Raises: DoorShut, Refused."""
        with closing(self._open(method, target, body)) as connection:
            connection.sock.settimeout(limit_s)
            try:
                response = connection.getresponse()
                answer = _object(response.read())
            except TimeoutError as error:
                raise DoorShut(
                    f"{self._path}: no answer within {limit_s:.0f} s; the daemon is stalled (see its log)"
                ) from error
            except (OSError, http.client.HTTPException) as error:
                raise DoorShut(f"{self._path}: the daemon went away before it answered") from error
            if response.status >= http.client.BAD_REQUEST:
                raise Refused(str(answer.get("error", f"the daemon answers with HTTP {response.status}")))
            return answer

    def lines(self, target: str) -> Iterator[dict[str, Any]]:
        """Yield the daemon's JSON lines as they come. Raises: DoorShut."""
        with closing(self._open("GET", target, None)) as connection:
            response = connection.getresponse()
            try:
                while line := response.readline():
                    yield _object(line)
            except (OSError, http.client.HTTPException) as error:
                raise DoorShut("the daemon has gone") from error

    def _open(self, method: str, target: str, body: Mapping[str, Any] | None) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, target, content, {"Connection": "close"})
        except PermissionError as error:
            connection.close()
            raise DoorShut(
                f"{self._path}: you are not allowed to use this daemon's control socket; only its owner and "
                "its group are "
                "(try sudo)"
            ) from error
        except (FileNotFoundError, ConnectionRefusedError) as error:
            connection.close()
            raise DoorShut(
                f"{self._path}: no daemon listens there. Is it running (systemctl status voxbridge)? "
                "--socket names another one"
            ) from error
        except OSError as error:
            connection.close()
            raise DoorShut(f"{self._path}: {error.strerror or error}") from error
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("voxbridge")
        self._path = path

    def connect(self) -> None:
        caller = socket.socket(socket.AF_UNIX)
        try:
            caller.settimeout(QUICK_S)
            caller.connect(str(self._path))
            caller.settimeout(None)
        except OSError:
            caller.close()
            raise
        self.sock = caller


def _object(raw: bytes) -> dict[str, Any]:
    answer = json_value(raw)
    if not isinstance(answer, dict):
        raise DoorShut("the program that answers there is not a VoxBridge daemon")
    return answer
