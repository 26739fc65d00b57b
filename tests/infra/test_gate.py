"""infra/ is right as far as it can be told here, and the gate tells when it isn't: a planted fault each."""

import json
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.infra.conftest import ROOT
from tests.infra.gate import App, bicep, findings, settings

MAIN, COSMOS, FUNCTIONS = "infra/main.bicep", "infra/modules/cosmos.bicep", "infra/modules/functions.bicep"
STORAGE, RBAC, OPENAI = (
    "infra/modules/storage.bicep",
    "infra/modules/rbac.bicep",
    "infra/modules/openai.bicep",
)
APIM_API, API, GLOBAL = "infra/modules/apim-api.bicep", "infra/policies/api.xml", "infra/policies/global.xml"
PROBLEM, CONTAINERS, ALERTS = "infra/policies/problem.xml", "infra/containers.json", "infra/alerts.json"
WORKBOOK, ENDPOINTS = "infra/workbook.json", "infra/modules/endpoints.bicep"
REGISTRATION = "infra/hooks/registration.json"
OPERATIONS = "docs/operations.md"
PARAMETERS, PROD = "infra/main.parameters.json", "infra/examples/prod.bicepparam"

FAULTS = [
    # syntax, and what only some parsers read
    (STORAGE, "  kind: 'StorageV2'\n", "  kind: 'StorageV2'\n  }\n", "syntax error"),
    (STORAGE, "name: skuName", "...skuName", "spread"),
    (COSMOS, "tier: backupTier", "tier: backupTier == ''\n ? 'a'\n : 'b'", "goes on in the next line"),
    (STORAGE, "      enabled: true\n      days: 7", "      enabled: true days: 7", "no comma before"),
    # names
    (STORAGE, "kind: 'StorageV2'", "kind: kindOfStorage", "'kindOfStorage' is not defined"),
    (MAIN, "location: location", "location: region", "'region' is not defined"),
    (
        STORAGE,
        "publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'",
        "toLowr('Deny')",
        "'toLowr' is not defined",
    ),
    (MAIN, "var hasAlerts", "var left = 1\nvar hasAlerts", "'left' is never used"),
    (
        MAIN,
        "    capacity: cosmosCapacity\n",
        "    capacityMode: cosmosCapacity\n",
        "no parameter 'capacityMode'",
    ),
    (MAIN, "    capacity: cosmosCapacity\n", "", "not given 'capacity'"),
    (MAIN, "modules/storage.bicep", "modules/store.bicep", "does not exist"),
    (MAIN, "storage.outputs.id", "storage.outputs.resourceId", "no output 'resourceId'"),
    # types and properties
    (STORAGE, "storageAccounts@2024-01-01", "storageAcounts@2024-01-01", "not in shapes.json"),
    (STORAGE, "supportsHttpsTrafficOnly", "supportHttpsTrafficOnly", "unknown property"),
    (STORAGE, "  kind: 'StorageV2'\n", "", "kind is missing"),
    (COSMOS, "'Session'", "'session'", "can't be 'session'"),
    (OPENAI, "disableLocalAuth: true", "disableLocalAuth: 'true'", "can't be 'true'"),
    (APIM_API, "'openapi+json'", "'openapi-json'", "can't be 'openapi-json'"),
    # structure
    (COSMOS, "parent: database", "parent: account", "the parent of containers"),
    (STORAGE, "  parent: account\n", "", "the parent of blobs"),
    (STORAGE, "param location string", "param location strng", "no type strng"),
    ("infra/modules/identity.bicep", "properties.clientId", "properties.clientID", "properties.clientID"),
    (COSMOS, "EnableServerless", "EnableServerles", "the capability EnableServerless"),
    (OPENAI, "  scope: account\n", "", "must say what it is about"),
    (OPENAI, "model.capacity", "model.capcity", "has not the fields"),
    (ENDPOINTS, "last(split(target.id, '/'))", "target.name", "named after what it leads to"),
    (MAIN, "  name: 'rbac'\n  scope: group\n", "  name: 'rbac'\n", "must have the resource group"),
    (
        "infra/modules/alerts.bicep",
        "rule.window",
        "rule.windowSize",
        "no rule of alerts.json has 'windowSize'",
    ),
    (ALERTS, '"aggregation": "Count",', "", "not all metrics have the same fields"),
    (ALERTS, "'conversations.title.lag'", "'conversations.title.lags'", "asks for conversations.title.lags"),
    (
        ALERTS,
        "'conversations.function']) == 'sweep'",
        "'conversations.function']) == 'sweeps'",
        "asks for sweeps",
    ),
    (
        ALERTS,
        "tostring(Properties['conversations.function']) == 'sweep'",
        "Name == 'sweep'",
        "asks for Name, which is",
    ),
    (WORKBOOK, "'conversations.change_feed.lag'", "'conversations.feed.lag'", "conversations.feed.lag"),
    (WORKBOOK, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "gen_ai.usage.prompt_tokens"),
    (
        OPERATIONS,
        "['conversations.request_id']",
        "['conversations.request']",
        "asks for conversations.request, which",
    ),
    (ALERTS, "Properties['conversations.trigger']", "Properties['error.type']", "which no row of a span has"),
    # security
    (OPENAI, "disableLocalAuth: true", "disableLocalAuth: false", "must be True"),
    (COSMOS, "    disableLocalAuth: true\n", "", "disableLocalAuth must be True"),
    (STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", "must be False"),
    (FUNCTIONS, "requireAuthentication: true", "requireAuthentication: false", "must be True"),
    (FUNCTIONS, "Return401", "AllowAnonymous", "must be 'Return401'"),
    (FUNCTIONS, "              gatewayClientId\n", "              apiClientId\n", "nobody else"),
    (
        FUNCTIONS,
        "              gatewayClientId\n",
        "              gatewayClientId\n  identityClientId\n",
        "nobody else",
    ),
    (FUNCTIONS, "'authsettingsV2'", "'authsettings'", "no Microsoft.Web/sites/config#authsettingsV2"),
    (APIM_API, "bytes: 0", "bytes: 8192", "must be 0"),
    (OPENAI, "'Audit'", "'RequestResponse'", "logs RequestResponse"),
    (
        STORAGE,
        "output name string",
        "output key string = account.listKeys().keys[0].value\noutput name string",
        "hands out a key",
    ),
    # roles
    (
        RBAC,
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "known by this name",
    ),
    (
        RBAC,
        "  scope: openai\n  name: guid(openai.id, app",
        "  scope: storage\n  name: guid(openai.id, app",
        "missing role",
    ),
    (RBAC, "principalId: gatewayPrincipalId", "principalId: appPrincipalId", "missing role"),
    (RBAC, "name: guid(storage.id, ", "name: guid(", "the same each time"),
    # containers
    (CONTAINERS, '"indexingMode": "consistent",', '"indexingMode": "none",', "no index"),
    (CONTAINERS, '{ "path": "/dueAt/?" },', "", "asks for c.dueAt"),
    (CONTAINERS, '"kind": "MultiHash"', '"kind": "Hash"', "partition key"),
    (CONTAINERS, '"id": "leases"', '"id": "lease"', "no container 'leases'"),
    (CONTAINERS, '"paths": ["/id"]', '"paths": ["/key"]', "want the key /id"),
    (CONTAINERS, '"defaultTtl": -1,', '"defaultTtl": -1, "uniqueKeyPolicy": {},', "uniqueKeyPolicy"),
    (COSMOS, "      defaultTtl: container.defaultTtl\n", "", "says 'defaultTtl'"),
    (COSMOS, "isServerless ? {} :", "false ? {} :", "refuses any throughput"),
    # settings
    (FUNCTIONS, "AZURE_OPENAI_ENDPOINT:", "AZURE_OPENAI_URL:", "sets AZURE_OPENAI_URL, which nothing reads"),
    (FUNCTIONS, "AZURE_OPENAI_ENDPOINT:", "AZURE_OPENAI_URL:", "AZURE_OPENAI_ENDPOINT is read, and not set"),
    (FUNCTIONS, "COSMOS__accountEndpoint", "COSMOS_accountEndpoint", "COSMOS__accountEndpoint is read"),
    (FUNCTIONS, "    COSMOS_DB_DATABASE_NAME: cosmosDatabaseName\n", "", "%COSMOS_DB_DATABASE_NAME%"),
    (FUNCTIONS, "    PYTHON_ENABLE_INIT_INDEXING: '1'\n", "", "PYTHON_ENABLE_INIT_INDEXING"),
    (FUNCTIONS, "AUTH_MODE: 'entra'", "AUTH_MODE: 'entra'\n    COSMOS_DB_KEY: 'k'", "the identity signs"),
    (FUNCTIONS, "AUTH_MODE: 'entra'", "AUTH_MODE: 'entra'\n    WEBSITE_RUN_FROM_PACKAGE: '1'", "Flex"),
    # parameters and azd
    (MAIN, "targetScope = 'subscription'", "targetScope = 'resourceGroup'", "targetScope"),
    (MAIN, "param budgetAmount int", "param budget int", "has no 'budgetAmount'"),
    (MAIN, "@description('Days that logs are kept.')\n", "", "no description"),
    (
        PARAMETERS,
        "${COSMOS_BACKUP=Continuous7Days}",
        "${COSMOS_BACKUP=Continuous30Days}",
        "'cosmosBackup' is another",
    ),
    (PARAMETERS, "${CHAT_MODEL_CAPACITY=100}", "${CHAT_MODEL_CAPACITY=1}", "'chatModel' is another"),
    (PARAMETERS, "${ALERT_EMAIL=}", "${ALERT_EMAIL}", "no default"),
    (PARAMETERS, '"gatewaySku": { "value": "${GATEWAY_SKU=BasicV2}" },', "", "'gatewaySku' is missing"),
    (PROD, "param privateNetwork", "param private", "prod.bicepparam: main.bicep has no 'private'"),
    (PROD, "param location = 'swedencentral'\n", "", "'location' is missing"),
    ("azure.yaml", "  api:", "  app:", "azd-service-name"),
    ("azure.yaml", "hooks/postdeploy.sh", "hooks/afterwards.sh", "can't be run"),
    # policies
    (API, "</choose>", "</chose>", "not well-formed"),
    (API, "<rate-limit-by-key", "<rate-limit-by-kye", "no policy that is used here"),
    (API, 'renewal-period="60"', 'renewal-perod="60"', "knows no 'renewal-perod'"),
    (API, 'fragment-id="problem"', 'fragment-id="problems"', "no fragment-id 'problems'"),
    (API, 'backend-id="app"', 'backend-id="api"', "no backend-id 'api'"),
    (API, "__ISSUER__", "__ISSUERS__", "nothing takes the place of __ISSUERS__"),
    (API, "&quot;ready&quot;, ", "", "without a token"),
    (API, 'buffer-response="false"', 'buffer-response="true"', "in one piece"),
    (API, "__CORS__ />\n", "__CORS__ />\n<authentication-basic/>", "no policy that is used here"),
    (API, "Claims.GetValueOrDefault(", "Claims.GetValueOrDefault((", "not closed"),
    (
        API,
        'Authorization" exists-action="delete"',
        'Authorization" exists-action="skip"',
        "do not go together",
    ),
    (GLOBAL, "x-ms-invocation-id", "x-ms-invocation", "hangs the worker"),
    (GLOBAL, "<on-error>", "<on-errors>", "not well-formed"),
    (PROBLEM, "return-response>", "set-body>", "can't stand where errors"),
    (PROBLEM, "&quot;authentication_error", "&quot;auth_error", "the app's type of unauthorized"),
    (PROBLEM, "status == 413", "status == 414", "the app answers body_too_large with [413]"),
    (PROBLEM, "&quot;request_id&quot;, context", "&quot;id&quot;, context", "an error has the fields"),
    (GLOBAL, "{1,128}", "{1,64}", "other request ids"),
    ("infra/policies/cors.xml", "<method>PATCH</method>", "", "the API's methods"),
    (
        REGISTRATION,
        '"requestedAccessTokenVersion": 2',
        '"requestedAccessTokenVersion": 1',
        "issuer",
    ),
    (
        REGISTRATION,
        "2c1f9f0e-8b64-4f0a-bf2e-3c5a4f4d7e21",
        "b7a3c0c4-0d0e-4b57-8f5c-91d0a8e6f332",
        "two",
    ),
    (REGISTRATION, "Conversations.Admin", "Conversations.Administer", "asks for Conversations.Admin"),
    # openapi.json
    ("infra/openapi.json", '"operationId": "ask"', '"operationId": "asks"', "make openapi"),
    ("infra/openapi.json", '"operationId": "ask"', '"operationId": "live"', "operationId of its own"),
    ("infra/openapi.json", "schemas/Problem", "schemas/Trouble", "no schema Trouble"),
    ("infra/openapi.json", '"in": "path"', '"in": "route"', "openapi.json: paths"),
    # alerts
    (ALERTS, "== 'sweep'", "== 'sweeper'", "asks for sweeper"),
    (ALERTS, '"slow-reads"', '"slow-writes"', "no section on the alert slow-writes"),
]


def test_infra_is_right(app: App) -> None:
    assert findings(ROOT, app) == []


@pytest.mark.parametrize(("path", "right", "wrong", "told"), FAULTS, ids=[f"{f[0]}: {f[3]}" for f in FAULTS])
def test_a_planted_fault_is_told(copy: Path, app: App, path: str, right: str, wrong: str, told: str) -> None:
    file = copy / path
    text = file.read_text(encoding="utf-8")
    assert right in text, "the fault can't be planted"
    file.write_text(text.replace(right, wrong), encoding="utf-8")

    assert any(told in finding for finding in findings(copy, app))


def test_what_an_environment_chooses_for_itself_is_no_fault(copy: Path, app: App) -> None:
    file = copy / PARAMETERS
    given = json.loads(file.read_text(encoding="utf-8"))
    given["parameters"]["corsOrigins"]["value"] = ["https://chat.example.com"]
    file.write_text(json.dumps(given), encoding="utf-8")

    assert findings(copy, app) == []


def test_the_app_starts_with_the_settings_of_bicep() -> None:
    given = settings.in_bicep(ROOT / "infra", bicep.load_all(ROOT / "infra"))

    loaded = Settings.load(settings.made_up(given))

    assert loaded.auth_mode == "entra"


def test_every_setting_is_explained_in_the_example() -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    read = {name.upper() for name in Settings.model_fields} - {"WEBSITE_INSTANCE_ID"}
    assert read <= set(example)


def test_every_setting_that_a_trigger_names_is_in_the_example(app: App) -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    assert app.named_settings <= set(example)
    assert {f"{connection}__accountEndpoint" for connection in app.connections} <= set(example)
