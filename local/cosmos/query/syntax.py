"""The parts of a parsed query."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Literal

from local.cosmos.values import Json


class QueryError(Exception):
    """The query can't be parsed, served or understood; the text names the construct."""


class Expression:
    """Something that has a value for each row."""


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A literal."""

    value: Json


@dataclass(frozen=True, slots=True)
class Parameter(Expression):
    """`@name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """An alias of FROM; within the first input, the container."""

    name: str


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
class Subquery(Expression):
    """A query over the row that it stands in: `(SELECT …)`, `EXISTS(SELECT …)`, `ARRAY(SELECT …)`."""

    select: "Select"
    use: Literal["value", "exists", "array"]


@dataclass(frozen=True, slots=True)
class Input:
    """What FROM or a JOIN brings in: a path's value or a subquery's rows, or with IN the elements of those.

    alias: empty where it has no name.
    """

    expression: Expression
    alias: str
    iterated: bool = False


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


@dataclass(frozen=True)  # without slots, for what is cached
class Select:
    """A parsed query. columns: None for `*`; value: `SELECT VALUE`, with one column."""

    inputs: tuple[Input, ...]
    columns: tuple[Column, ...] | None
    value: bool = False
    distinct: bool = False
    top: Expression | None = None
    where: Expression | None = None
    groups: tuple[Expression, ...] = ()
    order: tuple[Ordering, ...] = ()
    offset: Expression | None = None
    limit: Expression | None = None

    @cached_property
    def container(self) -> str:
        """The name that stands for the document in the first input; empty without FROM."""
        return _container(self.inputs[0].expression) if self.inputs else ""

    @cached_property
    def is_flat(self) -> bool:
        """Whether each document is one row: the container alone, under one name."""
        return len(self.inputs) == 1 and self.inputs[0] == Input(Name(self.container), self.container)


Kind = Literal["query", "condition"]
AGGREGATES = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG", "COUNTIF"})


def expressions(part: object, depth: int = 0, *, nested: bool = True) -> Iterator[tuple[Expression, int]]:
    """Every expression within a part of a query, of subqueries too if `nested`, and how deep it stands."""
    if isinstance(part, Expression):
        yield part, depth
    if isinstance(part, tuple):
        for item in part:
            yield from expressions(item, depth, nested=nested)
    elif is_dataclass(part) and (nested or not isinstance(part, Subquery)):
        for field in fields(part):
            yield from expressions(getattr(part, field.name), depth + 1, nested=nested)


def aggregates(part: object) -> list[Call]:
    """The aggregate calls within a part of a query, without those of its subqueries."""
    found = (one for one, _ in expressions(part, nested=False))
    return [one for one in found if isinstance(one, Call) and one.name in AGGREGATES]


def _container(expression: Expression) -> str:
    while isinstance(expression, Member):
        expression = expression.of
    if isinstance(expression, Subquery):
        return expression.select.container
    return expression.name if isinstance(expression, Name) else ""
