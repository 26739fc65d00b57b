"""What queries mean: the language, value by value, and what it refuses."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local.cosmos.query import QueryError, parse, parse_condition
from tests.unit.memory_source import MemorySource, paged, pages, results, run

DOCUMENT: dict[str, Any] = {
    "n": 5, "s": "text", "yes": True, "no": False, "nil": None, "list": [1, "a", {"k": 1, "l": 2}, [3]],
    "o": {"p": 2, "a b": 3, "order": 4}, "order": 6, "andrew": 7, "Value": 8, "value": 9, "_x1": 10,
}  # fmt: skip
MISSING = "undefined"


def value_of(expression: str, **parameters: Any) -> Any:
    """The expression's value for DOCUMENT, MISSING for undefined."""
    named = {f"@{name}": value for name, value in parameters.items()}
    found = results(f"SELECT VALUE {expression} FROM c", MemorySource([DOCUMENT]), named)  # noqa: S608  # a query of our own
    return found[0] if found else MISSING


def refusal(text: str) -> str:
    with pytest.raises(QueryError) as refused:
        results(text, MemorySource([DOCUMENT]))
    return str(refused.value)


def exactly(found: Any, expected: Any) -> bool:
    """Equal as JSON text: true is not 1, and 2 is not written 2.0."""
    return json.dumps(found) == json.dumps(expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # literals
        ("12", 12), ("1.50", 1.5), ("1.", 1), (".5", 0.5), ("1e3", 1000), ("2E-2", 0.02), ("007", 7),
        ("TRUE", True), ("false", False), ("Null", None), ("undefined", MISSING),
        ("'a'", "a"), ('"a"', "a"), ("''", ""), ("'it\\'s'", "it's"), ('"it\'s"', "it's"), ("'\"'", '"'),
        ("'\\\"'", '"'), ("'\\\\'", "\\"), ("'\\n\\t\\/\\b'", "\n\t/\b"), ("'\\u00e9\\ud83d\\ude00'", "é😀"),
        ("'a--b'", "a--b"), ("'\\\\\\''", "\\'"), ("'select'", "select"),
        # signs
        ("-5", -5), ("- 5", -5), ("- -5", 5), ("+5", 5), ("-c.n", -5), ("1 - -1", 2), ("1-1", 0),
        ("-'a'", MISSING), ("-true", MISSING), ("+null", MISSING),
        # arithmetic
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("10 - 3 - 2", 5), ("8 / 2 / 2", 2), ("1 / 2", 0.5),
        ("7 % 3", 1), ("-7 % 3", -1), ("7 % -3", 1), ("5.5 % 2", 1.5), ("2 * c.n % 4", 2),
        ("1 + '1'", MISSING),
        ("true + 1", MISSING), ("null * 0", MISSING), ("c.none + 1", MISSING), ("0.1 + 0.2", 0.1 + 0.2),
        ("9007199254740992 + 1", 9007199254740992.0), ("3 * 1.5", 4.5), ("2 * 1.5", 3),
        # strings
        ("'a' || 'b' || 'c'", "abc"), ("'a' || 1", MISSING), ("c.s || c.none", MISSING),
        # comparison
        ("1 = 1.0", True), ("1 = '1'", False), ("1 != '1'", True), ("1 <> 2", True), ("1 < 2", True),
        ("2 <= 2", True), ("2 >= 3", False), ("'a' < 'b'", True), ("'a' < 'B'", False), ("1 < 'a'", MISSING),
        ("null < 1", MISSING), ("null = null", True), ("null <= null", True), ("null < null", False),
        ("false < true", True), ("c.nil = null", True), ("c.none = null", MISSING), ("c.none != 1", MISSING),
        ("c.none = c.none", MISSING), ("c.n != null", True), ("[1, {a: 2}] = [1.0, {'a': 2}]", True),
        ("[1] < [2]", MISSING), ("{a: 1} >= {a: 1}", MISSING), ("1 + 1 = 2", True), ("true = 1", False),
        # logic
        ("NOT true", False), ("NOT NOT true", True), ("NOT 1", MISSING), ("NOT c.none", MISSING),
        ("NOT c.yes", False), ("NOT (1 = 2)", True), ("NOT IS_DEFINED(c.none)", True),
        ("true OR true AND false", True), ("(true OR true) AND false", False), ("NOT false AND false", False),
        ("1 = 1 AND 2 = 2 OR 1 = 2", True), ("1 = 2 OR 1 = 1 AND 2 = 2", True), ("NOT true OR true", True),
        ("1 BETWEEN 0 AND 2 AND false", False), ("true AND 1 BETWEEN 0 AND 2", True),
        # conditionals
        ("c.none ?? 'd'", "d"), ("c.nil ?? 'd'", None), ("c.a ?? c.b ?? 3", 3), ("c.yes ? 1 : 2", 1),
        ("c.n ? 1 : 2", 2), ("c.none ? 1 : 2", 2), ("1 = 1 ? 'a' : 'b'", "a"),
        ("c.no ? 1 : c.yes ? 2 : 3", 2),
        # paths
        ("c.o.p", 2), ("c['o']['p']", 2), ('c["o"].p', 2), ("c.o['a b']", 3), ("c['order']", 6),
        ("c.o['or' || 'der']", 4), ("c.andrew", 7), ("c.Value", MISSING), ("c['Value']", 8), ("c._x1", 10),
        ("c.list[0]", 1), ("c.list[2].k", 1), ("c.list[3][0]", 3), ("c.list[9]", MISSING),
        ("c.list[1 + 1].l", 2), ("c.list['0']", MISSING), ("c.o[0]", MISSING), ("c.s[0]", MISSING),
        ("c.s.length", MISSING), ("c.nil.x", MISSING), ("c.none.x.y", MISSING), ("c.list.length", MISSING),
        ("c.N", MISSING), ("c.list[true]", MISSING),
        # objects and arrays
        ("{a: 1, 'b': c.none, \"c d\": [c.none, 2]}", {"a": 1, "c d": [2]}), ("{}", {}), ("[]", []),
        ("[1, [2]][1][0]", 2), ("{a: {b: 1}}.a.b", 1),
    ],
)  # fmt: skip
def test_an_expression_has_the_value_the_service_gives(expression: str, expected: Any) -> None:
    if expression == "c.Value":
        assert "near 'Value'" in refusal("SELECT VALUE c.Value FROM c")
    else:
        assert exactly(value_of(expression), expected)


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        ("true", "true", True, True), ("true", "false", False, True), ("false", "false", False, False),
        ("true", "c.none", MISSING, True), ("false", "c.none", False, MISSING),
        ("c.none", "c.none", MISSING, MISSING), ("true", "1", MISSING, True),
        ("false", "null", False, MISSING),
        ("1", "'a'", MISSING, MISSING),
    ],
)  # fmt: skip
def test_logic_has_three_values(left: str, right: str, both: Any, either: Any) -> None:
    for one, other in ((left, right), (right, left)):
        assert value_of(f"{one} AND {other}") == both
        assert value_of(f"{one} OR {other}") == either


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("2 BETWEEN 1 AND 3", True), ("1 BETWEEN 1 AND 1", True), ("0 BETWEEN 1 AND 3", False),
        ("2 BETWEEN 3 AND 1", False), ("'b' BETWEEN 'a' AND 'c'", True), ("'b' BETWEEN 1 AND 3", MISSING),
        ("2 BETWEEN 1 AND 'z'", MISSING), ("0 BETWEEN 1 AND 'z'", False), ("2 NOT BETWEEN 1 AND 3", False),
        ("0 NOT BETWEEN 1 AND 3", True), ("null BETWEEN null AND null", True),
        ("c.none BETWEEN 1 AND 2", MISSING),
        ("[1] BETWEEN [1] AND [1]", MISSING), ("1 + 1 BETWEEN 1 + 1 AND 3 - 1", True),
        ("2 IN (1, 2)", True), ("2 IN (1, '2', true)", False), ("2 NOT IN (1, 2)", False),
        ("2 NOT IN (1)", True), ("null IN (null)", True), ("c.none IN (1)", MISSING),
        ("1 IN (c.none, 1)", True),
        ("[1] IN ([1], 2)", True), ("true IN (1)", False), ("c.n IN (c.n)", True),
    ],
)  # fmt: skip
def test_ranges_and_lists(expression: str, expected: Any) -> None:
    assert exactly(value_of(expression), expected)


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("abc", "abc", True), ("abc", "ab", False), ("abc", "a%", True), ("abc", "%c", True),
        ("abc", "%b%", True), ("", "%", True), ("abc", "a_c", True), ("ac", "a_c", False),
        ("a\nc", "a_c", True),
        ("a\nb", "a%b", True), ("ABC", "abc", False), ("a.c", "a.c", True), ("abc", "a.c", False),
        ("b", "[a-c]", True), ("d", "[a-c]", False), ("d", "[^a-c]", True), ("b", "[abc]", True),
        ("%", "[%]", True), ("x", "[%]", False), ("_n", "[_]n", True), ("[", "[[]", True), ("]", "]", True),
        ("-", "[a-]", True), ("\\", "[\\]", True), ("^", "[a^]", True), ("a*", "a*", True),
        ("&", "[&&]", True),
    ],
)  # fmt: skip
def test_like_matches_wildcards_and_sets(text: str, pattern: str, expected: bool) -> None:
    assert value_of("@text LIKE @pattern", text=text, pattern=pattern) is expected
    assert value_of("@text NOT LIKE @pattern", text=text, pattern=pattern) is not expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'20%' LIKE '20^%' ESCAPE '^'", True), ("'20x' LIKE '20^%' ESCAPE '^'", False),
        ("'a_b' LIKE '%!_%' ESCAPE '!'", True), ("'a!' LIKE 'a!!' ESCAPE '!'", True),
        ("'[x' LIKE '![x' ESCAPE '!'", True), ("1 LIKE '1'", MISSING), ("'1' LIKE 1", MISSING),
        ("c.none LIKE '%'", MISSING), ("'ab' LIKE 'a' || '%'", True),
    ],
)  # fmt: skip
def test_like_escapes(expression: str, expected: Any) -> None:
    assert exactly(value_of(expression), expected)


