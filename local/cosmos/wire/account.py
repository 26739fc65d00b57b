"""The account, the partition key ranges, and the offers (throughput) of containers."""

import re
from typing import Any

from local.cosmos import charges
from local.cosmos.containers import Container
from local.cosmos.engine import Engine
from local.cosmos.errors import bad_request
from local.cosmos.json_text import parse_json
from local.cosmos.wire.messages import HOST, IF_NONE_MATCH, Answer, document_answer, json_answer
from local.cosmos.wire.routes import Operation

_RESOURCE = re.compile(r"""\.resource\s*=\s*["']([^"']+)["']""")


def read_account(engine: Engine, operation: Operation) -> Answer:
    """The account: one region, session consistency. The SDK goes on with the address that stands here."""
    host = operation.request.headers.get(HOST)
    here = [{"name": "Local", "databaseAccountEndpoint": f"http://{host}/" if host else engine.url}]
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


def list_conflicts(engine: Engine, operation: Operation) -> Answer:
    """None: they come from writing in several regions."""
    container = engine.catalogue.parent(operation.database, operation.container)
    body = f'{{"_rid":"{container.rid}","Conflicts":[],"_count":0}}'
    return document_answer(container, 200, charges.METADATA, body)


def query_offers(engine: Engine, operation: Operation) -> Answer:
    """The offer of one container, which the SDKs ask for by its link; none for a database."""
    container = engine.catalogue.linked(_link(parse_json(operation.request.body)))
    offers = [] if container is None else [_offer(engine, container)]
    return json_answer(200, charges.METADATA, {"_rid": "", "Offers": offers, "_count": len(offers)})


def _link(query: Any) -> str:
    """What an offer is asked for by: in the text after `resource =`, or as a parameter; raises 400."""
    if isinstance(query, dict):
        found = _RESOURCE.search(str(query.get("query")))
        links = [each.get("value") for each in query.get("parameters") or [] if isinstance(each, dict)]
        link = found[1] if found else next(iter(links), None)
        if isinstance(link, str):
            return link
    raise bad_request("Offers are found by the link of their container.")


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
