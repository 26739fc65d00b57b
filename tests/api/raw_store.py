"""What is in the database, seen past the service: every document of every container."""

import json
from pathlib import Path
from typing import Any

import azure.functions as func
from azure.cosmos.aio import CosmosClient

from local.cosmos import EmbeddedTransport
from tests.api.conftest import Service

CONTAINERS = [
    container["id"]
    for container in json.loads(Path("infra/containers.json").read_text(encoding="utf-8"))["containers"]
]


async def everything(service: Service) -> dict[str, list[dict[str, Any]]]:
    """All documents by container."""
    engine = service.engine
    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as cosmos:
        database = cosmos.get_database_client("conversations")
        return {
            name: [one async for one in database.get_container_client(name).query_items("SELECT * FROM c")]
            for name in CONTAINERS
        }


async def holding(service: Service, *texts: str) -> list[str]:
    """The documents that hold one of the texts anywhere, by container and id."""
    return [
        f"{container}/{document['id']}"
        for container, documents in (await everything(service)).items()
        for document in documents
        if any(text in json.dumps(document, ensure_ascii=False) for text in texts)
    ]


async def feed(service: Service) -> func.DocumentList:
    """What the change feed delivers from its beginning: every document's newest version."""
    found = service.conversations.query_items_change_feed(start_time="Beginning")
    return func.DocumentList([func.Document.from_dict(document) async for document in found])
