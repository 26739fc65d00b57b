"""Errors as answers: one shape, made in one place."""

import logging
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import ValidationError

from shared.errors import Detail, InternalError, InvalidRequest, ServiceError
from shared.logs import trace

MAX_DETAILS = 20

logger = logging.getLogger(__name__)


def problem(error: Exception, request_id: str) -> JSONResponse:
    """The answer to an error."""
    error = as_told(error)
    return JSONResponse(_body(error, request_id), error.status, headers=error.headers)


def as_told(error: Exception) -> ServiceError:
    """An error as a client may know it: one that isn't ours without a word of it."""
    if isinstance(error, ServiceError):
        return error
    return InternalError("Something went wrong here; the log has it under the request id.")


def log_problem(error: Exception, request_id: str) -> None:
    """Log what is a fault of ours, or of what we depend on."""
    if not isinstance(error, ServiceError):
        logger.error("request %s failed: %s", request_id, trace(error))
    elif error.status >= 500:
        cause = type(error.__cause__).__name__
        logger.error("request %s failed: %s (%s)", request_id, error.code, cause)


def _body(error: ServiceError, request_id: str) -> dict[str, Any]:
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "details": [{"param": detail.param, "message": detail.message} for detail in error.details],
            "request_id": request_id,
        }
    }


def invalid(error: ValidationError) -> InvalidRequest:
    """What pydantic found wrong, as one error that names the first field and lists the first twenty."""
    found = error.errors(include_url=False)[:MAX_DETAILS]
    details = [_detail(item["loc"], _message(item)) for item in found]
    first = details[0]
    if not first.param:
        alone = found[0]["type"] == "value_error"  # it says itself what it is about
        return InvalidRequest(first.message if alone else f"The body {first.message}")
    return InvalidRequest(f"{first.param}: {first.message}", param=first.param, details=details)


def _detail(location: tuple[int | str, ...], message: str) -> Detail:
    """Pydantic names a key that is wrong itself by `[key]` behind it."""
    if len(location) > 2 and location[-1] == "[key]":
        return Detail(_path(location[:-1]), message.replace("string", "key", 1))
    return Detail(_path(location), message)


def _path(location: tuple[int | str, ...]) -> str:
    """`metadata.color`, `tags[2]`; what begins with "-" tells kinds of values apart, for pydantic."""
    named = [part for part in location if isinstance(part, int) or not part.startswith("-")]
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in named]
    return "".join(parts).removeprefix(".")[:200]


def _message(item: Any) -> str:
    """Pydantic's words, in terms of JSON rather than Python."""
    match item["type"]:
        case "extra_forbidden":
            return "is not known here."
        case "missing":
            return "is required."
        case "value_error":
            return str(item["ctx"]["error"])
        case "dict_type" | "model_type" | "model_attributes_type":
            return "should be an object."
        case "list_type" | "tuple_type":
            return "should be an array."
        case "int_type" | "int_parsing" | "int_parsing_size" | "int_from_float":
            return "should be an integer."
        case "too_long":
            things = "pairs" if item["ctx"]["field_type"] == "Dictionary" else "items"
            return f"should have at most {item['ctx']['max_length']} {things}."
    message: str = item["msg"]
    return f"{message[0].lower()}{message[1:]}.".replace("input should", "should")
