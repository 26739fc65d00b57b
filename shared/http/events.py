"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

# A comment keeps the line open while there is nothing to say.
HEARTBEAT_SECONDS = 15.0

# An event: its number, its type, and what it says.
Event = tuple[int, str, dict[str, Any]]


async def sent(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    """Events as they go over the wire, with a heartbeat in every silence."""
    following = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait([following], timeout=HEARTBEAT_SECONDS)
            if not done:
                yield b": still here\n\n"
                continue
            if (event := following.result()) is None:
                return
            yield _framed(*event)
            following = asyncio.ensure_future(anext(events, None))
    finally:
        following.cancel()


def _framed(number: int, kind: str, payload: dict[str, Any]) -> bytes:
    # In ASCII, since clients split lines at U+2028 and U+0085 too.
    data = json.dumps({"type": kind, "sequence_number": number, **payload}, separators=(",", ":"))
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n".encode()
