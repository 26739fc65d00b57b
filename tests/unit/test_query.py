"""The query language, over documents in memory."""
# ruff: noqa: S608  # queries are what is tested here; nothing of them comes from outside

import base64
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos.query import QueryError, execute, parse, parse_condition
from local.cosmos.values import UNDEFINED, encode
from tests.unit.memory_source import EVERYTHING, NOTHING, MemorySource, pages, results

COMPOSITE = {
    **EVERYTHING,
    "compositeIndexes": [[{"path": "/a", "order": "ascending"}, {"path": "/b", "order": "descending"}]],
}


FRAGMENTS = [
    "SELECT",
    "*",
    "FROM",
    "c",
    "WHERE",
    ".",
    "=",
    "1",
    "'x",
    "(",
    ")",
    "[",
    "{",
    "@p",
    "??",
    "?",
    "||",
    "IN",
    "NOT",
]


def value(expression: str, **document: Any) -> Any:
    found = results(f"SELECT VALUE {expression} FROM c", MemorySource([document]))
    return found[0] if found else UNDEFINED


def test_and_or_not_have_three_values() -> None:
    truth = {"true": True, "false": False, "undefined": UNDEFINED}
    for (left, one), (right, two) in product(truth.items(), repeat=2):
        conjunction = False if False in (one, two) else True if one is two is True else UNDEFINED
        disjunction = True if True in (one, two) else False if one is two is False else UNDEFINED
        assert value(f"{left} AND {right}") is conjunction
        assert value(f"{left} OR {right}") is disjunction
    assert [value("NOT true"), value("NOT undefined"), value("NOT 1")] == [False, UNDEFINED, UNDEFINED]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 = '1'", False),
        ("1 != '1'", True),
        ("c.missing != 1", UNDEFINED),
        ("1 < '2'", UNDEFINED),
        ("false < true", True),
        ("null <= null", True),
        ("[1] <= [1]", UNDEFINED),
        ("[1, true] = [1, 1]", False),
        ("{a: 1, b: [2]} = {b: [2], a: 1}", True),
        ("9007199254740993 = 9007199254740992", True),
        ("1 IN (2, undefined, 1)", True),
        ("1 NOT IN (2, 3)", True),
        ("c.missing IN (1)", UNDEFINED),
        ("2 BETWEEN 1 AND 3 AND true", True),
        ("'b' BETWEEN 1 AND 3", UNDEFINED),
        ("4 NOT BETWEEN 1 AND 3", True),
        ("1 + 2 * 3 - 4 / 2", 5),
        ("-7 % 3", -1),
        ("1 + '1'", UNDEFINED),
        ("-true", UNDEFINED),
        ("'a' || 'b' || 'c'", "abc"),
        ("null ?? 1", None),
        ("c.missing ?? 1", 1),
        ("1 = 1 ? 'y' : 'n'", "y"),
        ("'1' = 1 ? 'y' : 'n'", "n"),
        ("{a: c.missing, 'b': 1}", {"b": 1}),
        ("[c.missing, 1]", [1]),
        (r"'it\'s \u0041 \"q\"'", 'it\'s A "q"'),
        (r"""'a "quote"'""", 'a "quote"'),
        (r"'\\'", "\\"),
    ],
)
def test_expressions_have_the_values_of_the_service(expression: str, expected: Any) -> None:
    found = value(expression)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        ("abc", "'a%'", True),
        ("abc", "'a_'", False),
        ("a\nc", "'a_c'", True),
        ("20%", "'20^%' ESCAPE '^'", True),
        ("200", "'20^%' ESCAPE '^'", False),
        ("n%", "'n[%]'", True),
        ("b", "'[a-c]'", True),
        ("b", "'[^a-c]'", False),
        ("-", "'[-]'", True),
        ("a.c", "'a.c'", True),
        ("abc", "'a' || '%'", True),
    ],
)
def test_like_matches_the_whole_text(text: str, pattern: str, matches: bool) -> None:
    assert value(f"c.s LIKE {pattern}", s=text) is matches
    assert value(f"c.s NOT LIKE {pattern}", s=text) is not matches


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("CONTAINS('Abc', 'BC')", False),
        ("CONTAINS('Abc', 'BC', true)", True),
        ("startswith('abc', 'ab')", True),
        ("ENDSWITH('abc', 1)", UNDEFINED),
        ("LOWER('ÄB') || UPPER('ß')", "äbß"),
        ("LENGTH('abc')", 3),
        ("LENGTH(c.missing)", UNDEFINED),
        ("CONCAT('a', 'b', 'c')", "abc"),
        ("SUBSTRING('abcd', 1, 2)", "bc"),
        ("SUBSTRING('abcd', -1, 2)", ""),
        ("INDEX_OF('abc', 'z')", -1),
        ("REPLACE('aXbX', 'X', '-')", "a-b-"),
        ("REPLACE('a', '', '-')", UNDEFINED),
        ("LEFT('abc', 2) || RIGHT('abc', 1)", "abc"),
        ("TRIM(' a ') || LTRIM(' b') || RTRIM('c ')", "abc"),
        ("ToString(1.0)", "1"),
        ("ToString(false)", "false"),
        ("ARRAY_CONTAINS([1, 2], 2)", True),
        ("ARRAY_CONTAINS([{a: 1, b: 2}], {a: 1})", False),
        ("ARRAY_CONTAINS([{a: 1, b: 2}], {a: 1}, true)", True),
        ("ARRAY_LENGTH([1, 2])", 2),
        ("ARRAY_SLICE([1, 2, 3], -2, 1)", [2]),
        ("ARRAY_SLICE([1, 2, 3], 1)", [2, 3]),
        ("ARRAY_CONCAT([1], [2], [3])", [1, 2, 3]),
        ("IS_DEFINED(c.missing)", False),
        ("IS_NULL(null) AND IS_BOOL(true) AND IS_STRING('')", True),
        ("IS_NUMBER(true) OR IS_ARRAY({}) OR IS_OBJECT([]) OR IS_PRIMITIVE([])", False),
        ("[ABS(-1), CEILING(1.2), FLOOR(-1.2), ROUND(2.5), ROUND(-0.5)]", [1, 2, -2, 3, -1]),
        ("ROUND(0.49999999999999994)", 0),
        ("ABS('1')", UNDEFINED),
    ],
)
def test_functions_have_the_values_of_the_service(call: str, expected: Any) -> None:
    assert value(call) == expected


