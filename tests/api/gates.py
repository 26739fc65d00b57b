"""The database and the model of a server that is to be killed: they wait where a test says."""

import asyncio

import httpx2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.cosmos.wire.messages import BATCH
from tests.api.conftest import ModelServer


class Gate:
    """A database whose batches pass, but for one that is held until its client is gone.

    held: is set once it is. done: whether it is carried out, and only its answer held.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._before: int | None = None
        self._done = False
        self.held = asyncio.Event()

    def hold(self, number: int, *, done: bool) -> None:
        """Hold the batch of this number, from now on, counted from 1."""
        self._before, self._done = number - 1, done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not self._is_held(scope):
            await self._app(scope, receive, send)
            return
        if self._done:
            await self._app(scope, receive, _nobody)
        self.held.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    def _is_held(self, scope: Scope) -> bool:
        if self._before is None or (BATCH.encode(), b"True") not in scope["headers"]:
            return False
        self._before -= 1
        return self._before < 0


async def _nobody(message: Message) -> None:
    """An answer that nobody gets."""


def model_app(model: ModelServer) -> ASGIApp:
    """A model for servers in processes of their own."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked = Request(scope, receive)
        sent = httpx2.Request(asked.method, str(asked.url), content=await asked.body())
        answer = await model.handle_async_request(sent)
        media_type = answer.headers.get("content-type")
        told = (
            StreamingResponse(answer.aiter_bytes(), answer.status_code, media_type=media_type)
            if media_type == "text/event-stream"
            else Response(await answer.aread(), answer.status_code, media_type=media_type)
        )
        await told(scope, receive, send)

    return app
