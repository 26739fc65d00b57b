"""Pages of messages: a keyset position, a range of one index, in its order; flat at any size."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeVar

from shared.filters import Deleted, Order
from shared.models import Caller, Conversation, Message, Page, message_key, path_key
from shared.paths import Part, Path, between
from shared.repository.partition import Document
from shared.repository.reader import Reader

# Stretches of a path that one query reads.
STRETCHES = 32
# Behind every character of an id or a number.
LAST = "~"

# The keys of the documents that a list shows; each document has those of its lists.
_KEYS: dict[Deleted | None, tuple[str, ...]] = {
    None: ("messageKey",),
    "only": ("deletedKey",),
    "include": ("messageKey", "deletedKey"),
}

Sorted = TypeVar("Sorted", int, str)
# Documents in order, and whether there are more behind them.
Found = tuple[list[Document], bool]


def in_range(key: str, order: Order) -> str:
    """The query for what lies between two values of a key, in its order. key: a constant, never input."""
    return f"SELECT * FROM c WHERE c.{key} > @low AND c.{key} < @high ORDER BY c.{key} {order}"  # noqa: S608


def _in_stretches(key: str, order: Order, count: int) -> str:
    """The query for what lies in so many ranges of a key; within one range of the index for all of them."""
    ranges = " OR ".join(f"c.{key} BETWEEN @low{number} AND @high{number}" for number in range(count))
    return f"SELECT * FROM c WHERE c.{key} BETWEEN @low AND @high AND ({ranges}) ORDER BY c.{key} {order}"  # noqa: S608


class MessageLists(Reader):
    """Pages of a conversation's messages."""

    async def page_of_messages(
        self,
        caller: Caller,
        conversation: Conversation,
        *,
        order: Order,
        limit: int,
        above: int = 0,
        below: int | None = None,
        deleted: Deleted | None = None,
    ) -> Page[Message]:
        """Messages of a conversation by seq, those with above < seq < below."""
        low = message_key(conversation.id, max(above, conversation.cleared_through_seq))
        high = f"{conversation.id}:{LAST}" if below is None else message_key(conversation.id, below)
        bounds = {"@low": low, "@high": high}
        found = [await self._query(caller, in_range(key, order), bounds, limit) for key in _KEYS[deleted]]
        return _page(*merged(found, lambda document: int(document["seq"]), order, limit))

    async def page_of_path(
        self,
        caller: Caller,
        conversation: Conversation,
        path: Path,
        *,
        order: Order,
        limit: int,
        above: int = 0,
        below: int | None = None,
        key: str = "branchKey",
    ) -> Page[Message]:
        """The messages of a path with above < seq < below. key: `systemKey` for system messages only.

        A query for each 32 branches, or for fewer if they are long: 17 at most.
        """
        left = between(path, max(above, conversation.cleared_through_seq), below)
        left = left if order == "asc" else left[::-1]
        found: list[Document] = []
        more, enough = False, _worth_a_query(left, limit + 1)
        while left and not more and len(found) < limit:
            taken, left, enough = left[:enough], left[enough:], STRETCHES
            parameters = _bounds(conversation.id, taken)
            sql = _in_stretches(key, order, len(taken))
            documents, more = await self._query(caller, sql, parameters, limit - len(found))
            found += documents
        return _page(found, more or bool(left))

    async def _query(self, caller: Caller, sql: str, parameters: Document, limit: int) -> Found:
        """The first results, and whether there are more; one beyond the limit is read to know that."""
        found, complete = await (await self._partition(caller)).query(sql, parameters, limit + 1)
        return found[:limit], len(found) > limit or not complete


def merged(found: Sequence[Found], key: Callable[[Document], Sorted], order: Order, limit: int) -> Found:
    """Several lists as one, as far as each of them has been read."""
    if len(found) == 1:
        return found[0]
    sign: Any = max if order == "desc" else min
    ends = [key(documents[-1]) for documents, more in found if more and documents]
    end = sign(ends) if ends else None
    documents = sorted((one for page, _ in found for one in page), key=key, reverse=order == "desc")
    if end is not None:
        documents = [one for one in documents if sign(key(one), end) == key(one)]
    return documents[:limit], len(documents) > limit or end is not None


def _page(documents: list[Document], more: bool) -> Page[Message]:
    messages = tuple(map(Message.model_validate, documents))
    return Page(messages, next=str(messages[-1].seq) if more and messages else None)


def _worth_a_query(parts: Sequence[Part], wanted: int) -> int:
    """How many of the parts hold as many messages, if none is deleted."""
    reached = accumulate(last - first + 1 for _, first, last in parts)
    enough = next((number for number, length in enumerate(reached, 1) if length >= wanted), STRETCHES)
    return min(enough, STRETCHES)


def _bounds(conversation_id: str, parts: Sequence[Part]) -> Document:
    bounds = {}
    for number, (branch, first, last) in enumerate(parts):
        bounds[f"@low{number}"] = path_key(conversation_id, branch, first)
        bounds[f"@high{number}"] = path_key(conversation_id, branch, last)
    return bounds | {"@low": min(bounds.values()), "@high": max(bounds.values())}
