"""Why a server cannot be reached, in words that say what to look at."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator


def why_unreachable(error: BaseException, *, tls_scheme: str = "TLS") -> str:
    """Name the root cause of a failed connect in a sentence; ``tls_scheme`` is what the port should speak."""
    for cause in causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"the server's TLS certificate is not trusted ({cause.verify_message})"
            case ssl.SSLError():
                return f"the TLS handshake failed: does the server speak {tls_scheme} on this port?"
            case socket.gaierror():
                return "the host name cannot be resolved: check its spelling and the DNS"
            case ConnectionRefusedError():
                return "connection refused: the server is not running, or listens on another port"
            case FileNotFoundError():
                return "its socket file does not exist: the service is not running"
            case PermissionError():
                return "no permission to open its socket: check the socket's owner and mode"
            case OSError(errno=int(number)) if number in errno.errorcode:
                return f"cannot connect ({os.strerror(number)})"
            case _:
                continue
    return "cannot connect"


def is_absent(error: BaseException) -> bool:
    """Tell whether nothing listens there at all, so that asking again costs nobody anything."""
    return any(isinstance(cause, ConnectionRefusedError | FileNotFoundError) for cause in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that stands behind it, the members of groups included, each once."""
    return _causes(error, set())


def _causes(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    # The context of a group's member may be the group: such a chain has no end.
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner, seen)
        error = error.__cause__ or error.__context__
