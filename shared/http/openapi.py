"""The OpenAPI document, by FastAPI's generator, from the declarations that make the endpoints."""

from collections.abc import Iterable
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from shared.http.endpoint import Endpoint, answer_kinds
from shared.http.resource import Accepted, Streamed

TITLE = "Conversation service"
VERSION = "0.1.0"


class ErrorDetail(BaseModel):
    """One thing wrong with a request."""

    param: str
    message: str


class ErrorBody(BaseModel):
    """What went wrong, for programs (`code`, `param`) and for people (`message`)."""

    code: str
    message: str
    type: str
    param: str | None
    details: list[ErrorDetail]
    request_id: str


class Problem(BaseModel):
    """Every error's answer."""

    error: ErrorBody


def openapi_document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """OpenAPI 3.1 of the endpoints; each operation id is its Azure function's name."""
    return get_openapi(title=TITLE, version=VERSION, routes=[_route(declared) for declared in endpoints])


def _route(declared: Endpoint) -> APIRoute:
    kinds = answer_kinds(declared.function)
    at_once = [kind for kind in kinds if not issubclass(kind, Accepted | Streamed)]
    responses: dict[int | str, dict[str, Any]] = {"default": {"model": Problem, "description": "An error"}}
    for kind in kinds:
        if issubclass(kind, Accepted):
            responses[202] = {"model": kind, "description": "The work goes on"}
        if issubclass(kind, Streamed):
            content = {kind.media_type: {"schema": {"type": "string"}}}
            responses[200] = {"description": "Piece by piece", "content": content}
    return APIRoute(
        f"/v1/{declared.route}",
        declared.function,
        methods=[declared.method],
        status_code=declared.status,
        operation_id=declared.function.__name__,
        name=declared.function.__name__.replace("_", " "),
        response_model=at_once[0] if at_once else None,
        responses=responses,
    )
