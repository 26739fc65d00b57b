"""Builds the syntax tree: a method for each rule of the grammar."""

import json
import re
from itertools import count
from typing import Any

from lark import Token, Transformer, Tree, v_args

from local.cosmos.query.functions import FUNCTIONS
from local.cosmos.query.syntax import (
    AGGREGATES,
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

# Beginnings of functions that the service has: named in the refusal.
_UNSUPPORTED = (
    "FULLTEXT",
    "VECTORDISTANCE",
    "RRF",
    "ST_",
    "ARRAY_CONTAINS_",
    "STRINGTO",
    "DATETIME",
    "REGEX",
)
_AS_JSON = {"\\'": "'", '"': '\\"'}


def _operation(operator: str) -> Any:
    def build(self: "_TreeBuilder", *operands: Expression) -> Operation:
        return Operation(operator, operands)

    return build


def _negation(operator: str) -> Any:
    def build(self: "_TreeBuilder", *operands: Any) -> Operation:
        return Operation("not", (getattr(self, operator)(*operands),))

    return build


def build_tree(parsed: Tree[Token]) -> Select:
    """The syntax tree of what the grammar made of a query."""
    select: Select = _TreeBuilder().transform(parsed)
    return select


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
        return Parameter(str(token)) if token.startswith("@") else Constant(_number(token))

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
        mark = Constant(_unquoted(escape) if escape else None)
        if mark.value is not None and len(mark.value) != 1:
            raise QueryError("ESCAPE takes one character.")
        return Operation("like", (value, pattern, mark))

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
        return Constant(_number(token))

    def string(self, token: Token) -> Constant:
        return Constant(_unquoted(token))

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

    def call(self, token: Token, *arguments: Expression) -> Call:
        name = token.upper()
        if name in AGGREGATES:
            _check_count(name, arguments, 1, 1)
        elif name in FUNCTIONS:
            _check_count(name, arguments, FUNCTIONS[name].least, FUNCTIONS[name].most)
        elif name.startswith(_UNSUPPORTED):
            raise unsupported(str(token))
        else:
            raise QueryError(f"Unknown function '{token}'.")
        return Call(name, arguments)

    def object(self, *fields: tuple[str, Expression]) -> Object:
        return Object(fields)

    def pair(self, name: Token, value: Expression) -> tuple[str, Expression]:
        return (_unquoted(name) if name.type == "STRING" else str(name)), value

    def array(self, *items: Expression) -> Array:
        return Array(items)


setattr(_TreeBuilder, "from", _TreeBuilder.from_)  # the rule has the name of a keyword


def unsupported(construct: str) -> QueryError:
    """The error for what the service has and this engine doesn't."""
    return QueryError(f"{construct} is not supported by this engine.")


def _own_name(expression: Expression) -> str | None:
    """The name of a column without an alias: the last step of its path."""
    match expression:
        case Member(_, Constant(str(name))) | Root(name):
            return name
    return None


def _number(token: str) -> int | float:
    if float(token) == float("inf"):
        raise QueryError(f"The number {token[:20]}… is too large.")
    return int(token) if token.isdecimal() else float(token)


def _unquoted(token: str) -> str:
    """A string literal's text; both quotes take JSON's escapes, and an escaped apostrophe."""
    body = re.sub(r"\\?.", lambda found: _AS_JSON.get(found[0], found[0]), token[1:-1], flags=re.DOTALL)
    try:
        text: str = json.loads(f'"{body}"', strict=False)
    except ValueError:
        raise QueryError(f"The string {token} has an escape that is not known.") from None
    return text


def _check_count(name: str, arguments: tuple[Expression, ...], least: int, most: int) -> None:
    if not least <= len(arguments) <= most:
        raise QueryError(f"{name} takes {least} to {most} arguments, not {len(arguments)}.")