@pytest.mark.parametrize(
    "like",
    [
        "'['",
        "'[]'",
        "'[^]'",
        "'[z-a]'",
        "'[a--b]'",
        "'a!' ESCAPE '!'",
        "'!a' ESCAPE '!'",
        "'[!]]' ESCAPE '!'",
    ],
)
def test_a_pattern_of_unknown_meaning_is_refused(like: str) -> None:
    assert "LIKE pattern" in refusal(f"SELECT * FROM c WHERE c.s LIKE {like}")  # noqa: S608  # a query of our own


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("CONTAINS('abc', 'b')", True), ("contains('abc', 'B')", False), ("CONTAINS('abc', 'B', true)", True),
        ("CONTAINS('abc', '')", True), ("CONTAINS('abc', 1)", MISSING), ("CONTAINS(c.none, 'a')", MISSING),
        ("STARTSWITH('abc', 'ab')", True), ("STARTSWITH('abc', 'AB', true)", True),
        ("STARTSWITH('a', '')", True),
        ("ENDSWITH('abc', 'bc')", True), ("STRINGEQUALS('a', 'A', true)", True),
        ("STRINGEQUALS('a', 'A')", False),
        ("LOWER('ÄB')", "äb"), ("UPPER('straße')", "STRAßE"), ("LENGTH('abc')", 3), ("LENGTH([1])", MISSING),
        ("CONCAT('a', 'b', 'c')", "abc"), ("CONCAT('a', 1)", MISSING), ("TRIM(' a ')", "a"),
        ("LTRIM(' a ')", "a "), ("RTRIM(' a ')", " a"), ("INDEX_OF('abc', 'c')", 2),
        ("INDEX_OF('abc', 'z')", -1),
        ("SUBSTRING('abc', 1, 1)", "b"), ("SUBSTRING('abc', 1, 9)", "bc"), ("SUBSTRING('abc', -1, 2)", ""),
        ("SUBSTRING('abc', 0.5, 1)", MISSING), ("SUBSTRING('abc', 9, 1)", ""), ("LEFT('abc', 2)", "ab"),
        ("LEFT('abc', -1)", ""), ("RIGHT('abc', 2)", "bc"), ("RIGHT('abc', 9)", "abc"),
        ("RIGHT('abc', 0)", ""),
        ("REPLACE('aXbX', 'X', '-')", "a-b-"), ("REPLACE('abc', '', 'x')", MISSING),
        ("ARRAY_LENGTH([1, 2])", 2), ("ARRAY_LENGTH('ab')", MISSING),
        ("ARRAY_CONCAT([1], [2], [3])", [1, 2, 3]),
        ("ARRAY_SLICE([1, 2, 3], 1)", [2, 3]), ("ARRAY_SLICE([1, 2, 3], -2, 1)", [2]),
        ("ARRAY_SLICE([1, 2, 3], 0, -1)", []), ("ARRAY_SLICE([1, 2], 0.5)", MISSING),
        ("ARRAY_SLICE([1, 2], -9)", [1, 2]), ("ARRAY_SLICE([1, 2], 0, null)", MISSING),
        ("ARRAY_CONTAINS([1, 'a'], 'a')", True), ("ARRAY_CONTAINS([1], true)", False),
        ("ARRAY_CONTAINS('abc', 'a')", MISSING), ("ARRAY_CONTAINS([1], c.none)", MISSING),
        ("ARRAY_CONTAINS([{a: 1, b: 2}], {a: 1})", False),
        ("ARRAY_CONTAINS([{a: 1, b: 2}], {a: 1}, true)", True),
        ("ARRAY_CONTAINS([{a: {b: 1, c: 2}}], {a: {b: 1}}, true)", False),
        ("IS_DEFINED(c.nil)", True), ("IS_DEFINED(c.none)", False), ("IS_NULL(c.nil)", True),
        ("IS_NULL(c.none)", False), ("IS_NUMBER(true)", False), ("IS_NUMBER(1.5)", True),
        ("IS_BOOL(true)", True),
        ("IS_STRING('')", True), ("IS_ARRAY([])", True), ("IS_OBJECT({})", True), ("IS_OBJECT([])", False),
        ("IS_PRIMITIVE(null)", True), ("IS_PRIMITIVE([])", False), ("IS_PRIMITIVE(c.none)", False),
        ("ABS(-2)", 2), ("CEILING(1.2)", 2), ("FLOOR(-0.5)", -1), ("ROUND(2.5)", 3), ("ROUND(-2.5)", -3),
        ("ROUND(0.49999999999999994)", 0), ("TOSTRING(true)", "true"), ("ToString(1.0)", "1"),
        ("ToString('a')", "a"),
        ("ToString(null)", "null"), ("ToString(c.none)", MISSING), ("ToString(1.25)", "1.25"),
        ("ROUND('a')", MISSING), ("ABS(true)", MISSING),
    ],
)  # fmt: skip
def test_a_function_gives_what_the_service_gives(expression: str, expected: Any) -> None:
    assert exactly(value_of(expression), expected)


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [1, {"a": None}], {"a": [1]}])
def test_a_parameter_takes_any_value(value: Any) -> None:
    assert exactly(value_of("@value", value=value), value)
    same = results("SELECT VALUE c.v FROM c WHERE c.v = @v", MemorySource([{"v": value}, {}]), {"@v": value})
    assert exactly(same, [value])


