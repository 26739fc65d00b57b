"""How many requests a user may send: a token bucket each, in the memory of each instance."""

from math import ceil

from cachetools import LRUCache

from shared.clock import Clock
from shared.errors import RateLimited
from shared.models import Caller

MINUTE_MS = 60_000
# Users that are remembered; whoever is forgotten has a full bucket again.
REMEMBERED = 10_000


class RequestRates:
    """Takes so many requests a minute of each user, and as many at once; None is any number."""

    def __init__(self, per_minute: int | None, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets = LRUCache[tuple[str, str], tuple[float, int]](REMEMBERED)

    def take(self, caller: Caller) -> None:
        """Count a request; raises RateLimited where it is one too many."""
        if self._per_minute is None:
            return
        user, now = (caller.tenant_id, caller.user_id), self._clock()
        left, at = self._buckets.get(user, (float(self._per_minute), now))
        left = min(left + (now - at) * self._per_minute / MINUTE_MS, self._per_minute)
        self._buckets[user] = (left - 1 if left >= 1 else left), now
        if left < 1:
            wait = ceil((1 - left) * 60 / self._per_minute)
            raise RateLimited("These are too many requests; wait a little.", retry_after=wait)
