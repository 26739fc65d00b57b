"""A model that says what a test tells it to, when it tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2


class Script:
    """One answer: pieces that are said one by one, then its end, or nothing more."""

    def __init__(self, *pieces: str, finish: str | None = None) -> None:
        self._lines: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.closed = asyncio.Event()
        for piece in pieces:
            self.say(piece)
        if finish:
            self.end(finish)

    def say(self, text: str) -> None:
        """Say a piece."""
        self._put({"index": 0, "delta": {"content": text}, "finish_reason": None})

    def end(self, finish_reason: str = "stop") -> None:
        """Come to an end."""
        self._put({"index": 0, "delta": {}, "finish_reason": finish_reason})
        self._lines.put_nowait(b"data: [DONE]\n\n")
        self._lines.put_nowait(None)

    def break_off(self, error: Exception | None = None) -> None:
        """End the connection without an end, cleanly or with an error."""
        self._lines.put_nowait(error)

    def response(self) -> httpx2.Response:
        """As the server sends it."""
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self._sent())

    def _put(self, choice: dict[str, Any]) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "script"}
        self._lines.put_nowait(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode())

    async def _sent(self) -> AsyncIterator[bytes]:
        try:
            while (line := await self._lines.get()) is not None:
                if isinstance(line, Exception):
                    raise line
                yield line
        finally:
            self.closed.set()