def test_a_parameter_without_a_value_is_refused_even_where_it_is_not_reached() -> None:
    with pytest.raises(QueryError, match="@missing"):
        parse("SELECT * FROM c WHERE false AND c.a = @missing", {"@other": 1})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELECT * FROM c JOIN t IN c.list", "single input set"),
        ("SELECT t FROM c JOIN t IN c.list JOIN t IN c.o", "'t' is specified more than once"),
        ("SELECT t FROM c JOIN t IN d.list", "'d'"),
        ("SELECT c FROM t IN c.list", "'c'"),
        ("SELECT * FROM c.list AS l WHERE c.n = 1", "'c'"),
        ("SELECT 1 FROM c" + " JOIN c.list[0]" * 11, "10 JOINs"),
        ("SELECT c.n, COUNT(1) FROM c", "GROUP BY"),
        ("SELECT c.n FROM c GROUP BY c.s", "'c[\"n\"]' is invalid in the select list"),
        ("SELECT c.n FROM c GROUP BY c.n ORDER BY c.n", "'ORDER BY'"),
        ("SELECT * FROM c GROUP BY c.n", "'SELECT *'"),
        ("SELECT 1 FROM c GROUP BY 1", "property reference"),
        ("SELECT 1 FROM c GROUP BY COUNT(c.n)", "GROUP BY"),
        ("SELECT 1 FROM c GROUP BY (SELECT VALUE c.n)", "GROUP BY"),
        ("SELECT c.n FROM c GROUP BY c.n HAVING c.n > 1", "'HAVING'"),
        ("SELECT COUNT((SELECT VALUE c.n)) FROM c", "a subquery"),
        ("SELECT (SELECT VALUE t FROM t IN c.list) FROM c", "cardinality"),
        ("SELECT (SELECT VALUE t FROM t IN x.list) FROM c", "'x'"),
        ("SELECT t FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.list)", "'t'"),
        ("SELECT ARRAY(SELECT VALUE t FROM t IN c.list ORDER BY t) FROM c", "'ORDER BY'"),
        ("SELECT ARRAY(SELECT TOP 1 VALUE t FROM t IN c.list) FROM c", "'TOP'"),
        ("SELECT ARRAY(SELECT VALUE t FROM t IN c.list OFFSET 0 LIMIT 1) FROM c", "'OFFSET LIMIT'"),
        ("SELECT COUNT(1) AS n FROM (SELECT DISTINCT c.n FROM c)", "DISTINCT"),
        ("SELECT *", "FROM clause is omitted"),
        ("SELECT udf.tax(c.n) FROM c", "user-defined"),
        ("SELECT * FROM c ORDER BY RANK FULLTEXTSCORE(c.s, 'a')", "FULLTEXTSCORE"),
        ("SELECT * FROM c WHERE FullTextContains(c.s, 'a')", "FullTextContains"),
        ("SELECT * FROM c WHERE ST_DISTANCE(c.a, c.b) < 1", "ST_DISTANCE"),
        ("SELECT * FROM c WHERE VectorDistance(c.a, c.b) < 1", "VectorDistance"),
        ("SELECT * FROM c WHERE NOSUCH(c.a)", "NOSUCH"),
        ("SELECT * FROM c WHERE CONTAINS(c.a)", "CONTAINS function requires at least 2 argument(s)"),
        ("SELECT * FROM c WHERE ABS(1, 2)", "ABS function requires 1 argument(s)"),
        ("SELECT * FROM c WHERE LOG(1, 2, 3)", "LOG function requires at most 2 argument(s)"),
        ("SELECT * FROM c WHERE x.n = 1", "'x'"),
        ("SELECT c.n FROM c AS d", "'c'"),
        ("SELECT C.n FROM c", "'C'"),
        ("SELECT * FROM c WHERE NOT c.n = 1", "NOT"),
        ("SELECT * FROM c WHERE NOT c.n IN (1)", "'IN'"),
        ("SELECT * FROM c WHERE c.s || 'x' = 'ax'", "'='"),
        ("SELECT * FROM c WHERE 1 = 1 = true", "'='"),
        ("SELECT * FROM c WHERE c.n & 1 = 1", "'='"),
        ("SELECT * FROM c WHERE c.n = 0x1F", "'0x1F'"),
        ("SELECT * FROM c WHERE c.n = 12abc", "'12abc'"),
        ("SELECT * FROM c WHERE c.order = 1", "'order'"),
        ("SELECT * FROM c WHERE c.n = 1e999", "too large"),
        ("SELECT * FROM c WHERE c.n = 1ANDc.s = 2", "'1ANDc'"),
        ("SELECT * FROM c WHERE c.s = 'x' ANDc.n = 1", "'ANDc'"),
        ("SELECT * FROM c x ORDERBY x.n", "'ORDERBY'"),
        ("SELECT * FROM c x WHEREx.n = 1", "'WHEREx'"),
        ("SELECT * FROM c WHERE c.n = \u0663", "'\u0663'"),
        ("SELECT * FROM c WHERE c.s = '\\q'", "escape"),
        ("SELECT * FROM c WHERE c.s = '\\ud800'", "escape"),
        ("SELECT * FROM c WHERE c.s = 'open", "'"),
        ("SELECT * FROM c WHERE c.s LIKE 'a' ESCAPE 'ab'", "ESCAPE"),
        ("SELECT VALUE 1 / 0 FROM c", "finite"),
        ("SELECT VALUE 1 % 0 FROM c", "finite"),
        ("SELECT VALUE 1e308 * 10 FROM c", "finite"),
        ("SELECT VALUE ToString(1e300) FROM c", "ToString"),
        ("SELECT VALUE ToString([1e300]) FROM c", "ToString"),
        ("SELECT VALUE LOG(0) FROM c", "finite"),
        ("SELECT VALUE SQRT(-1) FROM c", "finite"),
        ("SELECT VALUE POWER(10, 400) FROM c", "finite"),
        ("SELECT VALUE StringSplit('a', '') FROM c", "StringSplit"),
        ("SELECT VALUE SUM(1e308 + c.n * 0) + SUM(1e308) FROM c", "finite"),
        ("SELECT VALUE c.list[-1] FROM c", "index"),
        ("SELECT VALUE c.list[0.5] FROM c", "index"),
        ("SELECT c.n, c.o.n FROM c", "'n'"),
        ("SELECT *, c.n FROM c", "','"),
        ("SELECT VALUE * FROM c", "'*'"),
        ("SELECT * FROM c;", "';'"),
        ("SELECT * FROM c --" + "x" * 524_288, "524288 bytes"),
        ("SELECT * FROM c WHERE", "ends too early"),
        ("", "ends too early"),
        ("DELETE FROM c", "'DELETE'"),
        ("SELECT * FROM c WHERE COUNT(1) = 1", "COUNT"),
        ("SELECT * FROM c ORDER BY MAX(c.n)", "MAX"),
        ("SELECT VALUE SUM(COUNT(1)) FROM c", "aggregate"),
        ("SELECT VALUE COUNT(1) FROM c ORDER BY c.n", "COUNT"),
        ("SELECT DISTINCT VALUE COUNT(1) FROM c", "COUNT"),
        ("SELECT DISTINCT c.n FROM c ORDER BY c.s", "DISTINCT"),
        ("SELECT TOP 1 * FROM c OFFSET 0 LIMIT 1", "TOP"),
        ("SELECT TOP -1 * FROM c", "'-'"),
        ("SELECT TOP 1.5 * FROM c", "'1.5'"),
        ("SELECT TOP 3000000000 * FROM c", "TOP"),
        ("SELECT * FROM c OFFSET 1", "ends too early"),
        ("SELECT * FROM c LIMIT 1", "'LIMIT'"),
        ("SELECT * FROM c ORDER BY c.n + 1", "ORDER BY"),
        ("SELECT * FROM c ORDER BY c", "ORDER BY"),
        ("SELECT * FROM c ORDER BY c.list[0]", "ORDER BY"),
        ("SELECT * FROM c ORDER BY c.n, c.s", "composite index"),
    ],
)  # fmt: skip
def test_what_the_engine_does_not_know_is_refused_by_name(text: str, named: str) -> None:
    assert named in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "select * from c where c.n = 5",
        "SELECT*FROM c WHERE(c.n)=5",
        "SELECT * FROM c -- all of them\nWHERE c.n = 5 -- five",
        "SELECT\t*\r\nFROM c AS c WHERE c.n = 5",
        "SELECT * FROM anything c WHERE c.n = 5",
        "SELECT VALUE andy FROM conversations AS andy WHERE andy.n = 5 AND andy.andrew = 7",
        "SELECT * FROM topic WHERE topic.n=5 AND topic.s='text'",
        "SELECT * FROM c WHERE c.s='text'AND c.n=5",
    ],
)
def test_spelling_does_not_matter(text: str) -> None:
    assert results(text, MemorySource([DOCUMENT, {}])) == [DOCUMENT]


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("c.n", {"n": 5}), ("c.o.p", {"p": 2}), ("c['a b']", {}), ("c.o['a b']", {"a b": 3}),
        ("c.n AS m, c.none", {"m": 5}), ("c.n m", {"m": 5}), ("c.n, 1, 2", {"n": 5, "$1": 1, "$2": 2}),
        ("c.list[0]", {"$1": 1}), ("c.n + 1 AS next", {"next": 6}), ("c.nil", {"nil": None}),
        ("VALUE {a: c.n}", {"a": 5}), ("VALUE c.o.p", 2),
    ],
)  # fmt: skip
def test_columns_are_named_for_their_last_step(select: str, expected: Any) -> None:
    assert results(f"SELECT {select} FROM c", MemorySource([DOCUMENT])) == [expected]  # noqa: S608  # ours


