"""The settings, from the environment; the only module that reads it."""

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)


class SettingsError(Exception):
    """A setting is missing or wrong. The text has a line for each: its name, what is wrong, the fix."""


def read_environment(folder: Path) -> dict[str, str]:
    """The environment over `local.settings.json` (Values) over `.env`, the files where `folder` has them.

    An empty value counts as not set. Raises SettingsError.
    """
    found = {**_dotenv(folder / ".env"), **_local_settings(folder / "local.settings.json"), **os.environ}
    return {name: value for name, value in found.items() if value.strip()}


def _dotenv(path: Path) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeError):
        raise SettingsError(f"{path.name}: can't be read as UTF-8 text of lines NAME=value") from None


def _local_settings(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["Values"]
        return {str(name): str(value) for name, value in values.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(
            f'{path.name}: is not JSON of the form {{"Values": {{"NAME": "value"}}}}; '
            "compare it with local.settings.example.json"
        ) from None


def _http_url(text: str) -> str:
    try:
        url = urlsplit(text)
        written = text.isprintable() and " " not in text
        sound = written and url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # of the port, or of an address in brackets
        sound = False
    if text and not sound:
        raise ValueError("is no URL; it should begin with https:// and a host's name")
    return text


def _resource_name(text: str) -> str:
    """What Cosmos DB takes as the name of a database or container."""
    if len(text) > 255 or re.search(r"[/\\?#]", text):
        raise ValueError("has over 255 characters or one of / \\ ? #; take letters, digits and '-'")
    return text


def _authority(text: str) -> str:
    url = urlsplit(text)
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("should begin with https://, for who answers there decides who is signed in")
    return text.rstrip("/")


Url = Annotated[str, AfterValidator(_http_url)]
ResourceName = Annotated[str, AfterValidator(_resource_name)]
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Those of infra/containers.json beside the one that may have another name.
_OTHER_CONTAINERS = ("leases", "tenant_ops", "turn_events")


class Settings(BaseModel):
    """Everything that can be set, by its name in lower case. `local.settings.example.json` explains each."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    auth_mode: Literal["local", "entra"]
    entra_tenant_id: str = ""
    entra_audience: str = ""
    entra_authority: Annotated[Url, AfterValidator(_authority)] = "https://login.microsoftonline.com"

    cosmos_db_endpoint: Url = Field(min_length=1)
    cosmos_db_key: str = ""
    cosmos_db_database_name: ResourceName = "conversations"
    cosmos_db_container_name: ResourceName = "conversations"

    azure_openai_endpoint: Url = ""
    azure_openai_key: str = ""
    azure_openai_deployment: str = ""
    azure_openai_title_deployment: str = ""
    allowed_models: str = ""
    openai_base_url: Url = ""
    openai_api_key: str = ""
    model_timeout_seconds: float = Field(90, gt=0, le=200)
    context_token_budget: int = Field(16_000, ge=500, le=1_000_000)

    requests_per_minute: int | None = Field(None, ge=1, le=100_000)

    loglevel: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    applicationinsights_connection_string: str = ""
    otel_exporter_otlp_endpoint: Url = ""
    otel_service_name: str = "conversations"
    traces_kept: float = Field(1, ge=0, le=1)
    website_instance_id: str = ""

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> Self:
        """Check the settings in `environment`; an empty value counts as not set. Raises SettingsError."""
        given = {name.lower(): value for name, value in environment.items() if value.strip()}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = [_line(problem["loc"], problem["msg"]) for problem in error.errors()]
            raise SettingsError("\n".join(lines)) from None

    @field_validator("loglevel", mode="before")
    @classmethod
    def _any_case(cls, value: str) -> str:
        return value.upper()

    @field_validator("cosmos_db_key")
    @classmethod
    def _base64(cls, value: str) -> str:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            raise ValueError("is not base64; copy the account's primary key as it is") from None
        return value

    @field_validator("applicationinsights_connection_string")
    @classmethod
    def _names_a_component(cls, value: str) -> str:
        if value and not re.search(rf"(?:^|;)InstrumentationKey={_GUID.pattern}(?:;|$)", value):
            raise ValueError(
                "has no InstrumentationKey=GUID; copy the component's connection string as it is"
            )
        return value

    @field_validator("cosmos_db_container_name")
    @classmethod
    def _a_container_of_its_own(cls, value: str) -> str:
        if value in _OTHER_CONTAINERS:
            raise ValueError(f"is '{value}', which holds something else; choose another name")
        return value

    @model_validator(mode="after")
    def _local_identity_stays_local(self) -> Self:
        if self.auth_mode == "local" and self.website_instance_id:
            raise ValueError(
                "AUTH_MODE: is 'local', where anyone may claim to be anyone, so it is refused inside Azure; "
                "set it to 'entra'"
            )
        return self

    @field_validator("entra_tenant_id")
    @classmethod
    def _guids(cls, value: str) -> str:
        if not all(_GUID.fullmatch(tenant) for tenant in _listed(value)):
            raise ValueError("is no directory (tenant) id; take the id, not the domain's name")
        return value.lower()

    @model_validator(mode="after")
    def _entra_is_told_whom_to_admit(self) -> Self:
        for name in ("entra_tenant_id", "entra_audience"):
            if self.auth_mode == "entra" and not _listed(getattr(self, name)):
                raise ValueError(
                    f"{name.upper()}: is missing, and AUTH_MODE is 'entra'; "
                    "local.settings.example.json says what it is"
                )
        return self

    @model_validator(mode="after")
    def _one_model_is_named(self) -> Self:
        if not (self.azure_openai_endpoint or self.openai_base_url):
            raise ValueError(
                "AZURE_OPENAI_ENDPOINT: is missing; set it (or OPENAI_BASE_URL for another "
                "OpenAI-compatible server)"
            )
        if self.azure_openai_endpoint and self.openai_base_url:
            raise ValueError("OPENAI_BASE_URL: stands beside AZURE_OPENAI_ENDPOINT; remove one of the two")
        if self.azure_openai_endpoint and not self.azure_openai_deployment:
            raise ValueError("AZURE_OPENAI_DEPLOYMENT: is missing; set it to the deployment that answers")
        return self

    @cached_property
    def tenants(self) -> frozenset[str]:
        """The tenants whose tokens are admitted."""
        return frozenset(_listed(self.entra_tenant_id))

    @cached_property
    def audiences(self) -> list[str]:
        """What a token's `aud` may be."""
        return _listed(self.entra_audience)

    @cached_property
    def models(self) -> dict[str, str]:
        """What a request may name as `model`, and the deployment it stands for."""
        deployment = self.azure_openai_deployment or "default"  # a server of one model minds no name
        return {"default": deployment} | {name: name for name in [deployment, *_listed(self.allowed_models)]}


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _line(location: tuple[int | str, ...], message: str) -> str:
    """One problem as `NAME: what is wrong; the fix`."""
    message = message.removeprefix("Value error, ")
    if not location:
        return message
    name = str(location[0]).upper()
    if name == "AUTH_MODE":
        return f"{name}: is missing or unknown; set it to 'entra' (or 'local' on a laptop)"
    if message == "Field required":
        return f"{name}: is missing; local.settings.example.json says what it is"
    return f"{name}: {message[0].lower()}{message[1:]}; local.settings.example.json says what it takes"
