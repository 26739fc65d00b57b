"""The built-in functions, by the service's documentation and its samples."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos.query import QueryError, execute, parse
from local.cosmos.query.functions import FUNCTIONS
from tests.unit.memory_source import MemorySource, results

MISSING = "undefined"
DOCUMENT: dict[str, Any] = {"_rid": "36ZyAPW+uN8AAAAAAAAADQ==", "o": {"a": 1, "b": [2]}, "nil": None}


def value_of(expression: str) -> Any:
    found = results(f"SELECT VALUE {expression} FROM c", MemorySource([DOCUMENT]))  # noqa: S608  # our own
    return found[0] if found else MISSING


def exactly(found: Any, expected: Any) -> bool:
    return json.dumps(found) == json.dumps(expected)


STRINGS = [
    ("INDEX_OF('AdventureWorks', 'Works', 5)", 9), ("INDEX_OF('AdventureWorks', 'Adventure', 5)", -1),
    ("INDEX_OF('abc', 'c', -1)", MISSING), ("LTRIM('AdventureWorks', 'Adventure')", "Works"),
    ("LTRIM('AdventureWorks', 'Works')", "AdventureWorks"), ("LTRIM('AdventureWorks', '')", "AdventureWorks"),
    ("TRIM('-_-AdventureWorks-_-', '-_')", "AdventureWorks"), ("TRIM('-- A --', '-')", " A "),
    ("RTRIM('abcc', 'c')", "ab"), ("TRIM('a', 1)", MISSING),
    ("REPLICATE('Cosmic', 3)", "CosmicCosmicCosmic"), ("REPLICATE('a', 0)", ""), ("REPLICATE('', 1e308)", ""),
    ("REPLICATE('a', -1)", MISSING), ("REPLICATE('a', 10001)", MISSING),
    ("LENGTH(REPLICATE('ab', 5000))", 10000),
    ("REVERSE('Abc')", "cbA"), ("REVERSE(1)", MISSING),
    ("StringJoin(['a', 'b'], ', ')", "a, b"), ("StringJoin([], ',')", ""),
    ("StringJoin(['a', 1], ',')", MISSING),
    ("StringJoin('ab', ',')", MISSING), ("StringSplit('a,b,,c', ',')", ["a", "b", "", "c"]),
    ("StringSplit('abc', ',')", ["abc"]), ("StringSplit(1, ',')", MISSING),
    ("RegexMatch('abcd', 'ABC', '')", False), ("RegexMatch('abcd', 'ABC', 'i')", True),
    ("RegexMatch('abcd', 'ab.')", True), ("RegexMatch('abcd', 'ab c', 'x')", True),
    ("RegexMatch('abcd', 'aB c', 'ix')", True), ("RegexMatch('a\\nb', '^b', 'm')", True),
    ("RegexMatch('a\\nb', '^b')", False), ("RegexMatch('a\\nb', 'a.b', 's')", True),
    ("RegexMatch('a', '(')", MISSING), ("RegexMatch('a', 'a', 'q')", MISSING),
    ("RegexMatch(1, 'a')", MISSING),
    ("RegexMatch('07', '[0-99]')", True), ("RegexMatch('[', '[[a]')", True),
]  # fmt: skip
CONVERSIONS = [
    ("StringToArray('[]')", []), ("StringToArray('[ \"coats\", [1.0, null] ]')", ["coats", [1, None]]),
    ("StringToArray(\"[ 'coats' ]\")", MISSING), ("StringToArray('{}')", MISSING),
    ("StringToArray(null)", MISSING),
    ("StringToArray('[NaN]')", MISSING), ("StringToArray('[1e999]')", MISSING),
    ("StringToObject('{\"a\": {\"b\": [true]}}')", {"a": {"b": [True]}}), ("StringToObject('[]')", MISSING),
    ("StringToNumber('100')", 100), ("StringToNumber('3.14')", 3.14), ("StringToNumber('   60   ')", 60),
    ("StringToNumber('-1.79769e+308')", -1.79769e308), ("StringToNumber('Hello')", MISSING),
    ("StringToNumber('true')", MISSING), ("StringToNumber(1)", MISSING),
    ("StringToNumber('Infinity')", MISSING),
    ("StringToBoolean('true  ')", True), ("StringToBoolean('  false')", False),
    ("StringToBoolean('1')", MISSING),
    ("StringToBoolean('True')", MISSING), ("StringToNull('null ')", None), ("StringToNull('nul')", MISSING),
    ("ToString([ 1, 2, 3 ])", "[1,2,3]"),
    ("ToString({ \"department\": \"Bicycles\" })", '{"department":"Bicycles"}'),
    ("ToString(0.1234)", "0.1234"), ("ToString({a: [null, true, 'é', 2.0]})", '{"a":[null,true,"é",2]}'),
]  # fmt: skip
NUMBERS = [
    ("SIGN(-2.5)", -1), ("SIGN(0)", 0), ("SIGN(3)", 1), ("TRUNC(2.9)", 2), ("TRUNC(-2.9)", -2),
    ("SQRT(9)", 3),
    ("SQUARE(-3)", 9), ("POWER(2, 10)", 1024), ("POWER('2', 1)", MISSING), ("EXP(0)", 1), ("LOG(1)", 0),
    ("ROUND(LOG(8, 2))", 3), ("LOG10(1000)", 3), ("PI()", 3.141592653589793), ("DEGREES(PI())", 180),
    ("RADIANS(180)", 3.141592653589793), ("SIN(0)", 0), ("COS(0)", 1), ("TAN(0)", 0), ("ASIN(0)", 0),
    ("ACOS(1)", 0), ("ATAN(0)", 0), ("ATN2(0, 1)", 0), ("ROUND(COT(0.7853981633974483))", 1),
    ("RAND() >= 0 AND RAND() < 1", True), ("SQRT(true)", MISSING), ("FLOOR(null)", MISSING),
    ("NumberBin(37.752, -100)", 100), ("NumberBin(37.752, 10)", 30), ("NumberBin(37.752)", 37),
    ("NumberBin(37.752, 0)", MISSING), ("NumberBin(37.752, 0.1)", 37.7), ("NumberBin(37.752, 0.01)", 37.75),
    ("NumberBin('a', 1)", MISSING),
    ("IntAdd(20, 10)", 30),
    ("IntSub(5, 7)", -2), ("IntMul(5, -7)", -35), ("IntMul(5, 0.5)", MISSING), ("IntDiv(10, -2)", -5),
    ("IntDiv(-7, 2)", -3), ("IntDiv(10, 0)", MISSING), ("IntDiv(10, 0.1)", MISSING), ("IntMod(12, -5)", 2),
    ("IntMod(-12, -5)", -2), ("IntMod(12, 0)", MISSING), ("IntBitAnd(15, 25)", 9), ("IntBitOr(56, 100)", 124),
    ("IntBitXor(56, 100)", 92), ("IntBitNot(65)", -66), ("IntBitLeftShift(16, 4)", 256),
    ("IntBitLeftShift(16, 0.4)", MISSING), ("IntBitRightShift(16, 4)", 1), ("IntBitRightShift(-16, 2)", -4),
    ("IntBitLeftShift(1, 63)", -(2**63)),
    ("100 >> 2", 25), ("100 << 2", 400), ("100 >>> 0", 100), ("100 & 1000", 96), ("100 | 1000", 1004),
    ("100 ^ 1000", 908), ("~5", -6), ("-1 >>> 28", 15), ("1 << 31", -(2**31)),
    ("2147483649 | 0", -2147483647),
    ("1.9 | 0", 1), ("-1.9 | 0", -1), ("'1' & 1", MISSING), ("1 + 1 << 1", 4), ("6 & 3 | 8 ^ 1", 11),
]  # fmt: skip
ARRAYS = [
    ("ARRAY_CONTAINS_ANY([1, 2], 5, 2)", True), ("ARRAY_CONTAINS_ANY([1, 2], 5)", False),
    ("ARRAY_CONTAINS_ANY(c.none, 5)", MISSING), ("ARRAY_CONTAINS_ANY([1], c.none)", MISSING),
    ("ARRAY_CONTAINS_ANY([1, [2]], [2], c.none)", True), ("ARRAY_CONTAINS_ALL([1, 2, 3], 3, 1)", True),
    ("ARRAY_CONTAINS_ALL([1, 2], 1, 5)", False), ("ARRAY_CONTAINS_ALL('ab', 'a')", MISSING),
    ("SetIntersect([1, 2, 3, 4], [3, 4, 5, 6])", [3, 4]), ("SetIntersect([1, 2], [])", []),
    ("SetIntersect([1, 2, 3, 4], [1, 1, 1, 1])", [1]), ("SetIntersect([1, 2, 'A', 'B'], ['A', 1])", ["A", 1]),
    ("SetIntersect([1], 1)", MISSING), ("SetUnion([1, 2, 3, 4], [3, 4, 5, 6])", [1, 2, 3, 4, 5, 6]),
    ("SetUnion([1, true], [1.0, '1'])", [1, True, "1"]), ("SetUnion(1, [])", MISSING),
    ("CHOOSE(0, 'abc', 1)", MISSING), ("CHOOSE(1, 'abc', 1)", "abc"), ("CHOOSE(4, 'abc', 1, true, [1])", [1]),
    ("CHOOSE(5, 'abc', 1)", MISSING), ("CHOOSE(1.5, 'abc', 1)", MISSING), ("CHOOSE('1', 'abc')", MISSING),
    ("ObjectToArray(c.o)", [{"k": "a", "v": 1}, {"k": "b", "v": [2]}]), ("ObjectToArray([])", MISSING),
    ("ObjectToArray({a: '1'}, 'key', 'value')", [{"key": "a", "value": "1"}]),
    ("ObjectToArray({a: 1}, 'key')", [{"key": "a", "v": 1}]), ("ObjectToArray({a: 1}, 1)", MISSING),
    ("IIF(true, 123, 456)", 123), ("IIF(123, 123, 456)", 456), ("IIF(c.none, 1, 2)", 2),
    ("IIF(false, 1, c.none)", MISSING),
]  # fmt: skip
TYPES = [
    ("IS_INTEGER(3454.123)", False), ("IS_INTEGER(5523432)", True),
    ("IS_INTEGER(-9223372036854775808)", True),
    ("IS_INTEGER(9223372036854775807)", True), ("IS_INTEGER(18446744073709551615)", False),
    ("IS_INTEGER('1')", False), ("IS_INTEGER(2.0)", True), ("IS_FINITE_NUMBER(1.5)", True),
    ("IS_FINITE_NUMBER('a')", False), ("IS_FINITE_NUMBER(c.none)", False), ("DOCUMENTID(c)", 13),
    ("DOCUMENTID(c.o)", MISSING),
]  # fmt: skip
AT = "'2016-05-29T08:30:00.1301617'"
DATES = [
    ("DateTimeAdd('yyyy', 1, '2020-07-03T00:00:00.0000000')", "2021-07-03T00:00:00.0000000Z"),
    ("DateTimeAdd('mm', -1, '2020-07-31')", "2020-06-30T00:00:00.0000000Z"),
    ("DateTimeAdd('month', 18, '2020-08-31T01:02:03.4Z')", "2022-02-28T01:02:03.4000000Z"),
    ("DateTimeAdd('dd', 1, '2020-02-28T10:00Z')", "2020-02-29T10:00:00.0000000Z"),
    ("DateTimeAdd('ss', 5 * -5, '2020-07-03T00:00:00.0000000')", "2020-07-02T23:59:35.0000000Z"),
    ("DateTimeAdd('ns', 250, '2020-07-03')", "2020-07-03T00:00:00.0000002Z"),
    ("DateTimeAdd('yyyy', 9000, '2020-07-03')", MISSING), ("DateTimeAdd('yyyy', 0.5, '2020-07-03')", MISSING),
    ("DateTimeAdd('century', 1, '2020-07-03')", MISSING), ("DateTimeAdd('dd', 1, '2020-13-03')", MISSING),
    ("DateTimeAdd('dd', 1, 'today')", MISSING), ("DateTimeAdd('hh', 1e300, '2020-07-03')", MISSING),
    ("DateTimeDiff('yyyy', '2019-02-04T16:00:00.0000000', '2018-03-05T05:00:00.0000000')", -1),
    ("DateTimeDiff('mm', '2018-03-05T05:00:00.0000000', '2019-02-04T16:00:00.0000000')", 11),
    ("DateTimeDiff('hh', '2019-02-04T16:00:00.0000000', '2018-03-05T05:00:00.0000000')", -8075),
    ("DateTimeDiff('ss', '2018-03-05T05:00:00.0000000', '2019-02-04T16:00:00.0000000')", 29070000),
    ("DateTimeDiff('hh', '2020-01-01T01:00:00.1234527Z', '2020-01-01T01:59:59.1234567Z')", 0),
    ("DateTimeDiff('day', '2020-01-01T23:59:59Z', '2020-01-02T00:00:00Z')", 1),
    ("DateTimeDiff('diffDays', '2020-01-01', '2020-01-02')", MISSING),
    *[(f"DateTimePart('{part}', {AT})", value) for part, value in (
        ("yyyy", 2016), ("mm", 5), ("dd", 29), ("hh", 8), ("mi", 30), ("ss", 0), ("ms", 130), ("mcs", 130161),
        ("ns", 130161700), ("week", MISSING))],
    ("DateTimeFromParts(2017, 4, 20)", "2017-04-20T00:00:00.0000000Z"),
    ("DateTimeFromParts(2017, 4, 20, 13, 15, 20, 3456789)", "2017-04-20T13:15:20.3456789Z"),
    ("DateTimeFromParts(2017, 4, 20, 13, 15)", "2017-04-20T13:15:00.0000000Z"),
    ("DateTimeFromParts(-2000, -1, -1)", MISSING), ("DateTimeFromParts(2017, 2, 29)", MISSING),
    ("DateTimeFromParts(2017, 4, 20, 13, 15, 20, 10000000)", MISSING),
    ("DateTimeFromParts(2017, 4, '1')", MISSING),
    ("DateTimeBin('2021-01-08T18:35:00.0000000', 'dd')", "2021-01-08T00:00:00.0000000Z"),
    ("DateTimeBin('2021-01-08T18:35:00.0000000', 'hh', 5)", "2021-01-08T15:00:00.0000000Z"),
    ("DateTimeBin('2021-01-08T18:35:00.0000000', 'dd', 7)", "2021-01-07T00:00:00.0000000Z"),
    ("DateTimeBin('2021-01-08T18:35:00.0000000', 'dd', 7, '1601-01-01T00:00:00.0000000')",
     "2021-01-04T00:00:00.0000000Z"),
    ("DateTimeBin('2021-01-08', 'dd', 0)", MISSING), ("DateTimeBin('2021-01-08', 'mm')", MISSING),
    ("DateTimeBin('2021-01-08', 'dd', 1, '1500-01-01')", MISSING),
    ("DateTimeToTimestamp('2020-07-09T23:20:13.4575530Z')", 1594336813457),
    ("DateTimeToTimestamp('2020-07-09')", 1594252800000), ("DateTimeToTimestamp(1)", MISSING),
    ("DateTimeToTicks('2015-05-19T12:00:00.0000000')", 14320368000000000),
    ("TicksToDateTime(15973607943002652)", "2020-08-13T23:19:54.3002652Z"),
    ("TicksToDateTime(-116444736000000000)", "1601-01-01T00:00:00.0000000Z"),
    ("TicksToDateTime('0')", MISSING),
    ("TimestampToDateTime(1594227912345)", "2020-07-08T17:05:12.3450000Z"),
    ("TicksToDateTime(1e300)", MISSING),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "expected"), [*STRINGS, *CONVERSIONS, *NUMBERS, *ARRAYS, *TYPES, *DATES]
)
def test_a_function_gives_what_the_service_gives(expression: str, expected: Any) -> None:
    assert exactly(value_of(expression), expected)


def test_names_of_functions_are_read_in_any_case() -> None:
    assert (
        value_of("datetimepart('YYYY', '2020-01-01')")
        == value_of("DATETIMEPART('yyyy', '2020-01-01')")
        == 2020
    )


@pytest.mark.parametrize("kind", ["", "Static"])
def test_the_functions_of_time_tell_the_time_that_the_query_is_run_at(kind: str) -> None:
    names = ("DateTime", "Timestamp", "Ticks")
    called = ", ".join(f"GetCurrent{name}{kind}()" for name in names)
    query = parse(f"SELECT VALUE [{called}] FROM c")  # noqa: S608  # our own
    page = execute(query, MemorySource([DOCUMENT]), now=1594336813.457)
    assert page.results == [["2020-07-09T23:20:13.4570000Z", 1594336813457, 15943368134570000]]


def test_an_unknown_function_and_one_that_is_not_served_are_told_apart() -> None:
    for name, said in (
        ("NOSUCH", "not a recognized built-in function"),
        ("ST_AREA", "not supported by this engine"),
    ):
        with pytest.raises(Exception, match=re.escape(said)):
            parse(f"SELECT {name}(c) FROM c")  # noqa: S608  # our own


NUMBERS_OF_ALL_SIZES = st.sampled_from(
    [0, -0.0, 1, -1, 0.5, 31, 64, -64, 2**53, 2**63, -(10**400), 1e308, -1e308, 5e-324]
)
ARGUMENTS = st.one_of(
    st.sampled_from(
        [None, True, "", "a", "day", "ns", "2020-01-01", "0001-01-01", "9999-12-31", "%", "(", "i"]
    ),
    NUMBERS_OF_ALL_SIZES,
    st.lists(st.sampled_from([1, "a", None]), max_size=2),
    st.just({"a": 1, "_rid": "x"}),
)


def call_of(name: str) -> st.SearchStrategy[tuple[str, list[Any]]]:
    least, most = FUNCTIONS[name].least, min(FUNCTIONS[name].most, 4)
    return st.tuples(st.just(name), st.lists(ARGUMENTS, min_size=least, max_size=max(least, most)))


@settings(max_examples=1_000)
@given(st.sampled_from(sorted(FUNCTIONS)).flatmap(call_of))
def test_no_argument_is_too_strange(call: tuple[str, list[Any]]) -> None:
    """Any is answered with JSON that is finite, or refused."""
    name, arguments = call
    names = [f"@p{n}" for n in range(len(arguments))]
    with suppress(QueryError):
        text = f"SELECT VALUE {name}({', '.join(names)}) FROM c"  # noqa: S608  # our own
        for value in results(text, MemorySource([DOCUMENT]), dict(zip(names, arguments, strict=True))):
            json.dumps(value, allow_nan=False)
