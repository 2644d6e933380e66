"""systemd's two protocols that need no library: sd_notify(3) out, sd_listen_fds(3) in.

sd_notify is ``KEY=VALUE`` lines in one datagram to the unix socket that $NOTIFY_SOCKET names ("@" in front means an
abstract name). systemd promises that the protocol is stable (sd_notify(3), "Notes").
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from voxbridge import clock

_FIRST_LISTEN_FD = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)
_US_PER_S = 1_000_000
# systemctl shows the status in one line; what is longer helps nobody.
_STATUS_CHARS_MAX = 400


class Notifier:
    """Tells systemd how we are. Without systemd every method does nothing; no method blocks or raises.

    An ordinary socket of the standard library, since it must work inside a stalled loop's last words and where Trio's
    sockets are replaced (tests in virtual time). Non-blocking: a full buffer loses a message rather than a frame.
    """

    def __init__(self, address: str = "", *, watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self._socket: socket.socket | None = None
        if not address:
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._socket.connect("\0" + address[1:] if address.startswith("@") else address)
        except OSError:  # not there (any more): we run all the same
            self.close()

    @classmethod
    def from_environ(cls, environ: MutableMapping[str, str]) -> Notifier:
        """Read $NOTIFY_SOCKET and $WATCHDOG_USEC and drop them, so that no child process speaks for us."""
        address = environ.pop("NOTIFY_SOCKET", "")
        period_us, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        is_ours = not pid or pid == str(os.getpid())  # sd_watchdog_enabled(3)
        watchdog_s = int(period_us) / _US_PER_S if period_us.isdecimal() and int(period_us) and is_ours else None
        return cls(address, watchdog_s=watchdog_s)

    @property
    def is_heard(self) -> bool:
        """Tell whether a service manager listens."""
        return self._socket is not None

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ready(self, status: str) -> None:
        """Say that the start or the reload is over."""
        self._send("READY=1", _status(status))

    def status(self, status: str) -> None:
        """Say in a line what goes on."""
        self._send(_status(status))

    def reloading(self, status: str) -> None:
        """Say that the configuration is read anew; ``ready`` must follow, whatever comes of it.

        The time is what ``Type=notify-reload`` wants: systemd waits for a READY that is not older (systemd.service(5)).
        """
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(clock.monotonic_s() * _US_PER_S)}", _status(status))

    def stopping(self, status: str) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1", _status(status))

    def pet(self) -> None:
        """Tell the watchdog that we are alive."""
        self._send("WATCHDOG=1")

    def extend(self, seconds: float, status: str) -> None:
        """Ask for ``seconds`` more, from now, until READY (or until the exit, when stopping)."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * _US_PER_S)}", _status(status))

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.send("\n".join(lines).encode())
        except OSError:  # a full buffer, or systemd restarting itself: the next message tells more
            return


def _status(text: str) -> str:
    line = " ".join(text.split())  # a line end would start another key
    return f"STATUS={line[:_STATUS_CHARS_MAX]}"


def take_listen_fds(environ: MutableMapping[str, str]) -> dict[str, int]:
    """Return the sockets that systemd opened for us, by ``FileDescriptorName=``, and drop the variables.

    Each is made close-on-exec. Those meant for another process ($LISTEN_PID) are not ours: then there are none.
    """
    pid, count, names = (environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if pid != str(os.getpid()) or not count.isdecimal():
        return {}
    found: dict[str, int] = {}
    labels = names.split(":") if names else []
    for index in range(int(count)):
        descriptor = _FIRST_LISTEN_FD + index
        os.set_inheritable(descriptor, False)
        found[labels[index] if index < len(labels) else f"fd{descriptor}"] = descriptor
    return found
