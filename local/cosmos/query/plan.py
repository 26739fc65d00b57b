"""Which index serves a query, and between which keys."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from local.cosmos.indexing import ELEMENT, Composite, IndexingPolicy, Path, path_name
from local.cosmos.query.ranges import Part, Paths, Range, complement, path_of, paths_of, ranges_of
from local.cosmos.query.syntax import Call, Constant, Expression, Operation, Ordering, QueryError, Select
from local.cosmos.values import AFTER, Json, encode


@dataclass(frozen=True, slots=True)
class Plan:
    """Read the terms of one index in some parts of it; without an index, every document.

    scanned: there is a filter, and no index could have served any part of it.
    """

    index: str | None
    parts: tuple[Part, ...] = ()
    descending: bool = False
    scanned: bool = False


def plan(select: Select, parameters: Mapping[str, Json], policy: IndexingPolicy) -> Plan:
    """The cheapest way to the query's documents; QueryError where its ORDER BY has no index."""
    ranges = ranges_of(select, parameters)
    served = [found for found in ranges.values() if found.is_served_once and policy.indexes(found.path)]
    paths = paths_of(select)
    scanned = not served and not _is_free(select.where, paths, policy)
    if select.order:
        columns = _columns(select.order, paths)
        return replace(_ordered(columns, ranges, policy), scanned=scanned)
    if not served:
        return Plan(None, scanned=scanned)
    best = min(served, key=lambda found: (found.exact is None, len(found.parts) == 1, found.is_prefix))
    return Plan(path_name(best.path), best.parts)


def _is_free(filtered: Expression | None, paths: Paths, policy: IndexingPolicy) -> bool:
    """Whether there is nothing to look at a document for: also what a plan adds to the filter of a query."""
    match filtered:
        case None | Constant(True):
            return True
        case Operation("and", operands):
            return all(_is_free(operand, paths, policy) for operand in operands)
        case Call("IS_DEFINED", (of,)):
            path = path_of(of, paths)
            return bool(path and policy.indexes(path))
    return False


def _ordered(columns: list[tuple[Path, bool]], ranges: dict[Path, Range], policy: IndexingPolicy) -> Plan:
    path, descending = columns[0]
    if len(columns) == 1:
        if not policy.indexes(path):
            raise QueryError("The index path corresponding to the specified order-by item is excluded.")
        ranges = {path: Range(path, ((encode(None), AFTER),))} | ranges  # what lacks the property is dropped
    found = [one for index in policy.composites if (one := _by_composite(index, columns, ranges))]
    if found:
        return max(found, key=lambda one: len(one.parts[0][0]))
    if len(columns) > 1:
        raise QueryError(
            "The order by query does not have a corresponding composite index that it can be served from."
        )
    return Plan(path_name(path), ranges[path].parts, descending)


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
    return Plan(index.name, (_composite_range(index, ranges),), descending=turned.pop())


def _composite_range(index: Composite, ranges: dict[Path, Range]) -> Part:
    """Between which keys: columns held to one value, then one within a range, then any."""
    prefix = b""
    for path, down in index.columns:
        if (among := ranges.get(path)) is None:
            break
        if among.exact is None:
            low, high = among.turned() if down else (among.low, among.high)
            return prefix + low, prefix + high
        prefix += complement(among.exact) if down else among.exact
    return prefix, prefix + AFTER


def _columns(order: tuple[Ordering, ...], paths: Paths) -> list[tuple[Path, bool]]:
    return [(_order_path(ordering.expression, paths), ordering.descending) for ordering in order]


def _order_path(expression: Expression, paths: Paths) -> Path:
    path = path_of(expression, paths)
    if not path or ELEMENT in path:
        raise QueryError(
            "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path."
        )
    return path
