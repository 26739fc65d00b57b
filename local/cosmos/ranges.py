"""Physical partitions: each holds a range of effective partition keys (EPK), and can be split in two.

Places in the space of hashes are fractions between 0 and 1; what EPK they are depends on the kind of hash. A
range that was split is gone: its id lives on among the parents of those that came of it.
"""

from bisect import bisect_right
from dataclasses import dataclass

from azure.cosmos.partition_key import _to_hex_encoded_binary_string_v1

from local.cosmos.errors import range_gone

_HASHES = {1: 2**32, 2: 2**126}  # by the key's version: how many hashes there are


@dataclass(frozen=True, slots=True)
class KeyRange:
    """One physical partition: the keys with low <= EPK < high. parents: what it came of, oldest first."""

    id: str
    start: float
    end: float
    low: str
    high: str
    parents: tuple[str, ...] = ()

    def halves(self, first_id: int, version: int) -> tuple["KeyRange", "KeyRange"]:
        """What comes of it in a split."""
        middle, parents = (self.start + self.end) / 2, (*self.parents, self.id)
        lower = key_range(first_id, self.start, middle, parents, version)
        return lower, key_range(first_id + 1, middle, self.end, parents, version)

    def as_answered(self, container_rid: str) -> dict[str, object]:
        """The resource as the client gets it."""
        bounds = {"minInclusive": self.low, "maxExclusive": self.high, "parents": list(self.parents)}
        return {"id": self.id, "_rid": container_rid, **bounds, "status": "online"}


class KeyRanges(tuple[KeyRange, ...]):
    """All ranges of a container, in the order of their keys."""

    def of(self, epk: str) -> KeyRange:
        """The one that holds a key."""
        return self[bisect_right(self, epk, key=lambda each: each.low) - 1]

    def find(self, range_id: str) -> KeyRange:
        """By id; raises 410/1002 where it was split."""
        for each in self:
            if each.id == range_id:
                return each
        raise range_gone(range_id)

    def next_id(self) -> int:
        """An id that none of them, and none of their parents, ever had."""
        return max(int(each.id) for each in self) + 1


def key_range(number: int, start: float, end: float, parents: tuple[str, ...], version: int) -> KeyRange:
    """A range between two places; version: of the container's partition key."""
    return KeyRange(str(number), start, end, _epk(start, version), _epk(end, version), parents)


def evenly(count: int, version: int) -> KeyRanges:
    """So many ranges of one size each."""
    return KeyRanges(key_range(n, n / count, (n + 1) / count, (), version) for n in range(count))


def _epk(place: float, version: int) -> str:
    if place in (0, 1):
        return "FF" if place else ""
    number = int(place * _HASHES[version])
    if version == 1:
        return _to_hex_encoded_binary_string_v1([float(number)]).upper()
    return f"{number:032X}"
