"""The OpenAPI document, by FastAPI's generator, from the declarations that make the endpoints."""

from collections.abc import Iterable
from types import UnionType
from typing import Any, get_args, get_type_hints

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from shared.http.endpoint import Endpoint
from shared.http.resource import Accepted

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
    answer = get_type_hints(declared.function)["return"]
    each = get_args(answer) if isinstance(answer, UnionType) else (answer,)
    at_once = [one for one in each if not _is_accepted(one)]
    responses: dict[int | str, dict[str, Any]] = {"default": {"model": Problem, "description": "An error"}}
    for later in filter(_is_accepted, each):
        responses[202] = {"model": later, "description": "The work goes on"}
    return APIRoute(
        f"/v1/{declared.route}",
        declared.function,
        methods=[declared.method],
        status_code=declared.status,
        operation_id=declared.function.__name__,
        name=declared.function.__name__.replace("_", " "),
        response_model=at_once[0],
        responses=responses,
    )


def _is_accepted(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, Accepted)
