"""The pumps and timers of an app, from start to stop."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack

from local.database import Database
from local.host.admin import Admin
from local.host.change_feed import ChangeFeedPump
from local.host.feed import FeedSettings
from local.host.registered import COSMOS_DB, TIMER, RegisteredFunction
from local.host.timers import Timer

logger = logging.getLogger(__name__)

_PATIENCE = 5.0


class Background:
    """Everything that runs without a request. Raises Refused if a trigger cannot be served.

    Args:
        functions: all that the app registered.
        environment: fills `%SETTING%` in their triggers.
        admin: whose runs are waited for at the end.
    """

    def __init__(
        self, functions: Sequence[RegisteredFunction], environment: dict[str, str], admin: Admin
    ) -> None:
        self._admin = admin
        self._feeds = [(one, FeedSettings.of(one, environment)) for one in functions if one.kind == COSMOS_DB]
        self._timed = [(one, Timer(one, environment)) for one in functions if one.kind == TIMER]
        self._pumps: list[ChangeFeedPump] = []
        self._pumping: list[asyncio.Task[None]] = []
        self._ticking: list[tuple[RegisteredFunction, asyncio.Task[None]]] = []

    async def start(self, database: Database, resources: AsyncExitStack) -> None:
        """Start all; returns when no change from now on will be missed, or a database is slow to answer.

        Every pump reads through a client of its own, for which see local.host.feed.
        """
        leases = await database.client(resources)
        for function, settings in self._feeds:
            client = await database.client(resources)
            self._pumps.append(ChangeFeedPump(function, settings, client, leases, database.owner))
        self._pumping = [asyncio.create_task(pump.run()) for pump in self._pumps]
        started = [asyncio.create_task(pump.started.wait()) for pump in self._pumps]
        if started:
            _, late = await asyncio.wait(started, timeout=_PATIENCE)
            for waiting in late:
                waiting.cancel()
        self._ticking = [(function, asyncio.create_task(timer.run())) for function, timer in self._timed]

    async def stop(self, grace: float) -> None:
        """Stop all; what is being worked on gets `grace` seconds to end."""
        for pump in self._pumps:
            pump.stop()
        ending = [*self._pumping, asyncio.create_task(self._admin.settled())]
        ending += [asyncio.create_task(_stop_timer(function, task)) for function, task in self._ticking]
        _, late = await asyncio.wait(ending, timeout=grace)
        if late:
            logger.warning("%d background runs were cut off; they come again at the next start", len(late))
        for task in [*late, *(task for _, task in self._ticking)]:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


async def _stop_timer(function: RegisteredFunction, task: asyncio.Task[None]) -> None:
    async with function.alone:
        task.cancel()