def test_paths_lead_through_objects_and_arrays() -> None:
    document = {"a": {"b": [{"c d": 1}]}, "order": 2}
    assert value('c.a.b[0]["c d"]', **document) == 1
    assert value('c["order"]', **document) == 2
    assert value("c.a.b[1]", **document) is UNDEFINED
    assert value("c.a.b.d", **document) is UNDEFINED


ITEMS: list[dict[str, Any]] = [
    {"id": "1", "n": 2, "s": "x", "t": ["p", "q"]},
    {"id": "2", "n": 1, "s": "xy", "t": ["q"]},
    {"id": "3", "n": None, "s": "y"},
    {"id": "4", "n": "2", "t": []},
    {"id": "5", "n": True},
    {"id": "6"},
]


@pytest.mark.parametrize(
    ("rest", "ids"),
    [
        ("WHERE c.n = 2", "1"),
        ("WHERE c.n < 2", "2"),
        ("WHERE c.n != 2", "2345"),
        ("WHERE c.n = null", "3"),
        ("WHERE c.n", "5"),
        ("WHERE STARTSWITH(c.s, 'x')", "12"),
        ("WHERE ARRAY_CONTAINS(c.t, 'p') AND ARRAY_CONTAINS(c.t, 'q')", "1"),
        ("WHERE c.s = 'x' AND c.n IN (1, 2)", "1"),
        ("WHERE NOT IS_DEFINED(c.n)", "6"),
        ("ORDER BY c.n", "35214"),
        ("ORDER BY c.n DESC", "41253"),
        ("WHERE c.s >= 'x' ORDER BY c.s DESC", "321"),
        ("OFFSET 1 LIMIT 2", "23"),
        ("ORDER BY c.n OFFSET @skip LIMIT @most", "52"),
        ("ORDER BY c.n OFFSET 9 LIMIT 9", ""),
    ],
)
@pytest.mark.parametrize("size", [None, 1, 2, 100])
def test_filters_and_orders_find_the_documents(rest: str, ids: str, size: int | None) -> None:
    found = results(f"SELECT VALUE c.id FROM c {rest}", MemorySource(ITEMS), size, skip=1, most=2)
    assert "".join(found) == ids


def test_projections_name_their_columns() -> None:
    source = MemorySource([{"id": "1", "o": {"k": 1}}])
    assert results("SELECT * FROM root", source) == [{"id": "1", "o": {"k": 1}}]
    assert results("SELECT x.id, x.o.k AS z, 1, 2, x.no FROM c AS x", source) == [
        {"id": "1", "z": 1, "$1": 1, "$2": 2}
    ]
    assert results("SELECT c FROM c", source) == [{"c": {"id": "1", "o": {"k": 1}}}]
    assert results("SELECT VALUE c.no FROM c", source) == []


