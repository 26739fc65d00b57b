"""What a filter leaves of the values at a path, as bounds of index keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from local.cosmos.indexing import ELEMENT, Path
from local.cosmos.query.evaluate import Bindings, evaluate
from local.cosmos.query.syntax import Call, Constant, Expression, Member, Name, Operation, Parameter, Select
from local.cosmos.values import AFTER, UNDEFINED, Json, encode, encode_prefix, type_range

Paths = Mapping[str, Path]
"""The paths that the aliases of FROM stand for."""

Part = tuple[bytes, bytes]
"""From a key on, up to before another."""

_MIRRORED = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Range:
    """What a filter leaves of the values at a path: parts with low <= key < high, in order, not touching.

    exact: the key of the only value. is_prefix: the strings with a beginning.
    """

    path: Path
    parts: tuple[Part, ...]
    exact: bytes | None = None
    is_prefix: bool = False

    @property
    def low(self) -> bytes:
        """Where the first part begins."""
        return self.parts[0][0] if self.parts else b""

    @property
    def high(self) -> bytes:
        """Where the last part ends."""
        return self.parts[-1][1] if self.parts else b""

    @property
    def is_served_once(self) -> bool:
        """Whether no document has two index entries in it; of an array, one for each value."""
        return ELEMENT not in self.path or self.exact is not None

    def and_also(self, other: "Range") -> "Range":
        """The values that both leave."""
        common = (
            (max(low, its_low), min(high, its_high))
            for low, high in self.parts
            for its_low, its_high in other.parts
        )
        parts = tuple(sorted((low, high) for low, high in common if low < high))
        return Range(self.path, parts, self.exact or other.exact)

    def turned(self) -> Part:
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
    """What the filter leaves of each path's values; without an entry, all."""
    if select.where is None:
        return {}
    return _left(select.where, paths_of(select), Bindings(parameters, {}))


def _left(filtered: Expression, paths: Paths, values: Bindings) -> dict[Path, Range]:
    match filtered:
        case Operation("and", operands):
            return _all_of([_left(operand, paths, values) for operand in operands])
        case Operation("or", operands):
            return _any_of([_left(operand, paths, values) for operand in operands])
    found = _range(filtered, paths, values)
    return {found.path: found} if found else {}


def _all_of(filters: list[dict[Path, Range]]) -> dict[Path, Range]:
    ranges: dict[Path, Range] = {}
    for path, found in (entry for each in filters for entry in each.items()):
        if path not in ranges:
            ranges[path] = found
        elif ELEMENT not in path:  # an array may have one element here and another there
            ranges[path] = ranges[path].and_also(found)
    return ranges


def _any_of(filters: list[dict[Path, Range]]) -> dict[Path, Range]:
    """What each of them says something of."""
    return {
        path: Range(path, _united([part for each in filters for part in each[path].parts]))
        for path in filters[0]
        if all(path in each for each in filters)
    }


def _united(parts: list[Part]) -> tuple[Part, ...]:
    united: list[Part] = []
    for low, high in sorted(parts):
        if united and low <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], high)
        else:
            united.append((low, high))
    return tuple(united)


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
                return Range(path, ((encode(least), encode(most) + AFTER),))
        case Operation("in", (of, *items)) if path := path_of(of, paths):
            return _among(path, [_constant(item, values) for item in items])
        case Call("STARTSWITH", (of, prefix)) if path := path_of(of, paths):
            if isinstance(text := _constant(prefix, values), str):
                return _beginning(path, text)
        case Operation("like", (of, pattern, Constant(None))) if path := path_of(of, paths):
            if isinstance(text := _constant(pattern, values), str):
                return _beginning(path, re.split(r"[%_[]", text, maxsplit=1)[0])
        case Call("ARRAY_CONTAINS", (of, sought)) if path := path_of(of, paths):
            if (value := _constant(sought, values)) is not UNDEFINED:
                return _compared((*path, ELEMENT), "=", value)
    return None


def _beginning(path: Path, text: str) -> Range:
    return Range(path, ((encode_prefix(text), encode_prefix(text) + AFTER),), is_prefix=True)


def _among(path: Path, items: list[Json]) -> Range | None:
    if any(item is UNDEFINED or isinstance(item, dict | list) for item in items):
        return None
    parts = _united([(encode(item), encode(item) + AFTER) for item in items])
    return Range(path, parts, encode(items[0]) if len(parts) == 1 else None)


def _compared(path: Path, operator: str, value: Json) -> Range | None:
    if isinstance(value, dict | list):
        return None  # only scalars have index entries
    key, (low, high) = encode(value), type_range(value)
    match operator:
        case "=":
            return Range(path, ((key, key + AFTER),), exact=key)
        case "<":
            return Range(path, ((low, key),))
        case "<=":
            return Range(path, ((low, key + AFTER),))
        case ">":
            return Range(path, ((key + AFTER, high),))
    return Range(path, ((key, high),))


def _constant(expression: Expression, values: Bindings) -> Json:
    return evaluate(expression, values) if isinstance(expression, Constant | Parameter) else UNDEFINED
