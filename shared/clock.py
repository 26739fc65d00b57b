"""The time, so that it can come in as an argument."""

import time
from collections.abc import Callable

# Unix milliseconds.
Clock = Callable[[], int]


def system_clock() -> int:
    """The computer's time in Unix milliseconds."""
    return time.time_ns() // 1_000_000
