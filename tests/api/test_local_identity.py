"""With `AUTH_MODE=local` headers say who asks, by the same rules as a token's claims."""

import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored

ROBOT = {"X-Local-User": "robot", "X-Local-Roles": "Conversations.OnBehalf"}


async def test_a_service_acts_for_the_user_whom_it_names(service: Service) -> None:
    made = await service.http.post("conversations", headers=ROBOT | {"X-On-Behalf-Of": "ann"})

    assert made.status_code == 201
    for user, status in (("ann", 200), ("robot", 404)):
        found = await service.http.get(f"conversations/{made.json()['id']}", headers={"X-Local-User": user})
        assert found.status_code == status


async def test_the_services_own_address_is_not_the_users(service: Service) -> None:
    headers = ROBOT | {"X-On-Behalf-Of": "ann", "X-Local-Email": "robot@example.com"}

    assert (await service.http.post("conversations", headers=headers)).json()["user_email"] is None


@pytest.mark.parametrize("roles", ["", "Conversations.Admin", "conversations.onbehalf"])
async def test_without_the_role_nobody_is_named(service: Service, roles: str) -> None:
    headers = {"X-Local-Roles": roles, "X-On-Behalf-Of": "ann"}

    refused(await service.http.post("conversations", headers=headers), 403, "forbidden")
    assert await stored(service) == {}


async def test_a_service_names_somebody(service: Service) -> None:
    for headers in (ROBOT, ROBOT | {"X-On-Behalf-Of": ""}):
        answer = await service.http.post("conversations", headers=headers)
        refused(answer, 400, "invalid_request", "X-On-Behalf-Of")


async def test_roles_are_separated_by_spaces_or_commas(service: Service) -> None:
    for roles in ("Conversations.Admin,Conversations.OnBehalf", " Conversations.OnBehalf  x "):
        headers = {"X-Local-Roles": roles, "X-On-Behalf-Of": "ann"}
        assert (await service.http.get("conversations", headers=headers)).status_code == 200
