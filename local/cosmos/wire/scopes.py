"""Which physical partitions a request is about, and what it may ask of them."""

from local.cosmos.containers import Container
from local.cosmos.errors import CosmosError
from local.cosmos.ranges import KeyRange
from local.cosmos.wire.messages import END_EPK, PARTITION_KEY, RANGE, START_EPK, Request


def asked_epks(container: Container, request: Request) -> tuple[str, str]:
    """The effective partition keys that the headers ask for, low <= EPK < high; everything by default.

    Raises 410/1002 where they name a physical partition that was split.
    """
    headers = request.headers
    low, high = headers.get(START_EPK, "").upper(), headers.get(END_EPK, "FF").upper()
    if (range_id := headers.get(RANGE)) is None:
        return low, high
    within = container.ranges.find(range_id)
    return max(low, within.low), min(high, within.high)


def ranges_of(container: Container, request: Request) -> tuple[KeyRange, ...]:
    """The physical partitions that answer: the one that holds the key or was named, or all."""
    if len(container.ranges) == 1:
        return container.ranges
    headers = request.headers
    try:
        if (key := headers.get(PARTITION_KEY)) is not None:
            return (container.ranges.of(container.definition.key.of_header(key).epk),)
        if (range_id := headers.get(RANGE)) is not None:
            return (container.ranges.find(range_id),)
    except CosmosError:  # the request is refused for it, and that answer has a session too
        pass
    return container.ranges
