"""Requests and answers, whatever carries them, and the names of the headers that matter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.cosmos import charges
from local.cosmos.containers import Container
from local.cosmos.json_text import as_json
from local.cosmos.ranges import KeyRange

ACTIVITY = "x-ms-activity-id"
ALT_PATH = "x-ms-alt-content-path"
AUTHORIZATION = "authorization"
BATCH = "x-ms-cosmos-is-batch-request"
BATCH_ATOMIC = "x-ms-cosmos-batch-atomic"
CHANGE_FEED = "a-im"
CHARGE = "x-ms-request-charge"
CONTAINER_RID = "x-ms-cosmos-intended-collection-rid"
CONTINUATION = "x-ms-continuation"
CROSS_PARTITION = "x-ms-documentdb-query-enablecrosspartition"
DATE = "x-ms-date"
END_EPK = "x-ms-end-epk"
HOST = "host"
HTTP_DATE = "date"
IF_MATCH = "if-match"
IF_MODIFIED_SINCE = "if-modified-since"
IF_NONE_MATCH = "if-none-match"
ITEM_COUNT = "x-ms-item-count"
MAX_ITEMS = "x-ms-max-item-count"
PARTITION_KEY = "x-ms-documentdb-partitionkey"
PLAN = "x-ms-cosmos-is-query-plan-request"
PLAN_FEATURES = "x-ms-cosmos-supported-query-features"
PREFER = "prefer"
QUERY = "x-ms-documentdb-isquery"
RANGE = "x-ms-documentdb-partitionkeyrangeid"
SESSION = "x-ms-session-token"
START_EPK = "x-ms-start-epk"
SUB_STATUS = "x-ms-substatus"
TRIGGERS = ("x-ms-documentdb-pre-trigger-include", "x-ms-documentdb-post-trigger-include")
UPSERT = "x-ms-documentdb-is-upsert"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    path: percent-encoded, without the query string. headers: found by lower-case name.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | str

    def flag(self, header: str) -> bool:
        """Whether a header says true; clients write `True` and `true`."""
        return self.headers.get(header, "").lower() == "true"

    def minimal(self) -> bool:
        """Whether the client does without the body of the answer to its write."""
        return self.headers.get(PREFER) == "return=minimal"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; the names of its headers are lower-case.

    charge: in request units. container: what it comes from within, so that it tells of the session there.
    """

    status: int
    charge: float
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    container: Container | None = None


def json_answer(status: int, charge: float, body: Any, headers: dict[str, str] | None = None) -> Answer:
    """An answer about the account, a database or a container; None for no body."""
    encoded = b"" if body is None else as_json(body).encode()
    return Answer(status, charge, {CHARGE: charges.as_header(charge), **(headers or {})}, encoded)


def document_answer(
    container: Container, status: int, charge: float, body: str = "", headers: dict[str, str] | None = None
) -> Answer:
    """An answer from within a container; the headers of its session are put in by `wire.serve`."""
    own = {CHARGE: charges.as_header(charge), **(headers or {})}
    return Answer(status, charge, own, body.encode(), container)


def session_headers(container: Container, ranges: Sequence[KeyRange]) -> dict[str, str]:
    """The session, and the partition key range without which the SDK forgets the ranges it knows.

    ranges: the physical partitions that the answer comes from.
    """
    lsn = str(container.lsn)
    token = ",".join(f"{each.id}:-1#{lsn}" for each in ranges)
    return {ALT_PATH: container.path, SESSION: token, RANGE: ranges[0].id, "lsn": lsn}
