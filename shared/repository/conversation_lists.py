"""Pages of conversations: a keyset position, a range of one index, in its order.

Flat at any size by last activity, with no filter or one of a single value. What else is asked for is decided
document by document, on at most `EXAMINED` of them a page, which then is short.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from shared.filters import ConversationFilter, Order, Sort
from shared.models import Caller, Conversation, Page
from shared.records import DayUsage
from shared.repository.message_lists import LAST, Found, MessageLists, in_range, merged
from shared.repository.partition import Document

EXAMINED = 250
# Documents read at once where a filter may leave few of them.
_AT_ONCE = 100
# What all title keys, and all activity keys, lie between; deleted messages have their keys beyond the digits.
_TITLES, _ACTIVITIES = (":", ";"), ("", ":")

# Properties that a composite index has together with activityKey.
_INDEXED = {
    "user_email": "userEmail",
    "agent_id": "agentId",
    "org_id": "orgId",
    "product": "product",
    "entity_type": "entityType",
    "status": "status",
}


def _equal_in_range(field: str, order: Order) -> str:
    """The query for one value of a property within a range of activity keys.

    Both stand in ORDER BY, for the service uses a composite index only for what is ordered by.
    """
    name = f"c.{_INDEXED[field]}"
    return (
        f"SELECT * FROM c WHERE {name} = @value AND c.activityKey > @low AND c.activityKey < @high "  # noqa: S608
        f"ORDER BY {name} {order}, c.activityKey {order}"
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """A list's documents: those behind a position, a document's position, and whether they need no filter."""

    fetch: Callable[[str | None, int], Awaitable[Found]]
    position: Callable[[Document], str]
    exact: bool


class ConversationLists(MessageLists):
    """Pages of a caller's conversations."""

    async def page_of_conversations(
        self,
        caller: Caller,
        filters: ConversationFilter,
        *,
        sort: Sort = "last_activity_at",
        order: Order = "desc",
        limit: int,
        after: str | None = None,
    ) -> Page[Conversation]:
        """Conversations that the filters leave, behind a position of the same list."""
        source = self._source(caller, filters, sort, order)
        found: list[Conversation] = []
        examined, more = 0, True
        while more and len(found) < limit and examined < EXAMINED:
            wide = source.exact or (filters.leaves_most and not examined)
            batch = limit if wide else min(_AT_ONCE, EXAMINED - examined)
            documents, more = await source.fetch(after, batch)
            examined += len(documents)
            while documents and len(found) < limit:
                document = documents.pop(0)
                after = source.position(document)
                if filters.matches(conversation := Conversation.model_validate(document)):
                    found.append(conversation)
            more = more or bool(documents)
        return Page(tuple(found), next=after if more else None)

    async def page_of_usage(self, caller: Caller, *, limit: int, after: str | None) -> Page[DayUsage]:
        """The days on which the caller had turns, newest first, behind the id of one."""
        bounds = {"@low": "usage_", "@high": after or "usage_" + LAST}
        found, more = await self._query(caller, in_range("id", "desc"), bounds, limit)
        days = tuple(map(DayUsage.model_validate, found))
        return Page(days, next=days[-1].id if more and days else None)

    def _source(self, caller: Caller, filters: ConversationFilter, sort: Sort, order: Order) -> _Source:
        if sort == "created_at":
            fetch = self._fetch(caller, in_range("id", order), order, "conv_", "conv_" + LAST)
            return _Source(fetch, lambda document: str(document["id"]), exact=False)
        if sort == "title":
            fetch = self._fetch(caller, in_range("titleKey", order), order, *_TITLES)
            return _Source(fetch, lambda document: str(document["titleKey"]), exact=False)
        values, found_by_text = filters.scalars(), bool(filters.tag or filters.query)
        if filters.deleted is None and values:
            field, value = next(iter(values.items()))
            fetch = self._fetch(caller, _equal_in_range(field, order), order, *_ACTIVITIES, {"@value": value})
            return _Source(fetch, _activity, exact=len(values) == 1 and not found_by_text)
        keys = {None: ("activityKey",), "only": ("deletedKey",), "include": ("activityKey", "deletedKey")}
        fetches = [
            self._fetch(caller, in_range(key, order), order, *_ACTIVITIES) for key in keys[filters.deleted]
        ]

        async def fetch_all(after: str | None, limit: int) -> Found:
            return merged([await fetch(after, limit) for fetch in fetches], _activity, order, limit)

        return _Source(fetch_all, _activity, exact=not values and not found_by_text)

    def _fetch(
        self,
        caller: Caller,
        sql: str,
        order: Order,
        low: str,
        high: str,
        parameters: Mapping[str, str] | None = None,
    ) -> Callable[[str | None, int], Awaitable[Found]]:
        async def fetch(after: str | None, limit: int) -> Found:
            bounds = {"@low": low, "@high": high} | dict(parameters or {})
            bounds["@high" if order == "desc" else "@low"] = after or (high if order == "desc" else low)
            return await self._query(caller, sql, bounds, limit)

        return fetch


def _activity(document: Document) -> str:
    return str(document.get("activityKey") or document["deletedKey"])
