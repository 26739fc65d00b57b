"""The host's own routes: list the functions, run one now. For this machine alone."""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Sequence
from typing import Any

import azure.functions as func
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from local.host.invocation import invoke
from local.host.registered import COSMOS_DB, HTTP, RegisteredFunction
from local.host.timers import run_timer

logger = logging.getLogger(__name__)


class Admin:
    """`GET /admin/functions` and `POST /admin/functions/{name}`, which answers 202 and goes on by itself.

    The body of the latter may be `{"input": ...}`: a Cosmos DB trigger takes the documents from it, as JSON
    or as a string of JSON.
    """

    def __init__(self, functions: Sequence[RegisteredFunction]) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request under /admin."""
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def settled(self) -> None:
        """Wait for all runs that are under way."""
        await asyncio.gather(*self._running)

    async def _answer(self, request: Request) -> Response:
        match request.method, request.url.path.strip("/").split("/")[1:]:
            case _ if not _is_from_here(request):
                return Response(status_code=404)
            case "GET", ["functions"]:
                return JSONResponse([_described(function) for function in self._functions.values()])
            case "POST", ["functions", name] if name.lower() in self._functions:
                return await self._run(self._functions[name.lower()], await request.body())
        return Response(status_code=404)

    async def _run(self, function: RegisteredFunction, body: bytes) -> Response:
        if function.kind == HTTP:
            return PlainTextResponse(f"{function.name} is an HTTP function: call its route", 400)
        try:
            documents = _documents(body)
        except (ValueError, AttributeError, TypeError):
            return PlainTextResponse('the body is not {"input": documents as JSON}', 400)
        task = asyncio.create_task(_run(function, documents))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return Response(status_code=202)


async def _run(function: RegisteredFunction, documents: func.DocumentList) -> None:
    try:
        await (invoke(function, documents) if function.kind == COSMOS_DB else run_timer(function))
    except Exception:
        logger.exception("function %s failed when run by hand", function.name)


def _documents(body: bytes) -> func.DocumentList:
    given = json.loads(body or b"{}").get("input") or []
    found: Any = json.loads(given) if isinstance(given, str) else given
    found = found if isinstance(found, list) else [found]
    return func.DocumentList(func.Document.from_dict(document) for document in found)


def _described(function: RegisteredFunction) -> dict[str, str]:
    return {"name": function.name, "trigger": function.kind}


def _is_from_here(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # uvicorn takes over what a proxy says
        return False
