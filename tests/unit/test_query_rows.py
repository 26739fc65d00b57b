"""The rows that queries make of documents: FROM, JOIN, subqueries, groups; by page as in one."""

from typing import Any

import pytest

from local.cosmos.query import parse_condition
from tests.unit.memory_source import MemorySource, paged, pages, results, run

FAMILIES: list[dict[str, Any]] = [
    {
        "id": "a", "city": "Rome", "size": 3, "tags": ["x", "y"],
        "kids": [{"name": "Ann", "pets": ["cat", "dog"]}, {"name": "Bob", "pets": []}],
    },
    {"id": "b", "city": "Oslo", "size": 2, "tags": [], "kids": [{"name": "Cid", "pets": ["cat"]}]},
    {"id": "c", "city": "Rome", "size": 5, "tags": ["x", "x"], "kids": "none"},
    {"id": "d", "size": "?"},
]  # fmt: skip
SIZES = (1, 2, 3, 100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT VALUE t FROM t IN c.tags", ["x", "y", "x", "x"]),
        ("SELECT * FROM t IN c.tags", ["x", "y", "x", "x"]),
        ("SELECT * FROM Families.tags", [["x", "y"], [], ["x", "x"]]),
        ("SELECT tags FROM c.tags WHERE ARRAY_LENGTH(tags) = 0", [{"tags": []}]),
        ("SELECT VALUE n FROM c.kids[0].name AS n", ["Ann", "Cid"]),
        ("SELECT VALUE k FROM c['kids'][0]['name'] k", ["Ann", "Cid"]),
        ("SELECT k.name FROM k IN c.kids WHERE ARRAY_LENGTH(k.pets) > 0", [{"name": "Ann"}, {"name": "Cid"}]),
        ("SELECT c.id, t FROM c JOIN t IN c.tags WHERE t = 'x'",
         [{"id": "a", "t": "x"}, {"id": "c", "t": "x"}, {"id": "c", "t": "x"}]),
        ("SELECT f.id AS f, k.name AS k, p FROM Root f JOIN k IN f.kids JOIN p IN k.pets",
         [{"f": "a", "k": "Ann", "p": "cat"}, {"f": "a", "k": "Ann", "p": "dog"},
          {"f": "b", "k": "Cid", "p": "cat"}]),
        ("SELECT VALUE [t, k.name] FROM c JOIN t IN c.tags JOIN k IN c.kids",
         [["x", "Ann"], ["x", "Bob"], ["y", "Ann"], ["y", "Bob"]]),
        ("SELECT VALUE s FROM c JOIN c.size AS s", [3, 2, 5, "?"]),
        ("SELECT VALUE p FROM c JOIN (SELECT VALUE k.pets FROM k IN c.kids) AS p",
         [["cat", "dog"], [], ["cat"]]),
        ("SELECT VALUE p FROM c JOIN p IN (SELECT VALUE k.pets FROM k IN c.kids)", ["cat", "dog", "cat"]),
        ("SELECT VALUE n FROM c JOIN (SELECT VALUE COUNT(1) FROM k IN c.kids) n", [2, 1, 0, 0]),
        ("SELECT VALUE r.id FROM (SELECT VALUE c FROM c WHERE c.city = 'Rome') AS r", ["a", "c"]),
        ("SELECT VALUE r.n FROM (SELECT c.size + 1 AS n FROM c) AS r", [4, 3, 6]),
        ("SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE k FROM k IN c.kids WHERE k.name = 'Bob')",
         ["a"]),
        ("SELECT VALUE c.id FROM c WHERE NOT EXISTS(SELECT VALUE t FROM t IN c.tags)", ["b", "d"]),
        ("SELECT VALUE EXISTS(SELECT VALUE c.tags[0]) FROM c", [True, False, True, False]),
        ("SELECT VALUE EXISTS(SELECT c.tags[0]) FROM c", [True] * 4),
        ("SELECT VALUE ARRAY(SELECT VALUE k.name FROM k IN c.kids) FROM c",
         [["Ann", "Bob"], ["Cid"], [], []]),
        ("SELECT VALUE ARRAY(SELECT DISTINCT VALUE t FROM t IN c.tags) FROM c", [["x", "y"], [], ["x"], []]),
        ("SELECT VALUE array(SELECT k.name, k.pets[0] AS pet FROM k IN c.kids) FROM c WHERE c.id = 'b'",
         [[{"name": "Cid", "pet": "cat"}]]),
        ("SELECT VALUE (SELECT VALUE COUNT(1) FROM t IN c.tags WHERE t = 'x') FROM c", [1, 0, 2, 0]),
        ("SELECT VALUE (SELECT c.id AS own) FROM c WHERE c.size = 5", [{"own": "c"}]),
        ("SELECT VALUE (SELECT VALUE t FROM t IN c.tags WHERE t = 'y') FROM c", ["y"]),
        ("SELECT VALUE ARRAY(SELECT t, COUNT(1) AS n FROM t IN c.tags GROUP BY t) FROM c WHERE c.id = 'c'",
         [[{"t": "x", "n": 2}]]),
        ("SELECT VALUE ARRAY(SELECT VALUE ARRAY(SELECT VALUE p || c.id FROM p IN k.pets) FROM k IN c.kids) "
         "FROM c WHERE c.id = 'a'", [[["cata", "doga"], []]]),
        ("SELECT DISTINCT VALUE t FROM t IN c.tags", ["x", "y"]),
        ("SELECT DISTINCT c.city FROM c", [{"city": "Rome"}, {"city": "Oslo"}, {}]),
        ("SELECT TOP 3 VALUE t FROM t IN c.tags", ["x", "y", "x"]),
        ("SELECT VALUE t FROM t IN c.tags OFFSET 1 LIMIT 2", ["y", "x"]),
        ("SELECT VALUE [c.id, t] FROM c JOIN t IN c.tags ORDER BY c.id DESC",
         [["c", "x"], ["c", "x"], ["a", "x"], ["a", "y"]]),
        ("SELECT 1", [{"$1": 1}]),
        ("SELECT VALUE 1 + 1", [2]),
        ("SELECT VALUE undefined", []),
        ("SELECT VALUE COUNT(1)", [1]),
        ("SELECT DISTINCT VALUE 1 WHERE 1 = 2", []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", SIZES)
def test_rows(text: str, expected: list[Any], size: int) -> None:
    assert paged(text, MemorySource(FAMILIES), size=size) == expected


SALES: list[dict[str, Any]] = [
    {"shop": "s", "sold": 3, "on": True}, {"shop": "t", "sold": 4, "on": False}, {"shop": "s", "sold": 5},
    {"sold": 1}, {"shop": None, "sold": 2}, {"shop": "t"}, {"shop": "u", "sold": "many"},
    {"shop": 1, "sold": 7},
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT c.shop FROM c GROUP BY c.shop",
         [{}, {"shop": None}, {"shop": 1}, {"shop": "s"}, {"shop": "t"}, {"shop": "u"}]),
        ("SELECT VALUE c.shop FROM c GROUP BY c.shop", [None, 1, "s", "t", "u"]),
        ("SELECT c.shop, COUNT(1) AS n, COUNT(c.sold) AS sold FROM c WHERE IS_STRING(c.shop) GROUP BY c.shop",
         [{"shop": "s", "n": 2, "sold": 2}, {"shop": "t", "n": 2, "sold": 1},
          {"shop": "u", "n": 1, "sold": 1}]),
        ("SELECT c.shop, SUM(c.sold), AVG(c.sold), MIN(c.sold), MAX(c.sold) FROM c WHERE IS_STRING(c.shop) "
         "GROUP BY c.shop",
         [{"shop": "s", "$1": 8, "$2": 4, "$3": 3, "$4": 5},
          {"shop": "t", "$1": 4, "$2": 4, "$3": 4, "$4": 4},
          {"shop": "u", "$3": "many", "$4": "many"}]),
        ("SELECT COUNTIF(c.on) AS n FROM c", [{"n": 1}]),
        ("SELECT VALUE COUNT(1) FROM c GROUP BY c.shop, IS_NUMBER(c.sold)", [1, 1, 1, 2, 1, 1, 1]),
        ("SELECT UPPER(c.shop) AS shop, 'x' AS x FROM c WHERE c.sold > 3 GROUP BY UPPER(c.shop)",
         [{"x": "x"}, {"shop": "S", "x": "x"}, {"shop": "T", "x": "x"}]),
        ("SELECT {s: c.shop, t: [MAX(c.sold) - MIN(c.sold)]} AS o FROM c WHERE c.shop = 's' GROUP BY c.shop",
         [{"o": {"s": "s", "t": [2]}}]),
        ("SELECT c.shop FROM c WHERE c.sold > 99 GROUP BY c.shop", []),
        ("SELECT COUNT(1) AS n, SUM(c.sold) AS s, AVG(c.sold) AS a, MIN(c.sold) AS i FROM c WHERE c.sold > 9",
         [{"n": 0, "s": 0}]),
        ("SELECT c.shop FROM c GROUP BY c.shop OFFSET 2 LIMIT 2", [{"shop": 1}, {"shop": "s"}]),
        ("SELECT TOP 2 VALUE c.shop FROM c GROUP BY c.shop", [None, 1]),
        ("SELECT DISTINCT VALUE COUNT(1) FROM c GROUP BY c.shop", [1, 2]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", SIZES)
def test_groups(text: str, expected: list[Any], size: int) -> None:
    assert paged(text, MemorySource(SALES), size=size) == expected


def test_no_empty_page_follows_the_last_groups() -> None:
    for text, sizes in (("SELECT c.shop FROM c GROUP BY c.shop", [2, 2, 2]), ("SELECT COUNT(1) FROM c", [1])):
        found = pages(text, MemorySource(SALES), size=2)
        assert [len(page.results) for page in found] == sizes


def test_groups_of_a_joined_array() -> None:
    text = "SELECT t, COUNT(1) AS n FROM c JOIN t IN c.tags GROUP BY t"
    assert results(text, MemorySource(FAMILIES)) == [{"t": "x", "n": 3}, {"t": "y", "n": 1}]


def test_a_page_may_end_within_a_document_and_goes_on_there_though_others_are_written() -> None:
    source = MemorySource(FAMILIES)
    text = "SELECT VALUE [c.id, t] FROM c JOIN t IN c.tags WHERE c.size > 0 ORDER BY c.size"
    first = run(text, source, max_items=1)
    source.add({"id": "e", "size": 1, "tags": ["before"]})
    source.add({"id": "f", "size": 4, "tags": ["behind"]})
    rest = run(text, source, continuation=first.continuation)
    assert first.results + rest.results == [["a", "x"], ["a", "y"], ["f", "behind"], ["c", "x"], ["c", "x"]]


def test_a_document_that_went_before_its_last_rows_ends_with_those_read() -> None:
    source = MemorySource(FAMILIES)
    text = "SELECT VALUE t FROM t IN c.tags"
    first = run(text, source, max_items=1)
    source.remove(1)
    assert run(text, source, continuation=first.continuation).results == ["x", "x"]


def test_a_joined_array_is_found_through_its_index_for_one_value() -> None:
    source = MemorySource([{"n": n, "tags": [f"t{n % 10}", "all", n]} for n in range(100)])
    page = run("SELECT VALUE c.n FROM c JOIN t IN c.tags WHERE t = 't3'", source)
    assert page.results == list(range(3, 100, 10))
    assert (page.work.documents_loaded, page.work.scanned) == (10, False)
    page = run("SELECT VALUE c.n FROM c JOIN t IN c.tags WHERE t > 97 AND IS_NUMBER(t)", source)
    assert page.results == [98, 99]
    page = run("SELECT VALUE t FROM t IN c.tags WHERE t > 'a' AND t < 't0'", source)
    assert page.results == ["all"] * 100


def test_an_array_with_several_elements_in_a_range_comes_once() -> None:
    source = MemorySource([{"t": [1, 2, "x"]}, {"t": [3]}])
    assert results("SELECT VALUE t FROM t IN c.t WHERE t > 0", source) == [1, 2, 3]
    assert results("SELECT VALUE t FROM c JOIN t IN c.t WHERE t IN (1, 2)", source) == [1, 2]
    text = "SELECT VALUE c.t FROM c WHERE ARRAY_CONTAINS(c.t, 1) OR ARRAY_CONTAINS(c.t, 2)"
    assert results(text, source) == [[1, 2, "x"]]


def test_a_page_of_rows_ends_before_it_has_more_bytes_than_it_may() -> None:
    source = MemorySource([{"v": ["é" * 100] * 10}] * 3)
    found = pages("SELECT VALUE v FROM v IN c.v", source, size=-1, max_bytes=700)
    assert [len(page.results) for page in found] == [3] * 10


def test_a_condition_may_look_into_arrays() -> None:
    condition = parse_condition("FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'y')")
    assert [condition.holds(family) for family in FAMILIES] == [True, False, False, False]
