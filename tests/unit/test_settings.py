"""A setting that is missing or wrong ends the start with one line that names it and the fix."""

import json
from pathlib import Path

import pytest

from shared.settings import Settings, SettingsError, read_environment

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
GOOD = {
    "AUTH_MODE": "local",
    "COSMOS_DB_ENDPOINT": "https://example.documents.azure.com",
    "AZURE_OPENAI_ENDPOINT": "https://example.openai.azure.com",
    "AZURE_OPENAI_DEPLOYMENT": "gpt",
}


@pytest.mark.parametrize(
    ("changed", "named", "fix"),
    [
        ({"AUTH_MODE": None}, "AUTH_MODE", "'entra'"),
        ({"AUTH_MODE": "none"}, "AUTH_MODE", "'entra'"),
        ({"WEBSITE_INSTANCE_ID": "1"}, "AUTH_MODE", "entra"),
        ({"AUTH_MODE": "entra", "ENTRA_AUDIENCE": "api://a"}, "ENTRA_TENANT_ID", "local.settings.example"),
        ({"AUTH_MODE": "entra", "ENTRA_TENANT_ID": TENANT}, "ENTRA_AUDIENCE", "local.settings.example.json"),
        ({"ENTRA_TENANT_ID": f"{TENANT},contoso.com"}, "ENTRA_TENANT_ID", "take the id"),
        ({"ENTRA_AUTHORITY": "http://example.com"}, "ENTRA_AUTHORITY", "https://"),
        ({"COSMOS_DB_ENDPOINT": None}, "COSMOS_DB_ENDPOINT", "local.settings.example.json"),
        ({"COSMOS_DB_ENDPOINT": "example"}, "COSMOS_DB_ENDPOINT", "local.settings.example.json"),
        ({"COSMOS_DB_KEY": "not base64!"}, "COSMOS_DB_KEY", "copy the account's primary key"),
        ({"AZURE_OPENAI_ENDPOINT": None}, "AZURE_OPENAI_ENDPOINT", "OPENAI_BASE_URL"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1"}, "OPENAI_BASE_URL", "remove one"),
        ({"OPENAI_BASE_URL": "http://[::1", "AZURE_OPENAI_ENDPOINT": None}, "OPENAI_BASE_URL", "https://"),
        ({"AZURE_OPENAI_ENDPOINT": "http://a b/v1"}, "AZURE_OPENAI_ENDPOINT", "https://"),
        ({"AZURE_OPENAI_ENDPOINT": "http://a:65536"}, "AZURE_OPENAI_ENDPOINT", "https://"),
        ({"COSMOS_DB_ENDPOINT": "https://a\u200b.com"}, "COSMOS_DB_ENDPOINT", "https://"),
        ({"COSMOS_DB_ENDPOINT": "https://:8081"}, "COSMOS_DB_ENDPOINT", "https://"),
        ({"COSMOS_DB_CONTAINER_NAME": "a/b"}, "COSMOS_DB_CONTAINER_NAME", "take letters"),
        ({"COSMOS_DB_DATABASE_NAME": "a" * 256}, "COSMOS_DB_DATABASE_NAME", "take letters"),
        ({"AZURE_OPENAI_DEPLOYMENT": ""}, "AZURE_OPENAI_DEPLOYMENT", "set it"),
        ({"CONTEXT_TOKEN_BUDGET": "many"}, "CONTEXT_TOKEN_BUDGET", "local.settings.example.json"),
        ({"MODEL_TIMEOUT_SECONDS": "0"}, "MODEL_TIMEOUT_SECONDS", "local.settings.example.json"),
        ({"LOGLEVEL": "loud"}, "LOGLEVEL", "local.settings.example.json"),
        (
            {"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=none"},
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            "copy the component's",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT", "https://"),
    ],
)
def test_one_line_names_the_setting_and_the_fix(changed: dict[str, str | None], named: str, fix: str) -> None:
    environment = {name: value for name, value in (GOOD | changed).items() if value is not None}

    with pytest.raises(SettingsError) as error:
        Settings.load(environment)

    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{named}: ")
    assert fix in line


def test_a_container_with_a_purpose_of_its_own_is_not_taken_for_conversations() -> None:
    containers = json.loads(Path("infra/containers.json").read_text(encoding="utf-8"))["containers"]
    for name in {container["id"] for container in containers} - {"conversations"}:
        with pytest.raises(SettingsError, match=r"^COSMOS_DB_CONTAINER_NAME: .* choose another"):
            Settings.load(GOOD | {"COSMOS_DB_CONTAINER_NAME": name})


def test_a_wrong_key_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.load(GOOD | {"COSMOS_DB_KEY": "s3cret!"})
    assert "s3cret" not in str(error.value)


def test_an_empty_value_counts_as_not_set() -> None:
    assert Settings.load(GOOD | {"LOGLEVEL": "", "COSMOS_DB_DATABASE_NAME": " "}).loglevel == "INFO"


def test_default_stands_for_the_deployment_and_others_must_be_allowed() -> None:
    models = Settings.load(GOOD | {"ALLOWED_MODELS": "small, large,"}).models
    assert models == {"default": "gpt", "gpt": "gpt", "small": "small", "large": "large"}


def test_the_environment_wins_over_local_settings_and_those_over_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("A_SETTING=dotenv\nB_SETTING=dotenv\nC_SETTING=dotenv\n")
    values = {"Values": {"A_SETTING": "file", "B_SETTING": "file"}}
    (tmp_path / "local.settings.json").write_text(json.dumps(values))
    monkeypatch.setenv("A_SETTING", "environment")
    monkeypatch.setenv("D_SETTING", " ")

    found = read_environment(tmp_path)

    assert "D_SETTING" not in found
    assert [found[f"{letter}_SETTING"] for letter in "ABC"] == ["environment", "file", "dotenv"]


@pytest.mark.parametrize("text", ["{", "[]", '{"Values": 1}', "{}"])
def test_a_broken_settings_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "local.settings.json").write_text(text)
    with pytest.raises(SettingsError, match=r"local\.settings\.json: "):
        read_environment(tmp_path)


def test_the_example_explains_every_setting() -> None:
    example = json.loads(Path("local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    known = {name.upper() for name in Settings.model_fields} - {"WEBSITE_INSTANCE_ID"}
    assert known <= set(example)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(SettingsError, match=r"^\.env: "):
        read_environment(tmp_path)
    (tmp_path / ".env").unlink()
    (tmp_path / "local.settings.json").write_bytes(b'{"Values": {"A": "\xff"}}')
    with pytest.raises(SettingsError, match=r"^local\.settings\.json: "):
        read_environment(tmp_path)
    (tmp_path / "local.settings.json").unlink()
    (tmp_path / "local.settings.json").mkdir()
    with pytest.raises(SettingsError, match=r"^local\.settings\.json: "):
        read_environment(tmp_path)
