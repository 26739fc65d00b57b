"""Times as the functions take and give them: ISO 8601 in UTC; inside, nanoseconds since 1970."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

from local.cosmos.values import UNDEFINED, Json

TICK, MILLISECOND, SECOND = 100, 10**6, 10**9
"""In nanoseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?Z?", re.ASCII)


def parsed(text: Json) -> int | None:
    """The time that a text tells, of the day alone at least; None for any other value."""
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    *parts, fraction = found.groups(default="0")
    return time_of([int(part) for part in parts], int(fraction.ljust(7, "0")))


def time_of(parts: list[int], ticks: int) -> int | None:
    """The time of a year, month, day, hour, minute and second, and so many ticks; None for no such time."""
    try:
        moment = datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # six numbers
    except (ValueError, OverflowError):
        return None
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    return seconds * SECOND + ticks * TICK if 0 <= ticks < SECOND // TICK else None


def written(time: int | None) -> Json:
    """A time as text with seven decimals; undefined for none, and beyond the years 1 to 9999."""
    if time is None:
        return UNDEFINED
    try:
        moment = calendar(time)
    except OverflowError:
        return UNDEFINED
    return f"{moment.replace(tzinfo=None).isoformat()}.{time % SECOND // TICK:07}Z"


def calendar(time: int) -> datetime:
    """Its whole second. Raises OverflowError beyond the years 1 to 9999."""
    return _EPOCH + timedelta(seconds=time // SECOND)


def months_later(time: int, months: int) -> int | None:
    """The same day of another month, or its last."""
    moment = calendar(time)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return None
    day = min(moment.day, monthrange(year, month + 1)[1])
    return time_of([year, month + 1, day, moment.hour, moment.minute, moment.second], time % SECOND // TICK)
