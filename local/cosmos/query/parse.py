"""Query text to syntax tree, by the grammar; what isn't in it is refused by name.

Not in it: user-defined functions, hexadecimal numbers, full-text and vector search, and comparisons in a
chain. Keywords are no property names, as in the service: such a property is `c["order"]`. Where it isn't
known how the service reads operators side by side, parentheses are asked for: NOT takes a value or a
parenthesis, and `||` and the bitwise operators don't stand beside a comparison.
"""

import re
from functools import lru_cache
from pathlib import Path

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from local.cosmos.query.calls import unsupported
from local.cosmos.query.checks import check
from local.cosmos.query.syntax import Kind, QueryError, Select
from local.cosmos.query.tree import BUILDER

# What stands at the place of the error, where that tells what was meant.
_CONSTRUCTS = {
    "RANK": "ORDER BY RANK",
}
_LONGEST = 512 * 1024  # bytes, as in the service
_UDF = re.compile(r"\budf\s*\.\s*\w+\s*$", re.IGNORECASE)

_parser = Lark(
    Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8"),
    parser="lalr",
    start=["query", "condition"],
    maybe_placeholders=False,
    transformer=BUILDER,  # builds while it parses, so no depth of nesting exhausts the stack
)


@lru_cache(maxsize=512)
def parse_text(text: str, kind: Kind) -> Select:
    """The syntax tree of a query, or of a patch's condition (`from c where …`). Raises QueryError."""
    try:
        if len(text.encode()) > _LONGEST:
            raise QueryError(f"The SQL query text exceeds the limit of {_LONGEST} bytes.")
        select: Select = _parser.parse(text, start=kind)  # type: ignore[assignment]  # what BUILDER makes
    except UnicodeEncodeError:
        raise QueryError("The query has half of a surrogate pair.") from None
    except UnexpectedInput as error:
        raise _refusal(error, text) from None
    check(select)
    return select


def _refusal(error: UnexpectedInput, text: str) -> QueryError:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return QueryError("Syntax error: the query ends too early.")
    position = error.pos_in_stream or 0
    near = error.token if isinstance(error, UnexpectedToken) else _word(text, position)
    if construct := _construct(near.upper(), text[:position]):
        return unsupported(construct)
    kind = "unexpected character" if isinstance(error, UnexpectedCharacters) else "incorrect syntax"
    return QueryError(f"Syntax error, {kind} near '{near}' at {position}.")


def _construct(near: str, before: str) -> str | None:
    """The construct that the word at the error belongs to, if it is one that the service knows."""
    if near == "(" and _UDF.search(before):
        return "A user-defined function"
    return _CONSTRUCTS.get(near)


def _word(text: str, position: int) -> str:
    found = re.compile(r"\w+|.", re.DOTALL).match(text, position)
    return found.group() if found else ""
