"""The parts of a parsed query."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Literal

from local.cosmos.values import Json


class QueryError(Exception):
    """The query can't be parsed, served or understood; the text names the construct."""


class Expression:
    """Something that has a value for each document."""


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A literal."""

    value: Json


@dataclass(frozen=True, slots=True)
class Parameter(Expression):
    """`@name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Root(Expression):
    """The document, by the query's alias for it."""

    alias: str


@dataclass(frozen=True, slots=True)
class Member(Expression):
    """`of.name`, `of["name"]`, `of[0]`."""

    of: Expression
    name: Expression


@dataclass(frozen=True, slots=True)
class Operation(Expression):
    """An operator with its operands: `and`, `or`, `not`, `=`, `+`, `in`, `between`, `like`, `??`, `?`."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A built-in function, or an aggregate."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Object(Expression):
    """`{name: value}`."""

    fields: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Array(Expression):
    """`[item]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Ordering:
    """One column of ORDER BY."""

    expression: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the SELECT list and its name in the result."""

    expression: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """A parsed query. columns: None for `*`; value: `SELECT VALUE`, with one column."""

    alias: str
    columns: tuple[Column, ...] | None
    value: bool
    distinct: bool
    top: Expression | None
    where: Expression | None
    order: tuple[Ordering, ...]
    offset: Expression | None
    limit: Expression | None


Kind = Literal["query", "condition"]
AGGREGATES = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG"})


def expressions(part: object, depth: int = 0) -> Iterator[tuple[Expression, int]]:
    """Every expression within a part of a query, and how deep it stands."""
    if isinstance(part, Expression):
        yield part, depth
    if isinstance(part, tuple):
        for item in part:
            yield from expressions(item, depth)
    elif is_dataclass(part):
        for field in fields(part):
            yield from expressions(getattr(part, field.name), depth + 1)


def aggregates(part: object) -> list[Call]:
    """The aggregate calls within a part of a query."""
    return [one for one, _ in expressions(part) if isinstance(one, Call) and one.name in AGGREGATES]
