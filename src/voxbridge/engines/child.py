"""The engines' own process: how it says that it is ready, and when it ends.

Run by itself it ends at SIGTERM or SIGINT. Run by a daemon (``--parent-pipe``) it ends when its standard input does:
the kernel closes that pipe when the parent is gone, however it went, so that nothing is left behind even by kill -9.
Signals do not end it then: systemd sends SIGTERM to every process of the unit at once, and the sentences that the
daemon lets end need a voice.

    stdin    nothing; its end is the end
    stdout   {"ready": "/run/.../engines.sock"} or {"failed": "why"}, one line; then {"alive": true} every 5 s
             for as long as no engine hangs
    stderr   log lines
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable

import structlog
import trio

from voxbridge.config.service import EnginesSettings
from voxbridge.engines import serve
from voxbridge.errors import EXIT_FAILURE, EngineError

_log = structlog.get_logger(__name__)

# Enough that the scheduler prefers the daemon's frames on a busy machine; on an idle one it costs nothing.
_NICENESS = 5


def run(
    settings: EnginesSettings,
    *,
    listen: str,
    parent_pipe: bool = False,
    on_ready: Callable[[str], None] = lambda _address: None,
    on_alive: Callable[[], None] = lambda: None,
) -> int:
    """Serve the engines until told to end; return the exit code.

    ``listen`` is the path of a unix socket, ``host:port`` or ``fd:N``; ``on_ready`` is called with the address,
    ``on_alive`` every few seconds while no engine hangs. With ``parent_pipe`` the process talks to a parent as
    described above and lowers its own priority. An engine that
    cannot start is reported, not raised.
    """
    if parent_pipe:
        os.nice(_NICENESS)
    try:
        trio.run(_run, settings, listen, parent_pipe, on_ready, on_alive, strict_exception_groups=True)
    except* EngineError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        _log.error("the engines cannot run", error=str(error))
        _tell(parent_pipe, {"failed": str(error)})
        code = EXIT_FAILURE
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    # A call into an engine cannot be interrupted and may still run in a thread; taking the interpreter down under
    # it would run the destructors of what it uses.
    os._exit(code)


async def _run(
    settings: EnginesSettings,
    listen: str,
    parent_pipe: bool,
    on_ready: Callable[[str], None],
    on_alive: Callable[[], None],
) -> None:
    def tell(address: str) -> None:
        _tell(parent_pipe, {"ready": address})
        on_ready(address)

    def tell_alive() -> None:
        _tell(parent_pipe, {"alive": True})
        on_alive()

    async with trio.open_nursery() as nursery:
        await nursery.start(_end_with_parent if parent_pipe else _end_at_signal, nursery.cancel_scope)
        await serve(settings, listen=listen, on_ready=tell, on_alive=tell_alive)


def _tell(parent_pipe: bool, message: dict[str, object]) -> None:
    if parent_pipe:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


async def _end_with_parent(scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_log_signals, signals)
            async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as pipe:
                while await pipe.receive_some(64):
                    pass
            nursery.cancel_scope.cancel(reason="drain")
    _log.info("the parent is gone: ending")
    scope.cancel(reason="drain")


async def _log_signals(signals: AsyncIterator[int]) -> None:
    async for number in signals:
        _log.info("signal ignored: the parent decides when the engines end", signal=signal.Signals(number).name)


async def _end_at_signal(scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            _log.info("ending", signal=signal.Signals(number).name)
            scope.cancel(reason="drain")
            return
