"""One version of an item: as it is drafted, as it is stored, and as the client gets it.

Stored is the JSON text without system properties; they are put in on reading. Times are whole seconds.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from local.cosmos.containers import Container, check_ttl


class Row(NamedTuple):
    """One stored document.

    etag: without its quotes. text: JSON without system properties; size: its bytes.
    """

    number: int
    partition: int
    id: str
    lsn: int
    etag: str
    ts: int
    size: int
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to be stored: the item, its JSON text, its bytes, the seconds it lives (None: for good)."""

    id: str
    item: dict[str, Any]
    text: str
    size: int
    ttl: int | None

    def expires_at(self, ts: int) -> int | None:
        """When it ends if it is written at this time."""
        return None if self.ttl is None else ts + self.ttl


@dataclass(frozen=True, slots=True)
class Stamp:
    """The commit that a version belongs to."""

    lsn: int
    ts: int


def effective_ttl(container: Container, item: dict[str, Any]) -> int | None:
    """Seconds that an item lives; None for one that stays. Raises 400.

    Time to live is off unless the container has a default.
    """
    own = check_ttl(item["ttl"], "ttl") if item.get("ttl") is not None else None
    default = container.definition.default_ttl
    if default is None:
        return None
    ttl = default if own is None else own
    return None if ttl == -1 else ttl


def as_answered(container: Container, row: Row) -> str:
    """The item as the client gets it: JSON text, the system properties put in at its end."""
    rid = container.document_rid(row.number)
    return (
        f'{row.text[:-1]},"_rid":"{rid}","_self":"{container.link}docs/{rid}/","_etag":"\\"{row.etag}\\"",'
        f'"_attachments":"attachments/","_ts":{row.ts}}}'
    )


def as_document(container: Container, row: Row) -> dict[str, Any]:
    """The item as the client gets it, parsed."""
    document: dict[str, Any] = json.loads(as_answered(container, row))
    return document


def system_properties(container: Container, row: Row) -> dict[str, Any]:
    """What the service adds to an item, as `as_answered` does to its text."""
    rid = container.document_rid(row.number)
    link = f"{container.link}docs/{rid}/"
    return {
        "_rid": rid,
        "_self": link,
        "_etag": f'"{row.etag}"',
        "_attachments": "attachments/",
        "_ts": row.ts,
    }
