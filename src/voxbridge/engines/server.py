"""Serving the engines: load all of them, then listen, then say so.

Listening only when everything is warm means that a client meets either no server or one that answers in time.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import socket as stdlib_socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
import trio
from hypercorn.config import Config

from voxbridge.clock import wall_s
from voxbridge.config.service import EnginesSettings
from voxbridge.engines.app import Engines, make_app
from voxbridge.engines.hibari_voice import VOICE_NAME, HibariVoice
from voxbridge.engines.rule_agent import RuleAgent
from voxbridge.engines.weights import check_installed, whisper_dir
from voxbridge.engines.whisper import Whisper
from voxbridge.engines.workers import Workers
from voxbridge.errors import EngineError
from voxbridge.serving import serve_asgi

_log = structlog.get_logger(__name__)

# A client's warm connection must not be closed under it: one that speaks after a quiet hour finds it open.
_KEEP_ALIVE_S = 86_400
_MESSAGE_BYTES_MAX = 1 << 20  # the default limit of the real WhisperX server's library
ALIVE_EVERY_S = 5.0
"""How often a sign of life is given."""
INHERITED = "fd:"  # a listening socket that somebody opened for us (systemd's socket activation)


def _local_now() -> dt.datetime:
    return dt.datetime.fromtimestamp(wall_s(), tz=dt.UTC).astimezone()


async def load(settings: EnginesSettings) -> Engines:
    """Load and warm all engines at once (about 2 s). Raises: EngineError."""
    check_installed(settings.model_dir)
    began = trio.current_time()
    loaded: dict[str, object] = {}

    async def load_whisper() -> None:
        folder = await trio.to_thread.run_sync(whisper_dir, settings.model_dir)
        loaded["model"] = folder
        loaded["whisper"] = await trio.to_thread.run_sync(Whisper, folder, settings.workers)

    async def load_voice() -> None:
        loaded["voice"] = await trio.to_thread.run_sync(HibariVoice)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load_whisper)
            nursery.start_soon(load_voice)
    except* EngineError as group:
        raise _first(group) from group
    whisper, voice, folder = loaded["whisper"], loaded["voice"], loaded["model"]
    assert isinstance(whisper, Whisper)
    assert isinstance(voice, HibariVoice)
    assert isinstance(folder, Path)
    _log.info("engines are warm", took_ms=round((trio.current_time() - began) * 1000), workers=settings.workers)
    return Engines(
        recogniser=whisper,
        voice=voice,
        agent=RuleAgent(now=_local_now, rng=random.Random()),
        hearing=Workers(settings.workers),
        speaking=Workers(settings.workers),
        recogniser_name=folder.name if settings.model_dir else "whisper-tiny.en",
        voice_name=VOICE_NAME,
    )


def _first(group: BaseExceptionGroup[EngineError]) -> EngineError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, EngineError)
    return error


def _config() -> Config:
    config = Config()
    config.accesslog = None
    # hypercorn's own lines ("Running on ... CTRL + C to quit") are replaced by ours; what goes wrong is passed on.
    config.errorlog = logging.getLogger("voxbridge.engines.http")
    config.errorlog.setLevel(logging.WARNING)
    config.include_server_header = False
    config.keep_alive_timeout = _KEEP_ALIVE_S
    config.websocket_max_message_size = _MESSAGE_BYTES_MAX
    return config


def _is_path(listen: str) -> bool:
    return "/" in listen


def _bind(listen: str) -> stdlib_socket.socket:
    """Return a listening socket for the path of a unix socket, ``host:port`` or ``fd:N``. Raises: EngineError.

    hypercorn could do it, but leaves the socket open when the address is taken (0.18).
    """
    if listen.startswith(INHERITED):
        return stdlib_socket.socket(fileno=int(listen.removeprefix(INHERITED)))
    if _is_path(listen):
        family = stdlib_socket.AF_UNIX
        address: str | tuple[str, int] = listen
    else:
        host, _, port = listen.rpartition(":")
        if not port.isdecimal():
            raise EngineError(
                f"the engines cannot listen on {listen!r}: wanted a path with a slash in it, or host:port"
            )
        host = host.strip("[]")
        family = stdlib_socket.AF_INET6 if ":" in host else stdlib_socket.AF_INET
        address = (host, int(port))
    listener = stdlib_socket.socket(family)
    try:
        if _is_path(listen):
            _remove_socket(listen)
            listener.bind(address)
            Path(listen).chmod(0o660)  # for its owner and group: the daemon may run as another user
        else:
            listener.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_REUSEADDR, 1)
            listener.setsockopt(stdlib_socket.IPPROTO_TCP, stdlib_socket.TCP_NODELAY, 1)
            listener.bind(address)
        listener.listen()  # here too, so that a taken address shows now
    except OSError as error:
        listener.close()
        raise EngineError(f"the engines cannot listen on {listen}: {error.strerror or error}") from error
    return listener


def _remove_socket(path: str) -> None:
    """Remove a socket that an earlier process left behind; anything else in its place is an error of ``bind``."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(Path(path).stat().st_mode):
            Path(path).unlink()


def _where(listener: stdlib_socket.socket) -> str:
    name = listener.getsockname()
    if isinstance(name, str):
        return name
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def serve_engines(
    engines: Engines, *, listen: str, on_ready: Callable[[str], None], on_alive: Callable[[], None] = lambda: None
) -> None:
    """Serve loaded engines until cancelled. ``on_alive`` is called every few seconds while none of them hangs.

    ``listen`` is the path of a unix socket (with a slash in it), ``host:port``, or ``fd:N`` for a listening socket
    that was handed to us; ``on_ready`` is told the address, with the real port when 0 was asked for.

    Raises: EngineError when it cannot listen there.
    """
    listener = _bind(listen)
    address = _where(listener)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_asgi, make_app(engines), _config(), listener)
            _log.info("engines are listening", address=address)
            on_ready(address)
            while True:
                if engines.are_alive:
                    on_alive()
                await trio.sleep(ALIVE_EVERY_S)
    finally:
        if _is_path(listen):
            _remove_socket(listen)


async def serve(
    settings: EnginesSettings,
    *,
    listen: str,
    on_ready: Callable[[str], None],
    on_alive: Callable[[], None] = lambda: None,
) -> None:
    """Load the engines and serve them until cancelled; ``on_ready`` is called once, when all are warm.

    Raises: EngineError.
    """
    await serve_engines(await load(settings), listen=listen, on_ready=on_ready, on_alive=on_alive)
