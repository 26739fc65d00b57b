"""The model, as the use cases ask it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shared.ai import extracts
from shared.ai.calls import model_call
from shared.ai.client import Connection, cap_name, failures_told
from shared.ai.completion import answer_in
from shared.ai.extracts import Extract
from shared.ai.shapes import Answer, Prompt, SummaryText, Usage
from shared.ai.told import Told
from shared.errors import ModelError
from shared.settings import Settings

if TYPE_CHECKING:  # imported by `Connection`, on first use
    import httpx2


class Model:
    """One a process. Every method raises a ModelFailure when there is no answer.

    http_client: what to send through instead of the SDK's own; `close` closes it too.
    """

    def __init__(self, settings: Settings, http_client: "httpx2.AsyncClient | None" = None) -> None:
        self._settings = settings
        self._http_client = http_client
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def answer(
        self,
        prompts: Sequence[Prompt],
        heard: Callable[[str], None],
        *,
        model: str = "default",
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
    ) -> Answer:
        """The model's next message. heard: is told each piece as it comes. model: one of `Settings.models`.

        A question that the content filter stops has an answer: an empty one, with that reason.
        """
        deployment = self._settings.models.get(model)
        if deployment is None:
            raise ModelError("The model that was asked for isn't offered any more.", param="model")
        options = {
            cap_name(self._settings): max_output_tokens,
            "temperature": temperature,
            "top_p": top_p,
        }
        return await self._complete(deployment, prompts, options, heard)

    async def title(self, messages: Sequence[Prompt]) -> str:
        """A title of at most 80 characters, in the conversation's language."""
        return extracts.title_of(await self._extract(extracts.title(messages)))

    async def summary(self, previous: SummaryText | None, messages: Sequence[Prompt]) -> SummaryText:
        """The summary rolled forward: what `previous` said, and the messages since."""
        return extracts.summary_of(await self._extract(extracts.summary(previous, messages)))

    async def line(self, content: str) -> str:
        """One long message in one line of at most 200 characters."""
        return extracts.line_of(await self._extract(extracts.line(content)))

    async def close(self) -> None:
        """Close what was opened."""
        if self._connection:
            await self._connection.close()
        elif self._http_client:
            await self._http_client.aclose()

    async def _extract(self, extract: Extract) -> Answer:
        deployment = self._settings.azure_openai_title_deployment or self._settings.models["default"]
        answer = await self._complete(deployment, extract.prompts, {"response_format": extract.format})
        if answer.incomplete_reason:
            raise ModelError(f"The model stopped before the end ({answer.incomplete_reason}).")
        return answer

    async def _complete(
        self,
        deployment: str,
        prompts: Sequence[Prompt],
        options: dict[str, Any],
        heard: Callable[[str], None] | None = None,
    ) -> Answer:
        """One call, traced."""
        with model_call(self._provider, deployment, streamed=bool(heard)) as call:
            told = heard and call.heard(heard)
            answer = await self._called(deployment, prompts, options, told)
            call.answered(answer)
            return answer

    @property
    def _provider(self) -> str:
        return "azure.ai.openai" if self._settings.azure_openai_endpoint else "openai"

    async def _called(
        self,
        deployment: str,
        prompts: Sequence[Prompt],
        options: dict[str, Any],
        heard: Callable[[str], None] | None,
    ) -> Answer:
        """One call, retries included, within the time that a call has; a streamed one has it for each piece.

        Any: as the interface takes it.
        """
        connection = await self._connected()
        messages = [{"role": prompt.role, "content": prompt.content} for prompt in prompts]
        given = {name: value for name, value in options.items() if value is not None}
        body = {"model": deployment, "messages": messages, **given}
        with failures_told():
            try:
                async with asyncio.timeout(self._settings.model_timeout_seconds) as limit:
                    if not heard:
                        return answer_in(await connection.completed(body), deployment, prompts)
                    told = Told(heard, lambda: limit.reschedule(self._deadline()))
                    async with await connection.streamed(body) as stream:
                        return await told.answer(stream, deployment, prompts)
            except connection.bad_request as error:
                if error.code != "content_filter":
                    raise
                return Answer("", deployment, Usage(0, 0), "content_filter")

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._settings.model_timeout_seconds

    async def _connected(self) -> Connection:
        """The connection, made by the first to need it, in a thread: other requests go on meanwhile."""
        async with self._connecting:
            if not self._connection:
                self._connection = await asyncio.to_thread(Connection, self._settings, self._http_client)
            return self._connection
