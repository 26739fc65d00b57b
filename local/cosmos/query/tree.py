"""Builds the syntax tree: a method for each rule of the grammar."""

from itertools import count
from typing import Any

from lark import Token, Transformer, v_args

from local.cosmos.query.calls import call_of, unsupported
from local.cosmos.query.literals import number_of, text_of
from local.cosmos.query.syntax import (
    Array,
    Call,
    Column,
    Constant,
    Expression,
    Member,
    Object,
    Operation,
    Ordering,
    Parameter,
    QueryError,
    Root,
    Select,
)
from local.cosmos.values import UNDEFINED


def _operation(operator: str) -> Any:
    def build(self: "_TreeBuilder", *operands: Expression) -> Operation:
        return Operation(operator, operands)

    return build


def _negation(operator: str) -> Any:
    def build(self: "_TreeBuilder", *operands: Any) -> Operation:
        return Operation("not", (getattr(self, operator)(*operands),))

    return build


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, Any]):
    """Each method is a rule of the grammar."""

    def query(self, *parts: Any) -> Select:
        given = dict(parts)
        columns, value = given["projection"]
        offset, limit = given.get("window", (None, None))
        if "from" not in given:
            raise unsupported("A query without FROM")
        if given.get("top") and limit:
            raise QueryError("TOP and OFFSET LIMIT can't stand in one query.")
        return Select(
            alias=given["from"],
            columns=columns,
            value=value,
            distinct=given.get("distinct", False),
            top=given.get("top"),
            where=given.get("where"),
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
        return expression, str(alias) if alias else _own_name(expression)

    def from_(self, source: Token, alias: Token | None = None) -> Any:
        return "from", str(alias or source)

    def where(self, expression: Expression) -> Any:
        return "where", expression

    def order(self, *orderings: Ordering) -> Any:
        return "order", orderings

    def ordering(self, expression: Expression, direction: str = "ASC") -> Ordering:
        return Ordering(expression, direction.upper() == "DESC")

    conditional = _operation("?")
    coalesced = _operation("??")
    either = _operation("or")
    both = _operation("and")
    negated = _operation("not")
    between = _operation("between")
    concatenated = _operation("||")
    not_among = _negation("among")
    not_between = _negation("between")
    not_like = _negation("like")

    def list(self, *items: Expression) -> tuple[Expression, ...]:
        return items

    def compared(self, left: Expression, operator: Token, right: Expression) -> Operation:
        return Operation("!=" if operator == "<>" else str(operator), (left, right))

    def among(self, value: Expression, items: tuple[Expression, ...]) -> Operation:
        return Operation("in", (value, *items))

    def like(self, value: Expression, pattern: Expression, escape: Token | None = None) -> Operation:
        mark = Constant(text_of(escape) if escape else None)
        if mark.value is not None and len(mark.value) != 1:
            raise QueryError("ESCAPE takes one character.")
        return Operation("like", (value, pattern, mark))

    def negated_comparison(self, *_: Any) -> Operation:
        raise QueryError("NOT before a comparison needs parentheses: NOT (a = b).")

    def multiplied(self, left: Expression, right: Expression) -> Operation:
        return Operation("*", (left, right))

    def arithmetic(self, left: Expression, operator: Token, right: Expression) -> Operation:
        return Operation(str(operator), (left, right))

    def signed(self, sign: Token, value: Expression) -> Expression:
        if isinstance(value, Constant) and type(value.value) in (int, float):
            return Constant(-value.value if sign == "-" else value.value)
        return Operation(f"unary {sign}", (value,))

    def member(self, of: Expression, name: Token) -> Member:
        return Member(of, Constant(str(name)))

    def element(self, of: Expression, name: Expression) -> Member:
        return Member(of, name)

    def number(self, token: Token) -> Constant:
        return Constant(number_of(token))

    def string(self, token: Token) -> Constant:
        return Constant(text_of(token))

    def true(self) -> Constant:
        return Constant(True)

    def false(self) -> Constant:
        return Constant(False)

    def null(self) -> Constant:
        return Constant(None)

    def undefined(self) -> Constant:
        return Constant(UNDEFINED)

    def parameter(self, token: Token) -> Parameter:
        return Parameter(str(token))

    def root(self, token: Token) -> Root:
        return Root(str(token))

    def call(self, name: Token, *arguments: Expression) -> Call:
        return call_of(name, arguments)

    def object(self, *fields: tuple[str, Expression]) -> Object:
        return Object(fields)

    def pair(self, name: Token, value: Expression) -> tuple[str, Expression]:
        return (text_of(name) if name.type == "STRING" else str(name)), value

    def array(self, *items: Expression) -> Array:
        return Array(items)


setattr(_TreeBuilder, "from", _TreeBuilder.from_)  # the rule has the name of a keyword

BUILDER: Transformer[Token, Select] = _TreeBuilder()
"""What the parser calls for each rule it has recognised."""


def _own_name(expression: Expression) -> str | None:
    """The name of a column without an alias: the last step of its path."""
    match expression:
        case Member(_, Constant(str(name))) | Root(name):
            return name
    return None
