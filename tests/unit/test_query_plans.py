"""How queries run: which index serves them, page by page, and what the pages cost."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cosmos.query import QueryError, execute, parse
from local.cosmos.query.execute import MAX_DOCUMENTS_READ
from local.cosmos.query.parse import parse_text
from local.cosmos.values import UNDEFINED, encode
from tests.unit.memory_source import NO_INDEX, MemorySource, paged, pages, results, run

Orders = list[tuple[str, str]]


def composite(*columns: tuple[str, str], **more: Any) -> dict[str, Any]:
    entries = [{"path": path, "order": order} for path, order in columns]
    return {"includedPaths": [{"path": "/*"}], "compositeIndexes": [entries], **more}


MIXED = [None, False, True, -1.5, 0, 2, 10, "", "\x00", "10", "a", "a\x00", "aa", "b"]
EVERY_TYPE = [{"v": value} for value in reversed(MIXED)] + [{}, {"v": [1]}, {"v": {"a": 1}}]


def values(filtered: str, source: MemorySource, parameters: Mapping[str, Any] = {}) -> list[Any]:
    return results(f"SELECT VALUE c.v FROM c WHERE {filtered}", source, parameters)  # noqa: S608  # our own


@pytest.mark.parametrize(
    ("filtered", "expected"),
    [
        ("c.v < true", [False]), ("c.v <= true", [False, True]), ("c.v > false", [True]),
        ("c.v >= false", [False, True]), ("c.v < false", []), ("c.v > true", []), ("c.v = false", [False]),
        ("c.v >= null", [None]), ("c.v <= null", [None]), ("c.v > null", []), ("c.v = null", [None]),
        ("c.v < 2", [-1.5, 0]), ("c.v >= 2", [2, 10]), ("c.v > 10", []), ("c.v < -1.5", []),
        ("3 > c.v", [-1.5, 0, 2]),
        ("2 <= c.v", [2, 10]), ("c.v <= ''", [""]), ("c.v > 'a'", ["a\x00", "aa", "b"]),
        ("c.v < 'a'", ["", "\x00", "10"]),
        ("c.v >= 'a' AND c.v < 'b'", ["a", "a\x00", "aa"]), ("c.v > 5 AND c.v < 5", []),
        ("c.v = 2 AND c.v = 10", []),
        ("c.v = 2 AND c.v < 'a'", []), ("c.v BETWEEN 0 AND 2", [0, 2]), ("c.v BETWEEN 2 AND 0", []),
        ("c.v BETWEEN 0 AND 'z'", []), ("c.v BETWEEN false AND true", [False, True]),
        ("c.v BETWEEN [1] AND [1]", []), ("c.v = [1]", [[1]]), ("c.v = {a: 1}", [{"a": 1}]),
        ("c.v > [0]", []),
        ("STARTSWITH(c.v, '')", ["", "\x00", "10", "a", "a\x00", "aa", "b"]),
        ("STARTSWITH(c.v, 'a')", ["a", "a\x00", "aa"]), ("STARTSWITH(c.v, 'A', true)", ["a", "a\x00", "aa"]),
        ("STARTSWITH(c.v, 1)", []), ("c.v LIKE 'a%'", ["a", "a\x00", "aa"]), ("c.v LIKE 'a'", ["a"]),
        ("c.v LIKE '_'", ["\x00", "a", "b"]), ("c.v LIKE 1", []),
        ("c.v LIKE 'a_' ESCAPE '!'", ["a\x00", "aa"]), ("c.v = undefined", []), ("c.v < undefined", []),
        ("c.v = 2 OR c.v = 'b'", [2, "b"]), ("c.v IN (2, 'b')", [2, "b"]), ("NOT (c.v != 2)", [2]),
        ("c.v = 2 AND true", [2]), ("c.v = @p", [2]), ("@p < c.v", [10]), ("c.v < @none", []),
    ],
)  # fmt: skip
def test_a_filter_keeps_the_same_with_an_index_and_without(filtered: str, expected: list[Any]) -> None:
    parameters = {"@p": 2, "@none": UNDEFINED}
    for policy in (None, NO_INDEX):
        found = values(filtered, MemorySource(EVERY_TYPE, policy), parameters)
        assert sorted(found, key=encode) == expected


@pytest.mark.parametrize("direction", ["ASC", "DESC", ""])
def test_order_by_puts_types_in_order_and_drops_what_has_no_scalar(direction: str) -> None:
    found = results(f"SELECT VALUE c.v FROM c ORDER BY c.v {direction}", MemorySource(EVERY_TYPE))  # noqa: S608
    assert found == (MIXED[::-1] if direction == "DESC" else MIXED)


def test_equal_values_come_in_order_of_creation_and_reversed_in_reverse() -> None:
    source = MemorySource([{"v": 1, "n": n} for n in range(3)])
    assert results("SELECT VALUE c.n FROM c ORDER BY c.v", source) == [0, 1, 2]
    assert results("SELECT VALUE c.n FROM c ORDER BY c.v DESC", source) == [2, 1, 0]


@pytest.mark.parametrize(
    ("columns", "order"),
    [
        ([("/a", "ascending"), ("/b", "ascending")], "c.a, c.b"),
        ([("/a", "ascending"), ("/b", "ascending")], "c.a DESC, c.b DESC"),
        ([("/a", "ascending"), ("/b", "descending")], "c.a, c.b DESC"),
        ([("/a", "ascending"), ("/b", "descending")], "c.a DESC, c.b"),
    ],
)
def test_a_composite_index_serves_both_its_directions(columns: Orders, order: str) -> None:
    bodies = [{"a": a, "b": b} for a in ("x", 1, None) for b in (2, "a", 1, "")] + [{"a": 1}, {"b": 1}, {}]
    # As in the service's SDK for offline use, only the order by one column drops what lacks it.
    down_a, down_b = ("DESC" in part for part in order.split(","))

    def compared(left: Any, right: Any) -> int:
        for name, down in (("a", down_a), ("b", down_b)):
            one, other = encode(left.get(name, UNDEFINED)), encode(right.get(name, UNDEFINED))
            if one != other:
                return 1 if (one > other) != down else -1
        return 0

    expected = sorted(bodies, key=cmp_to_key(compared))
    source = MemorySource(bodies, composite(*columns))
    assert results(f"SELECT * FROM c ORDER BY {order}", source) == expected  # noqa: S608  # our own


@pytest.mark.parametrize("order", ["c.a, c.b DESC", "c.b, c.a", "c.a, c.b, c.d", "c.a DESC, c.b"])
def test_an_order_that_no_composite_index_has_is_refused(order: str) -> None:
    source = MemorySource([], composite(("/a", "ascending"), ("/b", "ascending")))
    with pytest.raises(QueryError, match="composite index"):
        results(f"SELECT * FROM c ORDER BY {order}", source)  # noqa: S608  # our own


def test_an_order_by_what_is_not_indexed_is_refused_even_beside_a_composite_index() -> None:
    policy = composite(("/a", "ascending"), ("/b", "ascending"), excludedPaths=[{"path": "/b/?"}])
    for text in ("SELECT * FROM c ORDER BY c.b", "SELECT * FROM c WHERE c.a = 1 ORDER BY c.b"):
        with pytest.raises(QueryError, match="excluded"):
            results(text, MemorySource([], policy))


@pytest.mark.parametrize("kept", ["ascending", "descending"])
@pytest.mark.parametrize("held", ["ascending", "descending"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(
    ("filtered", "test"),
    [
        ("c.b < 3", lambda b: b in (1, 2)), ("c.b <= 3", lambda b: b in (1, 2, 3)),
        ("c.b > 1", lambda b: b in (2, 3)),
        ("c.b >= 2", lambda b: b in (2, 3)), ("c.b = 3", lambda b: b == 3),
        ("c.b BETWEEN 2 AND 3", lambda b: b in (2, 3)),
        ("c.b <= null", lambda b: b is None), ("STARTSWITH(c.b, 'a')", lambda b: b in ("a", "a\x00", "ab")),
        ("STARTSWITH(c.b, '')", lambda b: isinstance(b, str)),
        ("c.b >= 'a'", lambda b: b in ("a", "a\x00", "ab")),
        ("c.b <= ''", lambda b: b == ""), ("true", lambda b: True),
    ],
)  # fmt: skip
def test_a_composite_index_goes_on_behind_a_held_prefix(
    filtered: str, test: Callable[[Any], bool], direction: str, held: str, kept: str
) -> None:
    inner = [None, 1, 2, 3, "", "a", "a\x00", "ab"]
    bodies = [{"a": a, "b": b} for b in inner for a in ("x", "y", "")]
    source = MemorySource(bodies, composite(("/a", held), ("/b", kept)))
    text = f"SELECT VALUE c.b FROM c WHERE c.a = 'x' AND {filtered} ORDER BY c.b {direction}"  # noqa: S608
    expected = [b for b in inner if test(b)]
    page = run(text, source)
    assert page.results == (expected[::-1] if direction == "DESC" else expected)
    assert page.work.documents_loaded <= len(expected) + 1, "the index leaves nothing of other prefixes"
    assert paged(text, source, size=2) == page.results


def test_array_contains_finds_scalars_through_the_index_and_objects_by_a_scan() -> None:
    source = MemorySource([{"n": n, "v": ["x", "x", n % 3, {"k": n}]} for n in range(9)])
    text = "SELECT VALUE c.n FROM c WHERE ARRAY_CONTAINS(c.v, @sought)"
    page = run(text, source, {"@sought": 1})
    assert (page.results, page.work.documents_loaded, page.work.scanned) == ([1, 4, 7], 3, False)
    page = run(text, source, {"@sought": {"k": 2}})
    assert (page.results, page.work.documents_loaded, page.work.scanned) == ([2], 9, True)


def test_two_elements_may_be_asked_of_one_array() -> None:
    source = MemorySource([{"v": [1, 2]}, {"v": [1]}, {"v": [2, 1, 2]}])
    assert len(values("ARRAY_CONTAINS(c.v, 1) AND ARRAY_CONTAINS(c.v, 2)", source)) == 2


def test_a_document_with_an_element_twice_comes_once() -> None:
    source = MemorySource([{"v": [1, 1, 1.0]}])
    assert paged("SELECT * FROM c WHERE ARRAY_CONTAINS(c.v, 1)", source, size=1) == [{"v": [1, 1, 1.0]}]


def test_a_document_with_names_like_paths_comes_once() -> None:
    source = MemorySource([{"a/b": 1, "a": {"b": 2}}])
    assert results("SELECT VALUE 1 FROM c WHERE c.a.b > 0", source) == [1]
    assert results("SELECT VALUE 1 FROM c WHERE c['a/b'] < 2", source) == [1]


NAMES = ["a", "b"]
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, -1.5, "", "a", "ab", "b\x00"])
BODIES = st.fixed_dictionaries(
    {}, optional={name: SCALARS | st.lists(SCALARS, max_size=2) for name in [*NAMES, "t"]}
)
LITERALS = SCALARS.map(json.dumps)
PATHS = st.sampled_from(["c.a", "c.b", "c.t"])
COMPARED = st.builds("{} {} {}".format, PATHS, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), LITERALS)
TESTS = st.one_of(
    COMPARED,
    COMPARED,
    st.builds("{1} < {0}".format, PATHS, LITERALS),
    st.builds("{} BETWEEN {} AND {}".format, PATHS, LITERALS, LITERALS),
    st.builds("STARTSWITH({}, {})".format, PATHS, LITERALS),
    st.builds("ARRAY_CONTAINS({}, {})".format, PATHS, LITERALS),
    st.builds("{} IN ({}, {})".format, PATHS, LITERALS, LITERALS),
    st.builds("IS_DEFINED({})".format, PATHS),
)
FILTERS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=4,
)
POLICIES = st.sampled_from(
    [
        None,
        composite(("/a", "ascending"), ("/b", "descending")),
        composite(("/b", "descending"), ("/a", "descending")),
        {"includedPaths": [{"path": "/a/?"}], "excludedPaths": [{"path": "/*"}]},
        {"includedPaths": [{"path": "/t/[]/?"}, {"path": "/b/?"}], "excludedPaths": [{"path": "/*"}]},
    ]
)
ORDERS = st.sampled_from(
    ["", "ORDER BY c.a", "ORDER BY c.a DESC", "ORDER BY c.a, c.b DESC", "ORDER BY c.b, c.a"]
)
WINDOWS = st.sampled_from(["", "", "OFFSET 2 LIMIT 3", "OFFSET 0 LIMIT 100"])


@given(st.lists(BODIES, max_size=12), FILTERS, POLICIES)
def test_an_index_never_changes_the_results(
    bodies: list[Any], filtered: str, policy: Mapping[str, Any] | None
) -> None:
    text = f"SELECT VALUE c.n FROM c WHERE {filtered}"  # noqa: S608  # our own
    numbered = [{**body, "n": n} for n, body in enumerate(bodies)]
    found = results(text, MemorySource(numbered, policy))
    assert sorted(found) == results(text, MemorySource(numbered, NO_INDEX))


@given(st.lists(BODIES, max_size=12), FILTERS, POLICIES, ORDERS, WINDOWS, st.integers(1, 5), st.booleans())
def test_pages_one_after_the_other_are_the_whole(
    bodies: list[Any],
    filtered: str,
    policy: Mapping[str, Any] | None,
    order: str,
    window: str,
    size: int,
    is_disturbed: bool,
) -> None:
    query = parse(f"SELECT VALUE c.n FROM c WHERE c.kind = 'kept' AND {filtered} {order} {window}")  # noqa: S608
    source = MemorySource([{**body, "n": n, "kind": "kept"} for n, body in enumerate(bodies)], policy)
    try:
        whole = execute(query, source).results
    except QueryError:
        return  # no index has the order
    found, token, first = [], None, True
    while token is not None or first:
        page = execute(query, source, max_items=size, continuation=token)
        found += page.results
        assert len(page.results) <= size
        token, first = page.continuation, False
        for body in bodies if is_disturbed else []:
            source.add({**body, "n": -1, "kind": "other"})
    assert found == whole


@given(st.lists(BODIES, max_size=12), st.sampled_from(["ASC", "DESC"]), st.integers(1, 4))
def test_order_by_agrees_with_sorting(bodies: list[Any], direction: str, size: int) -> None:
    numbered = [{**body, "n": n} for n, body in enumerate(bodies)]
    ordered = sorted(
        (body for body in numbered if "a" in body and not isinstance(body["a"], list)),
        key=lambda body: (encode(body["a"]), body["n"]),
        reverse=direction == "DESC",
    )
    text = f"SELECT * FROM c ORDER BY c.a {direction}"  # noqa: S608  # our own
    assert paged(text, MemorySource(numbered), size=size) == ordered


NUMBERED = [{"n": n, "even": n % 2 == 0} for n in range(100)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT TOP 7 VALUE c.n FROM c ORDER BY c.n", range(7)),
        ("SELECT TOP @top VALUE c.n FROM c ORDER BY c.n DESC", range(99, 94, -1)),
        ("SELECT TOP 0 VALUE c.n FROM c", ()),
        ("SELECT TOP 1000 VALUE c.n FROM c", range(100)),
        ("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 5 LIMIT 9", range(5, 14)),
        ("SELECT VALUE c.n FROM c WHERE c.even ORDER BY c.n OFFSET @skip LIMIT @top", (6, 8, 10, 12, 14)),
        ("SELECT VALUE c.n FROM c OFFSET 98 LIMIT 9", (98, 99)),
        ("SELECT VALUE c.n FROM c OFFSET 200 LIMIT 9", ()),
        ("SELECT VALUE c.n FROM c OFFSET 2 LIMIT 0", ()),
        ("SELECT VALUE c.n FROM c OFFSET 2147483647 LIMIT 2147483647", ()),
        ("SELECT TOP 3 VALUE c.even ? c.n : undefined FROM c ORDER BY c.n", (0, 2, 4)),
        ("SELECT VALUE c.even ? c.n : undefined FROM c ORDER BY c.n OFFSET 1 LIMIT 2", (2, 4)),
        ("SELECT TOP 1 VALUE COUNT(1) FROM c", (100,)),
        ("SELECT VALUE COUNT(1) FROM c OFFSET 1 LIMIT 1", ()),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_top_and_offset_limit_hold_across_pages(text: str, expected: Any, size: int) -> None:
    parameters = {"@top": 5, "@skip": 3}
    assert paged(text, MemorySource(NUMBERED), parameters, size=size) == list(expected)


@pytest.mark.parametrize("bound", [-1, 1.5, "1", True, None, 2**31, 10**400, [1]])
def test_a_bound_that_is_no_count_is_refused(bound: Any) -> None:
    for text in (
        "SELECT TOP @n * FROM c",
        "SELECT * FROM c OFFSET @n LIMIT 1",
        "SELECT * FROM c OFFSET 1 LIMIT @n",
    ):
        with pytest.raises(QueryError, match="TOP, OFFSET and LIMIT"):
            run(text, MemorySource(NUMBERED), {"@n": bound})


BY_NUMBER = "SELECT * FROM c WHERE c.n >= @n ORDER BY c.n"


def token_of(text: str, source: MemorySource, parameters: Mapping[str, Any] = {}) -> str:
    token = run(text, source, parameters, max_items=3).continuation
    assert token is not None
    return token


def test_a_token_is_ascii_and_says_nothing_of_its_own() -> None:
    token = token_of(BY_NUMBER, MemorySource(NUMBERED), {"@n": 0})
    assert token.isascii()
    assert token.isprintable()
    assert " " not in token


def test_a_token_of_another_query_is_refused() -> None:
    source = MemorySource(NUMBERED)
    token = token_of(BY_NUMBER, source, {"@n": 0})
    for text, parameters in (
        (BY_NUMBER, {"@n": 1}), (BY_NUMBER, {"@n": False}), (BY_NUMBER, {"@n": "0"}),
        (BY_NUMBER + " DESC", {"@n": 0}),
        (BY_NUMBER, {"@n": 0, "@m": 1}),
    ):  # fmt: skip
        with pytest.raises(QueryError, match="continuation token"):
            run(text, source, parameters, continuation=token)


def test_a_token_of_another_index_is_refused() -> None:
    text = "SELECT * FROM c WHERE c.n >= 0"
    token = token_of(text, MemorySource(NUMBERED))
    with pytest.raises(QueryError, match="continuation token"):
        run(text, MemorySource(NUMBERED, NO_INDEX), continuation=token)


@given(st.data())
def test_a_damaged_token_is_refused(data: st.DataObject) -> None:
    source = MemorySource(NUMBERED[:9])
    token = token_of(BY_NUMBER, source, {"@n": 0})
    place = data.draw(st.integers(0, len(token) - 1))
    changed = st.characters().map(lambda character: token[:place] + character + token[place + 1 :])
    other = data.draw(st.one_of(st.text(), st.just(token[:place]), changed))
    if other != token:
        with pytest.raises(QueryError, match="continuation token"):
            run(BY_NUMBER, source, {"@n": 0}, continuation=other)


@pytest.mark.parametrize(
    "body", ["[" * 5_000, "[]", "{}", '["zz",1,0,0]', '["",Infinity,0,0]', '["",1,-5,0]', "null"]
)
def test_a_forged_token_is_refused(body: str) -> None:
    forged = base64.urlsafe_b64encode(body.encode()).decode()
    digest = token_of(BY_NUMBER, MemorySource(NUMBERED), {"@n": 0}).partition(".")[0]
    for token in (forged, f"{digest}.{forged}"):
        with pytest.raises(QueryError, match="continuation token"):
            run(BY_NUMBER, MemorySource(NUMBERED), {"@n": 0}, continuation=token)


def test_a_page_of_20_out_of_many_reads_20_terms() -> None:
    source = MemorySource([{"n": n, "text": "x" * 50} for n in range(3_000)])
    for text in (
        "SELECT * FROM c WHERE c.n > @n ORDER BY c.n DESC",
        "SELECT * FROM c WHERE c.n > @n ORDER BY c.n",
        "SELECT * FROM c WHERE c.n > @n",
    ):
        page = run(text, source, {"@n": 100}, max_items=20)
        second = run(text, source, {"@n": 100}, max_items=20, continuation=page.continuation)
        for one in (page, second):
            assert (one.work.terms_read, one.work.documents_loaded, one.work.scanned) == (20, 20, False)
            assert one.work.bytes_loaded == one.work.bytes_returned > 20 * 50


@pytest.mark.parametrize(
    ("text", "is_scan", "loaded"),
    [
        ("SELECT * FROM c", False, 100),
        ("SELECT * FROM c WHERE c.n = 5", False, 1),
        ("SELECT * FROM c WHERE c.n = 5 AND c.even", False, 1),
        ("SELECT * FROM c WHERE c.even = true AND c.n = 5", False, 50),
        ("SELECT * FROM c WHERE c.n != 5", True, 100),
        ("SELECT * FROM c WHERE c.n = 5 OR c.n = 6", False, 2),
        ("SELECT * FROM c WHERE c.n = 5 OR c.n > 97 OR c.n < 2", False, 5),
        ("SELECT * FROM c WHERE c.n IN (5, 7, 5, 'x')", False, 2),
        ("SELECT * FROM c WHERE c.n LIKE 'x%'", False, 0),
        ("SELECT * FROM c WHERE ((true) AND IS_DEFINED(c.n)) ORDER BY c.n", False, 100),
        ("SELECT * FROM c WHERE IS_DEFINED(c.n) AND c.n != 1", True, 100),
        ("SELECT * FROM c WHERE c.n IN (5, 7) AND c.n > 5", False, 1),
        ("SELECT * FROM c WHERE c.n IN (95, 7) ORDER BY c.n", False, 2),
        ("SELECT * FROM c WHERE (c.n = 5 AND c.even) OR (c.even = true AND c.n = 6)", False, 2),
        ("SELECT * FROM c WHERE c.n = 5 OR c.even", True, 100),
        ("SELECT * FROM c WHERE c.n = 5 OR c.even = true", True, 100),
        ("SELECT * FROM c WHERE c.n IN (5, c.even)", True, 100),
        ("SELECT * FROM c WHERE c.n NOT IN (5)", True, 100),
        ("SELECT * FROM c WHERE CONTAINS(c.n, 'x')", True, 100),
        ("SELECT * FROM c WHERE CONTAINS(c.n, 'x') ORDER BY c.n", True, 100),
        ("SELECT * FROM c WHERE c.n > 95 ORDER BY c.n", False, 4),
        ("SELECT * FROM c ORDER BY c.n", False, 100),
        ("SELECT VALUE COUNT(1) FROM c WHERE c.n < 10", False, 10),
        ("SELECT DISTINCT c.even FROM c WHERE c.n < 10", False, 10),
    ],
)
def test_a_filter_that_no_index_serves_is_a_scan(text: str, is_scan: bool, loaded: int) -> None:
    work = run(text, MemorySource(NUMBERED)).work
    assert (work.scanned, work.documents_loaded) == (is_scan, loaded)
    work = run(text.replace(" ORDER BY c.n", ""), MemorySource(NUMBERED, NO_INDEX)).work
    assert (work.scanned, work.documents_loaded, work.terms_read) == ("WHERE" in text, 100, 0)


def test_terms_of_documents_that_are_gone_are_passed_over() -> None:
    class WithoutTheFirst(MemorySource):
        def document(self, rid: int) -> Any:
            return None if rid == 1 else super().document(rid)

    page = run("SELECT VALUE c.n FROM c WHERE c.n < 3", WithoutTheFirst(NUMBERED))
    assert (page.results, page.work.terms_read, page.work.documents_loaded) == ([1, 2], 3, 2)


def test_a_page_ends_before_it_has_more_bytes_than_it_may() -> None:
    source = MemorySource([{"v": "é" * 100, "n": n} for n in range(10)])
    for text in ("SELECT * FROM c", "SELECT VALUE c.v FROM c", "SELECT DISTINCT VALUE [c.v, c.n] FROM c"):
        found = pages(text, source, size=-1, max_bytes=700)
        assert [page.results for page in found if not page.results] == []
        assert len(found) > 3
        assert all(page.work.bytes_returned <= 700 for page in found)
        assert [row for page in found for row in page.results] == results(text, source)


def test_a_document_larger_than_a_page_has_a_page_of_its_own() -> None:
    source = MemorySource([{"n": 1}, {"v": "x" * 500}, {"n": 2}])
    found = pages("SELECT * FROM c", source, size=-1, max_bytes=100)
    assert [len(page.results) for page in found] == [1, 1, 1]


def test_a_page_ends_after_so_many_documents_though_it_is_empty() -> None:
    source = MemorySource([{"n": n} for n in range(MAX_DOCUMENTS_READ + 5)], NO_INDEX)
    found = pages(f"SELECT VALUE c.n FROM c WHERE c.n >= {MAX_DOCUMENTS_READ + 2}", source, size=2)  # noqa: S608
    assert [len(page.results) for page in found] == [0, 2, 1]
    assert [page.work.documents_loaded for page in found] == [MAX_DOCUMENTS_READ, 4, 1]
    assert results("SELECT VALUE COUNT(1) FROM c", source) == [MAX_DOCUMENTS_READ + 5]


@pytest.mark.parametrize("size", [None, -1])
def test_without_a_size_a_page_takes_what_fits(size: int | None) -> None:
    page = run("SELECT * FROM c", MemorySource(NUMBERED), max_items=size)
    assert (len(page.results), page.continuation) == (100, None)


@pytest.mark.parametrize(
    ("text", "needs_plan"),
    [
        ("SELECT * FROM c WHERE c.a = 1", False), ("SELECT c.a + 1 AS b FROM c", False),
        ("SELECT * FROM c ORDER BY c.a", True), ("SELECT DISTINCT c.a FROM c", True),
        ("SELECT TOP 1 * FROM c", True),
        ("SELECT * FROM c OFFSET 0 LIMIT 1", True), ("SELECT VALUE {n: [COUNT(1)]} FROM c", True),
    ],
)  # fmt: skip
def test_what_can_not_be_strung_together_needs_a_plan(text: str, needs_plan: bool) -> None:
    assert parse(text).needs_plan is needs_plan


def test_the_same_text_is_parsed_once() -> None:
    assert parse(BY_NUMBER, {"@n": 1}).select is parse(BY_NUMBER, {"@n": 2}).select
    assert parse_text(BY_NUMBER, "query") is parse_text(BY_NUMBER, "query")


def test_a_page_of_20_takes_well_under_a_millisecond() -> None:
    """The best of many, so that a busy machine does not decide; the source's own part is small."""
    source = MemorySource([{"n": n, "id": f"item-{n}", "kind": "x"} for n in range(5_000)])

    def took() -> float:
        start = time.perf_counter()
        query = parse("SELECT * FROM c WHERE c.n < @n AND c.kind = 'x' ORDER BY c.n DESC", {"@n": 4_000})
        page = execute(query, source, max_items=20)
        assert len(page.results) == 20
        return time.perf_counter() - start

    assert min(took() for _ in range(50)) < 0.001
