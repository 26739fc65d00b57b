"""Failures on demand, so that tests can see how the product takes them.

engine.faults.add(Fault("batch", status=503))                      # refused once, nothing done
engine.faults.add(Fault("create", status=408, after=True))         # done, but the answer is lost
engine.faults.add(Fault("read", container="conversations", error=ServiceResponseError("reset"), times=4))
engine.faults.add(Fault(delay=0.2, times=10))                      # slow, but right
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

THROTTLED: Mapping[str, str] = {"x-ms-retry-after-ms": "1"}
"""Headers for a Fault with status 429 that makes the SDK try again at once."""


@dataclass(slots=True)
class Fault:
    """What goes wrong, and when.

    operation: the kind of operation as in `wire.routes` (create, read, batch, query ...); None is any.
    container: its id; None is any. status, sub_status, headers: the answer. error: raised in place of an
    answer. Without status and error the operation goes on as usual after the delay (seconds). after: do the
    operation and commit first. times: how often it strikes.
    """

    operation: str | None = None
    container: str | None = None
    status: int | None = None
    sub_status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Exception | None = None
    after: bool = False
    times: int = 1
    delay: float = 0.0

    def matches(self, operation: str, container: str) -> bool:
        """Whether it strikes this request."""
        return self.times > 0 and self.operation in (None, operation) and self.container in (None, container)


class Faults:
    """The faults of an engine that are still to strike, in the order of their adding."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Let it strike from now on."""
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Forget those that are left."""
        self._waiting.clear()

    def take(self, operation: str, container: str) -> Fault | None:
        """The first fault that strikes this request, counted down."""
        for fault in self._waiting:
            if fault.matches(operation, container):
                fault.times -= 1
                self._waiting = [each for each in self._waiting if each.times > 0]
                return fault
        return None