@pytest.mark.parametrize("size", [None, 1, 3])
def test_top_and_distinct_hold_across_pages(size: int | None) -> None:
    source = MemorySource([{"k": n % 3} for n in range(9)])
    assert results("SELECT TOP @n VALUE c.k FROM c", source, size, n=4) == [0, 1, 2, 0]
    assert results("SELECT DISTINCT VALUE c.k FROM c ORDER BY c.k DESC", source, size) == [2, 1, 0]
    assert results("SELECT DISTINCT TOP 2 c.k FROM c", source, size) == [{"k": 0}, {"k": 1}]


def test_aggregates_are_one_row() -> None:
    source = MemorySource([{"n": 1}, {"n": 2}, {"m": "x"}])
    assert results("SELECT VALUE COUNT(1) FROM c", source, 1) == [3]
    assert results("SELECT COUNT(c.n) AS k, SUM(c.n), AVG(c.n) AS a FROM c", source) == [
        {"k": 2, "$1": 3, "a": 1.5}
    ]
    assert results("SELECT VALUE {low: MIN(c.n), high: MAX(c.n)} FROM c", source) == [{"low": 1, "high": 2}]
    assert results("SELECT VALUE SUM(c.m) FROM c", source) == []
    assert results("SELECT VALUE COUNT(1) FROM c WHERE c.n > 5", source) == [0]


def test_several_order_columns_follow_a_composite_index() -> None:
    bodies: list[dict[str, Any]] = [{"a": a, "b": b} for a, b in product((1, 2), (1, 2, 2))]
    source = MemorySource([*bodies, {"a": 1}, {"b": 1}], COMPOSITE)
    ordered = results("SELECT * FROM c ORDER BY c.a, c.b DESC", source, 3)
    keys = [
        encode(one.get("a", UNDEFINED)) + encode(one.get("b", UNDEFINED), descending=True) for one in ordered
    ]
    assert len(ordered) == 8
    assert keys == sorted(keys)
    assert results("SELECT * FROM c ORDER BY c.a DESC, c.b ASC", source, 3) == ordered[::-1]
    with pytest.raises(QueryError, match="composite index"):
        results("SELECT * FROM c ORDER BY c.a, c.b", source)


def test_an_equality_and_an_order_share_a_composite_index() -> None:
    source = MemorySource([{"a": n % 50, "b": n} for n in range(500)], COMPOSITE)
    page = execute(parse("SELECT VALUE c.b FROM c WHERE c.a = 7 ORDER BY c.b DESC"), source, max_items=3)
    assert page.results == [457, 407, 357]
    assert page.work.terms_read == 3


def test_one_order_column_drops_what_lacks_it_whatever_index_serves_it() -> None:
    for policy in (EVERYTHING, COMPOSITE):
        source = MemorySource([{"a": 1, "b": 2}, {"a": 1}, {"b": 3}], policy)
        assert results("SELECT VALUE c.b FROM c WHERE c.a = 1 ORDER BY c.b", source) == [2]
        assert results("SELECT * FROM c WHERE c.a = 1 ORDER BY c.b DESC", source) == [{"a": 1, "b": 2}]


def test_a_page_reads_what_is_on_it() -> None:
    source = MemorySource({"k": n} for n in range(300))
    query = parse("SELECT * FROM c WHERE c.k < @most ORDER BY c.k DESC", {"@most": 200})
    page = execute(query, source, max_items=20)
    assert [one["k"] for one in page.results] == list(range(199, 179, -1))
    assert (page.work.terms_read, page.work.documents_loaded, page.work.scanned) == (20, 20, False)


def test_a_filter_without_an_index_is_a_scan_in_bounded_pages() -> None:
    source = MemorySource(({"k": n} for n in range(10_001)), NOTHING)
    query = parse("SELECT VALUE c.k FROM c WHERE c.k = 10000")
    first = execute(query, source)
    assert (first.results, first.work.scanned, first.work.documents_loaded) == ([], True, 10_000)
    assert execute(query, source, continuation=first.continuation).results == [10_000]


def test_a_page_ends_before_it_has_too_many_bytes() -> None:
    source = MemorySource([{"text": "x" * 100}] * 5)
    sizes = [execute(parse("SELECT * FROM c"), source, max_bytes=limit).results for limit in (1, 250, 10_000)]
    assert [len(page) for page in sizes] == [1, 2, 5]


