"""Walking through lists as a client does."""

from typing import Any

from tests.api.conftest import Service


async def page(service: Service, path: str, **query: str | int) -> dict[str, Any]:
    """One page of a list."""
    answer = await service.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def walk(service: Service, path: str, **query: str | int) -> list[str]:
    """The ids on all pages, in the order in which they came, each once."""
    one = await page(service, path, **query)
    found = [each["id"] for each in one["data"]]
    while one["next_cursor"]:
        assert one["has_more"] is True
        one = await page(service, path, after=one["next_cursor"], **query)
        found += [each["id"] for each in one["data"]]
        assert len(found) == len(set(found)), "an item came twice"
    assert one["has_more"] is False
    return found
