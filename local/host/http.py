"""An ASGI app that serves a FunctionApp's HTTP functions as the Functions host and its Python worker do."""

import asyncio
import json
import logging
import re
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.host.invocation import InvocationContext, invoke
from local.host.registered import HTTP, RegisteredFunction
from local.host.routes import decoded, routes
from shared.errors import Unavailable
from shared.http.problems import problem

logger = logging.getLogger(__name__)

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # as shared.http.endpoint takes it


def route_prefix(folder: Path) -> str:
    """The prefix of all routes that host.json in `folder` sets; `api` where it sets none."""
    path = folder / "host.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return str(settings.get("extensions", {}).get("http", {}).get("routePrefix", "api"))


class Host:
    """Routes a request to its function. Raises Refused if a route cannot be served.

    Args:
        functions: all that the app registered; those without an HTTP trigger are left alone.
        prefix: of every route, as `route_prefix` reads it.
        admin: answers what lies under /admin.
    """

    def __init__(
        self, functions: Sequence[RegisteredFunction], *, prefix: str = "api", admin: ASGIApp | None = None
    ) -> None:
        self._routes = routes([function for function in functions if function.kind == HTTP], prefix)
        self._admin = admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an exception becomes a 500 and a traceback in the log, being cut off a 503."""
        if scope["type"] != "http":
            raise NotImplementedError(f"this host serves http, not {scope['type']}")
        invocation_id = str(uuid.uuid4())
        answer = _Answer(send, _request_id(scope, invocation_id))
        started = time.perf_counter()
        try:
            await self._serve(_stamped(scope, invocation_id), receive, answer)
        except ClientDisconnect:
            logger.info("the client of request %s hung up", answer.request_id)
        except asyncio.CancelledError:
            if not answer.status:
                await _cut_off(answer.request_id)(scope, receive, answer)
            raise
        except Exception:
            logger.exception("function %s failed in request %s", answer.function, answer.request_id)
            if not answer.status:
                await _text(500, "Internal Server Error")(scope, receive, answer)
        finally:
            _log_request(scope, answer, started)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        path = decoded(scope["raw_path"])
        if self._admin and path.startswith("/admin/"):
            await self._admin(scope, receive, answer)
            return
        for route in self._routes:
            parameters = route.match(scope["method"], path)
            if parameters is not None:
                answer.function = route.function.name
                request = Request({**scope, "path_params": parameters}, receive, answer)
                response = await _answered(route.function, request)
                await response(scope, receive, answer)
                return
        await Response(status_code=404)(scope, receive, answer)


async def _answered(function: RegisteredFunction, request: Request) -> Response:
    context = InvocationContext(function.name, request.headers["x-ms-invocation-id"])
    try:
        answer = await invoke(function, request, context)
    except HTTPException as error:  # the worker's web framework knows this one
        return await http_exception_handler(request, error)
    return _as_response(answer)


def _as_response(answer: Any) -> Response:
    """What a function returned, as the worker sends it: no answer is an error, other values become JSON."""
    if answer is None:
        raise TypeError("the function returned None")
    return answer if isinstance(answer, Response) else JSONResponse(jsonable_encoder(answer))


class _Answer:
    """Passes an answer on and notes its status; an error carries the request id."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self.request_id = send, request_id
        self.function, self.status = "", 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._settle_request_id(message)
        await self._send(message)

    def _settle_request_id(self, message: Message) -> None:
        given = [value for name, value in message["headers"] if name.lower() == b"x-request-id"]
        if given:
            self.request_id = given[0].decode("latin-1")
        elif self.status >= 400:
            message["headers"] = [*message["headers"], (b"x-request-id", self.request_id.encode())]


def _stamped(scope: Scope, invocation_id: str) -> Scope:
    """The request with the host's own invocation id, whatever the client called it."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"x-ms-invocation-id"]
    return {**scope, "headers": [*headers, (b"x-ms-invocation-id", invocation_id.encode())]}


def _request_id(scope: Scope, default: str) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if _SANE_REQUEST_ID.fullmatch(given) else default


def _log_request(scope: Scope, answer: _Answer, started: float) -> None:
    milliseconds = (time.perf_counter() - started) * 1000
    path = scope["raw_path"].decode("latin-1")
    level = logging.DEBUG if answer.function else logging.INFO  # a function has its own line
    logger.log(
        level, "%s %s %d %.0f ms %s", scope["method"], path, answer.status, milliseconds, answer.request_id
    )


def _cut_off(request_id: str) -> Response:
    """In the app's words, for it may be that nobody but the host has any left to say."""
    stopping = Unavailable("The server was stopped before it could answer.", retry_after=5)
    return problem(stopping, request_id)


def _text(status: int, text: str) -> Response:
    return Response(text, status, media_type="text/plain")
