"""Functions of times."""

from collections.abc import Callable

from local.cosmos.query.functions.signature import Function, is_number, is_whole
from local.cosmos.query.functions.times import (
    MILLISECOND,
    SECOND,
    TICK,
    calendar,
    months_later,
    parsed,
    time_of,
    written,
)
from local.cosmos.values import UNDEFINED, Json

_FIRST_YEAR = 1601
_UNITS = {
    "nanosecond": 1,
    "microsecond": 1_000,
    "millisecond": MILLISECOND,
    "second": SECOND,
    "minute": 60 * SECOND,
    "hour": 3_600 * SECOND,
    "day": 86_400 * SECOND,
}
_SPELLINGS = {
    "year": "year yyyy yy",
    "month": "month mm m",
    "day": "day dd d",
    "hour": "hour hh",
    "minute": "minute mi n",
    "second": "second ss s",
    "millisecond": "millisecond ms",
    "microsecond": "microsecond mcs",
    "nanosecond": "nanosecond ns",
}
_PARTS = {spelling: part for part, spellings in _SPELLINGS.items() for spelling in spellings.split()}


def _ticks(time: int) -> int:
    """Numbers are doubles."""
    return int(float(time // TICK))


def _on_time(call: Callable[[int], Json]) -> Callable[[Json], Json]:
    def checked(text: Json) -> Json:
        time = parsed(text)
        return UNDEFINED if time is None else call(time)

    return checked


def _from_number(unit: int) -> Callable[[Json], Json]:
    return lambda number: written(int(number) * unit) if is_number(number) else UNDEFINED


def _part(name: Json) -> str:
    return _PARTS.get(name.lower(), "") if isinstance(name, str) else ""


def _add(name: Json, count: Json, text: Json) -> Json:
    part, time = _part(name), parsed(text)
    if not part or time is None or not is_whole(count):
        return UNDEFINED
    if part in _UNITS:
        return written(time + int(count) * _UNITS[part])
    return written(months_later(time, int(count) * (12 if part == "year" else 1)))


def _difference(name: Json, start: Json, end: Json) -> Json:
    """How many bounds of the part lie between: from 23:59 to 0:01 it is one day."""
    part, first, last = _part(name), parsed(start), parsed(end)
    if not part or first is None or last is None:
        return UNDEFINED
    if part in _UNITS:
        return last // _UNITS[part] - first // _UNITS[part]
    months = (last_at := calendar(last)).year * 12 + last_at.month
    months -= (first_at := calendar(first)).year * 12 + first_at.month
    return last_at.year - first_at.year if part == "year" else months


def _part_of(name: Json, text: Json) -> Json:
    part, time = _part(name), parsed(text)
    if not part or time is None:
        return UNDEFINED
    if _UNITS.get(part, SECOND) < SECOND:
        return time % SECOND // _UNITS[part]
    return getattr(calendar(time), part)


def _bin(text: Json, name: Json, size: Json = 1, origin: Json = "1970-01-01") -> Json:
    """The beginning of the time's bin, when bins of a size are counted from an origin."""
    part, time, start = _part(name), parsed(text), parsed(origin)
    if part not in _UNITS or time is None or start is None or not is_whole(size) or size <= 0:
        return UNDEFINED
    if calendar(start).year < _FIRST_YEAR:
        return UNDEFINED
    width = int(size) * _UNITS[part]
    return written(start + (time - start) // width * width)


def _from_parts(year: Json, month: Json, day: Json, *rest: Json) -> Json:
    given = [year, month, day, *rest, 0, 0, 0, 0][:7]
    if not all(map(is_whole, given)):
        return UNDEFINED
    *parts, ticks = map(int, given)
    return written(time_of(parts, ticks))


def _now(seconds: float) -> int:
    return int(seconds * 1_000) * MILLISECOND


_CLOCK: dict[str, Callable[[float], Json]] = {
    "GETCURRENTDATETIME": lambda seconds: written(_now(seconds)),
    "GETCURRENTTICKS": lambda seconds: _ticks(_now(seconds)),
    "GETCURRENTTIMESTAMP": lambda seconds: _now(seconds) // MILLISECOND,
}

DATES: dict[str, Function] = {
    "DATETIMEADD": Function(_add, 3, 3),
    "DATETIMEBIN": Function(_bin, 2, 4),
    "DATETIMEDIFF": Function(_difference, 3, 3),
    "DATETIMEFROMPARTS": Function(_from_parts, 3, 7),
    "DATETIMEPART": Function(_part_of, 2, 2),
    "DATETIMETOTICKS": Function(_on_time(_ticks), 1, 1),
    "DATETIMETOTIMESTAMP": Function(_on_time(lambda time: time // MILLISECOND), 1, 1),
    "TICKSTODATETIME": Function(_from_number(TICK), 1, 1),
    "TIMESTAMPTODATETIME": Function(_from_number(MILLISECOND), 1, 1),
    **{
        f"{name}{kind}": Function(call, 0, 0, takes_time=True)
        for name, call in _CLOCK.items()
        for kind in ("", "STATIC")
    },
}
