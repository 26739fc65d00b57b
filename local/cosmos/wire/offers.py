"""Offers: the throughput of databases and containers. An offer's id is the resource id of what it is for."""

import re
from typing import Any

from local.cosmos import charges
from local.cosmos.containers import Resource
from local.cosmos.engine import Engine
from local.cosmos.errors import bad_request, resource_missing
from local.cosmos.json_text import parse_json
from local.cosmos.throughput import check_throughput
from local.cosmos.wire.messages import Answer, json_answer
from local.cosmos.wire.routes import Operation

_RESOURCE = re.compile(r"""\.resource\s*=\s*["']([^"']+)["']""")


def list_offers(engine: Engine, operation: Operation) -> Answer:
    """All offers, in one page."""
    return _answer([offer for each in engine.catalogue.resources() for offer in _offers(engine, each)])


def query_offers(engine: Engine, operation: Operation) -> Answer:
    """The offer of one resource, which the SDKs ask for by its link; none where it has none of its own."""
    link = _link(parse_json(operation.request.body)).strip("/")
    found = [each for each in engine.catalogue.resources() if each.link.strip("/") == link]
    return _answer([offer for each in found for offer in _offers(engine, each)])


def read_offer(engine: Engine, operation: Operation) -> Answer:
    """One offer."""
    (offer,) = _offers(engine, _owner(engine, operation))
    return json_answer(200, charges.METADATA, offer)


def replace_offer(engine: Engine, operation: Operation) -> Answer:
    """Another throughput."""
    owner, offer = _owner(engine, operation), parse_json(operation.request.body)
    content = check_throughput(offer.get("content") if isinstance(offer, dict) else None)
    engine.offers.replace(owner, content)
    return json_answer(200, charges.METADATA_WRITE, _offers(engine, owner)[0])


def _answer(offers: list[dict[str, Any]]) -> Answer:
    return json_answer(200, charges.METADATA, {"_rid": "", "Offers": offers, "_count": len(offers)})


def _owner(engine: Engine, operation: Operation) -> Resource:
    """What the offer in the path is for; raises 404."""
    for each in engine.catalogue.resources():
        if each.rid == operation.database and engine.offers.of(each) is not None:
            return each
    raise resource_missing("offer", operation.database)


def _offers(engine: Engine, owner: Resource) -> list[dict[str, Any]]:
    """The one offer of a resource, or none."""
    if (content := engine.offers.of(owner)) is None:
        return []
    offer = {"id": owner.rid, "_rid": owner.rid, "_self": f"offers/{owner.rid}/", "offerVersion": "V2"}
    return [{**offer, "resource": owner.link, "offerResourceId": owner.rid, "content": content}]


def _link(query: Any) -> str:
    """What an offer is asked for by: in the text after `resource =`, or as a parameter; raises 400."""
    if isinstance(query, dict):
        found = _RESOURCE.search(str(query.get("query")))
        links = [each.get("value") for each in query.get("parameters") or [] if isinstance(each, dict)]
        link = found[1] if found else next(iter(links), None)
        if isinstance(link, str):
            return link
    raise bad_request("Offers are found by the link of what they are for.")
