"""Pumps a container's change feed into a function, with the promises of the Azure Cosmos DB trigger.

At least once and in order per feed range; a position is kept when the function has returned; a batch that
still fails after the function's retry policy is passed over.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from azure.cosmos.aio import CosmosClient

from local.host.delivery import Stopping, deliver
from local.host.feed import FeedReader, FeedSettings
from local.host.leases import Lease, LeaseLost, Leases
from local.host.registered import RegisteredFunction
from local.host.trouble import Trouble

logger = logging.getLogger(__name__)


class ChangeFeedPump:
    """One trigger: its leases, and a delivery for each range that this host has the lease of.

    Args:
        function: with a Cosmos DB trigger.
        settings: of that trigger.
        feed_client: for reading the feed, and nothing else.
        lease_client: for the leases.
        owner: this host's name, see local.host.leases.
        sleep: waits for so many seconds.
        clock: the time in seconds.
    """

    def __init__(
        self,
        function: RegisteredFunction,
        settings: FeedSettings,
        feed_client: CosmosClient,
        lease_client: CosmosClient,
        owner: str,
        *,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._function, self._settings = function, settings
        self._reader = FeedReader(feed_client, settings)
        database = lease_client.get_database_client(settings.lease_database)
        self._lease_container = database.get_container_client(settings.lease_container)
        self._owner, self._sleep, self._clock = owner, sleep, clock
        self._held: set[str] = set()
        self._stopping = asyncio.Event()
        self.started = asyncio.Event()

    def stop(self) -> None:
        """Let `run` end once the batches under way are dealt with; the leases are released."""
        self._stopping.set()

    async def run(self) -> None:
        """Deliver until `stop`. From when `started` is set, no change is missed."""
        trouble = Trouble(f"taking the leases of function {self._function.name}")
        async with asyncio.TaskGroup() as group:
            while not self._stopping.is_set():
                wait = self._settings.lease_acquisition
                try:
                    for lease in await self._take_leases():
                        group.create_task(self._pump(lease))
                    self.started.set()
                    trouble.over()
                except Exception as error:
                    wait = trouble.happened(error)
                await self._pause(wait)

    async def _take_leases(self) -> list[Lease]:
        """The leases that are new to this host, each with a position unless it starts from the beginning."""
        leases = await self._leases()
        taken = await leases.take_free(await self._reader.ranges(), self._held)
        for lease in taken:
            if lease.position is None and not self._settings.from_beginning:
                await lease.keep((await self._reader.page(lease.feed_range, None)).position)
        self._held.update(lease.id for lease in taken)
        return taken

    async def _leases(self) -> Leases:
        rid = await self._reader.container_rid()
        prefix = f"{self._settings.lease_prefix}.{self._settings.container}.{rid}."
        return Leases(
            self._lease_container,
            prefix,
            self._owner,
            duration=self._settings.lease_duration,
            clock=self._clock,
        )

    async def _pump(self, lease: Lease) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._renew(lease))
                group.create_task(self._deliver(lease))
        except* LeaseLost:
            logger.warning("function %s: another host took the lease %s", self._function.name, lease.id)
        finally:
            self._held.discard(lease.id)
            await self._release(lease)

    async def _renew(self, lease: Lease) -> None:
        trouble = Trouble(f"renewing the lease {lease.id}")
        await self._pause(self._settings.lease_renewal)
        while not self._stopping.is_set():
            wait = self._settings.lease_renewal
            try:
                await lease.renew()
                trouble.over()
            except LeaseLost:
                raise
            except Exception as error:
                wait = trouble.happened(error)
            await self._pause(wait)

    async def _deliver(self, lease: Lease) -> None:
        trouble = Trouble(f"reading the change feed for function {self._function.name}")
        position = lease.position
        while not self._stopping.is_set():
            wait = 0.0
            try:
                page = await self._reader.page(lease.feed_range, position)
                if page.documents:
                    await deliver(self._function, page.documents, self._pause)
                    await lease.keep(page.position)
                else:
                    wait = self._settings.poll_delay
                position = page.position
                trouble.over()
            except Stopping:
                return
            except LeaseLost:
                raise
            except Exception as error:
                wait = trouble.happened(error)
            await self._pause(wait)

    async def _release(self, lease: Lease) -> None:
        try:
            await lease.release()
        except Exception as error:
            logger.info("the lease %s was not released: %s", lease.id, type(error).__name__)

    async def _pause(self, seconds: float) -> bool:
        """Wait, but no longer than until `stop`. Returns whether to go on."""
        waits = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._stopping.is_set()
