"""The listening port, and uvicorn on it until a signal."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

# With what follows it, this stays within the 5 s that a stop may take.
GRACE = 2


class PortInUse(Exception):
    """Nothing can listen there; the text says what to do."""


@contextmanager
def listening(host: str, port: int) -> Generator[socket.socket, None, None]:
    """A socket that listens; port 0 takes any free one. Raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(
        family, socket.SOCK_STREAM, socket.IPPROTO_TCP
    ) as listener:  # else asyncio leaves Nagle on
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError as error:
            raise PortInUse(
                f"Port {port} of {host} cannot be listened on ({error.strerror}). "
                f"Stop what uses it, or take another: make run PORT={port + 1}"
            ) from None
        yield listener


class _Server(uvicorn.Server):
    """Leaves the signals to `serve_until_stopped`."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


def _cut_off_quietly(app: ASGIApp) -> ASGIApp:
    """Uvicorn cancels what outlasts GRACE and says how many; a traceback for each says no more."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return served


async def serve_until_stopped(
    app: ASGIApp, listener: socket.socket, stop_others: Callable[[float], Awaitable[None]]
) -> None:
    """Serve until SIGINT or SIGTERM; then open requests, and `stop_others`, get GRACE seconds to end."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        _cut_off_quietly(app),
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE,
    )
    server, stopping = _Server(config), asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopping.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait([serving, told], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    server.should_exit = True
    await asyncio.gather(serving, stop_others(GRACE))