def test_the_whole_document_is_named_for_its_alias() -> None:
    assert results("SELECT x FROM c x", MemorySource([{"a": 1}])) == [{"x": {"a": 1}}]


def test_value_leaves_out_what_is_undefined() -> None:
    source = MemorySource([{"a": 1}, {}, {"a": None}])
    assert results("SELECT VALUE c.a FROM c", source) == [1, None]
    assert results("SELECT c.a FROM c", source) == [{"a": 1}, {}, {"a": None}]


def test_a_comparison_with_undefined_keeps_no_document_either_way() -> None:
    source = MemorySource([{"a": 1}, {}, {"a": None}])
    assert results("SELECT VALUE c.a FROM c WHERE c.a != 1", source) == [None]
    assert results("SELECT VALUE c.a FROM c WHERE NOT (c.a = 1)", source) == [None]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("COUNT(1)", 4), ("COUNT(c)", 4), ("COUNT(c.a)", 3), ("COUNT(c.none)", 0), ("COUNT(c.mixed)", 3),
        ("SUM(c.a)", 6.5), ("AVG(c.b)", 2), ("SUM(c.mixed)", MISSING), ("AVG(c.none)", MISSING),
        ("SUM(c.none)", 0), ("MIN(c.a)", 1), ("MAX(c.a)", 3.5), ("MIN(c.mixed)", None), ("MAX(c.mixed)", "x"),
        ("MAX(c.list)", MISSING), ("MIN(c.none)", MISSING), ("COUNT(1) + 1", 5), ("count(1)", 4),
        ("{n: COUNT(1), s: SUM(c.a)}", {"n": 4, "s": 6.5}), ("[MIN(1), MIN(true)]", [1, True]),
    ],
)  # fmt: skip
def test_an_aggregate_is_one_row(aggregate: str, expected: Any) -> None:
    source = MemorySource(
        [
            {"a": 1, "b": 1, "mixed": None},
            {"a": 2, "b": 3, "mixed": 1, "list": []},
            {"a": 3.5, "mixed": "x"},
            {},
        ]
    )
    found = results(f"SELECT VALUE {aggregate} FROM c", source)  # noqa: S608  # a query of our own
    assert exactly(found, [] if expected == MISSING else [expected])


