"""The account, the partition key ranges, and the offers (throughput) of containers."""

from typing import Any

from local.cosmos import charges
from local.cosmos.containers import Container
from local.cosmos.engine import Engine
from local.cosmos.errors import bad_request
from local.cosmos.json_text import parse_json
from local.cosmos.wire.messages import IF_NONE_MATCH, Answer, document_answer, json_answer
from local.cosmos.wire.routes import Operation


def read_account(engine: Engine, operation: Operation) -> Answer:
    """The account: one region, session consistency."""
    here = [{"name": "Local", "databaseAccountEndpoint": engine.url}]
    body = {
        "id": "local",
        "_rid": "local",
        "writableLocations": here,
        "readableLocations": here,
        "enableMultipleWriteLocations": False,
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
    }
    return json_answer(200, 0, body)


def read_ranges(engine: Engine, operation: Operation) -> Answer:
    """The one physical range. A client asks until it is told that nothing changed since."""
    container = engine.catalogue.container(operation.database, operation.container)
    etag = f'"{container.rid}"'
    if operation.request.headers.get(IF_NONE_MATCH) == etag:
        return document_answer(container, 304, 0, headers={"etag": etag})
    key_range = {"id": "0", "_rid": container.rid, "minInclusive": "", "maxExclusive": "FF", "parents": []}
    body = {"_rid": container.rid, "PartitionKeyRanges": [key_range], "_count": 1}
    return json_answer(200, 0, body, {"etag": etag})


def query_offers(engine: Engine, operation: Operation) -> Answer:
    """The offer of one container, which the SDK asks for by its link; none for a database."""
    query = parse_json(operation.request.body)
    parameters = query.get("parameters") if isinstance(query, dict) else None
    link = next((each.get("value") for each in parameters or [] if each.get("name") == "@link"), None)
    if not isinstance(link, str):
        raise bad_request("Offers are found by the link of their container, @link.")
    container = engine.catalogue.linked(link)
    offers = [] if container is None else [_offer(engine, container)]
    return json_answer(200, charges.METADATA, {"_rid": "", "Offers": offers, "_count": len(offers)})


def read_offer(engine: Engine, operation: Operation) -> Answer:
    """The offer of this id, which is its container's resource id."""
    container = engine.catalogue.container_of_rid(operation.database)
    return json_answer(200, charges.METADATA, _offer(engine, container))


def replace_offer(engine: Engine, operation: Operation) -> Answer:
    """Another throughput. It is kept and told, and limits nothing."""
    container = engine.catalogue.container_of_rid(operation.database)
    offer = parse_json(operation.request.body)
    if not isinstance(offer, dict) or not isinstance(offer.get("content"), dict):
        raise bad_request("An offer needs a content.")
    engine.catalogue.replace_throughput(container, offer["content"])
    return json_answer(200, charges.METADATA_WRITE, _offer(engine, container))


def _offer(engine: Engine, container: Container) -> dict[str, Any]:
    content = engine.catalogue.throughput(container)
    offer = {
        "id": container.rid,
        "_rid": container.rid,
        "_self": f"offers/{container.rid}/",
        "offerVersion": "V2",
    }
    return {**offer, "resource": container.link, "offerResourceId": container.rid, "content": content}
