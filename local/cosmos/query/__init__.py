"""The query language: `parse` a query, `execute` it over a `Source`."""

from local.cosmos.query.execute import Condition, Page, Query, Work, execute, parse, parse_condition
from local.cosmos.query.syntax import QueryError

__all__ = ["Condition", "Page", "Query", "QueryError", "Work", "execute", "parse", "parse_condition"]
