"""Builds the expressions of the syntax tree: a method for each rule of the grammar."""
# ruff: noqa: D102  # what a method is for stands in the grammar, under its name

from typing import Any

from lark import Token, Transformer, v_args

from local.cosmos.query.calls import call_of
from local.cosmos.query.literals import number_of, text_of
from local.cosmos.query.syntax import (
    Array,
    Call,
    Constant,
    Expression,
    Member,
    Name,
    Object,
    Operation,
    Parameter,
    QueryError,
    Select,
    Subquery,
)
from local.cosmos.values import UNDEFINED


def _operation(operator: str) -> Any:
    def build(self: "ExpressionBuilder", *operands: Expression) -> Operation:
        return Operation(operator, operands)

    return build


def _negation(operator: str) -> Any:
    def build(self: "ExpressionBuilder", *operands: Any) -> Operation:
        return Operation("not", (getattr(self, operator)(*operands),))

    return build


@v_args(inline=True)
class ExpressionBuilder(Transformer[Token, Any]):
    """Each method is a rule of the grammar."""

    conditional = _operation("?")
    coalesced = _operation("??")
    either = _operation("or")
    both = _operation("and")
    negated = _operation("not")
    between = _operation("between")
    concatenated = _operation("||")
    complemented = _operation("~")
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

    def name(self, token: Token) -> Name:
        return Name(str(token))

    def call(self, name: Token, *arguments: Expression) -> Call:
        return call_of(name, arguments)

    def subquery(self, select: Select) -> Subquery:
        return Subquery(select, "value")

    def exists(self, select: Select) -> Subquery:
        return Subquery(select, "exists")

    def array_of(self, select: Select) -> Subquery:
        return Subquery(select, "array")

    def object(self, *fields: tuple[str, Expression]) -> Object:
        return Object(fields)

    def pair(self, name: Token, value: Expression) -> tuple[str, Expression]:
        return (text_of(name) if name.type == "STRING" else str(name)), value

    def array(self, *items: Expression) -> Array:
        return Array(items)
