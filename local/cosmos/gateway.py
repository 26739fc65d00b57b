"""The engine over HTTP: an ASGI app in front of `wire.serve`, as the service's gateway is in front of it."""

from datetime import UTC, datetime
from urllib.parse import quote

from azure.core.exceptions import ServiceResponseError
from starlette.types import ASGIApp, Receive, Scope, Send

from local.cosmos.engine import Engine
from local.cosmos.errors import CosmosError, bad_request, too_large
from local.cosmos.item_rules import MAX_BYTES
from local.cosmos.signature import Signature
from local.cosmos.wire.messages import Answer, Request
from local.cosmos.wire.serve import refusal, serve

# An item may grow threefold on its way: clients may write \u00e4 for the two bytes of ä.
LARGEST_BODY = 3 * MAX_BYTES + 65_536
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_WITHOUT_BODY = (204, 304)


def gateway(engine: Engine, signature: Signature) -> ASGIApp:
    """An app that serves this engine to those who sign their requests with its key."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await _answer(engine, signature, scope, receive)
        except ServiceResponseError:
            await _drop(send)
        else:
            await _send(answer, send)

    return app


async def _answer(engine: Engine, signature: Signature, scope: Scope, receive: Receive) -> Answer:
    """The signature comes first, so that nobody without the key makes us hold a body."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    request = Request(scope["method"], scope["raw_path"].decode("latin-1"), headers, b"")
    try:
        signature.check(request, datetime.now(UTC))
        body = await _body(receive)
    except CosmosError as error:
        return refusal(request, error)
    return await serve(engine, Request(request.method, request.path, headers, body))


async def _body(receive: Receive) -> bytes:
    """All of it; raises 413, but not before the client has sent it all and listens for the answer."""
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise bad_request("The request broke off.")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size <= LARGEST_BODY:
            chunks.append(chunk)
    if size > LARGEST_BODY:
        raise too_large("The request", size, LARGEST_BODY)
    return b"".join(chunks)


async def _drop(send: Send) -> None:
    """Break the connection: the server does, where less comes than was promised."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), quote(value, _PRINTABLE).encode()) for name, value in answer.headers.items()]
    if answer.status not in _WITHOUT_BODY:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
