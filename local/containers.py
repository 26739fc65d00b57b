"""Makes the database and its containers as infra/containers.json has them. In Azure, Bicep does this."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient, DatabaseProxy

CONTAINERS = Path(__file__).parent.parent / "infra" / "containers.json"


async def create_containers(client: CosmosClient, database_name: str, container_name: str) -> None:
    """Create what is missing; what exists is left as it is.

    Args:
        client: of the account.
        database_name: the database.
        container_name: what the container `conversations` is to be called.
    """
    database = await client.create_database_if_not_exists(database_name)
    for container in json.loads(CONTAINERS.read_text(encoding="utf-8"))["containers"]:
        name = container_name if container["id"] == "conversations" else container["id"]
        await _create(database, name, container)


async def _create(database: DatabaseProxy, name: str, container: Mapping[str, Any]) -> None:
    key = container["partitionKey"]
    await database.create_container_if_not_exists(
        name,
        PartitionKey(path=key["paths"] if key["kind"] == "MultiHash" else key["paths"][0], kind=key["kind"]),
        indexing_policy=container.get("indexingPolicy"),
        default_ttl=container.get("defaultTtl"),
    )
