"""Failures on demand, so that tests can see how a client takes them.

engine.faults.add(Fault("batch", status=503))                      # refused once, nothing done
engine.faults.add(Fault("create", status=408, after=True))         # done, but the answer is lost
engine.faults.add(Fault("upsert", dropped=True, after=True))       # done, and the connection breaks
engine.faults.add(Fault("query", status=429, retry_after_ms=20, times=3))
engine.faults.add(Fault("changefeed", status=410, sub_status=1002))
engine.faults.add(Fault("read", container="conversations", status=404, sub_status=1002))
engine.faults.add(Fault(delay=0.2, times=10))                      # slow, but right
engine.faults.seed(7)                                              # the same luck in each run
engine.faults.add(Fault(status=449, probability=0.1, times=None))  # one in ten, until `clear`
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from azure.core.exceptions import ServiceResponseError

from local.cosmos.wire.routes import KINDS

THROTTLED: Mapping[str, str] = {"x-ms-retry-after-ms": "1"}
"""What a Fault with status 429 sends by default."""


@dataclass(slots=True)
class Fault:
    """What goes wrong, and when. Raises ValueError for what could never strike.

    operation: the kind of operation (see `wire.routes.KINDS`); None is any. container: its id; None is any.
    status, sub_status, headers: the answer. error: raised in place of an answer. dropped: the connection
    breaks in place of an answer. With none of these three the operation goes on as usual after the delay
    (seconds). after: do the operation and commit first. times: how often it strikes at most, None for always;
    probability: with which it strikes a request that fits. retry_after_ms: for 429.
    """

    operation: str | None = None
    container: str | None = None
    status: int | None = None
    sub_status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Exception | None = None
    dropped: bool = False
    after: bool = False
    times: int | None = 1
    probability: float = 1.0
    delay: float = 0.0
    retry_after_ms: int = 1

    def __post_init__(self) -> None:
        if self.operation is not None and self.operation not in KINDS:
            raise ValueError(f"{self.operation!r} is no operation; there are: {', '.join(sorted(KINDS))}.")
        if not 0 < self.probability <= 1:
            raise ValueError(f"The probability {self.probability} is not above 0 and at most 1.")
        if self.status == 429:
            self.headers = {"x-ms-retry-after-ms": str(self.retry_after_ms), **self.headers}
            self.sub_status = self.sub_status or 3200
        if self.dropped:
            self.error = ServiceResponseError("The connection was dropped: a fault was injected.")

    def matches(self, operation: str, container: str) -> bool:
        """Whether it may strike this request."""
        return self.operation in (None, operation) and self.container in (None, container)

    def count(self) -> None:
        """It strikes."""
        if self.times is not None:
            self.times -= 1


class Faults:
    """The faults of an engine that are still to strike, in the order of their adding."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._random = random.Random(0)  # noqa: S311  # luck, not secrets

    def add(self, fault: Fault) -> Fault:
        """Let it strike from now on."""
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Forget those that are left."""
        self._waiting.clear()

    def seed(self, number: int) -> None:
        """Begin another sequence of luck, the same one for the same number."""
        self._random.seed(number)

    def take(self, operation: str, container: str) -> Fault | None:
        """The first fault that strikes this request, counted down."""
        for fault in self._waiting:
            if fault.matches(operation, container) and self._random.random() < fault.probability:
                fault.count()
                self._waiting = [each for each in self._waiting if each.times is None or each.times > 0]
                return fault
        return None
