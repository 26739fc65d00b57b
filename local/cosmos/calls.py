"""What was asked of an engine, for tests that count round trips and charges."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """One request. operation: its kind as in `wire.routes`.

    status: 0 where the answer was lost. charge: in request units.
    """

    method: str
    operation: str
    container: str
    status: int
    charge: float


class CallLog:
    """Hands each call to those who are recording."""

    def __init__(self) -> None:
        self._recorders: list[list[Call]] = []

    @contextmanager
    def recording(self) -> Iterator[list[Call]]:
        """A list that fills with the calls made while the context is open."""
        calls: list[Call] = []
        self._recorders.append(calls)
        try:
            yield calls
        finally:
            self._recorders = [each for each in self._recorders if each is not calls]

    def add(self, call: Call) -> None:
        """A request was answered."""
        for calls in self._recorders:
            calls.append(call)
