"""One owner's logical partition of a container: the SDK's calls, with what must never be forgotten.

Each call has the full partition key and the owner's last session token, is metered, and its errors become:

Conflict      another write came first, or our own earlier try did: read again, then decide
Missing       the document to change isn't there
Unavailable   the outcome is unknown, or the service throttles or can't be reached
InternalError the service refuses what we sent: a fault of ours
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError
from cachetools import LRUCache

from shared.errors import BodyTooLarge, InternalError, Unavailable
from shared.repository.metering import calling, count_call

# A document or an operation as the SDK takes and gives it.
Document = dict[str, Any]
Operation = tuple[Any, ...]


# Sub-statuses of 404 that don't say that the document isn't there.
_REPLICA_LAGS = 1002
_NO_CONTAINER = 1003


class Conflict(Exception):
    """The condition didn't hold, or an id was there already."""


class Missing(Exception):
    """The document isn't there."""


def written(document: Document, known: Mapping[str, Any] | None) -> Operation:
    """The operation that stores a document in place of the known version; None: it must be the first."""
    if known is None:
        return ("create", (document,))
    return ("replace", (document["id"], document), {"if_match_etag": known["_etag"]})


class SessionTokens:
    """The last session token of each logical partition, so that a caller reads its own writes.

    The SDK keeps tokens by itself, but not those of batches. The oldest are forgotten past `limit`.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._tokens = LRUCache[tuple[str, ...], str](limit)

    def get(self, key: tuple[str, ...]) -> str | None:
        """The token to send, None for the SDK's own."""
        return self._tokens.get(key)

    def put(self, key: tuple[str, ...], token: str) -> None:
        """Keep a token that came back, unless an answer that overtook it brought a later one."""
        known = self._tokens.get(key)
        if known is None or _is_later(token, known):
            self._tokens[key] = token


def _is_later(token: str, known: str) -> bool:
    """Whether a token is not older; tokens of another physical partition (after a split) are always newer."""
    (span, number), (known_span, known_number) = _parts(token), _parts(known)
    return span != known_span or number >= known_number


def _parts(token: str) -> tuple[str, int]:
    """(partition key range, log sequence number) of `range:version#lsn[#region=lsn…]`."""
    span, _, rest = token.partition(":")
    numbers = rest.split("#")
    return span, int(numbers[1]) if len(numbers) > 1 and numbers[1].isdigit() else 0


class Partition:
    """The documents of one owner in one container, whose partition keys have so many levels."""

    def __init__(
        self, container: ContainerProxy, key: tuple[str, ...], sessions: SessionTokens, *, levels: int = 2
    ) -> None:
        self._container = container
        self._key = key
        self._partition_key: Any = list(key) if levels > 1 else key[0]  # the SDK's type for it is private
        self._within: dict[str, Any] = {"partition_key": self._partition_key}
        self._sessions = sessions

    async def read(self, identifier: str) -> Document | None:
        """A point read; None where there is no such document."""
        try:
            with database_call("read_item", self._container.id):
                answer = await self._container.read_item(identifier, self._partition_key, **self._session())
                return self._counted(answer)
        except Missing:
            return None

    async def query(self, sql: str, parameters: Mapping[str, Any], limit: int) -> tuple[list[Document], bool]:
        """The first `limit` results, or fewer where they fill the service's page of 4 MB; whether it is all.

        One round trip, but for a page that comes empty although there is more.
        """
        with database_call("query_items", self._container.id):
            pages: Any = self._container.query_items(  # typed without its continuation_token
                sql,
                parameters=[{"name": name, "value": value} for name, value in parameters.items()],
                **self._within,
                max_item_count=limit,
                response_hook=self._count,
                **self._session(),
            ).by_page()
            found: list[Document] = []
            while not found:
                try:
                    found = [document async for document in await anext(pages)]
                except StopAsyncIteration:
                    break
            return found, not pages.continuation_token

    async def upsert(self, document: Document) -> Document:
        """Store a document in place of the one with its id, if any."""
        with database_call("upsert_item", self._container.id):
            return self._counted(await self._container.upsert_item(document))

    async def patch(
        self, identifier: str, operations: Sequence[Document], etag: str | None = None
    ) -> Document:
        """Change a document, if its version is still `etag` where one is given."""
        with database_call("patch_item", self._container.id):
            answer = await self._container.patch_item(
                identifier,
                self._partition_key,
                list(operations),
                etag=etag,
                match_condition=MatchConditions.IfNotModified if etag else None,
            )
            return self._counted(answer)

    async def delete(self, identifier: str, etag: str | None = None) -> None:
        """Remove a document, if its version is still `etag` where one is given."""
        with database_call("delete_item", self._container.id):
            await self._container.delete_item(
                identifier,
                self._partition_key,
                etag=etag,
                match_condition=MatchConditions.IfNotModified if etag else None,
                response_hook=self._count,
            )

    async def batch(self, operations: Sequence[Operation]) -> list[Document]:
        """All of the operations or none, in one transaction; what each has written."""
        with database_call("execute_item_batch", self._container.id):
            answer = await self._container.execute_item_batch(list(operations), self._partition_key)
            self._count(answer.get_response_headers())
            return [{**result.get("resourceBody", {}), "_etag": result.get("eTag", "")} for result in answer]

    def _session(self) -> dict[str, Any]:
        token = self._sessions.get(self._key)
        return {"session_token": token} if token else {}

    def _counted(self, answer: Any) -> Document:
        self._count(answer.get_response_headers())
        return dict(answer)

    def _count(self, headers: Mapping[str, str], _: object = None) -> None:
        _charged(headers)
        if token := headers.get("x-ms-session-token"):
            self._sessions.put(self._key, token)


