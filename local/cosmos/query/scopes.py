"""Which names a query knows where: refuses those that it doesn't."""

from local.cosmos.query.syntax import Input, Name, QueryError, Select, Subquery, aggregates, expressions

_Names = frozenset[str]


def check_names(select: Select) -> None:
    """Refuse names that no FROM around them has brought in, and aliases given twice."""
    _check(select, frozenset(), is_outermost=True)


def _check(select: Select, outer: _Names, *, is_outermost: bool = False) -> None:
    known = outer
    aliases: set[str] = set()
    for number, source in enumerate(select.inputs):
        reads_container = is_outermost and number == 0
        _check_input(source, known, reads_container=reads_container)
        if source.alias and source.alias in aliases:
            raise QueryError(
                f"The input alias '{source.alias}' is specified more than once in the FROM clause."
            )
        aliases.add(source.alias)
        known |= {source.alias}
    for part in (select.columns, select.where, select.groups, select.order):
        _check_part(part, known)


def _check_input(source: Input, known: _Names, *, reads_container: bool) -> None:
    if not reads_container:
        _check_part(source.expression, known)
        return
    inner = source.expression
    if isinstance(inner, Subquery):
        _check(inner.select, known, is_outermost=True)
        if inner.select.distinct or inner.select.groups or aggregates(inner.select.columns):
            raise QueryError(
                "A subquery over the container with DISTINCT, GROUP BY or an aggregate is not supported "
                "by this engine."
            )


def _check_part(part: object, known: _Names) -> None:
    for expression, _ in expressions(part, nested=False):
        if isinstance(expression, Name) and expression.name not in known:
            raise QueryError(f"Identifier '{expression.name}' could not be resolved.")
        if isinstance(expression, Subquery):
            _check(expression.select, known)
