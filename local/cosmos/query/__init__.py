"""The query language: `parse` a query, `execute` it over a `Source`; its `distribution` over several."""

from local.cosmos.query.distribution import distribution
from local.cosmos.query.execute import Page, execute
from local.cosmos.query.query import Condition, Query, parse, parse_condition
from local.cosmos.query.reading import Work
from local.cosmos.query.syntax import QueryError

__all__ = [
    "Condition",
    "Page",
    "Query",
    "QueryError",
    "Work",
    "distribution",
    "execute",
    "parse",
    "parse_condition",
]
