"""The Functions host's part: starts a worker, takes requests to functions by their routes, runs triggers."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import azure.functions as func
import httpx2

from local.host.registered import HTTP, RegisteredFunction
from local.host.routes import Route, decoded, routes

_PROCESS = Path(__file__).parent / "process.py"
_LONGEST_LINE = 64 * 1024 * 1024
_START_SECONDS = 30
_STOP_SECONDS = 10


class Worker:
    """A worker's process, once it has indexed. said: what it told of the app."""

    def __init__(self, process: asyncio.subprocess.Process, said: dict[str, Any]) -> None:
        self.said = said
        self._process = process
        self._functions = {function["name"]: function for function in said["functions"]}
        self._waiting: dict[str, asyncio.Future[str | None]] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(
        cls, python: Path, app: Path, settings: Mapping[str, str], log: Path, *, warm: bool = False
    ) -> Self:
        """Start one whose code is `app`, whose environment is `settings`, and which writes to `log`.

        warm: it has run before that was known; it is told so now.
        """
        path = {"PATH": os.environ["PATH"]}
        with log.open("w") as errors:
            process = await asyncio.create_subprocess_exec(
                *(python, "-I", _PROCESS),
                cwd=log.parent if warm else app,
                env=path if warm else {**path, **settings},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_LONGEST_LINE,
            )
        assert process.stdin
        assert process.stdout
        start = {"app": str(app), "environment": {**path, **settings} if warm else None}
        process.stdin.write(json.dumps(start).encode() + b"\n")
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await process.stdout.readline()
            assert line, f"it ended at once; {log} has why"
        except BaseException:
            if process.returncode is None:
                process.kill()
            raise
        return cls(process, json.loads(line))

    @property
    def address(self) -> str:
        """Where it takes requests."""
        return str(self.said["capabilities"]["HttpUri"])

    async def invoke(self, function: str, **data: Any) -> str | None:
        """Run a function; what went wrong, None if nothing did. data: of its trigger, as `http` or `json`."""
        invocation_id = data.pop("invocation_id", None) or str(uuid4())
        meant = self._functions[function]
        trigger = next(one for one in meant["bindings"] if one["type"].lower().endswith("trigger"))
        wish = {"invocation_id": invocation_id, "function_id": meant["id"], "name": trigger["name"], **data}
        self._waiting[invocation_id] = asyncio.get_running_loop().create_future()
        assert self._process.stdin
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        return await self._waiting[invocation_id]

    async def stop(self) -> None:
        """End it, as the host does: by hanging up."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            raise
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            ended = json.loads(line)
            self._waiting.pop(ended["invocation_id"]).set_result(ended["failure"])
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result("the worker has ended")


class Proxy(httpx2.AsyncBaseTransport):
    """Takes a client's requests to a worker's functions. failures: of the invocations that have ended."""

    def __init__(self, worker: Worker, prefix: str) -> None:
        self.failures: list[str] = []
        self._worker = worker
        self._routes = _routes(worker, prefix)
        self._onward = httpx2.AsyncHTTPTransport()
        self._invocations: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Invoke the function, and send it the request under the same invocation id."""
        for route in self._routes:
            parameters = route.match(request.method, decoded(request.url.raw_path.partition(b"?")[0]))
            if parameters is not None:
                return await self._send(route, parameters, request)
        return httpx2.Response(404)

    async def _send(
        self, route: Route, parameters: Mapping[str, str], request: httpx2.Request
    ) -> httpx2.Response:
        invocation_id = str(uuid4())
        invoking = asyncio.create_task(self._invoke(invocation_id, route, parameters, request))
        self._invocations.add(invoking)
        invoking.add_done_callback(self._invocations.discard)
        onward = httpx2.Request(
            request.method,
            httpx2.URL(self._worker.address).copy_with(raw_path=request.url.raw_path),
            headers=[*request.headers.raw, (b"x-ms-invocation-id", invocation_id.encode())],
            stream=request.stream,
            extensions=request.extensions,
        )
        return await self._onward.handle_async_request(onward)

    async def _invoke(
        self, invocation_id: str, route: Route, parameters: Mapping[str, str], request: httpx2.Request
    ) -> None:
        http = {
            "method": request.method,
            "url": str(request.url),
            "headers": {},
            "params": dict(parameters),
            "query": {},
        }
        failure = await self._worker.invoke(route.function.name, invocation_id=invocation_id, http=http)
        if failure:
            self.failures.append(failure)

    async def aclose(self) -> None:
        """Close the connections to the worker."""
        await self._onward.aclose()


def _routes(worker: Worker, prefix: str) -> list[Route]:
    """As the laptop's host has them, of what the worker told."""
    functions = []
    for function in worker.said["functions"]:
        trigger = next(one for one in function["bindings"] if one["type"].lower().endswith("trigger"))
        if trigger["type"] == HTTP:
            trigger |= {"methods": [func.HttpMethod(method) for method in trigger.get("methods", ())]}
            functions.append(RegisteredFunction(function["name"], _elsewhere, trigger, None, False))
    return routes(functions, prefix)


def _elsewhere() -> None:
    """Nothing of a function is in this process."""