def test_aggregates_see_what_the_filter_leaves_in_one_page() -> None:
    source = MemorySource([{"a": n} for n in range(50)])
    text = "SELECT COUNT(1) AS n, MAX(c.a), MIN(c.a) FROM c WHERE c.a < 10"
    (page,) = pages(text, source, size=1)
    assert page.results == [{"n": 10, "$1": 9, "$2": 0}]
    assert results("SELECT VALUE COUNT(1) FROM c WHERE c.a < 0", source) == [0]


def test_distinct_compares_deeply_and_strictly() -> None:
    values = [1, 1.0, True, "1", [1], [1.0], {"a": 1, "b": 2}, {"b": 2, "a": 1}, None, None]
    source = MemorySource([{"v": value} for value in values] + [{}, {}])
    distinct = [1, True, "1", [1], {"a": 1, "b": 2}, None]
    assert exactly(results("SELECT DISTINCT VALUE c.v FROM c", source), distinct)
    assert results("SELECT DISTINCT c.v FROM c", source)[-2:] == [{"v": None}, {}]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_distinct_gives_each_row_once_over_pages(size: int) -> None:
    source = MemorySource([{"v": n % 7} for n in range(40)])
    assert paged("SELECT DISTINCT VALUE c.v FROM c", source, size=size) == list(range(7))
    assert paged("SELECT DISTINCT TOP 4 VALUE c.v FROM c", source, size=size) == [0, 1, 2, 3]
    assert paged("SELECT DISTINCT VALUE c.v FROM c OFFSET 5 LIMIT 9", source, size=size) == [5, 6]
    ordered = "SELECT DISTINCT VALUE c.v FROM c ORDER BY c.v DESC"
    assert paged(ordered, source, size=size) == list(range(6, -1, -1))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("from c where c.n = 5", True), ("FROM c WHERE c.n = 5 AND c.s = 'it'", False),
        ("from x where IS_DEFINED(x.none)", False), ("from c where c.none != 5", False),
        ("from c where NOT (c.n = 4) and c.yes", True), ("from c where c.n", False),
    ],
)  # fmt: skip
def test_a_condition_holds_only_where_it_is_true(text: str, holds: bool) -> None:
    assert parse_condition(text).holds(DOCUMENT) is holds


