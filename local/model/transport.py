"""OpenAI's HTTP interface, as far as the app uses it, played inside the process."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from pydantic import ValidationError

from local.model import extracts, writing
from local.model.request import ChatRequest
from local.model.trouble import Trouble, at_once, cut_short
from shared.ai import count_tokens

NAME = "offline"


class OfflineModel(httpx2.AsyncBaseTransport):
    """`POST …/chat/completions`, whole and streamed, and `GET …/models`; the same question, the same bytes.

    words_per_second: how fast chat answers come, as a real model takes its time; 0 is at once.
    trouble: what goes wrong with every one of them, to try out how that is taken; titles go well.
    """

    def __init__(self, words_per_second: float = 50, trouble: Trouble = "none") -> None:
        self._seconds_per_word = 1 / words_per_second if words_per_second > 0 else 0.0
        self._trouble = trouble

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer as OpenAI does, errors included."""
        path = request.url.path
        if request.method == "GET" and path.endswith("/models"):
            model = {"id": NAME, "object": "model", "created": 0, "owned_by": "local"}
            return httpx2.Response(200, json={"object": "list", "data": [model]})
        if request.method == "POST" and path.endswith("/chat/completions"):
            return await self._chat(await request.aread())
        return _error(404, f"There is no {request.method} {path} here.")

    async def _chat(self, body: bytes) -> httpx2.Response:
        try:
            chat = ChatRequest.model_validate_json(body)
            written = extracts.extract(chat.schema_name, chat.question) if chat.schema_name else None
        except (ValidationError, ValueError) as error:
            return _error(400, f"The body is not a chat completion request: {error}")
        if written is None and (refusal := await at_once(self._trouble)):
            return refusal
        pace = 0.0 if written else self._seconds_per_word
        trouble: Trouble = "none" if written else self._trouble
        answer = _Answer(chat, body, written or writing.reply(chat.turns), trouble)
        if chat.stream:
            events = answer.events(pace, include_usage=chat.include_usage)
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=events)
        await asyncio.sleep(pace * len(answer.words))
        return httpx2.Response(200, json=answer.whole())


class _Answer:
    """A chat completion, to be sent whole or as events."""

    def __init__(self, chat: ChatRequest, body: bytes, text: str, trouble: Trouble) -> None:
        self._id = f"chatcmpl-{hashlib.sha256(body).hexdigest()[:24]}"
        self._text, self._finish_reason = cut_short(*writing.cap(text, chat.cap), trouble)
        self._breaks_off = trouble == "broken"
        self.words = re.findall(r"\s*\S+\s*$|\s*\S+", self._text)
        asked, answered = sum(count_tokens(turn.text) for turn in chat.turns), count_tokens(self._text)
        self._usage = {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        }

    def whole(self) -> dict[str, Any]:
        """All of it at once."""
        message = {"role": "assistant", "content": self._text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason}
        return self._frame("chat.completion", [choice]) | {"usage": self._usage}

    async def events(self, pace: float, *, include_usage: bool) -> AsyncIterator[bytes]:
        """Server-sent events: the role, each word, why it ends, the usage if asked for."""
        yield self._event({"role": "assistant", "content": ""})
        for word in self.words:
            await asyncio.sleep(pace)
            yield self._event({"content": word})
        if self._breaks_off:
            raise httpx2.ReadError("The offline model was told to break off.")
        yield self._event({}, self._finish_reason)
        if include_usage:
            yield _data(self._frame("chat.completion.chunk", []) | {"usage": self._usage})
        yield b"data: [DONE]\n\n"

    def _event(self, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _data(self._frame("chat.completion.chunk", [choice]))

    def _frame(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": 0, "model": NAME, "choices": choices}


def _data(chunk: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def _error(status: int, message: str) -> httpx2.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return httpx2.Response(status, json={"error": error})
