"""What a query may not do although the grammar has it: refused before any document is read."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from local.cosmos.query.printing import printed
from local.cosmos.query.scopes import check_names
from local.cosmos.query.syntax import (
    AGGREGATES,
    Call,
    Column,
    Expression,
    Member,
    Name,
    Parameter,
    QueryError,
    Select,
    Subquery,
    aggregates,
    expressions,
)
from local.cosmos.values import Json

_DEEPEST = 64
_MOST_JOINS = 10


def check(select: Select) -> None:
    """Refuse names that aren't known, nesting without end, and aggregates and clauses out of place."""
    for _, depth in expressions(select):
        if depth > _DEEPEST:
            raise QueryError("The query is nested too deeply.")
    check_names(select)
    _check_clauses(select)
    for one, _ in expressions(select):
        if isinstance(one, Subquery):
            _check_subquery(one.select)


def check_parameters(select: Select, parameters: Mapping[str, Json]) -> None:
    """Refuse parameters without a value."""
    for expression, _ in expressions(select):
        if isinstance(expression, Parameter) and expression.name not in parameters:
            raise QueryError(f"The parameter {expression.name} has no value.")


def _check_subquery(select: Select) -> None:
    for clause, present in (("ORDER BY", select.order), ("TOP", select.top), ("OFFSET LIMIT", select.limit)):
        if present:
            raise QueryError(f"'{clause}' is not supported in subqueries.")
    _check_clauses(select)


def _check_clauses(select: Select) -> None:
    if len(select.inputs) > _MOST_JOINS + 1:
        raise QueryError(f"A query takes {_MOST_JOINS} JOINs at most.")
    if select.columns is None and not select.inputs:
        raise QueryError("'SELECT *' is not valid if FROM clause is omitted.")
    if select.columns is None and len(select.inputs) > 1:
        raise QueryError("'SELECT *' is only valid with a single input set.")
    _check_columns(select.columns or ())
    _check_distinct(select)
    _check_groups(select)
    _check_aggregates(select)


def _check_columns(columns: tuple[Column, ...]) -> None:
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise QueryError(f"Two columns of the SELECT list have the name '{name}'.")


def _check_distinct(select: Select) -> None:
    columns = [column.expression for column in select.columns or ()]
    if select.distinct and not all(ordering.expression in columns for ordering in select.order):
        raise QueryError("DISTINCT with ORDER BY of what is not in the SELECT list is not supported.")


def _check_groups(select: Select) -> None:
    if not select.groups:
        return
    if select.order:
        raise QueryError("'ORDER BY' is not supported with GROUP BY.")
    if select.columns is None:
        raise QueryError("'SELECT *' is not supported with GROUP BY.")
    for group in select.groups:
        found = [one for one, _ in expressions(group)]
        if any(isinstance(one, Subquery) for one in found) or aggregates(group):
            raise QueryError("GROUP BY takes no subqueries and no aggregates.")
        if not any(isinstance(one, Name) for one in found):
            raise QueryError("Each expression of GROUP BY needs at least one property reference.")


def _check_aggregates(select: Select) -> None:
    if misplaced := aggregates((select.where, select.order)):
        raise QueryError(f"{misplaced[0].name} can only stand in the SELECT list.")
    calls = aggregates(select.columns)
    for call in calls:
        inner = [one for one, _ in expressions(call.arguments)]
        if any(isinstance(one, Subquery) for one in inner) or aggregates(call.arguments):
            raise QueryError(
                f"Cannot perform the aggregate function {call.name} on an expression containing an aggregate "
                "or a subquery."
            )
    if calls and (select.order or (select.distinct and not select.groups)):
        raise QueryError(f"{calls[0].name} with ORDER BY or DISTINCT is not supported by this engine.")
    if calls or select.groups:
        for reference in _ungrouped(select.columns, select.groups):
            raise QueryError(
                f"Property reference '{printed(reference)}' is invalid in the select list because it is not "
                "contained in either an aggregate function or the GROUP BY clause."
            )


def _ungrouped(part: object, groups: tuple[Expression, ...]) -> Iterator[Expression]:
    """The references to rows where a group of them is meant."""
    if isinstance(part, Call) and part.name in AGGREGATES:
        return
    if isinstance(part, Expression) and part in groups:
        return
    if isinstance(part, Name) or (isinstance(part, Member) and _is_path(part)):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from _ungrouped(item, groups)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _ungrouped(getattr(part, field.name), groups)


def _is_path(expression: Expression) -> bool:
    while isinstance(expression, Member):
        expression = expression.of
    return isinstance(expression, Name)
