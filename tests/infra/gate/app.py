"""What the code says of itself, against which infra/ is held."""

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from local.host.registered import COSMOS_DB, registered_functions
from local.openapi import document
from shared.errors import ServiceError
from shared.http import endpoints
from shared.http.responses import ErrorBody
from shared.services import Services, install
from shared.settings import Settings

# No test that reads these settings asks anybody anything.
_SETTINGS = {
    "AUTH_MODE": "local",
    "COSMOS_DB_ENDPOINT": "http://localhost",
    "OPENAI_BASE_URL": "http://localhost",
}


@dataclass(frozen=True)
class App:
    """The deployed code.

    open_operations: the functions that ask for no token. triggers: those of the change feed, as in
    function.json. named_settings: `%NAME%` in any decorator. errors: status, code and type.
    sources: the text of it all.
    """

    functions: frozenset[str]
    open_operations: frozenset[str]
    methods: frozenset[str]
    triggers: tuple[Mapping[str, Any], ...]
    connections: frozenset[str]
    named_settings: frozenset[str]
    read_settings: frozenset[str]
    errors: frozenset[tuple[int, str, str]]
    error_fields: frozenset[str]
    openapi: str
    repository: Path
    sources: str


def read(root: Path) -> App:
    """The app whose modules lie in `root`."""
    install(Services(Settings.load(_SETTINGS)))
    functions = registered_functions(importlib.import_module("function_app").app)
    declared = endpoints()
    triggers = [function.trigger for function in functions]
    return App(
        functions=frozenset(function.name for function in functions),
        open_operations=frozenset(
            one.function.__name__ for one in declared if "caller" not in signature(one.function).parameters
        ),
        methods=frozenset(one.method for one in declared),
        triggers=tuple(function.trigger for function in functions if function.kind == COSMOS_DB),
        connections=frozenset(str(one["connection"]) for one in triggers if "connection" in one),
        named_settings=frozenset(
            name for one in triggers for value in one.values() for name in re.findall(r"%(\w+)%", str(value))
        ),
        read_settings=frozenset(name.upper() for name in Settings.model_fields),
        errors=frozenset((one.status, one.code, one.type) for one in _below(ServiceError)),
        error_fields=frozenset(ErrorBody.model_fields),
        openapi=document(),
        repository=root / "shared" / "repository",
        sources="\n".join(
            path.read_text(encoding="utf-8")
            for folder in ("functions", "shared")
            for path in sorted((root / folder).rglob("*.py"))
        ),
    )


def _below(error: type[ServiceError]) -> Iterator[type[ServiceError]]:
    yield error
    for each in error.__subclasses__():
        yield from _below(each)
