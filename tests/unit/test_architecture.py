"""Imports point one way: local → function_app → functions → use cases → repository, ai → models, errors."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEPLOYED = sorted([ROOT / "function_app.py", *ROOT.glob("functions/**/*.py"), *ROOT.glob("shared/**/*.py")])

# Who is lower may not import who is higher. The first prefix that fits decides.
FLOORS = [
    ("local", 9),
    ("function_app", 8),
    ("functions", 7),
    ("shared.http.resource", 2),
    ("shared.schemas", 6),
    ("shared.http", 6),
    ("shared.audit_check", 6),
    ("shared.services", 5),
    ("shared.auth", 4),
    ("shared.cursors", 4),
    ("shared.repository", 3),
    ("shared.ai", 3),
    ("shared.due", 2),
    ("shared.filters", 2),
    ("shared.records", 2),
    ("shared.models", 1),
    ("shared.folding", 1),
    ("shared.paths", 1),
    ("shared.settings", 1),
    ("shared.ids", 1),
    ("shared.clock", 1),
    ("shared.errors", 1),
    ("shared.telemetry", 1),
    ("shared", 4),
]
# The SDKs, and the only place that may import each.
SDKS = {
    "azure.cosmos": "shared.repository",
    "azure.core": "shared.repository",
    "openai": "shared.ai",
    "jwt": "shared.auth",
    "opentelemetry.sdk": "shared.telemetry.",
    "opentelemetry.exporter": "shared.telemetry.exporting",
    "azure.monitor": "shared.telemetry.exporting",
}


def floor(module: str) -> int | None:
    return next((n for name, n in FLOORS if module == name or module.startswith(f"{name}.")), None)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", DEPLOYED, ids=module_name)
def test_nothing_imports_from_a_floor_above_its_own(path: Path) -> None:
    own = floor(module_name(path))
    assert own is not None
    upwards = [name for name in imports(path) if (their := floor(name)) is not None and their > own]
    assert upwards == []


@pytest.mark.parametrize("path", DEPLOYED, ids=module_name)
def test_each_sdk_has_one_door(path: Path) -> None:
    name = module_name(path)
    found = [
        imported
        for imported in imports(path)
        for sdk, door in SDKS.items()
        if imported.startswith(sdk) and not name.startswith(door)
    ]
    if name.startswith("shared.ai"):  # the credential's errors are azure-core's
        found = [imported for imported in found if not imported.startswith("azure.core.exceptions")]
    assert found == []


@pytest.mark.parametrize("path", DEPLOYED, ids=module_name)
def test_deployed_code_does_not_ask_where_it_runs(path: Path) -> None:
    environment = [name for name in imports(path) if name.split(".")[0] == "os"]
    assert environment == [] or module_name(path) == "shared.settings"
