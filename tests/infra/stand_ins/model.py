"""The offline model behind a port, as an OpenAI-compatible server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
from aiohttp import web
from aiohttp.test_utils import TestServer

from local.model import OfflineModel

_BEFORE_A_HALT = 3  # events: the role, and two words


class ModelServer:
    """What a test sees and sets: `asked`, counted by Authorization; streams halt until it `goes_on`."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.url = ""
        self._model = OfflineModel(words_per_second=0)

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Streams halt after two words."""
        self.goes_on.clear()
        try:
            yield
        finally:
            self.goes_on.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What the model answers, as it comes."""
        self.asked[request.headers.get("Authorization", "")] += 1
        asked = httpx2.Request(request.method, str(request.url), content=await request.read())
        found = await self._model.handle_async_request(asked)
        headers = {"Content-Type": found.headers["content-type"]}
        answer = web.StreamResponse(status=found.status_code, headers=headers)
        await answer.prepare(request)
        left = _BEFORE_A_HALT
        async for chunk in found.aiter_bytes():
            await answer.write(chunk)
            left -= 1
            if left == 0:
                await self.goes_on.wait()
        return answer


@asynccontextmanager
async def model_serving() -> AsyncIterator[ModelServer]:
    """A model that serves."""
    model, app = ModelServer(), web.Application()
    app.router.add_route("*", "/{path:.+}", model.answer)
    async with TestServer(app) as server:
        model.url = str(server.make_url("")).rstrip("/")
        yield model
