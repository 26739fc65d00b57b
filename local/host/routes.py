"""Route templates as the Functions host reads them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from local.host.registered import Refused, RegisteredFunction

_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS"})
_PARAMETER = re.compile(r"\{(?P<all>\*?)(?P<name>[a-zA-Z_]\w*)(?::(?P<constraint>\w+))?(?P<optional>\??)\}")
_CONSTRAINTS = {
    "int": r"-?\d{1,10}",
    "long": r"-?\d{1,19}",
    "alpha": r"[a-zA-Z]+",
    "bool": r"true|false",
    "guid": r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}",
}
# ASP.NET tries the more exact template first, segment by segment.
_LITERAL, _CONSTRAINED, _FREE, _REST = range(4)


@dataclass(frozen=True)
class Route:
    """A function under a path and its methods."""

    function: RegisteredFunction
    methods: frozenset[str]
    pattern: re.Pattern[str]
    precedence: tuple[int, ...]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path parameters, without the optional ones that are absent; None if this route is not meant."""
        found = self.pattern.fullmatch(path) if method in self.methods else None
        return found and {name: value for name, value in found.groupdict().items() if value}


def decoded(raw_path: bytes) -> str:
    """The path percent-decoded but for %2F, as ASP.NET does."""
    return unquote(re.sub("%(?=2f)", "%25", raw_path.decode("latin-1"), flags=re.IGNORECASE))


def routes(functions: Iterable[RegisteredFunction], prefix: str) -> list[Route]:
    """The routes in the order in which they are tried. Raises Refused."""
    found = [_route(function, prefix.strip("/")) for function in functions]
    seen: dict[tuple[str, str], str] = {}
    for route in found:
        for method in route.methods:
            other = seen.setdefault((method, _shape(route.pattern)), route.function.name)
            if other != route.function.name:
                raise Refused(f"functions {other} and {route.function.name} have the same route for {method}")
    return sorted(found, key=lambda route: route.precedence)


def _shape(pattern: re.Pattern[str]) -> str:
    return re.sub(r"\?P<\w+>", "", pattern.pattern)


def _route(function: RegisteredFunction, prefix: str) -> Route:
    template = str(function.trigger["route"]).strip("/")
    if template.split("/")[0].lower() in ("admin", "runtime"):
        raise Refused(f"function {function.name}: routes beginning with admin or runtime are the host's own")
    segments = [part for part in f"{prefix}/{template}".split("/") if part]
    try:
        parts = [_segment(segment, segment is segments[-1]) for segment in segments]
    except Refused as refused:
        raise Refused(f"function {function.name}: the route {template!r} {refused}") from None
    pattern = re.compile("".join(text for text, _ in parts) + "/?", re.IGNORECASE | re.DOTALL)
    return Route(function, _methods(function.trigger), pattern, tuple(rank for _, rank in parts))


def _methods(trigger: Mapping[str, Any]) -> frozenset[str]:
    """The trigger's methods; all of them when it names none."""
    return frozenset(str(method.value) for method in trigger.get("methods") or ()) or _METHODS


def _segment(segment: str, last: bool) -> tuple[str, int]:
    """One segment as a regular expression with its slash, and how exact it is."""
    if "{" not in segment and "}" not in segment:
        return "/" + re.escape(segment), _LITERAL
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        raise Refused(f"uses {segment!r}, which this host does not know: {{name}} fills a whole segment")
    name, constraint = parameter["name"], parameter["constraint"]
    if (parameter["all"] or parameter["optional"]) and not last:
        raise Refused(f"has {segment!r} before its end")
    if parameter["all"]:
        return f"(?:/(?P<{name}>.*))?", _REST
    if constraint and constraint not in _CONSTRAINTS:
        raise Refused(f"uses the constraint {constraint!r}, which this host does not know")
    text = f"/(?P<{name}>{_CONSTRAINTS[constraint] if constraint else '[^/]+'})"
    return f"(?:{text})?" if parameter["optional"] else text, _CONSTRAINED if constraint else _FREE
