"""A request's JSON body: read within a limit, parsed strictly, or refused with the reason."""

import json
import sys
from typing import Any

from fastapi import Request

from shared.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 32
MAX_VALUES = 50_000


async def read_json(request: Request) -> Any:
    """The parsed body; `{}` where there is none. Raises the error that says what is wrong with it."""
    raw = await _read(request)
    if not raw:
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        given = f"is '{media_type[:64]}'" if media_type else "has no type"
        raise UnsupportedMediaType(
            f"The body {given}; send JSON with Content-Type: application/json.", param="Content-Type"
        )
    try:
        body = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except InvalidRequest:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise InvalidRequest(f"The body is not JSON: {_position(error)}") from None
    _Storable().check(body, "", 0)
    return body


async def _read(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > MAX_BYTES:
        raise _too_large()
    chunks, size = [], 0
    async for chunk in request.stream():  # one that comes in chunks announces nothing
        size += len(chunk)
        if size > MAX_BYTES:
            raise _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The body is over {MAX_BYTES} bytes.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                break
            seen.add(name)
        twice = name
        _check_text(twice, "")
        raise InvalidRequest(f"'{twice[:64]}' stands twice in one object.", param=twice[:64])
    return found


def _no_constant(name: str) -> None:
    raise InvalidRequest(f"{name} is no JSON number.")


def _position(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}."
    return "it is not UTF-8." if isinstance(error, UnicodeError) else "a number has too many digits."


class _Storable:
    """Refuses what JSON can carry and the database can't, or shouldn't: see `check`."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def check(self, value: Any, path: str, depth: int) -> None:
        """Refuse NUL, half a surrogate pair, 1e999, deep nesting, and more values than any request needs."""
        self._left -= 1
        if self._left < 0:
            raise InvalidRequest(f"The body holds more than {MAX_VALUES} values.")
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(value, str):
            _check_text(value, path)
        elif isinstance(value, int | float) and abs(value) > sys.float_info.max:
            raise InvalidRequest("The number is too large; a double must hold it.", param=path[:200] or None)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self.check(item, f"{path}[{index}]", depth + 1)
        elif isinstance(value, dict):
            for name, item in value.items():
                _check_text(name, path)
                self.check(item, f"{path}.{name}" if path else name, depth + 1)


def _check_text(text: str, path: str) -> None:
    if "\0" in text:
        raise InvalidRequest("A NUL character can't be stored.", param=path[:200] or None)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("Half a surrogate pair is no character.", param=path[:200] or None) from None


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")
