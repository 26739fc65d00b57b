"""How a request becomes an endpoint's arguments, by the endpoint's signature."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import Depends, Header, Request, params
from pydantic import BaseModel, ValidationError

from shared.errors import InvalidRequest
from shared.http.body import read_json
from shared.http.once import once_of
from shared.http.problems import invalid
from shared.http.resource import Nothing
from shared.idempotency import Show
from shared.models import Caller
from shared.services import services

_ETAG = re.compile(r'\*|"[!#-~]*"')


def _signed_in() -> Caller:
    """For the OpenAPI document only: the binder itself asks who is calling, before it reads anything."""
    raise NotImplementedError


AsCaller = Annotated[Caller, Depends(_signed_in)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=f"^(?:{_ETAG.pattern})$",
        description="The ETag that the change is based on.",
    ),
]

LastEventId = Annotated[
    int | None, Header(alias="Last-Event-ID", ge=0, description="The number of the last event that arrived.")
]

Bind = Callable[[Request, Show], Awaitable[dict[str, Any]]]
Source = Callable[[Request], Any]


def binder(function: Callable[..., Any], method: str, route: str, *, lenient: bool = False) -> Bind:
    """What makes the arguments of `function` from a request; the caller first, so strangers learn nothing.

    lenient: query parameters that the endpoint doesn't take are ignored.
    """
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return")
    in_path = set(re.findall(r"{(\w+)}", route))
    takes_caller = hints.pop("caller", None) is not None
    if (hints.pop("once", None) is None) == (method == "POST"):
        raise TypeError(f"{function.__name__}: a POST, and nothing else, takes `once: AsOnce = None`")
    bodies = {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, BaseModel)
    }
    sources = {name: _source(name, hint, in_path) for name, hint in hints.items() if name not in bodies}
    if not lenient and not any(isinstance(_marker(hint), params.Query) for hint in hints.values()):
        sources[""] = _query(Nothing)
    takes_body = method in ("POST", "PUT", "PATCH")

    async def bind(request: Request, show: Show) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        if takes_caller:
            arguments["caller"] = await services().auth.caller(request.headers)
        arguments |= {name: source(request) for name, source in sources.items()}
        if takes_body:
            body = await read_json(request)
            for name, model in (bodies or {"": Nothing}).items():
                arguments[name] = _validated(model, body)
            if method == "POST":
                arguments["once"] = once_of(request, body, show)
        arguments.pop("", None)
        return arguments

    return bind


def _source(name: str, hint: Any, in_path: set[str]) -> Source:
    if name in in_path:
        return lambda request: request.path_params[name]
    marker = _marker(hint)
    if isinstance(marker, params.Query):
        return _query(get_args(hint)[0])
    if isinstance(marker, params.Header):
        return _if_match if marker.alias == "If-Match" else _last_event_id
    raise TypeError(f"cannot tell where '{name}' comes from")


def _marker(hint: Any) -> object:
    return get_args(hint)[1] if get_origin(hint) is Annotated else None


def _query(model: type[BaseModel]) -> Source:
    def query(request: Request) -> BaseModel:
        values = request.query_params
        for name, times in Counter(name for name, _ in values.multi_items()).items():
            used = name in model.model_fields or model.model_config["extra"] == "forbid"
            if used and times > 1:
                raise InvalidRequest(f"{name[:64]} is given more than once.", param=name[:64])
        return _validated(model, dict(values))

    return query


def _if_match(request: Request) -> str | None:
    value = request.headers.get("if-match")
    if value is not None and not _ETAG.fullmatch(value):
        raise InvalidRequest('If-Match takes one ETag in its quotes, as "abc", or *.', param="If-Match")
    return value


def _last_event_id(request: Request) -> int | None:
    value = request.headers.get("last-event-id")
    if value is not None and not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise InvalidRequest("Last-Event-ID should be an event's number.", param="Last-Event-ID")
    return None if value is None else int(value)


def _validated(model: type[BaseModel], values: Any) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None