@pytest.mark.parametrize("order", ["", "ORDER BY c.k", "ORDER BY c.k DESC"])
def test_writes_between_pages_neither_repeat_nor_hide_the_rest(order: str) -> None:
    source = MemorySource([{"k": n % 4, "id": n} for n in range(12)])
    reading = pages(f"SELECT VALUE c.id FROM c {order}", source, 5)
    found = next(reading)
    gone = found[2]
    source.bodies = {rid: body for rid, body in source.bodies.items() if body["id"] != gone}
    source.bodies |= {0: {"k": 0, "id": "early"}, 99: {"k": 9, "id": "late"}}
    found += [one for page in reading for one in page]
    assert sorted(one for one in found if isinstance(one, int)) == list(range(12))


def test_a_token_serves_only_its_own_query() -> None:
    source = MemorySource([{"k": 1}, {"k": 2}])
    query = parse("SELECT * FROM c WHERE c.k > @k", {"@k": 0})
    token = execute(query, source, max_items=1).continuation
    assert token is not None
    assert token.isascii()
    assert token.isprintable()
    turned = base64.urlsafe_b64encode(base64.urlsafe_b64decode(token).replace(b", 1", b", 2", 1)).decode()
    for other, wrong in [
        (parse(query.text, {"@k": 1}), token),
        (parse("SELECT * FROM c"), token),
        (query, turned),
        (query, "é"),
        (query, "W10="),
        (query, token[:-4]),
    ]:
        with pytest.raises(QueryError, match="continuation"):
            execute(other, source, continuation=wrong)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT * FROM c JOIN t IN c.t", "JOIN is not"),
        ("SELECT VALUE t FROM t IN c.t", "IN"),
        ("SELECT c.a FROM c GROUP BY c.a", "GROUP BY is not"),
        ("SELECT * FROM c WHERE EXISTS(SELECT 1)", "EXISTS is not"),
        ("SELECT VALUE (SELECT 1) FROM c", "subquery is not"),
        ("SELECT * FROM c WHERE FullTextContains(c.a, 'b')", "FullTextContains is not"),
        ("SELECT * FROM c ORDER BY VectorDistance(c.a, [1])", "VectorDistance is not"),
        ("SELECT * FROM c WHERE udf.f(c.a)", "user-defined"),
        ("SELECT VALUE 1", "without FROM"),
        ("SELECT FOO(1) FROM c", "Unknown function 'FOO'"),
        ("SELECT ABS(1, 2) FROM c", "ABS takes"),
        ("SELECT x.a FROM c", "'x' could not be resolved"),
        ("SELECT c.a FROM c x", "'c' could not be resolved"),
        ("SELECT * FROM c WHERE c.a = @b", "@b has no value"),
        ("SELECT * FROM c WHERE COUNT(1) = 1", "SELECT list"),
        ("SELECT c.a, COUNT(1) FROM c", "GROUP BY"),
        ("SELECT c.a, c.b.a FROM c", "'a'"),
        ("SELECT * FROM c WHERE NOT c.a = 1", "near '='"),
        ("SELECT * FROM c WHERE c.a || 'b' = 'ab'", "near '='"),
        ("SELECT 0x1F FROM c", "near '0x1F'"),
        ("SELECT VALUE 1e999 FROM c", "too large"),
        ("SELECT c.order FROM c", "near 'order'"),
        ("SELECT * FROM c WHERE c.a LIKE 'x' ESCAPE 'ab'", "one character"),
        ("SELECT TOP 1 * FROM c OFFSET 1 LIMIT 1", "TOP and OFFSET"),
        ("SELECT * FROM c; SELECT 1", "near ';'"),
        ("SELECT *", "without FROM"),
        ("SELECT", "ends too early"),
        ("SELECT VALUE " + "-(" * 500 + "c.a" + ")" * 500 + " FROM c", "nested too deeply"),
    ],
)
def test_what_is_not_known_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT * FROM c ORDER BY c.hidden", "is excluded"),
        ("SELECT * FROM c ORDER BY c.a, c.b", "composite index"),
        ("SELECT * FROM c ORDER BY LOWER(c.a)", "document path"),
        ("SELECT TOP @n * FROM c", "whole number"),
        ("SELECT 1 / 0 FROM c", "finite"),
        ("SELECT ToString([1]) FROM c", "ToString"),
    ],
)
def test_what_can_not_be_served_is_refused(text: str, reason: str) -> None:
    policy = {**EVERYTHING, "excludedPaths": [{"path": "/hidden/?"}]}
    with pytest.raises(QueryError, match=reason):
        results(text, MemorySource([{"a": 1}], policy), n=-1)


