"""A user who sends too many requests waits, and nobody else does; off unless set."""

import pytest

from shared.errors import RateLimited
from shared.models import Caller
from shared.rates import REMEMBERED, RequestRates
from shared.services import Services, services
from tests.api.conftest import Service
from tests.api.refusals import refused, stored

BOB = {"X-Local-User": "bob"}


@pytest.fixture
def six_a_minute(service: Service) -> None:
    services().rates = RequestRates(6, service.clock)


async def test_without_the_setting_there_is_no_limit(service: Service) -> None:
    answers = [await service.http.get("conversations") for _ in range(50)]

    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.usefixtures("six_a_minute")
async def test_one_request_too_many_waits_until_the_next_is_free(service: Service) -> None:
    for _ in range(6):
        assert (await service.http.get("conversations")).status_code == 200

    answer = await service.http.post("conversations")

    refused(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == "10"
    assert await stored(service) == {}
    service.clock.pass_seconds(10)
    assert (await service.http.post("conversations")).status_code == 201
    assert (await service.http.post("conversations")).status_code == 429


@pytest.mark.usefixtures("six_a_minute")
async def test_a_user_who_keeps_asking_is_not_put_off_further(service: Service) -> None:
    for _ in range(20):
        await service.http.get("conversations")

    service.clock.pass_seconds(60)

    assert (await service.http.get("conversations")).status_code == 200


@pytest.mark.usefixtures("six_a_minute")
async def test_a_pause_saves_up_no_more_than_a_minutes_requests(service: Service) -> None:
    await service.http.get("conversations")
    service.clock.pass_seconds(3_600)

    answers = [await service.http.get("conversations") for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 6 + [429]


@pytest.mark.usefixtures("six_a_minute")
async def test_other_users_and_routes_without_a_caller_do_not_wait(service: Service) -> None:
    for _ in range(7):
        await service.http.get("conversations")

    for headers in (BOB, {"X-Local-Tenant": "elsewhere"}):
        assert (await service.http.get("conversations", headers=headers)).status_code == 200
    for path in ("health/live", "health/ready", "openapi.json"):
        assert [(await service.http.get(path)).status_code for _ in range(7)] == [200] * 7


async def test_only_so_many_users_are_remembered(service: Service) -> None:
    rates = RequestRates(1, service.clock)

    for number in range(REMEMBERED + 100):
        rates.take(Caller("tenant", f"user-{number}"))

    assert len(rates._buckets) == REMEMBERED


async def test_the_setting_is_what_counts(service: Service) -> None:
    settings = services().settings.model_copy(update={"requests_per_minute": 1})
    rates = Services(settings, clock=service.clock).rates

    rates.take(Caller("tenant", "user"))

    with pytest.raises(RateLimited):
        rates.take(Caller("tenant", "user"))
