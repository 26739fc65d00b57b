"""How a client runs a query over several physical partitions: the plan it asks for, and what it is to send.

The client sends the rewritten query to each partition and puts the results together: it merges rows by
their `orderByItems`, adds up `item`s of aggregates, drops duplicates, and cuts off what is more than TOP or
LIMIT. The shapes are those of the plans in the baselines of the service's .NET SDK.
"""

from dataclasses import replace
from typing import Any

from local.cosmos.query.evaluate import is_grouped
from local.cosmos.query.printing import printed, printed_query
from local.cosmos.query.query import Query
from local.cosmos.query.syntax import (
    Array,
    Call,
    Column,
    Constant,
    Expression,
    Member,
    Name,
    Object,
    Operation,
    Parameter,
    QueryError,
    Select,
    aggregates,
)

_KINDS = {
    "AVG": "Average",
    "COUNT": "Count",
    "COUNTIF": "CountIf",
    "MAX": "Max",
    "MIN": "Min",
    "SUM": "Sum",
}
# The client puts a condition in this place; it is no parameter, but is written like one.
_FILTER = Parameter("({documentdb-formattableorderbyquery-filter})")


def distribution(query: Query, features: frozenset[str]) -> dict[str, Any]:
    """What the client needs to know to run the query; raises QueryError where it lacks a feature for it."""
    select = query.select
    if missing := [feature for feature in _needed(select) if feature not in features]:
        listed = "\n".join(
            f"Query contained {feature}, which the calling client does not support." for feature in missing
        )
        raise QueryError(
            "Query contains 1 or more unsupported features. Upgrade your SDK to a version that does support "
            f"the requested features:\n{listed}"
        )
    skip, most = query.window
    is_valued = select.value and is_grouped(select)
    return {
        "distinctType": _distinct_type(select),
        "top": int(most) if select.top else None,
        "offset": skip if select.limit else None,
        "limit": int(most) if select.limit else None,
        "orderBy": ["Descending" if one.descending else "Ascending" for one in select.order],
        "orderByExpressions": [printed(one.expression) for one in select.order],
        "groupByExpressions": [printed(one) for one in select.groups],
        "groupByAliases": _aliases(select),
        "groupByAliasToAggregateType": {} if select.value else _kinds_by_alias(select),
        "aggregates": [_KINDS[call.name] for call in aggregates(select.columns)] if is_valued else [],
        "hasSelectValue": select.value,
        "rewrittenQuery": printed_query(_rewritten(select, skip, most)),
        "hasNonStreamingOrderBy": False,
    }


def _needed(select: Select) -> list[str]:
    """The features of the client that a query takes, by the names that clients give."""
    calls = aggregates(select.columns)
    used = {
        "Aggregate": bool(calls),
        "CountIf": any(call.name == "COUNTIF" for call in calls),
        "Distinct": select.distinct,
        "GroupBy": bool(select.groups),
        "MultipleAggregates": len(calls) > 1,
        "MultipleOrderBy": len(select.order) > 1,
        "NonValueAggregate": bool(calls) and not select.value and not select.groups,
        "OffsetAndLimit": select.limit is not None,
        "OrderBy": bool(select.order),
        "Top": select.top is not None,
    }
    return [feature for feature, is_used in used.items() if is_used]


def _distinct_type(select: Select) -> str:
    """Ordered: equal results come one after the other."""
    if not select.distinct:
        return "None"
    columns = {column.expression for column in select.columns or ()}
    return "Ordered" if columns and columns == {one.expression for one in select.order} else "Unordered"


def _aliases(select: Select) -> list[str]:
    is_by_alias = is_grouped(select) and not select.value
    return [column.name for column in select.columns or ()] if is_by_alias else []


def _kinds_by_alias(select: Select) -> dict[str, str | None]:
    """What the client does with each column; None for one that is the same in all of a group."""
    if not is_grouped(select):
        return {}
    return {column.name: _kind(column.expression) for column in select.columns or ()}


def _rewritten(select: Select, skip: int, most: float) -> Select:
    if is_grouped(select):
        return _rewritten_groups(select)
    rewritten = _rewritten_order(select) if select.order else select
    if select.distinct:  # the client cuts off after it has dropped the duplicates
        return replace(rewritten, top=None, offset=None, limit=None)
    if select.limit:
        return replace(rewritten, offset=Constant(0), limit=Constant(skip + int(most)))
    return rewritten


def _rewritten_order(select: Select) -> Select:
    payload = _payload(select)
    filters = (select.where, _FILTER, Call("IS_DEFINED", (payload,)) if select.value else None)
    present = tuple(one for one in filters if one is not None)
    where = Operation("and", present) if len(present) > 1 else _FILTER
    items = Array(tuple(_item(one.expression) for one in select.order))
    rid = Column(Member(Name(select.inputs[0].alias), Constant("_rid")), "_rid")
    columns = (rid, Column(items, "orderByItems"), Column(payload, "payload"))
    return replace(select, columns=columns, value=False, distinct=False, where=where)


def _rewritten_groups(select: Select) -> Select:
    plain = replace(select, top=None, offset=None, limit=None, distinct=False)
    for call in aggregates(select.columns):
        if call not in [column.expression for column in select.columns or ()]:
            raise QueryError("Compositions of aggregates and other expressions are not allowed.")
    if select.value:
        payload = _partial(select.columns[0].expression) if select.columns else Constant(None)
        if not select.groups:
            return replace(plain, columns=(Column(Array((payload,)), ""),))
    else:
        payload = Object(tuple((column.name, _partial(column.expression)) for column in select.columns or ()))
    keys = (Column(Array(tuple(map(_item, select.groups))), "groupByItems"),) if select.groups else ()
    return replace(plain, columns=(*keys, Column(payload, "payload")), value=False)


def _payload(select: Select) -> Expression:
    if select.columns is None:
        return Name(select.inputs[0].alias)
    if select.value:
        return select.columns[0].expression
    return Object(tuple((column.name, column.expression) for column in select.columns))


def _partial(expression: Expression) -> Expression:
    """What one partition tells of an aggregate; of anything else, its value."""
    if not isinstance(expression, Call) or _kind(expression) is None:
        return expression
    count = Call("COUNT", expression.arguments)
    match expression.name:
        case "AVG":
            return _item(Object((("sum", Call("SUM", expression.arguments)), ("count", count))))
        case "MIN" | "MAX" as name:
            both = Object(((name.lower(), expression), ("count", count)))
            return Object((("item", expression), ("item2", both)))
    return _item(expression)


def _item(expression: Expression) -> Object:
    return Object((("item", expression),))


def _kind(expression: Expression) -> str | None:
    return _KINDS.get(expression.name) if isinstance(expression, Call) else None
