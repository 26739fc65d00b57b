"""The retry policies that @retry gives a function."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from local.host.registered import RegisteredFunction


@dataclass(frozen=True)
class RetryPolicy:
    """How often a failed invocation is repeated (-1: for ever), and how long to wait between, in seconds."""

    max_retries: int = 0
    shortest: float = 0
    longest: float = 0

    @classmethod
    def of(cls, function: RegisteredFunction) -> Self:
        """The policy a function was decorated with; without one, nothing is repeated."""
        given = function.retry
        if given is None:
            return cls()
        if given["strategy"] == "fixed_delay":
            delay = _seconds(given["delay_interval"])
            return cls(int(given["max_retry_count"]), delay, delay)
        shortest, longest = _seconds(given["minimum_interval"]), _seconds(given["maximum_interval"])
        return cls(int(given["max_retry_count"]), shortest, longest)

    def allows(self, retries: int) -> bool:
        """Whether one more may follow after so many."""
        return self.max_retries == -1 or retries < self.max_retries

    def delay(self, retries: int) -> float:
        """The seconds to wait after so many retries: doubled each time, up to the longest."""
        return float(min(self.shortest * 2 ** min(retries, 32), self.longest))


def _seconds(text: str) -> float:
    hours, minutes, seconds = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
