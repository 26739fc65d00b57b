"""The way of a request: find its operation, let a fault strike if one waits, do it, answer.

Whatever carries requests calls `serve`, or `serve_blocking` where nothing is asynchronous.
"""

import asyncio
import time
from collections.abc import Iterator
from uuid import uuid4

from local.cosmos.calls import Call
from local.cosmos.engine import Engine
from local.cosmos.errors import CosmosError, code_of
from local.cosmos.faults import Fault
from local.cosmos.wire.messages import ACTIVITY, Answer, Request, session_headers
from local.cosmos.wire.perform import perform, plain_refusal, refusal_of
from local.cosmos.wire.routes import Operation, route
from local.cosmos.wire.scopes import ranges_of


async def serve(engine: Engine, request: Request) -> Answer:
    """Answer one request. Raises only what a fault was told to raise."""
    await asyncio.sleep(0)  # a request over a network gives way to others; so does this one
    steps = _answering(engine, request)
    while not isinstance(step := next(steps), Answer):  # noqa: ASYNC110  # nothing is polled
        await asyncio.sleep(step)
    return step


def serve_blocking(engine: Engine, request: Request) -> Answer:
    """The same, for callers that wait in their own thread."""
    steps = _answering(engine, request)
    while not isinstance(step := next(steps), Answer):
        time.sleep(step)
    return step


def refusal(request: Request, error: CosmosError) -> Answer:
    """The answer to a request that was refused before it was known what it asks for."""
    return _addressed(request, plain_refusal(error))


def _answering(engine: Engine, request: Request) -> Iterator[float | Answer]:
    """The seconds to wait where a fault wants that, and at last the answer."""
    try:
        operation = route(request)
    except CosmosError as error:
        yield refusal(request, error)
        return
    fault = engine.take_fault(operation.kind, operation.container)
    if fault is None:
        yield _finished(engine, operation, perform(engine, operation))
        return
    done = perform(engine, operation) if fault.after else None
    yield fault.delay
    if fault.error is not None:
        engine.log.add(_call(operation, 0, 0))
        raise fault.error
    if fault.status is not None:
        done = _faulty(engine, operation, fault, fault.status)
    yield _finished(engine, operation, done or perform(engine, operation))


def _finished(engine: Engine, operation: Operation, answer: Answer) -> Answer:
    engine.log.add(_call(operation, answer.status, answer.charge))
    if answer.container is not None:
        ranges = ranges_of(answer.container, operation.request)
        answer.headers.update(session_headers(answer.container, ranges))
    return _addressed(operation.request, answer)


def _faulty(engine: Engine, operation: Operation, fault: Fault, status: int) -> Answer:
    error = CosmosError(status, f"A fault was injected: {code_of(status)}.", sub_status=fault.sub_status)
    answer = refusal_of(engine, operation, error)
    answer.headers.update(fault.headers)
    return answer


def _addressed(request: Request, answer: Answer) -> Answer:
    """With the request's activity id, or one of ours, by which people find what belongs together."""
    answer.headers[ACTIVITY] = request.headers.get(ACTIVITY) or str(uuid4())
    answer.headers["content-type"] = "application/json"
    return answer


def _call(operation: Operation, status: int, charge: float) -> Call:
    return Call(operation.request.method, operation.kind, operation.container, status, charge)