@pytest.mark.parametrize(
    "text",
    [
        "from c where c.n = @n", "from c where COUNT(1) = 1", "from c where", "from c", "where c.n = 1", "",
        "SELECT * FROM c", "from c where c.n = 1 order by c.n", "from c where x.n = 1",
    ],
)  # fmt: skip
def test_a_condition_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        parse_condition(text)


WORDS = """SELECT VALUE * FROM c WHERE NOT AND OR IN BETWEEN LIKE ESCAPE ORDER BY ASC DESC TOP OFFSET LIMIT
DISTINCT c.a [ ] ( ) { } , . : ? ?? || = != < <= + - / % @p 1 1.5 1e5 'a' "b" true null undefined COUNT(1)
ARRAY_CONTAINS(c.a,1) -- ' " \\ \x00 \u00e9 \u0663 \u017f 99999999999999999999 JOIN GROUP EXISTS udf t IN
c.list (SELECT ARRAY(SELECT EXISTS(SELECT t u & | ^ ~ << >>> RAND() c.list[0] LEFT( SUM(c.n)"""
PIECES = st.sampled_from([*WORDS.split(), "\n", "\ud800", "\U0001f600"])


@given(st.one_of(st.text(), st.lists(PIECES, max_size=25).map(" ".join), st.lists(PIECES).map("".join)))
@example("SELECT VALUE " + "(" * 3_000 + "1" + ")" * 3_000 + " FROM c")
@example("SELECT VALUE " + "(" * 3_000)
@example("SELECT VALUE " + "[" * 3_000 + "]" * 3_000 + " FROM c")
@example("SELECT VALUE " + "{a:" * 3_000 + "1" + "}" * 3_000 + " FROM c")
@example("SELECT VALUE " + "NOT " * 3_000 + "true FROM c")
@example("SELECT VALUE " + "- " * 3_000 + "c.a FROM c")
@example("SELECT VALUE c" + ".a" * 3_000 + " FROM c")
@example("SELECT VALUE " + "1+" * 3_000 + "1 FROM c")
@example("SELECT VALUE " + "9" * 3_000 + " FROM c")
@example("SELECT VALUE " + "0" * 3_000 + " FROM c")
@example("SELECT VALUE " + "NOT " * 491 + "true FROM c")
@example("SELECT TOP " + "9" * 3_000 + " * FROM c")
@example("SELECT VALUE '" + "x" * 3_000)
@example("SELECT VALUE " + "(SELECT VALUE " * 1_000 + "1" + ")" * 1_000)
@example("SELECT VALUE " + "EXISTS(SELECT " * 40 + "1" + ")" * 40)
@example("SELECT 1 FROM " + "(SELECT VALUE c FROM " * 1_000 + "c" + ") c" * 1_000)
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    for reading in (parse, parse_condition):
        with suppress(QueryError):
            reading(text)
    with suppress(QueryError):
        run(text, MemorySource([DOCUMENT]), {"@p": 1})


