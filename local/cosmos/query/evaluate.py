"""What an expression is worth for a row, and the rows that a query makes of a document."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.cosmos.query.aggregation import aggregate
from local.cosmos.query.functions import FUNCTIONS
from local.cosmos.query.operators import LAZY_OPERATORS, OPERATORS, member
from local.cosmos.query.syntax import (
    AGGREGATES,
    Array,
    Call,
    Constant,
    Expression,
    Input,
    Member,
    Name,
    Object,
    Operation,
    Parameter,
    QueryError,
    Select,
    Subquery,
    aggregates,
)
from local.cosmos.values import UNDEFINED, Json, encode


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the names in a query stand for. aggregates: results by the call's id(). now: seconds."""

    parameters: Mapping[str, Json]
    names: Mapping[str, Json]
    now: float = 0.0
    aggregates: Mapping[int, Json] | None = None

    def and_also(self, name: str, value: Json) -> "Bindings":
        """These and one more."""
        return replace(self, names={**self.names, name: value})


def evaluate(expression: Expression, bindings: Bindings) -> Json:
    """The value, or UNDEFINED. Raises QueryError where the service's answer is not known."""
    return _EVALUATIONS[type(expression)](expression, bindings)


def rows(select: Select, bindings: Bindings) -> Iterator[Bindings]:
    """The rows that FROM makes and WHERE keeps."""
    for row in _joined(select.inputs, bindings):
        if select.where is None or evaluate(select.where, row) is True:
            yield row


def project(select: Select, row: Bindings) -> Json:
    """The result that SELECT makes of a row; UNDEFINED for none."""
    if select.columns is None:
        return row.names[select.inputs[0].alias]
    if select.value:
        return evaluate(select.columns[0].expression, row)
    values = ((column.name, evaluate(column.expression, row)) for column in select.columns)
    return {name: value for name, value in values if value is not UNDEFINED}


def grouped(select: Select, found: Iterable[Bindings], bindings: Bindings) -> Iterator[tuple[bytes, Json]]:
    """The key and result of each group, in the order of the keys; without GROUP BY, all is one group."""
    calls = aggregates(select.columns)
    groups: dict[bytes, tuple[Bindings, list[list[Json]]]] = {}
    if not select.groups:
        groups[b""] = bindings, [[] for _ in calls]
    for row in found:
        key = b"".join(encode(evaluate(expression, row)) for expression in select.groups)
        if key not in groups:
            groups[key] = row, [[] for _ in calls]
        for call, taken in zip(calls, groups[key][1], strict=True):
            taken.append(evaluate(call.arguments[0], row))
    for key in sorted(groups):
        row, values = groups[key]
        results = {id(call): aggregate(call.name, taken) for call, taken in zip(calls, values, strict=True)}
        yield key, project(select, replace(row, aggregates=results))


def is_grouped(select: Select) -> bool:
    """Whether a result comes of many rows."""
    return bool(select.groups or aggregates(select.columns))


def _joined(inputs: tuple[Input, ...], bindings: Bindings) -> Iterator[Bindings]:
    if not inputs:
        yield bindings
        return
    first = inputs[0]
    is_bound = first.expression == Name(first.alias) and not first.iterated
    for value in _values(first, bindings):
        yield from _joined(inputs[1:], bindings if is_bound else bindings.and_also(first.alias, value))


def _values(source: Input, bindings: Bindings) -> Iterator[Json]:
    expression = source.expression
    if isinstance(expression, Subquery):
        values = _results(expression.select, bindings)
    else:
        values = _defined([evaluate(expression, bindings)])
    for value in values:
        if not source.iterated:
            yield value
        elif isinstance(value, list):
            yield from value


def _results(select: Select, bindings: Bindings) -> Iterator[Json]:
    """What a subquery gives."""
    found = rows(select, bindings)
    if is_grouped(select):
        values = (result for _, result in grouped(select, found, bindings))
    else:
        values = (project(select, row) for row in found)
    return _distinct(_defined(values)) if select.distinct else _defined(values)


def _subquery(subquery: Subquery, bindings: Bindings) -> Json:
    results = _results(subquery.select, bindings)
    if subquery.use == "exists":
        return any(True for _ in results)
    found = list(results)
    if subquery.use == "array":
        return found
    if len(found) > 1:
        raise QueryError("The cardinality of a scalar subquery result set cannot be greater than one.")
    return found[0] if found else UNDEFINED


def _defined(values: Iterable[Json]) -> Iterator[Json]:
    return (value for value in values if value is not UNDEFINED)


def _distinct(values: Iterable[Json]) -> Iterator[Json]:
    found: dict[bytes, Json] = {}
    for value in values:
        found.setdefault(encode(value), value)
    return iter(found.values())


def _call(call: Call, bindings: Bindings) -> Json:
    if call.name in AGGREGATES:
        return (bindings.aggregates or {})[id(call)]
    function = FUNCTIONS[call.name]
    values = [evaluate(one, bindings) for one in call.arguments]
    return function.call(bindings.now, *values) if function.takes_time else function.call(*values)


def _operation(operation: Operation, bindings: Bindings) -> Json:
    name, operands = operation.operator, operation.operands
    if lazy := LAZY_OPERATORS.get(name):
        return lazy(lambda operand: evaluate(operand, bindings), *operands)
    return OPERATORS[name](*[evaluate(operand, bindings) for operand in operands])


def _object(built: Object, bindings: Bindings) -> Json:
    values = ((name, evaluate(value, bindings)) for name, value in built.fields)
    return {name: value for name, value in values if value is not UNDEFINED}


_EVALUATIONS: dict[type[Expression], Callable[[Any, Bindings], Json]] = {
    Constant: lambda constant, bindings: constant.value,
    Parameter: lambda parameter, bindings: bindings.parameters[parameter.name],
    Name: lambda name, bindings: bindings.names[name.name],
    Member: lambda path, bindings: member(evaluate(path.of, bindings), evaluate(path.name, bindings)),
    Operation: _operation,
    Call: _call,
    Object: _object,
    Array: lambda array, bindings: list(_defined(evaluate(item, bindings) for item in array.items)),
    Subquery: _subquery,
}
"""By the kind of expression, each of its own kind; Any because a dictionary can't say so."""
