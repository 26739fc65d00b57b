"""The decorator that makes a function an endpoint: it binds what the signature names and answers for it.

The signature is the declaration: a `caller: AsCaller`, the route's parameters by name, one pydantic model as
the body, one `Annotated[Model, Query()]`, `if_match: IfMatch`; the return type is the answer's. The OpenAPI
document is made from the same signature.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request as TriggerRequest
from azurefunctions.extensions.http.fastapi import Response as TriggerResponse
from fastapi import Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from shared import invocations
from shared.auth import require_administrator
from shared.errors import ServiceError
from shared.http.binding import binder
from shared.http.once import REPLAYED, replay, shown
from shared.http.problems import log_problem, problem
from shared.http.resource import Accepted, EventStream, Page, Resource, Streamed
from shared.http.safeguards import in_time, secure
from shared.ids import new_ulid
from shared.models import Caller
from shared.records import digest_of
from shared.repository import Cost, metered
from shared.services import services

logger = logging.getLogger("shared.requests")

# Nobody reads it: the client went away while it was sending. For the log line.
HUNG_UP = 499

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

# An endpoint's function: its parameters are what its signature says, its result a model to answer with.
Function = TypeVar("Function", bound=Callable[..., Awaitable[BaseModel | Streamed]])


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint as it was declared."""

    function: Callable[..., Awaitable[BaseModel | Streamed]]
    method: str
    route: str
    status: int
    administrator: bool
    lenient: bool


_declared: list[Endpoint] = []


def endpoints() -> tuple[Endpoint, ...]:
    """All that have been declared."""
    return tuple(_declared)


def endpoint(
    blueprint: func.Blueprint,
    method: str,
    route: str,
    *,
    status: int = 200,
    administrator: bool = False,
    lenient: bool = False,
) -> Callable[[Function], Function]:
    """Register a function as an HTTP-triggered Azure function of its own name, at `route`.

    administrator: only for administrators of a tenant, in whose audit log the act is written. lenient: query
    parameters that it doesn't take are ignored, as OpenAI's clients expect.
    """

    def register(function: Function) -> Function:
        declared = Endpoint(function, method, route, status, administrator, lenient)
        _declared.append(declared)
        run_bound = _runner(declared)

        async def run(req: TriggerRequest) -> TriggerResponse:
            return await _answer(req, declared, run_bound)

        run.__name__ = run.__qualname__ = function.__name__
        run.__doc__ = function.__doc__
        blueprint.route(route, methods=[method], auth_level=func.AuthLevel.ANONYMOUS)(run)
        return function

    return register


def answer_kinds(function: Callable[..., Any]) -> list[type]:
    """What an endpoint's function may answer with, by its signature."""
    answer = get_type_hints(function)["return"]
    return list(get_args(answer)) if isinstance(answer, UnionType) else [get_origin(answer) or answer]


def _runner(declared: Endpoint) -> Callable[[Request, str], Awaitable[Response]]:
    """What makes a request's answer: its arguments bound, the function run, or its first answer repeated."""
    bind = binder(declared.function, declared.method, declared.route, lenient=declared.lenient)
    kinds = answer_kinds(declared.function)
    answer = next((kind for kind in kinds if not issubclass(kind, Streamed)), None)
    events = next((kind for kind in kinds if issubclass(kind, EventStream)), None)

    async def run(request: Request, request_id: str) -> Response:
        arguments = await bind(request, shown(answer, declared.status, request_id))
        if caller := arguments.get("caller"):
            await _admit(caller, declared, request, request_id)
        once = arguments.get("once")
        stream = events if getattr(arguments.get("body"), "stream", False) else None
        if once and (first := await replay(arguments["caller"], once, stream)):
            return first
        try:
            return _response(await declared.function(**arguments), declared.status)
        except ServiceError:  # it may be that the same request, sent twice at once, has come first
            if once and (first := await replay(arguments["caller"], once, stream)):
                return first
            raise

    return run


async def _admit(caller: Caller, declared: Endpoint, request: Request, request_id: str) -> None:
    """Refuse whoever asks too often or may not do this, and have on record who does it in another's name."""
    services().rates.take(caller)
    if declared.administrator:
        require_administrator(caller)
    if declared.administrator or caller.actor:
        about = [
            digest_of(value) if name == "user_id" else value for name, value in request.path_params.items()
        ]
        await services().audit.record(caller, declared.function.__name__, " ".join(about), request_id)


async def _answer(
    request: Request, declared: Endpoint, run: Callable[[Request, str], Awaitable[Response]]
) -> Response:
    """Run the endpoint: every answer and every error leaves through here, with its log line."""
    given = request.headers.get("x-request-id", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else new_ulid(services().clock())
    started = time.perf_counter()
    traced = invocations.request(
        declared.function.__name__, declared.method, declared.route, request.headers, request_id
    )
    with traced as span, metered() as cost:
        try:
            response = await in_time(run(request, request_id))
        except ClientDisconnect:
            response = Response(status_code=HUNG_UP)
        except Exception as error:
            log_problem(error, request_id)
            response = problem(error, request_id)
        invocations.answered(span, response.status_code, cost)
    response.headers["x-request-id"] = request_id
    secure(response)
    _log(declared, response.status_code, time.perf_counter() - started, cost, request_id)
    return response


def _response(result: BaseModel | Streamed, status: int) -> Response:
    if isinstance(result, Streamed):
        return StreamingResponse(result.pieces, 200, result.headers, result.media_type)
    if isinstance(result, Page):
        policy = {"Content-Security-Policy": result.policy}
        return Response(result.html, status, policy, media_type=result.media_type)
    headers = {"ETag": result.etag} if isinstance(result, Resource) and result.etag else {}
    if isinstance(result, Accepted):
        status = 202
        headers |= REPLAYED if result.replayed else {}
    return Response(result.model_dump_json(), status, headers, media_type="application/json")


def _log(declared: Endpoint, status: int, seconds: float, cost: Cost, request_id: str) -> None:
    logger.info(
        "%s %s %s %.1f ms, %s database calls, %.2f RU, request %s",
        declared.method,
        declared.route,
        status,
        seconds * 1000,
        cost.calls,
        cost.charge,
        request_id,
    )
