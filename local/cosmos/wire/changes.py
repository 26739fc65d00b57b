"""The change feed: from where and of what a page is asked for, and the answer."""

from email.utils import parsedate_to_datetime

from local.cosmos import charges
from local.cosmos.changefeed import Interest, read_changes
from local.cosmos.containers import Container
from local.cosmos.engine import Engine
from local.cosmos.errors import bad_request
from local.cosmos.wire.feeds import max_items
from local.cosmos.wire.items import check_session, container_of, logical_key
from local.cosmos.wire.messages import (
    CHANGE_FEED,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    ITEM_COUNT,
    PARTITION_KEY,
    Answer,
    Request,
    document_answer,
)
from local.cosmos.wire.routes import Operation
from local.cosmos.wire.scopes import asked_epks


def read_feed(engine: Engine, operation: Operation) -> Answer:
    """One page of the change feed; 304 where there is nothing new."""
    container, request = container_of(engine, operation), operation.request
    check_session(container, request)
    if request.headers[CHANGE_FEED].lower() != "incremental feed":
        raise bad_request("The change feed has the latest-version mode only, not all versions and deletes.")
    page = read_changes(engine.connection, container, _interest(container, request), max_items(request))
    headers = {"etag": f'"{page.position}"', ITEM_COUNT: str(len(page.items))}
    if not page.items:
        return document_answer(container, 304, charges.UNCHANGED_FEED, headers=headers)
    body = f'{{"_rid":"{container.rid}","Documents":[{",".join(page.items)}],"_count":{len(page.items)}}}'
    return document_answer(container, 200, charges.change_feed_page(page.sizes), body, headers)


def _interest(container: Container, request: Request) -> Interest:
    """What part of the change feed the headers ask for."""
    headers = request.headers
    low, high = asked_epks(container, request)
    if PARTITION_KEY in headers:
        low = logical_key(container, request).epk
        high = f"{low}00"
    since = headers.get(IF_MODIFIED_SINCE)
    return Interest(_position(container, headers.get(IF_NONE_MATCH)), _seconds(since), low, high)


def _position(container: Container, etag: str | None) -> int:
    """The LSN of a position in the feed: none is the beginning, `*` is now."""
    if etag is None:
        return 0
    if etag == "*":
        return container.lsn
    digits = etag.strip('"')
    if not digits.isdecimal():
        raise bad_request(f"{etag!r} is not a position in the change feed.")
    return int(digits)


def _seconds(date: str | None) -> int:
    if date is None:
        return 0
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except ValueError as error:
        raise bad_request(f"{date!r} is not a date.") from error
