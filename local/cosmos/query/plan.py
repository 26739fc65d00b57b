"""Which index serves a query, and between which keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from local.cosmos.indexing import ELEMENT, Composite, IndexingPolicy, Path, path_name
from local.cosmos.query.evaluate import Bindings, evaluate
from local.cosmos.query.syntax import (
    Call,
    Constant,
    Expression,
    Member,
    Operation,
    Ordering,
    Parameter,
    QueryError,
    Root,
    Select,
)
from local.cosmos.values import AFTER, UNDEFINED, Json, encode, encode_prefix, type_range

_MIRRORED = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Range:
    """What a filter leaves of the values at a path: keys with low <= key < high.

    exact: the key of the only value. is_prefix: the strings with a beginning.
    """

    path: Path
    low: bytes
    high: bytes
    exact: bytes | None = None
    is_prefix: bool = False

    def and_also(self, other: "Range") -> "Range":
        """The values that both leave."""
        return Range(
            self.path, max(self.low, other.low), min(self.high, other.high), self.exact or other.exact
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Read the terms of one index between two keys; without an index, every document.

    scanned: there is a filter, and no index could have served any part of it.
    """

    index: str | None
    low: bytes = b""
    high: bytes = AFTER
    descending: bool = False
    scanned: bool = False


def plan(select: Select, parameters: Mapping[str, Json], policy: IndexingPolicy) -> Plan:
    """The cheapest way to the query's documents; QueryError where its ORDER BY has no index."""
    ranges = _ranges(select, parameters)
    served = [found for found in ranges.values() if policy.indexes(found.path)]
    scanned = select.where is not None and not served
    if select.order:
        return replace(_ordered(select.order, ranges, policy), scanned=scanned)
    if not served:
        return Plan(None, scanned=scanned)
    best = min(served, key=lambda found: (found.exact is None, found.is_prefix))
    return Plan(path_name(best.path), best.low, best.high)


def _ordered(order: tuple[Ordering, ...], ranges: dict[Path, Range], policy: IndexingPolicy) -> Plan:
    columns = [(_order_path(ordering.expression), ordering.descending) for ordering in order]
    path, descending = columns[0]
    if len(columns) == 1:
        if not policy.indexes(path):
            raise QueryError("The index path corresponding to the specified order-by item is excluded.")
        ranges = {path: Range(path, encode(None), AFTER)} | ranges  # what lacks the property is dropped
    found = [one for index in policy.composites if (one := _by_composite(index, columns, ranges))]
    if found:
        return max(found, key=lambda one: len(one.low))
    if len(columns) > 1:
        raise QueryError(
            "The order by query does not have a corresponding composite index that it can be served from."
        )
    return Plan(path_name(path), ranges[path].low, ranges[path].high, descending)


def _by_composite(
    index: Composite, columns: list[tuple[Path, bool]], ranges: dict[Path, Range]
) -> Plan | None:
    """The plan over a composite index of just the columns of ORDER BY, in these directions or all reversed.

    Before a single column there may be others that the filters hold to one value each.
    """
    held = len(index.columns) - len(columns) if len(columns) == 1 else 0
    leading, tail = index.columns[:held], index.columns[held:]
    if [path for path, _ in tail] != [path for path, _ in columns]:
        return None
    if any(path not in ranges or ranges[path].exact is None for path, _ in leading):
        return None
    turned = {down != wanted for (_, down), (_, wanted) in zip(tail, columns, strict=True)}
    if len(turned) > 1:
        return None
    low, high = _composite_range(index, ranges)
    return Plan(index.name, low, high, descending=turned.pop())


def _composite_range(index: Composite, ranges: dict[Path, Range]) -> tuple[bytes, bytes]:
    """Between which keys: columns held to one value, then one within a range, then any."""
    prefix = b""
    for path, down in index.columns:
        if (among := ranges.get(path)) is None:
            break
        if among.exact is None:
            low, high = _turned_range(among) if down else (among.low, among.high)
            return prefix + low, prefix + high
        prefix += _turned(among.exact) if down else among.exact
    return prefix, prefix + AFTER


def _turned(key: bytes) -> bytes:
    return bytes(255 - byte for byte in key)


def _turned_range(among: Range) -> tuple[bytes, bytes]:
    """The same range where the column is kept descending; a little wider, for the filter is checked too."""
    return _turned(among.high), _turned(among.low) + AFTER


def _order_path(expression: Expression) -> Path:
    path = path_of(expression)
    if not path:
        raise QueryError(
            "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path."
        )
    return path


def path_of(expression: Expression) -> Path | None:
    """The path of `c.a.b`; None for anything else."""
    match expression:
        case Root():
            return ()
        case Member(of, Constant(str(name))) if name != ELEMENT:
            path = path_of(of)
            return None if path is None else (*path, name)
    return None


def _ranges(select: Select, parameters: Mapping[str, Json]) -> dict[Path, Range]:
    """What the filters that must all hold leave of each path's values."""
    bindings = Bindings(parameters)
    ranges: dict[Path, Range] = {}
    for filtered in _conjuncts(select.where):
        if found := _range(filtered, bindings):
            known = ranges.get(found.path)
            if known is None:
                ranges[found.path] = found
            elif ELEMENT not in found.path:  # an array may have one element here and another there
                ranges[found.path] = known.and_also(found)
    return ranges


def _conjuncts(where: Expression | None) -> Iterator[Expression]:
    match where:
        case Operation("and", operands):
            for operand in operands:
                yield from _conjuncts(operand)
        case Expression():
            yield where


def _range(filtered: Expression, bindings: Bindings) -> Range | None:
    match filtered:
        case Operation(("=" | "<" | ">" | "<=" | ">=") as operator, (left, right)):
            if (path := path_of(left)) and (value := _constant(right, bindings)) is not UNDEFINED:
                return _compared(path, operator, value)
            if (path := path_of(right)) and (value := _constant(left, bindings)) is not UNDEFINED:
                return _compared(path, _MIRRORED[operator], value)
        case Operation("between", (of, low, high)) if path := path_of(of):
            least, most = _constant(low, bindings), _constant(high, bindings)
            if least is not UNDEFINED and most is not UNDEFINED:
                return Range(path, encode(least), encode(most) + AFTER)
        case Call("STARTSWITH", (of, prefix)) if path := path_of(of):
            if isinstance(text := _constant(prefix, bindings), str):
                return Range(path, encode_prefix(text), encode_prefix(text) + AFTER, is_prefix=True)
        case Call("ARRAY_CONTAINS", (of, sought)) if path := path_of(of):
            if (value := _constant(sought, bindings)) is not UNDEFINED:
                return _compared((*path, ELEMENT), "=", value)
    return None


def _compared(path: Path, operator: str, value: Json) -> Range | None:
    if isinstance(value, dict | list):
        return None  # only scalars have index entries
    key, (low, high) = encode(value), type_range(value)
    match operator:
        case "=":
            return Range(path, key, key + AFTER, exact=key)
        case "<":
            return Range(path, low, key)
        case "<=":
            return Range(path, low, key + AFTER)
        case ">":
            return Range(path, key + AFTER, high)
    return Range(path, key, high)


def _constant(expression: Expression, bindings: Bindings) -> Json:
    return evaluate(expression, bindings) if isinstance(expression, Constant | Parameter) else UNDEFINED
