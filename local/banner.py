"""What a user needs to know once the service runs."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TextIO

from local.environment import OFFLINE_MODEL_URL
from local.host.registered import COSMOS_DB, HTTP, TIMER, RegisteredFunction

_IDENTITY = {
    "local": "local: the header X-Local-User says who asks; nothing is checked",
    "entra": "entra: a bearer token of Microsoft Entra ID",
}


def banner(
    address: str, environment: Mapping[str, str], place: str, functions: Iterable[RegisteredFunction]
) -> list[tuple[str, str]]:
    """One line for each thing: its name and what is to be said. `address` has the route prefix."""
    identity = environment["AUTH_MODE"].lower()
    return [
        ("address", f"{address}  (look at {address}/docs and {address}/health/ready)"),
        ("data", place),
        ("model", _model(environment)),
        ("identity", _IDENTITY.get(identity, identity)),
        ("functions", _counted(functions)),
        ("stop", "Ctrl-C"),
    ]


def write_banner(lines: Iterable[tuple[str, str]], out: TextIO = sys.stdout) -> None:
    """Write it, the names in bold on a terminal."""
    bold, plain = ("\033[1m", "\033[0m") if out.isatty() else ("", "")
    out.writelines(f"{bold}{name:<10}{plain}{text}\n" for name, text in lines)
    out.flush()


def _model(environment: Mapping[str, str]) -> str:
    url = environment.get("AZURE_OPENAI_ENDPOINT") or environment["OPENAI_BASE_URL"]
    if url == OFFLINE_MODEL_URL:
        return "built-in, offline (set AZURE_OPENAI_ENDPOINT or OPENAI_BASE_URL for a real one)"
    return f"{url} ({environment.get('AZURE_OPENAI_DEPLOYMENT', 'default')})"


def _counted(functions: Iterable[RegisteredFunction]) -> str:
    counts = Counter(function.kind for function in functions)
    return (
        f"{counts.total()}: {counts[HTTP]} HTTP, {counts[COSMOS_DB]} change feed, {counts[TIMER]} timer"
        "  (POST /admin/functions/{name} runs one of the latter now)"
    )
