"""Random queries against a naive evaluator: the language again, over lists, with no index and no pages."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos.query import distribution, execute, parse
from local.cosmos.query.printing import printed_query
from tests.unit.memory_source import NO_INDEX, MemorySource, paged

Names = dict[str, Any]
Value = Callable[[Names], Any]
Part = tuple[str, Value]  # a piece of a query: its text, and what it is worth


class Undefined:
    def __repr__(self) -> str:
        return "U"


U = Undefined()
RANKS: list[Any] = [Undefined, type(None), bool, (int, float), str, list, dict]
SCALARS = [None, True, False, 0, 1, 2, -1.5, "", "a", "ab", "b"]
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "a": st.sampled_from([*SCALARS, [1]]),
        "b": st.sampled_from(SCALARS),
        "t": st.lists(st.sampled_from([0, 1, 2, "a", "b", {"n": 1}, {"n": 2}]), max_size=3) | st.just("none"),
    },
)


def rank(value: Any) -> int:
    return 2 if isinstance(value, bool) else next(n for n, one in enumerate(RANKS) if isinstance(value, one))


def order(value: Any) -> tuple[int, Any]:
    return rank(value), 0 if rank(value) < 2 or rank(value) > 4 else value


def identity(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return repr(value) if value is U else json.dumps(value, sort_keys=True)


def compared(operator: str, left: Any, right: Any) -> Any:
    if U in (left, right):
        return U
    alike = rank(left) == rank(right)
    if operator in ("=", "!="):
        return (alike and identity(left) == identity(right)) == (operator == "=")
    if not alike or rank(left) > 4:
        return U
    if left is None:
        return operator in ("<=", ">=")
    less, same = left < right, left == right
    return {"<": less, "<=": less or same, ">": not less and not same, ">=": not less}[operator]


def both(left: Any, right: Any) -> Any:
    if left is False or right is False:
        return False
    return True if left is True and right is True else U


def negated(value: Any) -> Any:
    return not value if isinstance(value, bool) else U


def member(value: Any, name: str) -> Any:
    return value.get(name, U) if isinstance(value, dict) else U


def literal(value: Any) -> Part:
    return json.dumps(value), lambda names: value


LITERALS = st.sampled_from(SCALARS).map(literal)


def paths(aliases: list[str]) -> st.SearchStrategy[Part]:
    def path(alias: str, name: str) -> Part:
        if not name:
            return alias, lambda names: names[alias]
        return f"{alias}.{name}", lambda names: member(names[alias], name)

    steps = [(alias, name) for alias in aliases for name in (("a", "b", "t") if alias == "c" else ("", "n"))]
    return st.sampled_from(steps).map(lambda step: path(*step))


def comparison(left: Part, operator: str, right: Part) -> Part:
    text = f"{left[0]} {operator} {right[0]}"
    return text, lambda names: compared(operator, left[1](names), right[1](names))


def between(value: Part, low: Part, high: Part) -> Part:
    text = f"{value[0]} BETWEEN {low[0]} AND {high[0]}"
    return text, lambda names: both(
        compared(">=", value[1](names), low[1](names)), compared("<=", value[1](names), high[1](names))
    )


def among(value: Part, items: list[Part]) -> Part:
    def found(names: Names) -> Any:
        if value[1](names) is U:
            return U
        return any(compared("=", value[1](names), item[1](names)) is True for item in items)

    return f"{value[0]} IN ({', '.join(item[0] for item in items)})", found


def defined(value: Part) -> Part:
    return f"IS_DEFINED({value[0]})", lambda names: value[1](names) is not U


def conjunction(left: Part, right: Part) -> Part:
    return f"({left[0]} AND {right[0]})", lambda names: both(left[1](names), right[1](names))


def disjunction(left: Part, right: Part) -> Part:
    return f"({left[0]} OR {right[0]})", lambda names: negated(
        both(negated(left[1](names)), negated(right[1](names)))
    )


def negation(value: Part) -> Part:
    return f"NOT ({value[0]})", lambda names: negated(value[1](names))


def exists(operator: str, sought: Part) -> Part:
    def found(names: Names) -> bool:
        return any(compared(operator, item, sought[1](names)) is True for item in elements(names["c"]))

    return f"EXISTS(SELECT VALUE e FROM e IN c.t WHERE e {operator} {sought[0]})", found  # noqa: S608  # our own


def elements(document: Any) -> list[Any]:
    found = member(document, "t")
    return found if isinstance(found, list) else []


def filters(aliases: list[str]) -> st.SearchStrategy[Part]:
    operators = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    path = paths(aliases)
    tests = [
        st.builds(comparison, path, operators, LITERALS),
        st.builds(comparison, LITERALS, operators, path),
        st.builds(comparison, path, operators, path),
        st.builds(between, path, LITERALS, LITERALS),
        st.builds(among, path, st.lists(LITERALS, min_size=1, max_size=3)),
        st.builds(defined, path),
    ]
    if "c" in aliases:
        tests.append(st.builds(exists, operators, LITERALS))
    return st.recursive(
        st.one_of(tests),
        lambda inner: st.one_of(
            st.builds(conjunction, inner, inner),
            st.builds(disjunction, inner, inner),
            st.builds(negation, inner),
        ),
        max_leaves=4,
    )


INPUTS: dict[str, tuple[list[str], Callable[[Any], list[Names]]]] = {
    "c": (["c"], lambda document: [{"c": document}]),
    "c JOIN t IN c.t": (
        ["c", "t"],
        lambda document: [{"c": document, "t": one} for one in elements(document)],
    ),
    "t IN c.t": (["t"], lambda document: [{"t": one} for one in elements(document)]),
}


@st.composite
def selections(draw: st.DrawFn) -> tuple[str, Part, Callable[[list[Any]], list[Names]]]:
    """FROM and WHERE with a path to select, and the rows that they leave of some documents."""
    source = draw(st.sampled_from(sorted(INPUTS)))
    aliases, rows = INPUTS[source]
    text, keeps = draw(filters(aliases))

    def left(documents: list[Any]) -> list[Names]:
        return [row for document in documents for row in rows(document) if keeps(row) is True]

    return f"FROM {source} WHERE {text}", draw(paths(aliases)), left


def unordered(values: list[Any]) -> list[str]:
    return sorted(map(identity, values))


in_seconds = settings(max_examples=60)  # parsing takes most of the time


@in_seconds
@given(selections(), st.sampled_from(["ORDER BY c.a DESC, c.b", "OFFSET 1 LIMIT 2", "GROUP BY c.a, c.b", ""]))
def test_a_tree_as_text_parses_to_the_same_tree(selection: Any, clause: str) -> None:
    clauses, (path, _), _ = selection
    if clauses.startswith("FROM c ") or not clause.endswith("b"):
        columns = "COUNT(1) AS m" if clause.startswith("GROUP") else f"{path}, 1 AS m"
        tree = parse(f"SELECT {columns} {clauses} {clause}").select
        assert parse(printed_query(tree)).select == tree


POLICIES = st.sampled_from([None, NO_INDEX])
DOCUMENTS = st.lists(BODIES, max_size=8)


@in_seconds
@given(selections(), DOCUMENTS, POLICIES, st.integers(1, 4), st.booleans())
def test_what_is_kept_is_what_the_naive_evaluator_keeps(
    selection: Any, documents: list[Any], policy: Any, size: int, is_distinct: bool
) -> None:
    clauses, (path, value), left = selection
    text = f"SELECT {'DISTINCT ' * is_distinct}VALUE {path} {clauses}"
    expected = [found for row in left(documents) if (found := value(row)) is not U]
    if is_distinct:
        expected = list({identity(one): one for one in expected}.values())
    found = paged(text, MemorySource(documents, policy), size=size)
    assert unordered(found) == unordered(expected)


@in_seconds
@given(
    filters(["c"]),
    DOCUMENTS,
    st.sampled_from(["", "DESC"]),
    st.integers(0, 3),
    st.integers(0, 9),
    st.integers(1, 4),
)
def test_what_is_ordered_is_as_the_naive_evaluator_orders_it(
    test: Part, documents: list[Any], direction: str, skip: int, most: int, size: int
) -> None:
    numbered = [{**body, "n": n} for n, body in enumerate(documents)]
    text = f"SELECT VALUE c.n FROM c WHERE {test[0]} ORDER BY c.a {direction} OFFSET {skip} LIMIT {most}"  # noqa: S608
    kept = [one for one in numbered if test[1]({"c": one}) is True and 1 <= rank(one.get("a", U)) <= 4]
    ordered = sorted(kept, key=lambda one: (order(one["a"]), one["n"]), reverse=direction == "DESC")
    found = paged(text, MemorySource(numbered), size=size)
    assert found == [one["n"] for one in ordered][skip : skip + most]


def summed(values: list[Any]) -> Any:
    return number(sum(values)) if all(rank(value) == 3 for value in values) else U


def average(values: list[Any]) -> float:
    return number(summed(values) / len(values))


def number(found: float) -> float:
    """As JSON has it: one without a fraction is whole."""
    return int(found) if float(found).is_integer() else found


def extreme(values: list[Any], choose: Callable[..., Any]) -> Any:
    return choose(values, key=order) if values and all(rank(value) < 5 for value in values) else U


AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "SUM": summed,
    "AVG": lambda values: average(values) if values and summed(values) is not U else U,
    "MIN": lambda values: extreme(values, min),
    "MAX": lambda values: extreme(values, max),
}
AGGREGATE = st.sampled_from(sorted(AGGREGATES))


@in_seconds
@given(selections(), DOCUMENTS, POLICIES, AGGREGATE, st.booleans(), st.integers(1, 4))
def test_aggregates_are_what_the_naive_evaluator_adds_up(
    selection: Any, documents: list[Any], policy: Any, name: str, is_grouped: bool, size: int
) -> None:
    clauses, (path, value), left = selection
    grouping = f" GROUP BY {path}" if is_grouped else ""
    text = f"SELECT VALUE [{name}({path}), COUNT(1)] {clauses}{grouping}"
    groups: dict[str, list[Any]] = {} if is_grouped else {"": []}
    for row in left(documents):
        groups.setdefault(identity(value(row)) if is_grouped else "", []).append(value(row))
    expected = [
        [
            one
            for one in (AGGREGATES[name]([each for each in values if each is not U]), len(values))
            if one is not U
        ]
        for values in groups.values()
    ]
    found = paged(text, MemorySource(documents, policy), size=size)
    assert unordered(found) == unordered(expected)


FEATURES = frozenset({"Aggregate", "Distinct", "OrderBy", "Top", "OffsetAndLimit"})


def each_partition(text: str, documents: list[Any], count: int) -> tuple[dict[str, Any], list[list[Any]]]:
    """The plan of a query, and what the rewritten query gives for each of some partitions."""
    plan = distribution(parse(text), FEATURES)
    rewritten = parse(plan["rewrittenQuery"].replace("{documentdb-formattableorderbyquery-filter}", "true"))
    sources = [MemorySource(documents[n::count]) for n in range(count)]
    return plan, [execute(rewritten, source).results for source in sources]


@in_seconds
@given(filters(["c"]), DOCUMENTS, st.integers(1, 4), st.sampled_from(["", "DESC"]))
def test_ordered_partitions_merge_into_the_whole(
    test: Part, documents: list[Any], count: int, direction: str
) -> None:
    numbered = [{**body, "n": n} for n, body in enumerate(documents)]
    text = f"SELECT TOP 5 VALUE c.n FROM c WHERE {test[0]} ORDER BY c.a {direction}"  # noqa: S608  # our own
    plan, partitions = each_partition(text, numbered, count)
    rows = [row for rows in partitions for row in rows]
    rows.sort(
        key=lambda row: order(row["orderByItems"][0]["item"]), reverse=plan["orderBy"] == ["Descending"]
    )
    merged = [order(numbered[row["payload"]]["a"]) for row in rows[: plan["top"]]]
    whole = execute(parse(text), MemorySource(numbered)).results
    assert merged == [order(numbered[n]["a"]) for n in whole]


@in_seconds
@given(filters(["c"]), DOCUMENTS, st.integers(1, 4), AGGREGATE)
def test_aggregates_of_partitions_add_up_to_the_whole(
    test: Part, documents: list[Any], count: int, name: str
) -> None:
    numbers = [body for body in documents if "b" not in body or rank(body["b"]) == 3]
    text = f"SELECT VALUE {name}(c.b) FROM c WHERE {test[0]}"  # noqa: S608  # our own
    plan, partitions = each_partition(text, numbers, count)
    items = [rows[0][0]["item"] for rows in partitions if "item" in rows[0][0]]
    whole = execute(parse(text), MemorySource(numbers)).results
    match plan["aggregates"]:
        case ["Average"]:
            parts = sum(item["sum"] for item in items), sum(item["count"] for item in items)
            assert whole == ([parts[0] / parts[1]] if parts[1] else [])
        case ["Count"] | ["Sum"]:
            assert whole == [sum(items)]
        case ["Min"] | ["Max"]:
            assert whole == ([min(items) if name == "MIN" else max(items)] if items else [])
