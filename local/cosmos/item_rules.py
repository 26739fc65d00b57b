"""The service's rules for an item: its id, its partition key, its time to live, its size."""

from typing import Any

from local.cosmos.containers import Container
from local.cosmos.errors import bad_request, too_large, wrong_partition_key
from local.cosmos.json_text import as_json
from local.cosmos.partition_keys import LogicalKey
from local.cosmos.versions import Draft, effective_ttl

SYSTEM_PROPERTIES = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"})
MAX_BYTES = 2 * 1024 * 1024

_MAX_ID_BYTES = 1023
_FORBIDDEN_IN_ID = frozenset("/\\?#")


def check_item(container: Container, key: LogicalKey, body: object) -> Draft:
    """An item made ready for storing in the logical partition of the request; raises 400 and 413."""
    if not isinstance(body, dict):
        raise bad_request("An item is a JSON object.")
    item = {name: value for name, value in body.items() if name not in SYSTEM_PROPERTIES}
    item_id = _check_id(item.get("id"))
    if container.definition.key.of_item(item) != key.text:
        raise wrong_partition_key(
            f"PartitionKey extracted from document doesn't match the one specified in the header: {key.text}."
        )
    text, size = _encode(item)
    return Draft(item_id, item, text, size, effective_ttl(container, item))


def _check_id(item_id: object) -> str:
    if item_id is None:
        raise bad_request(
            "The input content is invalid because the required properties - 'id; ' - are missing."
        )
    if not isinstance(item_id, str) or not item_id or len(item_id.encode("utf-8", "replace")) > _MAX_ID_BYTES:
        raise bad_request(f"An id is a string of 1 to {_MAX_ID_BYTES} bytes.")
    if not _FORBIDDEN_IN_ID.isdisjoint(item_id):
        raise bad_request("An id does not contain '/', '\\', '?' or '#'.")
    return item_id


def _encode(item: dict[str, Any]) -> tuple[str, int]:
    """The JSON text of an item and its bytes."""
    try:
        text = as_json(item)
        size = len(text.encode())
    except ValueError as error:
        raise bad_request("The item has a number or text that JSON can not hold.") from error
    if size > MAX_BYTES:
        raise too_large("The item", size, MAX_BYTES)
    return text, size
