"""What of an exception may stand in the log: where it came from, never what it says."""

import traceback


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
