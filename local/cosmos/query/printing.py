"""A syntax tree as text that parses to the same tree: for queries that a plan rewrites, and for messages."""

import json

from local.cosmos.query.syntax import (
    Array,
    Call,
    Column,
    Constant,
    Expression,
    Input,
    Member,
    Name,
    Object,
    Operation,
    Parameter,
    Select,
    Subquery,
)
from local.cosmos.values import UNDEFINED

_KEYWORDS = {"value": "", "exists": "EXISTS", "array": "ARRAY"}


def printed(expression: Expression) -> str:
    """An expression, with parentheses around each operation."""
    match expression:
        case Constant(value):
            return "undefined" if value is UNDEFINED else json.dumps(value)
        case Parameter(name) | Name(name):
            return name
        case Member(of, name):
            start = f"({printed(of)})" if isinstance(of, Constant) else printed(of)
            return f"{start}[{printed(name)}]"
        case Operation(name, operands):
            return f"({_operation(name, [printed(operand) for operand in operands])})"
        case Call(name, items):
            return f"{name}({_listed(items)})"
        case Object(fields):
            return "{" + ", ".join(f"{json.dumps(name)}: {printed(value)}" for name, value in fields) + "}"
        case Array(items):
            return f"[{_listed(items)}]"
        case Subquery(select, use):
            return f"{_KEYWORDS[use]}({printed_query(select)})"
    raise TypeError(f"{expression!r} is no expression")


def printed_query(select: Select) -> str:
    """A query."""
    clauses = {
        "SELECT": _projection(select),
        "FROM": " JOIN ".join(map(_input, select.inputs)),
        "WHERE": select.where and printed(select.where),
        "GROUP BY": _listed(select.groups),
        "ORDER BY": ", ".join(f"{printed(one.expression)}{' DESC' * one.descending}" for one in select.order),
        "OFFSET": select.offset and printed(select.offset),
        "LIMIT": select.limit and printed(select.limit),
    }
    return " ".join(f"{keyword} {text}" for keyword, text in clauses.items() if text)


def _projection(select: Select) -> str:
    start = "DISTINCT " * select.distinct + (f"TOP {printed(select.top)} " if select.top else "")
    if select.columns is None:
        return f"{start}*"
    return f"{start}{'VALUE ' * select.value}{', '.join(map(_column, select.columns))}"


def _column(column: Column) -> str:
    """A name that no alias can have is the parser's own."""
    alias = "" if column.name.startswith("$") else column.name
    return _aliased(column.expression, alias)


def _input(source: Input) -> str:
    if source.iterated:
        return f"{source.alias} IN {printed(source.expression)}"
    return _aliased(source.expression, source.alias)


def _aliased(expression: Expression, alias: str) -> str:
    """A path that ends in its alias has that by itself."""
    match expression:
        case Member(_, Constant(name)) | Name(name) if name == alias:
            return printed(expression)
    return printed(expression) + (f" AS {alias}" if alias else "")


def _listed(expressions: tuple[Expression, ...]) -> str:
    return ", ".join(map(printed, expressions))


def _operation(name: str, operands: list[str]) -> str:
    match name, operands:
        case "?", (condition, chosen, other):
            return f"{condition} ? {chosen} : {other}"
        case "between", (value, low, high):
            return f"{value} BETWEEN {low} AND {high}"
        case "in", (value, *items):
            return f"{value} IN ({', '.join(items)})"
        case "like", (value, pattern, escape):
            return f"{value} LIKE {pattern}" + (f" ESCAPE {escape}" if escape != "null" else "")
        case _, (operand,):
            return f"{name.removeprefix('unary ')} {operand}"
    return f" {name} ".join(operands)