async def documents_of(
    container: ContainerProxy, sql: str, parameters: Mapping[str, Any] | None = None, **within: Any
) -> AsyncIterator[Document]:
    """What a query finds, page by page. within: the SDK's `partition_key`; without it everything."""
    pages: Any = container.query_items(
        sql,
        parameters=[{"name": name, "value": value} for name, value in (parameters or {}).items()],
        max_item_count=100,
        response_hook=_charged,
        **within,
    ).by_page()
    while True:
        with database_call("query_items", container.id):  # not around a yield: it would span the reader
            try:
                page = [document async for document in await anext(pages)]
            except StopAsyncIteration:
                return
        for document in page:
            yield document


def _charged(headers: Mapping[str, str], _: object = None) -> None:
    count_call(float(headers.get("x-ms-request-charge", 0)))


class Stretch(Partition):
    """A feed range, within one physical partition: for queries only."""

    def __init__(self, container: ContainerProxy, feed_range: dict[str, Any]) -> None:
        super().__init__(container, (), SessionTokens())  # the SDK's own tokens fit each physical partition
        self._within = {"feed_range": feed_range}


@contextmanager
def database_call(operation: str, collection: str) -> Iterator[None]:
    """A call of the SDK: it is traced, and its errors become the ones above."""
    with calling(operation, collection, (Conflict, Missing)) as span:
        try:
            yield
        except (CosmosBatchOperationError, CosmosHttpResponseError) as error:
            count_call(float((error.headers or {}).get("x-ms-request-charge", 0)))
            span.set_attribute("db.response.status_code", str(error.status_code))
            span.set_attribute("azure.cosmosdb.response.sub_status_code", error.sub_status or 0)
            raise _domain_error(error.status_code, error.sub_status) from error
        except (AzureError, TimeoutError) as error:
            raise Unavailable("The database can't be reached; try again.", retry_after=1) from error


def _domain_error(status: int | None, sub_status: int | None) -> Exception:
    if status == 404 and sub_status not in (_REPLICA_LAGS, _NO_CONTAINER):
        return Missing()
    if status in (409, 412, 449):
        return Conflict()
    if status == 413:
        return BodyTooLarge("The resource would pass the database's limit of 2 MB a document.")
    if status in (408, 410, 429, 500, 503) or sub_status == _REPLICA_LAGS:
        return Unavailable("The database is busy or can't be reached; try again.", retry_after=1)
    return InternalError("The database refused the operation.")
