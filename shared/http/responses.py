"""What an endpoint can answer beside its result, for OpenAPI: errors, headers, the event stream."""

import inspect
from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared import errors
from shared.http.endpoint import Endpoint
from shared.http.resource import Accepted, EventStream, Resource

_Error = type[errors.ServiceError]
_CHANGING = frozenset({"DELETE", "PATCH", "POST", "PUT"})
_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})

_HEADERS = {
    "x-request-id": "The request's id, taken from the caller or given here; the log has it.",
    "ETag": "The version, for If-Match.",
    "Idempotency-Replayed": "`true` where this is the stored answer to an earlier request with the same key.",
    "Retry-After": "Seconds to wait.",
    "WWW-Authenticate": "The scheme that is asked for: Bearer.",
}
_OF_STATUS = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    412: ("ETag",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
# An item is a message, and is missing as one.
_KINDS = {"item": "message"}
# What an endpoint answers beside what its route and signature show.
_BESIDE: dict[str, tuple[tuple[int, str], ...]] = {
    "create_response": (
        (404, "conversation_not_found"),
        (404, "response_not_found"),
        (409, errors.ConversationBusy.code),
        (409, errors.ConversationNotActive.code),
    ),
    "list_messages": ((404, "message_not_found"),),
    "erase_my_data": ((409, errors.LegalHold.code),),
    "get_operation_content": ((404, "content_not_found"), (409, errors.OperationNotFinished.code)),
}
_STREAM = (
    "With `stream: true`: events of the names and shapes that OpenAI's Responses API streams "
    "(`response.created`, `response.output_text.delta`, … `response.completed`, `response.incomplete`, "
    "`response.failed`, `error`), each with its `sequence_number` as `id`, and a comment line every 15 s."
)
_STREAM_EXAMPLE = (
    'event: response.output_text.delta\nid: 4\ndata: {"type": "response.output_text.delta", '
    '"sequence_number": 4, "output_index": 0, "content_index": 0, "delta": "Rye "}\n\n'
)


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


def model_of(declared: Endpoint) -> Any:
    """The model of its result; None where that is no JSON, or the work always goes on."""
    answer = _at_once(declared)
    return None if _media_type(answer) else answer


def answers_no_json(declared: Endpoint) -> bool:
    """Whether its result is of another media type."""
    return _media_type(_at_once(declared)) is not None


def responses_of(declared: Endpoint) -> dict[int | str, dict[str, Any]]:
    """Every other answer by status, and the headers of them all."""
    found: dict[int | str, dict[str, Any]] = {}
    if _at_once(declared):
        found[declared.status] = _result(declared)
    if any(_is_a(EventStream, answer) for answer in _answers(declared)):
        found[200] = {**found.get(200, {}), **_stream(declared)}
    for later in filter(_is_accepted, _answers(declared)):
        headers = _headers(*_common(declared))
        found[202] = {"model": later, "description": "The work goes on", "headers": headers}
    codes: dict[int, list[str]] = {}
    for error in _errors(declared):
        codes.setdefault(error.status, []).extend(_codes(error, declared))
    for status, code in _BESIDE.get(declared.function.__name__, ()):
        codes.setdefault(status, []).append(code)
    for status, each in sorted(codes.items()):
        described = ", ".join(f"`{code}`" for code in dict.fromkeys(each))
        headers = _headers("x-request-id", *_OF_STATUS.get(status, ()))
        found[status] = {"model": Problem, "description": described, "headers": headers}
    found["default"] = {"model": Problem, "description": "An error", "headers": _headers("x-request-id")}
    return found


def body_is_required(declared: Endpoint) -> bool:
    """Whether it takes a body that can't be left out; none means `{}`."""
    return any(field.is_required() for field in _body_fields(declared).values())


def takes(declared: Endpoint, name: str) -> bool:
    """Whether its function has a parameter of this name."""
    return name in inspect.signature(declared.function).parameters


def _result(declared: Endpoint) -> dict[str, Any]:
    answer = _at_once(declared)
    versioned = ("ETag",) if isinstance(answer, type) and issubclass(answer, Resource) else ()
    result: dict[str, Any] = {"headers": _headers(*_common(declared), *versioned)}
    if media_type := _media_type(answer):
        result["content"] = {media_type: {"schema": {"type": "string"}}}
    return result


def _stream(declared: Endpoint) -> dict[str, Any]:
    events = {"schema": {"type": "string", "description": _STREAM}, "example": _STREAM_EXAMPLE}
    return {
        "description": "The events",
        "headers": _headers(*_common(declared)),
        "content": {EventStream.media_type: events},
    }


def _errors(declared: Endpoint) -> Iterator[_Error]:
    yield from (errors.InvalidRequest, errors.Unavailable, errors.InternalError)
    if takes(declared, "caller"):
        yield from (errors.Unauthorized, errors.Forbidden, errors.ModelRateLimited)
    if "{" in declared.route:
        yield errors.NotFound
        if declared.method in _CHANGING:
            yield from (errors.ConversationBusy, errors.ConversationNotActive)
    if declared.method in _WITH_BODY:
        yield from (errors.BodyTooLarge, errors.UnsupportedMediaType)
    if takes(declared, "if_match"):
        yield errors.VersionMismatch
    if takes(declared, "once"):
        yield from (errors.RequestInProgress, errors.IdempotencyKeyReused)
    if takes(declared, "query"):
        yield errors.InvalidCursor
    if _body_has(declared, "model"):
        yield from (errors.QuotaExceeded, errors.ModelError, errors.ModelTimeout)


def _codes(error: _Error, declared: Endpoint) -> list[str]:
    if error is not errors.NotFound:
        return [error.code]
    named = [
        part[1:-4] for part in declared.route.split("/") if part.startswith("{") and part.endswith("_id}")
    ]
    return [f"{_KINDS.get(kind, kind)}_not_found" for kind in named]


def _body_has(declared: Endpoint, field: str) -> bool:
    """Whether its body has a field of this name."""
    return field in _body_fields(declared)


def _body_fields(declared: Endpoint) -> dict[str, FieldInfo]:
    body = get_type_hints(declared.function).get("body")
    return body.model_fields if isinstance(body, type) and issubclass(body, BaseModel) else {}


def _answers(declared: Endpoint) -> tuple[Any, ...]:
    answer = get_type_hints(declared.function)["return"]
    return get_args(answer) if isinstance(answer, UnionType) else (answer,)


def _at_once(declared: Endpoint) -> Any:
    """Its answer where the work is done; None where it always goes on."""
    return next((one for one in _answers(declared) if not _is_accepted(one)), None)


def _media_type(answer: Any) -> str | None:
    """What it is, if not JSON."""
    return getattr(answer, "media_type", None)


def _common(declared: Endpoint) -> tuple[str, ...]:
    """The headers of every answer that is no error."""
    return ("x-request-id", *(("Idempotency-Replayed",) if takes(declared, "once") else ()))


def _is_accepted(answer: Any) -> bool:
    return _is_a(Accepted, answer)


def _is_a(kind: type, answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, kind)


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}
