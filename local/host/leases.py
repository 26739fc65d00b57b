"""Leases on feed ranges: who delivers a range's changes, and up to where they were delivered.

A lease may be taken when nobody owns it, when it has expired, or when its owner has this host's own name. A
host is named for something that only one process can hold at a time (the locked data folder, or a machine's
listening port), so an owner of the same name is a process that is gone: after a crash the next start waits
for nothing.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

_LEASES = "SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)"


class LeaseLost(Exception):
    """Another host has taken the lease."""


class Lease:
    """A lease that is held. Every write is on the condition that it still is; else LeaseLost is raised."""

    def __init__(
        self, container: ContainerProxy, document: Mapping[str, Any], expires: Callable[[], float]
    ) -> None:
        self._container, self._document, self._expires = container, document, expires
        self._writing = asyncio.Lock()

    @property
    def id(self) -> str:
        """Its document's id."""
        return str(self._document["id"])

    @property
    def feed_range(self) -> dict[str, Any]:
        """The range, as the SDK gives it."""
        return dict(self._document["feedRange"])

    @property
    def position(self) -> str | None:
        """The SDK's continuation after the last batch that was dealt with; None before the first."""
        position: str | None = self._document["position"]
        return position

    async def take(self, owner: str) -> None:
        """Make `owner` the one who delivers."""
        await self._write(owner=owner, expiresAt=self._expires())

    async def renew(self) -> None:
        """Put off the expiry."""
        await self._write(expiresAt=self._expires())

    async def keep(self, position: str) -> None:
        """Remember that everything before `position` was dealt with."""
        await self._write(position=position, expiresAt=self._expires())

    async def release(self) -> None:
        """Let anyone take it."""
        await self._write(owner=None, expiresAt=0)

    async def _write(self, **changes: Any) -> None:
        async with self._writing:
            try:
                self._document = await self._container.replace_item(
                    self.id,
                    {**self._document, **changes},
                    etag=self._document["_etag"],
                    match_condition=MatchConditions.IfNotModified,
                )
            except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError) as error:
                raise LeaseLost(self.id) from error


class Leases:
    """The leases of one trigger.

    Args:
        container: the lease container.
        prefix: what the ids of this trigger's leases start with.
        owner: this host's name.
        duration: seconds until a lease that is not renewed expires.
        clock: the time in seconds.
    """

    def __init__(
        self,
        container: ContainerProxy,
        prefix: str,
        owner: str,
        *,
        duration: float = 60,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._container, self._prefix, self._owner = container, prefix, owner
        self._duration, self._clock = duration, clock

    async def take_free(self, ranges: Sequence[dict[str, Any]], held: Collection[str]) -> list[Lease]:
        """Take every lease that may be taken, save those `held` (ids); make those missing for `ranges`."""
        documents = await self._all()
        taken = [_bounds(document["feedRange"]) for document in documents]
        missing = [one for one in ranges if not any(_overlap(_bounds(one), other) for other in taken)]
        documents += [made for one in missing if (made := await self._make(one))]
        free = [document for document in documents if document["id"] not in held and self._is_free(document)]
        return [lease for document in free if (lease := await self._take(document))]

    async def _all(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = [{"name": "@prefix", "value": self._prefix}]
        return [document async for document in self._container.query_items(_LEASES, parameters=parameters)]

    async def _make(self, feed_range: dict[str, Any]) -> dict[str, Any] | None:
        low, high = _bounds(feed_range)
        document = {
            "id": f"{self._prefix}{low}-{high}",
            "feedRange": feed_range,
            "position": None,
            "owner": None,
            "expiresAt": 0,
        }
        try:
            return await self._container.create_item(document)
        except CosmosResourceExistsError:
            return None  # another host was faster, and has it

    def _is_free(self, document: Mapping[str, Any]) -> bool:
        return document["owner"] in (None, self._owner) or document["expiresAt"] <= self._clock()

    async def _take(self, document: Mapping[str, Any]) -> Lease | None:
        lease = Lease(self._container, document, lambda: self._clock() + self._duration)
        try:
            await lease.take(self._owner)
        except LeaseLost:
            return None
        return lease


def _bounds(feed_range: Mapping[str, Any]) -> tuple[str, str]:
    return feed_range["Range"]["min"], feed_range["Range"]["max"]


def _overlap(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """After a split the lease of the old range still covers the new ones: its position goes on for them."""
    return one[0] < other[1] and other[0] < one[1]
