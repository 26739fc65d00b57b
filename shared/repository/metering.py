"""What a request costs at the database: its calls and their request charge."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Cost:
    """Calls answered by the database and request units that they were charged."""

    calls: int = 0
    charge: float = 0.0


_running: ContextVar[Cost | None] = ContextVar("cost", default=None)


@contextmanager
def metered() -> Iterator[Cost]:
    """Count what runs inside, tasks started there included."""
    cost = Cost()
    token = _running.set(cost)
    try:
        yield cost
    finally:
        _running.reset(token)


def count_call(charge: float) -> None:
    """Add one call to whatever is being metered."""
    if cost := _running.get():
        cost.calls += 1
        cost.charge += charge


def spent() -> float:
    """Request units that what is being metered has been charged so far."""
    return cost.charge if (cost := _running.get()) else 0.0
