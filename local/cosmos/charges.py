"""What a request costs, in request units: an estimate of the service's charges.

The anchors that the service documents: a point read of 1 KB is 1 RU and of 100 KB 10; writing 1 KB costs
about 5 and 100 KB about 50, before the index. The rest is estimated from published examples. Made for
comparing and for bounds (a point read costs less than a query, a query less than a write of many terms), not
for bills.
"""

from collections.abc import Sequence

from local.cosmos.query import Work

MISSING_READ = 1.0
FAILED = 1.24
THROTTLED = 0.4
METADATA = 1.0
METADATA_WRITE = 4.95
UNCHANGED_FEED = 1.0
_QUERY = 2.3
_REWRITE_FACTOR = 1.8


def point_read(size: int) -> float:
    """A read of one item of so many bytes, also when the answer is 304."""
    return max(1.0, 0.91 + 0.091 * _kilobytes(size))


def write(size: int, terms: int) -> float:
    """A create, or the delete of an item of this size and number of index terms."""
    return 4.5 + 0.455 * _kilobytes(size) + 0.12 * terms


def rewrite(size: int, terms: int) -> float:
    """A replace, a patch or an upsert of an item that exists: the old version is written too."""
    return _REWRITE_FACTOR * write(size, terms)


def query_page(work: Work, partitions: int = 1) -> float:
    """One page of a query: by what it read and returned, dear where it had to scan.

    partitions: how many physical ones were asked.
    """
    charge = _QUERY * partitions + 0.05 * work.terms_read + 0.03 * work.documents_loaded
    charge += 0.06 * _kilobytes(work.bytes_returned)
    if work.scanned:
        charge += 0.3 * max(work.documents_loaded, _kilobytes(work.bytes_loaded))
    return charge


def change_feed_page(sizes: Sequence[int]) -> float:
    """One page of the change feed."""
    return UNCHANGED_FEED + 0.1 * _kilobytes(sum(sizes))


def failed(status: int) -> float:
    """A request that was refused."""
    if status == 429:
        return THROTTLED
    return MISSING_READ if status == 404 else FAILED


def as_header(charge: float) -> str:
    """The form of `x-ms-request-charge`: two decimals at most."""
    return f"{charge:.2f}"


def _kilobytes(size: int) -> int:
    return -(-size // 1024)
