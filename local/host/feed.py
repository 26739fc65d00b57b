"""Reads a container's change feed, page by page, as a Cosmos DB trigger sets it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from azure.cosmos.aio import CosmosClient

from local.host.registered import Refused, RegisteredFunction


@dataclass(frozen=True)
class FeedSettings:
    """What the trigger says, with the trigger's own defaults. Times in seconds."""

    database: str
    container: str
    lease_database: str
    lease_container: str
    lease_prefix: str
    from_beginning: bool
    max_items: int
    poll_delay: float
    lease_duration: float
    lease_renewal: float
    lease_acquisition: float

    @classmethod
    def of(cls, function: RegisteredFunction, environment: Mapping[str, str]) -> Self:
        """Read them from a function's trigger; `environment` fills `%SETTING%`. Raises Refused."""
        trigger = function.trigger
        unknown = {"startFromTime", "leaseConnection"} & set(trigger)
        if unknown:
            raise Refused(f"function {function.name}: this host does not stand in for {sorted(unknown)}")
        database = function.setting("databaseName", environment)
        settings = cls(
            database=database,
            container=function.setting("containerName", environment),
            lease_database=function.setting("leaseDatabaseName", environment, database),
            lease_container=function.setting("leaseContainerName", environment, "leases"),
            lease_prefix=function.setting("leaseContainerPrefix", environment, ""),
            from_beginning=bool(trigger.get("startFromBeginning")),
            max_items=int(trigger.get("maxItemsPerInvocation") or 100),
            poll_delay=_seconds(trigger, "feedPollDelay", 5_000),
            lease_duration=_seconds(trigger, "leaseExpirationInterval", 60_000),
            lease_renewal=_seconds(trigger, "leaseRenewInterval", 17_000),
            lease_acquisition=_seconds(trigger, "leaseAcquireInterval", 13_000),
        )
        monitored = (settings.database, settings.container)
        if monitored == (settings.lease_database, settings.lease_container):
            raise Refused(f"function {function.name}: its leases cannot lie in the container it monitors")
        return settings


def _seconds(trigger: Mapping[str, Any], key: str, default_milliseconds: int) -> float:
    return float(trigger.get(key) or default_milliseconds) / 1000


@dataclass(frozen=True)
class Page:
    """Changes, oldest first, and the position after them. All changes of one transaction are in one page."""

    documents: list[dict[str, Any]]
    position: str


class FeedReader:
    """Reads one container's feed.

    Args:
        client: used for nothing else, for the position after an empty page stands only in the headers of the
            client's last response.
        settings: the container, where to start, and how much to read at once.
    """

    def __init__(self, client: CosmosClient, settings: FeedSettings) -> None:
        self._container = client.get_database_client(settings.database).get_container_client(
            settings.container
        )
        self._settings = settings
        self._reading = asyncio.Lock()

    async def ranges(self) -> list[dict[str, Any]]:
        """The container's feed ranges."""
        async with self._reading:
            return [one async for one in self._container.read_feed_ranges()]

    async def container_rid(self) -> str:
        """What tells the container from one of the same name that was there before."""
        async with self._reading:
            return str((await self._container.read())["_rid"])

    async def page(self, feed_range: dict[str, Any], position: str | None) -> Page:
        """What changed after `position`; None stands for where the trigger starts."""
        async with self._reading:
            start = {"continuation": position} if position else self._beginning(feed_range)
            pages = self._container.query_items_change_feed(max_item_count=self._settings.max_items, **start)
            try:
                documents = [document async for document in await anext(pages.by_page())]
            except StopAsyncIteration:
                documents = []
            return Page(documents, self._container.client_connection.last_response_headers["etag"])

    def _beginning(self, feed_range: dict[str, Any]) -> dict[str, Any]:
        return {
            "feed_range": feed_range,
            "start_time": "Beginning" if self._settings.from_beginning else "Now",
        }
