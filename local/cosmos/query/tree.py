"""Builds the clauses of the syntax tree: a method for each rule of the grammar."""

from itertools import count
from typing import Any

from lark import Token, Transformer, v_args

from local.cosmos.query.expression_tree import ExpressionBuilder
from local.cosmos.query.literals import number_of
from local.cosmos.query.syntax import (
    Column,
    Constant,
    Expression,
    Input,
    Member,
    Name,
    Ordering,
    Parameter,
    QueryError,
    Select,
    Subquery,
)


@v_args(inline=True)
class _TreeBuilder(ExpressionBuilder):
    """Each method is a rule of the grammar."""

    def query(self, *parts: Any) -> Select:
        given = dict(parts)
        columns, value = given["projection"]
        offset, limit = given.get("window", (None, None))
        if given.get("top") and limit:
            raise QueryError("TOP and OFFSET LIMIT can't stand in one query.")
        return Select(
            inputs=given.get("from", ()),
            columns=columns,
            value=value,
            distinct=given.get("distinct", False),
            top=given.get("top"),
            where=given.get("where"),
            groups=given.get("group", ()),
            order=given.get("order", ()),
            offset=offset,
            limit=limit,
        )

    def condition(self, *parts: Any) -> Select:
        return self.query(("projection", (None, False)), *parts)

    def distinct(self) -> Any:
        return "distinct", True

    def top(self, count: Expression) -> Any:
        return "top", count

    def window(self, offset: Expression, limit: Expression) -> Any:
        return "window", (offset, limit)

    def count(self, token: Token) -> Expression:
        return Parameter(str(token)) if token.startswith("@") else Constant(number_of(token))

    def everything(self) -> Any:
        return "projection", (None, False)

    def value(self, expression: Expression) -> Any:
        return "projection", ((Column(expression, ""),), True)

    def columns(self, *columns: tuple[Expression, str | None]) -> Any:
        unnamed = count(1)
        named = (Column(expression, name or f"${next(unnamed)}") for expression, name in columns)
        return "projection", (tuple(named), False)

    def column(self, expression: Expression, alias: Token | None = None) -> tuple[Expression, str | None]:
        return expression, str(alias) if alias else own_name(expression)

    def from_(self, *inputs: Input) -> Any:
        return "from", inputs

    def iterated(self, alias: Token, collection: Expression | Select) -> Input:
        return Input(_source(collection), str(alias), iterated=True)

    def named(self, collection: Expression | Select, alias: Token | None = None) -> Input:
        source = _source(collection)
        return Input(source, str(alias) if alias else own_name(source) or "")

    def where(self, expression: Expression) -> Any:
        return "where", expression

    def group(self, *expressions: Expression) -> Any:
        return "group", expressions

    def order(self, *orderings: Ordering) -> Any:
        return "order", orderings

    def ordering(self, expression: Expression, direction: str = "ASC") -> Ordering:
        return Ordering(expression, direction.upper() == "DESC")


setattr(_TreeBuilder, "from", _TreeBuilder.from_)  # the rule has the name of a keyword

BUILDER: Transformer[Token, Select] = _TreeBuilder()
"""What the parser calls for each rule it has recognised."""


def own_name(expression: Expression) -> str | None:
    """The name of a column or input without an alias: the last step of its path."""
    match expression:
        case Member(_, Constant(str(name))) | Name(name):
            return name
    return None


def _source(collection: Expression | Select) -> Expression:
    return Subquery(collection, "value") if isinstance(collection, Select) else collection
