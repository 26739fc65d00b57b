"""A query as the engine holds it: its syntax tree with the values of its parameters."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from local.cosmos.query.checks import check_parameters
from local.cosmos.query.evaluate import Bindings, evaluate, is_grouped, rows
from local.cosmos.query.parse import parse_text
from local.cosmos.query.syntax import Expression, QueryError, Select
from local.cosmos.values import Json

_LARGEST_COUNT = 2**31 - 1
_NONE: Mapping[str, Json] = {}


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query with its parameters."""

    text: str
    parameters: Mapping[str, Json]
    select: Select

    @property
    def needs_plan(self) -> bool:
        """Whether its results over several partitions can't simply be strung together."""
        select = self.select
        return bool(select.order or select.distinct or select.top or select.limit or is_grouped(select))

    @property
    def checksum(self) -> str:
        """What binds a continuation to the query."""
        text = json.dumps([self.text, dict(self.parameters)], sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def window(self) -> tuple[int, float]:
        """How many results to pass over, and how many to return at most. Raises QueryError."""
        select = self.select
        most = select.limit or select.top
        skip = 0 if select.offset is None else self._count(select.offset)
        return skip, float("inf") if most is None else self._count(most)

    def _count(self, expression: Expression) -> int:
        value = evaluate(expression, Bindings(self.parameters, {}))
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST_COUNT:
            raise QueryError(f"TOP, OFFSET and LIMIT take a whole number between 0 and {_LARGEST_COUNT}.")
        return value


@dataclass(frozen=True, slots=True)
class Condition:
    """A patch's condition."""

    select: Select

    def holds(self, document: dict[str, Json]) -> bool:
        """Whether it is true of a document."""
        bindings = Bindings({}, {self.select.container: document}, time.time())
        return self.select.where is not None and any(True for _ in rows(self.select, bindings))


def parse(text: str, parameters: Mapping[str, Json] = _NONE) -> Query:
    """Parse a query. Raises QueryError, naming what it doesn't know."""
    select = parse_text(text, "query")
    check_parameters(select, parameters)
    return Query(text, parameters, select)


def parse_condition(text: str) -> Condition:
    """Parse a patch's condition, `from c where …`; it has no parameters. Raises QueryError."""
    select = parse_text(text, "condition")
    check_parameters(select, {})
    return Condition(select)
