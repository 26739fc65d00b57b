"""The app's settings: what Bicep sets, what shared/settings.py reads, what the triggers name."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.infra.gate.bicep import Bicep, Expression

# Read by the Functions host, its worker or the SDKs.
_OF_THE_HOST = {
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "AZURE_CLIENT_ID",
    "PYTHON_ENABLE_INIT_INDEXING",
}
# Read by shared/settings.py, and never set in Azure.
_NOT_IN_AZURE = {
    "COSMOS_DB_KEY": "the identity signs",
    "AZURE_OPENAI_KEY": "the identity signs",
    "OPENAI_BASE_URL": "the model is Azure OpenAI",
    "OPENAI_API_KEY": "the model is Azure OpenAI",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "Application Insights takes what it tells",
    "OTEL_SERVICE_NAME": "its default is the name",
    "REQUESTS_PER_MINUTE": "API Management limits calls",
    "WEBSITE_INSTANCE_ID": "App Service sets it",
}
# On Flex Consumption these are refused, ignored, or would be a key.
_DENIED = re.compile(
    r"FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_\w+|SCM_\w+|ENABLE_ORYX_BUILD|TZ|"
    r"AzureWebJobsStorage|COSMOS|APPINSIGHTS_INSTRUMENTATIONKEY|\w+_KEY"
)
_OF_A_CONNECTION = ("accountEndpoint", "credential", "clientId")


def in_bicep(infra: Path, files: Mapping[Path, Bicep]) -> dict[str, str]:
    """What the app is given; the value is '' where the deployment computes it."""
    settings = next(
        resource
        for file in files.values()
        for resource in file.resources
        if resource.kind.startswith("Microsoft.Web/sites/config@")
        and resource.body.get("name") == "appsettings"
    )
    properties = settings.body["properties"]
    written = (properties.object if isinstance(properties, Expression) else properties) or {}
    tuned = json.loads((infra / "app-settings.json").read_text(encoding="utf-8"))
    return {**tuned, **{name: value if isinstance(value, str) else "" for name, value in written.items()}}


def made_up(given: Mapping[str, str]) -> dict[str, str]:
    """The same, with something in place of what the deployment computes."""
    anything = "00000000-0000-0000-0000-000000000000"
    of_kind = {
        "ENDPOINT": "https://computed.example",
        "AUTHORITY": "https://computed.example",
        "CONNECTION_STRING": f"InstrumentationKey={anything};IngestionEndpoint=http://127.0.0.1:9",
    }
    return {
        name: value or next((made for end, made in of_kind.items() if name.endswith(end)), anything)
        for name, value in given.items()
    }


def findings(
    given: Iterable[str], read: Iterable[str], connections: Iterable[str], named: Iterable[str]
) -> Iterator[str]:
    """Where Bicep and the app differ.

    given: what Bicep sets. read: what shared/settings.py reads. connections, named: of the triggers,
    `connection=` and `%NAME%`.
    """
    given, read = set(given), set(read)
    of_triggers = {f"{connection}__{key}" for connection in connections for key in _OF_A_CONNECTION}
    for name in sorted(given - read - _OF_THE_HOST - of_triggers):
        yield f"Bicep sets {name}, which nothing reads"
    for name in sorted((read - given - set(_NOT_IN_AZURE)) | ((_OF_THE_HOST | of_triggers) - given)):
        yield f"{name} is read, and not set: in functions.bicep, or in app-settings.json"
    for name in sorted(given & set(_NOT_IN_AZURE)):
        yield f"Bicep sets {name}, but {_NOT_IN_AZURE[name]}"
    for name in sorted(name for name in given if _DENIED.fullmatch(name)):
        yield f"Bicep sets {name}, which has no place on Flex Consumption"
    yield from (f"a trigger names %{name}%, which is not set" for name in sorted(set(named) - given))
