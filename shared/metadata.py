"""How a PATCH changes metadata."""

from collections.abc import Mapping

from shared.errors import InvalidRequest
from shared.models import MAX_METADATA


def merged(metadata: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Metadata with other values; None removes a key. Raises InvalidRequest where it would have too many."""
    found = {name: value for name, value in {**metadata, **changes}.items() if value is not None}
    if len(found) > MAX_METADATA:
        raise InvalidRequest(
            f"metadata: would have {len(found)} pairs; it takes at most {MAX_METADATA}.", param="metadata"
        )
    return found
