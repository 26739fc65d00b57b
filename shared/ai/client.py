"""The one `openai` client of a process, and what its errors mean here.

Azure OpenAI is asked through its v1 API (`https://….openai.azure.com/openai/v1/`) with the plain client: no
dated `api-version` to fall behind (the last one, 2024-10-21, gets nothing new), one request for all servers.
https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle
"""

import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.errors import ModelError, ModelFailure, ModelRateLimited, ModelTimeout, ModelUnavailable
from shared.settings import Settings

if TYPE_CHECKING:  # openai and what it brings cost 0.4 s to import, so that waits for the first use
    import httpx2
    from azure.identity.aio import DefaultAzureCredential
    from openai import APIStatusError, AsyncOpenAI, AsyncStream

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
MAX_RETRIES = 2
LONGEST_RETRY_WAIT = 5.0
_COMPLETIONS = "/chat/completions"
AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"


class Connection:
    """The client, and the credential it may hold. Making it imports openai, 0.4 s; there is one a process."""

    def __init__(self, settings: Settings, http_client: "httpx2.AsyncClient | None" = None) -> None:
        import openai

        self.bad_request = openai.BadRequestError
        self._credential: DefaultAzureCredential | None = None
        http_client = http_client or openai.DefaultAsyncHttpxClient()
        http_client.event_hooks["response"].append(_leave_long_waits_to_the_caller)
        self.openai: AsyncOpenAI = openai.AsyncOpenAI(
            base_url=_base_url(settings),
            api_key=self._key(settings),
            timeout=openai.Timeout(settings.model_timeout_seconds, connect=CONNECT_SECONDS),
            max_retries=MAX_RETRIES,
            http_client=http_client,
        )

    def _key(self, settings: Settings) -> str | Callable[[], Awaitable[str]]:
        if not settings.azure_openai_endpoint:
            return settings.openai_api_key or "none"
        if settings.azure_openai_key:
            return settings.azure_openai_key
        from azure.identity.aio import DefaultAzureCredential

        self._credential = DefaultAzureCredential()
        return _token_provider(self._credential)

    async def completed(self, body: dict[str, Any]) -> object:
        """A chat completion, as JSON.

        Asked by the client's own `post`, for its `chat.completions.create` looks through every message for
        files (0.15 ms each) and checks nothing in what comes; here that is read by shapes of our own.
        """
        return await self.openai.post(_COMPLETIONS, cast_to=object, body=body)

    async def streamed(self, body: dict[str, Any]) -> "AsyncStream[object]":
        """The same in chunks, the last with the usage."""
        from openai import AsyncStream

        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        chunks = AsyncStream[object]
        return await self.openai.post(_COMPLETIONS, cast_to=object, body=body, stream=True, stream_cls=chunks)

    async def close(self) -> None:
        """Close the client and the credential."""
        await self.openai.close()
        if self._credential:
            await self._credential.close()


def _base_url(settings: Settings) -> str:
    endpoint = settings.azure_openai_endpoint.rstrip("/").removesuffix("/openai/v1")
    return f"{endpoint}/openai/v1/" if endpoint else settings.openai_base_url


def cap_name(settings: Settings) -> str:
    """What the cap on an answer's tokens is called.

    Azure and OpenAI take `max_completion_tokens`; their reasoning models refuse `max_tokens`. Ollama, LM
    Studio and older llama.cpp know only `max_tokens` and ignore the other without a word; the rest take both.
    """
    host = urlsplit(settings.openai_base_url).hostname
    theirs = not settings.azure_openai_endpoint and host != "api.openai.com"
    return "max_tokens" if theirs else "max_completion_tokens"


def _token_provider(credential: "DefaultAzureCredential") -> Callable[[], Awaitable[str]]:
    """The identity's token for each request; it caches it. Raises ModelUnavailable where there is none."""
    from azure.core.exceptions import AzureError
    from azure.identity.aio import get_bearer_token_provider

    provide = get_bearer_token_provider(credential, AZURE_SCOPE)

    async def token() -> str:
        try:
            return await provide()
        except AzureError as error:
            log.error("no token for the model: %s", type(error).__name__)
            raise ModelUnavailable("The model can't be reached right now; try again later.") from error

    return token


async def _leave_long_waits_to_the_caller(response: "httpx2.Response") -> None:
    """Keep the SDK from sitting out a long Retry-After (it would, up to two minutes) while a caller waits."""
    if _retry_after(response) > LONGEST_RETRY_WAIT:
        response.headers["x-should-retry"] = "false"


def _retry_after(response: "httpx2.Response") -> float:
    """Seconds; 0 where there is none. Azure and OpenAI send numbers, so the date form is left aside."""
    try:
        seconds = float(response.headers.get("retry-after", "0"))
    except ValueError:
        return 0
    return seconds if math.isfinite(seconds) else 0


@contextmanager
def failures_told() -> Iterator[None]:
    """What the SDK raises, as the ModelFailure that it means; no text of the SDK's or the server's in it."""
    import openai

    try:
        yield
    except (openai.APITimeoutError, TimeoutError) as error:
        raise ModelTimeout("The model took too long to answer.") from error
    except openai.APIConnectionError as error:
        raise ModelUnavailable("The model can't be reached right now; try again later.") from error
    except openai.APIStatusError as error:
        raise _status_failure(error) from error
    except (openai.OpenAIError, ValueError) as error:
        raise ModelError("The model's answer can't be read.") from error


def _status_failure(error: "APIStatusError") -> ModelFailure:
    log.log(
        logging.ERROR if error.status_code in (401, 403, 404) else logging.WARNING,
        "the model answered %s (code %s, its request %s)", error.status_code, error.code, error.request_id,
    )  # fmt: skip
    match error.status_code:
        case 429:
            seconds = max(1, math.ceil(_retry_after(error.response)))
            return ModelRateLimited("The model's quota is used up for now.", retry_after=seconds)
        case 401 | 403 | 404:
            return ModelError("The service's access to the model isn't set up correctly.")
        case status if status >= 500:
            return ModelError("The model failed; try again later.")
    return ModelError("The model refused the request.")
