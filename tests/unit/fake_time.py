"""A clock and a sleep that go on only when a test says so."""

import asyncio
import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count


class FakeTime:
    """Seconds since 1970. `sleep` wakes up when `pass_seconds` has gone past its end."""

    def __init__(self, start: datetime = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)) -> None:
        self.seconds = start.timestamp()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._numbers = count()

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        """The same as a datetime in UTC."""
        return datetime.fromtimestamp(self.seconds, UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""
        awake = asyncio.Event()
        heapq.heappush(self._sleepers, (self.seconds + seconds, next(self._numbers), awake))
        if seconds <= 0:
            awake.set()
            await asyncio.sleep(0)
        await awake.wait()

    async def pass_seconds(self, seconds: float) -> None:
        """Let time pass; whoever wakes up in between gets to do its work at its own moment."""
        end = self.seconds + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, awake = heapq.heappop(self._sleepers)
            self.seconds = max(self.seconds, moment)
            awake.set()
            await settle()
        self.seconds = end


async def settle() -> None:
    """Let everything that can run now run; nothing here waits for the outside."""
    for _ in range(100):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Let others run until the condition holds."""
    for _ in range(5_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("what was waited for did not happen")
