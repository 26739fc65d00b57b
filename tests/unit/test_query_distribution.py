"""How queries are divided among partitions, and trees as text."""

from typing import Any

import pytest

from local.cosmos.query import QueryError, distribution, parse
from local.cosmos.query.parse import parse_text
from local.cosmos.query.printing import printed_query

FILTER = "({documentdb-formattableorderbyquery-filter})"
ALL = frozenset(
    {"Aggregate", "CountIf", "Distinct", "GroupBy", "MultipleAggregates", "MultipleOrderBy"}
    | {"NonValueAggregate", "OffsetAndLimit", "OrderBy", "Top"}
)
PARAMETERS = {"@skip": 2, "@take": 3, "@n": 1}


def plan(text: str) -> dict[str, Any]:
    return distribution(parse(text, PARAMETERS), ALL)


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("SELECT * FROM Root r ORDER BY r.blah",
         'SELECT r["_rid"], [{"item": r["blah"]}] AS orderByItems, r AS payload '
         'FROM Root AS r WHERE FILTER ORDER BY r["blah"]'),
        ("SELECT TOP 5 c.a, c.b FROM c WHERE c.a > @n ORDER BY c.a DESC, c.b",
         'SELECT TOP 5 c["_rid"], [{"item": c["a"]}, {"item": c["b"]}] AS orderByItems, '
         '{"a": c["a"], "b": c["b"]} AS payload FROM c WHERE ((c["a"] > @n) and FILTER)'
         ' ORDER BY c["a"] DESC, c["b"]'),
        ("SELECT VALUE c.a FROM c ORDER BY c.b OFFSET @skip LIMIT @take",
         'SELECT c["_rid"], [{"item": c["b"]}] AS orderByItems, c["a"] AS payload FROM c '
         'WHERE (FILTER and IS_DEFINED(c["a"])) ORDER BY c["b"] OFFSET 0 LIMIT 5'),
        ("SELECT * FROM c OFFSET 1 LIMIT 2", "SELECT * FROM c OFFSET 0 LIMIT 3"),
        ("SELECT DISTINCT TOP 2 c.a FROM c", 'SELECT DISTINCT c["a"] FROM c'),
        ("SELECT VALUE COUNT(1) FROM c OFFSET 1 LIMIT 2", 'SELECT VALUE [{"item": COUNT(1)}] FROM c'),
        ("SELECT VALUE AVG(c.a) FROM c",
         'SELECT VALUE [{"item": {"sum": SUM(c["a"]), "count": COUNT(c["a"])}}] FROM c'),
        ("SELECT VALUE MIN(c.a) FROM c",
         'SELECT VALUE [{"item": MIN(c["a"]), "item2": {"min": MIN(c["a"]), '
         '"count": COUNT(c["a"])}}] FROM c'),
        ("SELECT COUNT(c.a) FROM c", 'SELECT {"$1": {"item": COUNT(c["a"])}} AS payload FROM c'),
        ("SELECT c.a, SUM(c.b) AS s FROM c GROUP BY c.a OFFSET 1 LIMIT 2",
         'SELECT [{"item": c["a"]}] AS groupByItems, {"a": c["a"], "s": {"item": SUM(c["b"])}} AS payload '
         'FROM c GROUP BY c["a"]'),
    ],
)  # fmt: skip
def test_what_each_partition_is_asked(text: str, rewritten: str) -> None:
    assert plan(text)["rewrittenQuery"] == rewritten.replace("FILTER", FILTER)
    assert parse(rewritten.replace("FILTER", "(true)"), PARAMETERS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT TOP @n * FROM c ORDER BY c.a DESC, c.b",
         {"top": 1, "orderBy": ["Descending", "Ascending"], "orderByExpressions": ['c["a"]', 'c["b"]']}),
        ("SELECT * FROM c OFFSET @skip LIMIT @take", {"offset": 2, "limit": 3, "top": None}),
        ("SELECT DISTINCT VALUE c.a FROM c ORDER BY c.a",
         {"distinctType": "Ordered", "hasSelectValue": True}),
        ("SELECT DISTINCT c.a, c.b FROM c ORDER BY c.a", {"distinctType": "Unordered"}),
        ("SELECT DISTINCT * FROM c", {"distinctType": "Unordered"}),
        ("SELECT VALUE MAX(c.a) FROM c", {"aggregates": ["Max"], "groupByAliasToAggregateType": {}}),
        ("SELECT c.a, AVG(c.b) AS v FROM c GROUP BY c.a",
         {"aggregates": [], "groupByExpressions": ['c["a"]'], "groupByAliases": ["a", "v"],
          "groupByAliasToAggregateType": {"a": None, "v": "Average"}}),
        ("SELECT VALUE c.a FROM c GROUP BY c.a", {"groupByAliases": [], "hasSelectValue": True}),
    ],
)  # fmt: skip
def test_what_the_client_is_told(text: str, told: dict[str, Any]) -> None:
    assert plan(text).items() >= told.items()


def test_a_client_without_the_feature_is_told_which() -> None:
    for text, feature in (("SELECT COUNT(1) FROM c", "NonValueAggregate"), ("SELECT TOP 1 * FROM c", "Top")):
        with pytest.raises(QueryError, match=f"contained {feature}, which"):
            distribution(parse(text), ALL - {feature})


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM c",
        "SELECT DISTINCT TOP @n c.a, c['b c'] AS d, 1, -1.5e300, 'it\\'s \"\\u00e9\\n', null FROM c",
        "SELECT VALUE {a: [1, {'b c': c.x[0]['y'][c.z]}], d: ('x')['y'], e: (-1)[0]} FROM R.i[1]['a b'] c",
        "SELECT t, u FROM c JOIN t IN c.list JOIN u IN (SELECT VALUE v FROM v IN t.w) JOIN c.x",
        "SELECT c.a = 1 AND NOT (c.b OR c.d) ? - c.x : ~c.y ?? +c.z AS v FROM c",
        "SELECT c.a || 'x' || @p, (c.n << 1 >>> 2 & 3 | 4 ^ 5), -(-c.n) + 1 - 2 * 3 / 4 % 5 AS w FROM c",
        "SELECT * FROM c WHERE c.a IN (1, c.b) AND c.d NOT BETWEEN 1 AND 2 OR c.e LIKE 'a!%' ESCAPE '!'",
        "SELECT * FROM c WHERE c.a NOT LIKE 'x%' AND c.b NOT IN (1) AND c.d != 1 AND c.e <> 2",
        "SELECT c.k, COUNT(1) AS n, MAX(c.v) FROM c WHERE c.k > 1 GROUP BY c.k, UPPER(c.l) OFFSET 1 LIMIT @p",
        "SELECT * FROM c WHERE c.x ORDER BY c.a DESC, c.b ASC OFFSET @n LIMIT 2",
        "SELECT VALUE EXISTS(SELECT VALUE t FROM t IN c.x) AND ARRAY(SELECT 1)[0] = (SELECT VALUE 1) FROM c",
        "SELECT 1 + 2 + 3, 1 - (2 - 3), (1 + 2) * 3, NOT NOT true AS x",
    ],
)
def test_a_tree_as_text_parses_to_the_same_tree(text: str) -> None:
    tree = parse_text(text, "query")
    assert parse_text(printed_query(tree), "query") == tree
