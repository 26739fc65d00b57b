"""What may stand in the log: where an exception came from, never what it says; nothing of what is sent."""

import logging
import traceback

# At INFO and below they log what they send: headers, addresses, bodies.
_LIBRARIES = ("aiohttp", "azure", "httpcore2", "httpx2", "msal", "openai", "urllib3")


class Failed(Exception):
    """What failed, as its `trace` has it: safe to log, as others will."""


def quiet_libraries() -> None:
    """Let the SDKs and what they stand on log warnings only, whatever LOGLEVEL is.

    The server inside the Functions worker writes a line a request, with what was searched for in it, and sets
    its level when it starts, which is later: so that line is filtered.
    """
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").addFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


def trace(error: BaseException) -> str:
    """An exception and its causes, by type and place, innermost last.

    Without their texts: those of the SDKs and of pydantic repeat what they were given, messages included.
    """
    lines = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        lines.append(f"{type(seen).__qualname__} at {places or 'no place'}")
        seen = seen.__cause__ or seen.__context__
    return "\n".join(lines)
