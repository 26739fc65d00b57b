"""Query text to syntax tree, by the grammar; what isn't in it is refused by name."""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken, VisitError

from local.cosmos.query.functions import FUNCTIONS
from local.cosmos.query.syntax import (
    AGGREGATES,
    Array,
    Call,
    Column,
    Constant,
    Expression,
    Kind,
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

# Known to the service and not to this engine: named in the refusal.
_UNSUPPORTED = frozenset({"JOIN", "GROUP", "EXISTS", "UDF", "RANK", "VECTORDISTANCE"})

_parser = Lark(
    Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8"),
    parser="lalr",
    start=["query", "condition"],
    maybe_placeholders=False,
)


@lru_cache(maxsize=512)
def parse_text(text: str, kind: Kind) -> Select:
    """The syntax tree of a query, or of a patch's condition (`from c where …`). Raises QueryError."""
    try:
        select: Select = _TreeBuilder().transform(_parser.parse(text, start=kind))
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from None
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise QueryError("The query is nested too deeply.") from None
    _check_aliases(select)
    return select


def _syntax_error(error: UnexpectedInput, text: str) -> QueryError:
    if isinstance(error, UnexpectedEOF) or (
        isinstance(error, UnexpectedToken) and error.token.type == "$END"
    ):
        return QueryError("Syntax error: the query ends too early.")
    near = error.token if isinstance(error, UnexpectedToken) else _word(text, error.pos_in_stream or 0)
    if near.upper() in _UNSUPPORTED:
        return _unsupported(near.upper())
    kind = "unexpected character" if isinstance(error, UnexpectedCharacters) else "incorrect syntax"
    return QueryError(f"Syntax error, {kind} near '{near}' at {error.pos_in_stream}.")


def _word(text: str, position: int) -> str:
    found = re.compile(r"\w+|.", re.DOTALL).match(text, position)
    return found.group() if found else ""


def _unsupported(construct: str) -> QueryError:
    return QueryError(f"{construct} is not supported by this engine.")


def _check_aliases(node: Any, alias: str | None = None) -> None:
    """Refuse names that aren't the query's alias for the document."""
    if isinstance(node, Select):
        for part in (node.columns, node.where, node.order, node.top, node.offset, node.limit):
            _check_aliases(part, node.alias)
    elif isinstance(node, Root):
        if node.alias != alias:
            raise QueryError(f"Identifier '{node.alias}' could not be resolved.")
    elif isinstance(node, tuple):
        for item in node:
            _check_aliases(item, alias)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            _check_aliases(getattr(node, name), alias)


def _unquoted(token: str) -> str:
    """A string literal's text; both quotes take JSON's escapes, and an escaped quote."""
    body = token[1:-1].replace("\\'", "'")
    if token[0] == "'":
        body = re.sub(r'(\\.)|"', lambda found: found[1] or '\\"', body, flags=re.DOTALL)
    try:
        text: str = json.loads(f'"{body}"', strict=False)
    except ValueError:
        raise QueryError(f"The string {token} has an escape that is not known.") from None
    return text


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
        if given.get("top") and limit:
            raise QueryError("TOP and OFFSET LIMIT can't stand in one query.")
        return Select(
            alias=given.get("from", "c"),
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
        return Parameter(str(token)) if token.startswith("@") else Constant(int(token))

    def everything(self) -> Any:
        return "projection", (None, False)

    def value(self, expression: Expression) -> Any:
        return "projection", ((Column(expression, None),), True)

    def columns(self, *columns: Column) -> Any:
        return "projection", (columns, False)

    def column(self, expression: Expression, alias: Token | None = None) -> Column:
        return Column(expression, str(alias) if alias else None)

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
        return Operation("like", (value, pattern, mark))

    def multiplied(self, left: Expression, _: Token, right: Expression) -> Operation:
        return Operation("*", (left, right))

    def arithmetic(self, left: Expression, operator: Token, right: Expression) -> Operation:
        return Operation(str(operator), (left, right))

    def signed(self, sign: Token, value: Expression) -> Expression:
        if isinstance(value, Constant) and isinstance(value.value, int | float):
            return Constant(-value.value if sign == "-" else value.value)
        return Operation(f"unary {sign}", (value,))

    def member(self, of: Expression, name: Token) -> Member:
        return Member(of, Constant(str(name)))

    def element(self, of: Expression, name: Expression) -> Member:
        return Member(of, name)

    def number(self, token: Token) -> Constant:
        return Constant(int(token) if token.type == "INTEGER" else float(token))

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
        elif name in _UNSUPPORTED or name.startswith("FULLTEXT"):
            raise _unsupported(str(token))
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


def _check_count(name: str, arguments: tuple[Expression, ...], least: int, most: int) -> None:
    if not least <= len(arguments) <= most:
        raise QueryError(f"{name} takes {least} to {most} arguments, not {len(arguments)}.")
