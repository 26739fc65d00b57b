"""What a query may not do although the grammar has it: refused before any document is read."""

from collections.abc import Mapping

from local.cosmos.query.syntax import (
    Column,
    Parameter,
    QueryError,
    Root,
    Select,
    aggregates,
    expressions,
)
from local.cosmos.values import Json

_DEEPEST = 64


def check(select: Select) -> None:
    """Refuse names that aren't known, nesting without end, and aggregates out of place."""
    for expression, depth in expressions(select):
        if depth > _DEEPEST:
            raise QueryError("The query is nested too deeply.")
        if isinstance(expression, Root) and expression.alias != select.alias:
            raise QueryError(f"Identifier '{expression.alias}' could not be resolved.")
    _check_names(select.columns or ())
    _check_distinct(select)
    _check_aggregates(select)


def check_parameters(select: Select, parameters: Mapping[str, Json]) -> None:
    """Refuse parameters without a value."""
    for expression, _ in expressions(select):
        if isinstance(expression, Parameter) and expression.name not in parameters:
            raise QueryError(f"The parameter {expression.name} has no value.")


def _check_names(columns: tuple[Column, ...]) -> None:
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise QueryError(f"Two columns of the SELECT list have the name '{name}'.")


def _check_distinct(select: Select) -> None:
    columns = [column.expression for column in select.columns or ()]
    if select.distinct and not all(ordering.expression in columns for ordering in select.order):
        raise QueryError("DISTINCT with ORDER BY of what is not in the SELECT list is not supported.")


def _check_aggregates(select: Select) -> None:
    if misplaced := aggregates((select.where, select.order)):
        raise QueryError(f"{misplaced[0].name} can only stand in the SELECT list.")
    calls = aggregates(select.columns)
    if not calls:
        return
    if any(aggregates(call.arguments) for call in calls):
        raise QueryError(f"{calls[0].name} can't stand within an aggregate.")
    if select.order or select.distinct:
        raise QueryError(f"{calls[0].name} with ORDER BY or DISTINCT is not supported by this engine.")
    if _roots(select.columns) > sum(_roots(call.arguments) for call in calls):
        raise QueryError(
            "A property beside an aggregate needs GROUP BY, which is not supported by this engine."
        )


def _roots(part: object) -> int:
    return sum(isinstance(expression, Root) for expression, _ in expressions(part))
