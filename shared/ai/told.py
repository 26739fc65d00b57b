"""An answer that comes piece by piece: each is told as it comes, and they make the answer in the end."""

import json
from collections.abc import AsyncIterable, Callable, Sequence
from typing import TYPE_CHECKING

from shared.ai.cleaning import storable
from shared.ai.completion import STOPPED, Read, ReadUsage, answer_in, used
from shared.ai.shapes import Answer, Prompt
from shared.errors import ModelError

if TYPE_CHECKING:  # it comes with openai, which is imported on first use
    import httpx2
    from openai import AsyncStream


class _Delta(Read):
    content: str | None = None
    refusal: str | None = None


class _Choice(Read):
    delta: _Delta
    finish_reason: str | None = None


class _Chunk(Read):
    choices: tuple[_Choice, ...] = ()
    model: str | None = None
    usage: ReadUsage | None = None


def _is_whole(response: "httpx2.Response") -> bool:
    """Whether a server has answered in one piece, though it was asked for pieces: some do."""
    return "json" in response.headers.get("content-type", "")


class Told:
    """heard: is told each piece. more_time: is called with each, for a model that speaks isn't late."""

    def __init__(self, heard: Callable[[str], None], more_time: Callable[[], None]) -> None:
        self._heard = heard
        self._more_time = more_time
        self._pieces: list[str] = []
        self._half = ""

    async def answer(
        self, stream: "AsyncStream[object]", deployment: str, prompts: Sequence[Prompt]
    ) -> Answer:
        """All of it, once it has ended. Raises ModelError for a refusal, nothing, or what breaks off.

        ValueError where it can't be read. A server that doesn't stream is taken at its one word.
        """
        if _is_whole(stream.response):
            answer = answer_in(json.loads(await stream.response.aread()), deployment, prompts)
            self._heard(answer.content)
            return answer
        return await self._answer_of(stream, deployment, prompts)

    async def _answer_of(
        self, chunks: AsyncIterable[object], deployment: str, prompts: Sequence[Prompt]
    ) -> Answer:
        model, usage, refused = deployment, None, False
        finish: str | None = None
        async for chunk in chunks:
            read = _Chunk.model_validate(chunk)
            self._more_time()
            model, usage = read.model or model, read.usage or usage
            for choice in read.choices[:1]:
                self._tell(choice.delta.content or "")
                refused = refused or bool(choice.delta.refusal)
                finish = choice.finish_reason or finish
        content, reason = "".join(self._pieces), STOPPED.get(finish)
        if refused:
            raise ModelError("The model refused to answer.")
        if finish is None:
            raise ModelError("The model broke off before the end.")
        if not content and not reason:
            raise ModelError("The model answered with nothing.")
        return Answer(content, model, used(usage, prompts, content), reason)

    def _tell(self, text: str) -> None:
        """Pass a piece on; half a character at its end waits for the other half."""
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        text = storable(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        if text:
            self._pieces.append(text)
            self._heard(text)
