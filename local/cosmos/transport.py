"""The engine as a transport of azure-core: what the SDK sends does not leave the process.

`EmbeddedTransport` is for the asynchronous client, `BlockingTransport` for the other.
"""

from types import TracebackType
from typing import Any, Self

from azure.core.pipeline.transport import (
    AsyncHttpResponse,
    AsyncHttpTransport,
    HttpRequest,
    HttpResponse,
    HttpTransport,
)
from azure.core.utils import CaseInsensitiveDict

from local.cosmos.engine import Engine
from local.cosmos.errors import code_of
from local.cosmos.wire.messages import Answer, Request
from local.cosmos.wire.serve import serve, serve_blocking


class EmbeddedResponse(AsyncHttpResponse):
    """An answer of the engine as the SDK reads it: all there from the start."""

    def __init__(self, request: HttpRequest, answer: Answer) -> None:
        super().__init__(request, None)
        self._content = _fill(self, answer)

    def body(self) -> bytes:
        """The whole body."""
        return self._content

    async def load_body(self) -> None:
        """Nothing to wait for."""


class EmbeddedTransport(AsyncHttpTransport[HttpRequest, EmbeddedResponse]):
    """For one CosmosClient; several may share an engine. Closing it leaves the engine open.

    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client: ...
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def send(self, request: HttpRequest, **kwargs: Any) -> EmbeddedResponse:
        """Answer one request; the options are about connections, and there are none."""
        return EmbeddedResponse(request, await serve(self._engine, _sent(request)))

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        return None


class BlockingResponse(HttpResponse):
    """The same for the client that is not asynchronous."""

    def __init__(self, request: HttpRequest, answer: Answer) -> None:
        super().__init__(request, None)
        self._content = _fill(self, answer)

    def body(self) -> bytes:
        """The whole body."""
        return self._content


class BlockingTransport(HttpTransport[HttpRequest, BlockingResponse]):
    """For one `azure.cosmos.CosmosClient`, used from any threads. Closing it leaves the engine open.

    client = CosmosClient(engine.url, engine.key, transport=BlockingTransport(engine))
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def send(self, request: HttpRequest, **kwargs: Any) -> BlockingResponse:
        """Answer one request; the options are about connections, and there are none."""
        return BlockingResponse(request, serve_blocking(self._engine, _sent(request)))

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        return None


def _sent(request: HttpRequest) -> Request:
    body: Any = request.data  # azure-core does not say its type; the SDK sends text, bytes or nothing
    return Request(request.method, _path(request.url), request.headers, body or b"")


def _fill(response: EmbeddedResponse | BlockingResponse, answer: Answer) -> bytes:
    """Put an answer into a response; returns its body."""
    response.status_code = answer.status
    response.reason = code_of(answer.status)
    response.headers = CaseInsensitiveDict(answer.headers)
    response.content_type = "application/json"
    return answer.body


def _path(url: str) -> str:
    """The path of an absolute URL, still percent-encoded."""
    start = url.find("/", url.find("//") + 2)
    return "/" if start < 0 else url[start:].partition("?")[0]
