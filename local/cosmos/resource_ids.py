"""Resource ids: the numbers of databases, containers and documents in the service's form.

A database's has 4 bytes, a container's 8 (its database's first), a document's 16 (its container's first), in
base64 with `-` for `/`. Clients tell a resource id in a path from a name by that form.
"""

from base64 import b64decode, b64encode
from binascii import Error


def database_rid(number: int) -> str:
    """The resource id of a database."""
    return _encode(number.to_bytes(4, "big"))


def container_rid(database: int, number: int) -> str:
    """The resource id of a container within its database."""
    return _encode(_container_bytes(database, number))


def document_prefix(database: int, number: int) -> bytes:
    """What the resource ids of all documents of a container begin with, for `document_rid`."""
    return _container_bytes(database, number)


def document_rid(prefix: bytes, number: int) -> str:
    """The resource id of a document."""
    return b64encode(prefix + number.to_bytes(8, "big"), b"+-").decode()


def document_number(rid: str, prefix: bytes) -> int | None:
    """The number in the resource id of a document of this container; None if it is none."""
    try:
        raw = b64decode(rid, b"+-", validate=True)
    except (Error, ValueError):
        return None
    if len(raw) != 16 or not raw.startswith(prefix):
        return None
    return int.from_bytes(raw[8:], "big")


def _container_bytes(database: int, number: int) -> bytes:
    return database.to_bytes(4, "big") + (0x8000_0000 | number).to_bytes(4, "big")


def _encode(raw: bytes) -> str:
    return b64encode(raw, b"+-").decode()
