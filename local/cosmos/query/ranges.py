"""What a filter leaves of the values at a path, as bounds of index keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local.cosmos.indexing import ELEMENT, Path
from local.cosmos.query.evaluate import Bindings, evaluate
from local.cosmos.query.syntax import Call, Constant, Expression, Member, Name, Operation, Parameter, Select
from local.cosmos.values import AFTER, UNDEFINED, Json, encode, encode_prefix, type_range

Paths = Mapping[str, Path]
"""The paths that the aliases of FROM stand for."""

_MIRRORED = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Range:
    """What a filter leaves of the values at a path: keys with low <= key < high.

    exact: the key of the only value. is_prefix: the strings with a beginning.
    """

    path: Path
    low: bytes
    high: bytes
    exact: bytes | None = None
    is_prefix: bool = False

    @property
    def is_served_once(self) -> bool:
        """Whether no document has two index entries in it; of an array, one for each value."""
        return ELEMENT not in self.path or self.exact is not None

    def and_also(self, other: "Range") -> "Range":
        """The values that both leave."""
        return Range(
            self.path, max(self.low, other.low), min(self.high, other.high), self.exact or other.exact
        )

    def turned(self) -> tuple[bytes, bytes]:
        """The bounds where the keys are kept descending; a little wider, for the filter is checked too.

        Everything that begins with a turned bound must lie within; the turned end of a string is AFTER twice.
        """
        return complement(self.high.removesuffix(AFTER)), complement(self.low) + 3 * AFTER


def complement(key: bytes) -> bytes:
    """A key as it is in a descending index."""
    return bytes(255 - byte for byte in key)


def path_of(expression: Expression, paths: Paths) -> Path | None:
    """The path of `c.a.b`; None for anything else."""
    match expression:
        case Name(name):
            return paths.get(name)
        case Member(of, Constant(str(name))) if name != ELEMENT:
            path = path_of(of, paths)
            return None if path is None else (*path, name)
    return None


def paths_of(select: Select) -> Paths:
    """The paths of the aliases that stand for a part of the document."""
    paths: dict[str, Path] = {select.container: ()}
    for source in select.inputs:
        path = path_of(source.expression, paths)
        paths.pop(source.alias, None)
        if path is not None:
            paths[source.alias] = (*path, ELEMENT) if source.iterated else path
    return paths


def ranges_of(select: Select, parameters: Mapping[str, Json]) -> dict[Path, Range]:
    """What the filters that must all hold leave of each path's values."""
    paths, values = paths_of(select), Bindings(parameters, {})
    ranges: dict[Path, Range] = {}
    for filtered in _conjuncts(select.where):
        if found := _range(filtered, paths, values):
            known = ranges.get(found.path)
            if known is None:
                ranges[found.path] = found
            elif ELEMENT not in found.path:  # an array may have one element here and another there
                ranges[found.path] = known.and_also(found)
    return ranges


def _conjuncts(where: Expression | None) -> Iterator[Expression]:
    match where:
        case Operation("and", operands):
            for operand in operands:
                yield from _conjuncts(operand)
        case Expression():
            yield where


def _range(filtered: Expression, paths: Paths, values: Bindings) -> Range | None:
    match filtered:
        case Operation(("=" | "<" | ">" | "<=" | ">=") as operator, (left, right)):
            if (path := path_of(left, paths)) and (value := _constant(right, values)) is not UNDEFINED:
                return _compared(path, operator, value)
            if (path := path_of(right, paths)) and (value := _constant(left, values)) is not UNDEFINED:
                return _compared(path, _MIRRORED[operator], value)
        case Operation("between", (of, low, high)) if path := path_of(of, paths):
            least, most = _constant(low, values), _constant(high, values)
            if least is not UNDEFINED and most is not UNDEFINED:
                return Range(path, encode(least), encode(most) + AFTER)
        case Call("STARTSWITH", (of, prefix)) if path := path_of(of, paths):
            if isinstance(text := _constant(prefix, values), str):
                return Range(path, encode_prefix(text), encode_prefix(text) + AFTER, is_prefix=True)
        case Call("ARRAY_CONTAINS", (of, sought)) if path := path_of(of, paths):
            if (value := _constant(sought, values)) is not UNDEFINED:
                return _compared((*path, ELEMENT), "=", value)
    return None


def _compared(path: Path, operator: str, value: Json) -> Range | None:
    if isinstance(value, dict | list):
        return None  # only scalars have index entries
    key, (low, high) = encode(value), type_range(value)
    match operator:
        case "=":
            return Range(path, key, key + AFTER, exact=key)
        case "<":
            return Range(path, low, key)
        case "<=":
            return Range(path, low, key + AFTER)
        case ">":
            return Range(path, key + AFTER, high)
    return Range(path, key, high)


def _constant(expression: Expression, values: Bindings) -> Json:
    return evaluate(expression, values) if isinstance(expression, Constant | Parameter) else UNDEFINED
