"""The settings on a laptop: what was set, and what `python -m local` supplies where nothing was."""

from collections.abc import Mapping

from local.database import Database

OFFLINE_MODEL_URL = "http://offline.model/v1"


def is_offline(environment: Mapping[str, str]) -> bool:
    """Whether the built-in model answers, since no other is set."""
    return not (environment.get("AZURE_OPENAI_ENDPOINT") or environment.get("OPENAI_BASE_URL"))


def completed(environment: Mapping[str, str], database: Database) -> dict[str, str]:
    """`environment` with the laptop's defaults, and with the database that was opened."""
    defaults = {
        "AUTH_MODE": "local",
        "COSMOS_DB_DATABASE_NAME": "conversations",
        "COSMOS_DB_CONTAINER_NAME": "conversations",
    }
    if is_offline(environment):
        defaults |= {"OPENAI_BASE_URL": OFFLINE_MODEL_URL, "OPENAI_API_KEY": "offline"}
    fixed = {"COSMOS_DB_ENDPOINT": database.endpoint, "COSMOS_DB_KEY": database.key}
    return {**defaults, **environment, **fixed}