@settings(max_examples=200)
@given(st.text() | st.lists(st.sampled_from(FRAGMENTS)).map(" ".join))
def test_garbage_is_refused_or_parsed(text: str) -> None:
    try:
        parse(text, {"@p": 1})
    except QueryError:
        return  # anything else is the failure


def test_a_thousand_alternatives_are_not_too_deep() -> None:
    where = " OR ".join(f"( c.id = '{n}' AND c.k = {n} )" for n in range(1000))
    source = MemorySource([{"id": "7", "k": 7}, {"id": "8", "k": 9}])
    assert results(f"SELECT VALUE c.id FROM c WHERE ( {where} )", source) == ["7"]


def test_a_condition_holds_or_not() -> None:
    assert parse_condition("from c where c.n = 2").holds({"n": 2})
    assert not parse_condition("FROM c WHERE c.n = 2").holds({})
    with pytest.raises(QueryError, match="@p"):
        parse_condition("from c where c.n = @p")


def test_queries_say_whether_they_need_a_plan() -> None:
    assert not parse("SELECT c.a FROM c WHERE c.a = 1").needs_plan
    for text in (
        "TOP 1 *",
        "DISTINCT c.a",
        "VALUE MAX(c.a)",
        "* FROM c ORDER BY c.a",
        "* FROM c OFFSET 1 LIMIT 1",
    ):
        assert parse(f"SELECT {text}" + ("" if "FROM" in text else " FROM c")).needs_plan


SCALARS = st.sampled_from([None, True, False, 0, 1, 2.5, 2**53, 2**53 + 1, "", "a", "ab", "b"])
DOCUMENTS = st.lists(
    st.fixed_dictionaries({}, optional={"a": SCALARS, "b": SCALARS, "t": st.lists(SCALARS, max_size=3)}),
    max_size=12,
)
CONDITIONS = st.sampled_from(
    [
        *(
            f"c.{path} {operator} @{name}"
            for path, operator, name in product("ab", ["=", "<", "<=", ">", ">=", "!="], "xy")
        ),
        "@x > c.a",
        "c.a BETWEEN @x AND @y",
        "c.b IN (@x, @y)",
        "STARTSWITH(c.a, @x)",
        "ARRAY_CONTAINS(c.t, @x)",
        "ARRAY_CONTAINS(c.t, @y)",
        "IS_DEFINED(c.b)",
        "(c.a = @x OR c.b = @y)",
    ]
)
ORDERS = st.sampled_from(["", "ORDER BY c.a", "ORDER BY c.a DESC", "ORDER BY c.b", "ORDER BY c.a, c.b DESC"])


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS, st.lists(CONDITIONS, max_size=3), ORDERS, SCALARS, SCALARS, st.integers(1, 5))
def test_an_index_changes_nothing_but_the_work(
    bodies: list[dict[str, Any]], where: list[str], order: str, x: Any, y: Any, size: int
) -> None:
    numbered = [{**body, "id": n} for n, body in enumerate(bodies)]
    conjunction = f"WHERE {' AND '.join(where)}" if where else ""
    parameters = {"x": x, "y": y}
    plain = f"SELECT VALUE c.id FROM c {conjunction}"
    scanned = results(plain, MemorySource(numbered, NOTHING), **parameters)
    source = MemorySource(numbered, COMPOSITE)
    whole = results(f"{plain} {order}", source, **parameters)
    assert results(f"{plain} {order}", source, size, **parameters) == whole
    assert (whole if order else sorted(whole)) == in_order(scanned, numbered, order)


def in_order(ids: list[int], documents: list[dict[str, Any]], order: str) -> list[int]:
    """What ORDER BY makes of them, by sorting; without it the order is free."""
    if not order:
        return ids
    columns = [text.split() for text in order.removeprefix("ORDER BY ").split(", ")]
    names = [(column[0].removeprefix("c."), column[-1] == "DESC") for column in columns]
    if len(names) == 1:
        ids = [one for one in ids if names[0][0] in documents[one]]
    backwards = names[0][1]
    keys = {
        one: b"".join(
            encode(documents[one].get(name, UNDEFINED), descending=down != backwards) for name, down in names
        )
        for one in ids
    }
    return sorted(ids, key=lambda one: (keys[one], one), reverse=backwards)
