"""The gate: what is wrong with infra/, as far as it can be told without Azure and Bicep's compiler."""

from pathlib import Path

from tests.infra.gate import (
    alerts,
    bicep,
    containers,
    names,
    openapi_file,
    parameters,
    policies,
    problem,
    registration,
    roles,
    security,
    settings,
    shapes,
    structure,
    syntax,
)
from tests.infra.gate.app import App

__all__ = ["App", "findings"]


def findings(root: Path, app: App) -> list[str]:
    """Everything wrong with the infra/, azure.yaml and docs/operations.md in `root`, a line each."""
    infra = root / "infra"
    files = bicep.load_all(infra)
    given = settings.in_bicep(infra, files)
    operations = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    return [
        *(found for file in files.values() for found in syntax.findings(file)),
        *(found for file in files.values() for found in names.findings(file, files)),
        *(found for file in files.values() for found in shapes.findings(file)),
        *(found for file in files.values() for found in structure.findings(file)),
        *security.findings(files),
        *roles.findings(files),
        *containers.findings(infra, files, app.repository),
        *containers.names_findings(infra, app.triggers, given),
        *settings.findings(given, app.read_settings, app.connections, app.named_settings),
        *parameters.findings(infra, files),
        *parameters.azure_yaml_findings(root, files),
        *policies.findings(infra, files, app.open_operations, app.methods),
        *problem.findings(infra, app.error_fields, app.errors, app.sources),
        *registration.findings(infra, app.sources),
        *openapi_file.findings(infra, app.openapi),
        *alerts.findings(infra, operations, app.functions, app.sources),
    ]
