"""The listening port, and uvicorn on it until a signal."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

# With what follows them, these stay within the 5 s that a stop may take.
GRACE = 2
_LAST_WORDS = 0.5


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


class _CutOffQuietly:
    """Uvicorn cancels what outlasts GRACE and says how many; a traceback for each says no more.

    It does not wait for what they do about it: that is `ended`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._requests: set[asyncio.Task[None] | None] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = asyncio.current_task()
        self._requests.add(request)
        try:
            with suppress(asyncio.CancelledError):
                await self._app(scope, receive, send)
        finally:
            self._requests.discard(request)

    async def ended(self) -> None:
        """Return when no request is left, or after _LAST_WORDS seconds."""
        if requests := [request for request in self._requests if request]:
            await asyncio.wait(requests, timeout=_LAST_WORDS)


async def serve_until_stopped(
    app: ASGIApp, listener: socket.socket, stop_others: Callable[[float], Awaitable[None]]
) -> None:
    """Serve until SIGINT or SIGTERM; then open requests, and `stop_others`, get GRACE seconds to end."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    requests = _CutOffQuietly(app)
    config = uvicorn.Config(
        requests,
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
    await requests.ended()