@pytest.mark.parametrize("nested", ["NOT ", "- ", "["])
def test_no_depth_exhausts_the_stack(nested: str) -> None:
    closing = "]" if nested == "[" else ""
    for depth in (10, 60, 100, *range(480, 500), 1_000):
        with suppress(QueryError):
            parse(f"SELECT VALUE {nested * depth}c.n{closing * depth} FROM c")  # noqa: S608  # ours


def test_a_long_list_of_alternatives_is_not_nesting() -> None:
    alternatives = " OR ".join(f"(c.n = {n} AND c.yes)" for n in range(1_000))
    text = f"SELECT VALUE c.n FROM c WHERE {alternatives}"  # noqa: S608  # a query of our own
    assert results(text, MemorySource([DOCUMENT])) == [5]


@given(st.recursive(st.integers(-9, 9), lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner)))
def test_arithmetic_reads_as_python_does(tree: Any) -> None:
    def text(node: Any, parent: str = "") -> str:
        if isinstance(node, int):
            return f"({node})" if node < 0 else str(node)
        body = f"{text(node[0], node[1])} {node[1]} {text(node[2], 'right')}"
        return f"({body})" if parent in ("*", "right") else body

    expected = float(eval(text(tree)))  # noqa: S307  # numbers and operators of our own making
    if math.isfinite(expected) and abs(expected) < 2**53:
        assert value_of(text(tree)) == expected
