"""A service that runs while hypothesis looks for examples; each has a conversation of its own."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.api.conftest import Service, running_service

Result = TypeVar("Result")


@dataclass
class World:
    """The service, and the loop that it lives in."""

    runner: asyncio.Runner
    service: Service

    def run(self, example: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(example)


@contextmanager
def lasting_world() -> Iterator[World]:
    """It lasts as long as the context, whose module starts no other service meanwhile."""
    with asyncio.Runner() as runner:
        running = running_service()

        async def enter() -> World:
            return World(runner, await running.__aenter__())

        async def leave() -> None:
            await running.__aexit__(None, None, None)

        yield runner.run(enter())
        runner.run(leave())
