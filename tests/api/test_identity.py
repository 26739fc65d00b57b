"""With `AUTH_MODE=entra` the token says who asks, and a token with anything wrong says nothing."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import jwt
import pytest
from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from shared.auth import keys
from shared.services import services
from tests.api.conftest import Service
from tests.api.issuer import (
    AUDIENCE,
    AUDIENCE_URI,
    NOW,
    OTHER_TENANT,
    SERVICE,
    STRANGE_TENANT,
    TENANT,
    USER,
    Issuer,
    issuing,
    jwk,
    private_key,
    tampered,
)
from tests.api.refusals import refused, stored

ANN = "cccccccc-0000-4000-8000-000000000003"
# What a service's token has: no scope, no address, roles.
APP: dict[str, Any] = {"oid": SERVICE, "scp": None, "preferred_username": None}


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as started:
        yield started


@pytest.fixture
def environment(issuer: Issuer) -> dict[str, str]:
    return {
        "AUTH_MODE": "entra",
        "ENTRA_TENANT_ID": f"{TENANT}, {OTHER_TENANT.upper()}",
        "ENTRA_AUDIENCE": f"{AUDIENCE},{AUDIENCE_URI}",
        "ENTRA_AUTHORITY": issuer.url,
    }


async def _start(service: Service, token: str, **headers: str) -> httpx2.Response:
    return await service.http.post("conversations", headers={"Authorization": f"Bearer {token}", **headers})


async def _owners(service: Service) -> list[tuple[str, str, str | None]]:
    found = service.conversations.query_items("SELECT * FROM c WHERE c.type = 'conversation'")
    return [(each["tenantId"], each["userId"], each.get("userEmail")) async for each in found]


def _challenge(answer: httpx2.Response) -> str:
    return str(answer.headers["www-authenticate"])


# Who may


@pytest.mark.parametrize(
    ("claims", "owner"),
    [
        ({}, (TENANT, USER, "ada@example.com")),
        (
            {
                "iss": f"https://sts.windows.net/{TENANT}/",
                "aud": AUDIENCE_URI,
                "ver": "1.0",
                "preferred_username": None,
                "upn": "ada@contoso.com",
            },
            (TENANT, USER, "ada@contoso.com"),
        ),
        ({"tid": OTHER_TENANT}, (OTHER_TENANT, USER, "ada@example.com")),
        ({"preferred_username": None, "email": "a@b.c"}, (TENANT, USER, "a@b.c")),
        ({"preferred_username": "no\taddress"}, (TENANT, USER, None)),
        ({"scp": None, "roles": ["Conversations.ReadWrite"]}, (TENANT, USER, "ada@example.com")),
        ({"roles": ["Conversations.Admin"]}, (TENANT, USER, "ada@example.com")),
        ({**APP, "roles": ["Conversations.Admin"]}, (TENANT, SERVICE, None)),
        ({"nbf": None, "iat": NOW + 10_000}, (TENANT, USER, "ada@example.com")),
    ],
    ids=["v2", "v1", "second-tenant", "email", "bad-address", "role", "admin", "admin-app", "no-nbf"],
)
async def test_a_good_token_is_its_tenant_and_user(
    service: Service, issuer: Issuer, claims: dict[str, Any], owner: tuple[str, str, str | None]
) -> None:
    answer = await _start(service, issuer.token(**claims))

    assert answer.status_code == 201, answer.text
    assert [each[:2] for each in await _owners(service)] == [owner[:2]]
    assert answer.json()["user_email"] == owner[2]


async def test_a_service_acts_for_the_user_whom_it_names(service: Service, issuer: Issuer) -> None:
    token = issuer.token(**APP, roles=["Conversations.OnBehalf", "Conversations.Admin"])

    answer = await _start(service, token, **{"X-On-Behalf-Of": ANN.upper()})

    assert answer.status_code == 201
    assert await _owners(service) == [(TENANT, ANN, None)]
    own = await service.http.get(
        f"conversations/{answer.json()['id']}",
        headers={"Authorization": f"Bearer {issuer.token(oid=ANN)}"},
    )
    assert own.status_code == 200, "the user sees what the service has done for them"


async def test_on_behalf_carries_who_acts_and_no_role_of_theirs(service: Service, issuer: Issuer) -> None:
    from starlette.datastructures import Headers

    token = issuer.token(**APP, roles=["Conversations.OnBehalf", "Conversations.Admin"])

    for named, actor in ((ANN, SERVICE), ("", None)):
        headers = {"Authorization": f"Bearer {token}"} | ({"X-On-Behalf-Of": named} if named else {})
        caller = await services().auth.caller(Headers(headers))
        assert caller.actor == actor
        assert ("Conversations.Admin" in caller.roles) == (not named)


@pytest.mark.parametrize(
    ("claims", "headers", "status"),
    [
        ({"scp": "User.Read"}, {}, 403),
        ({"scp": None}, {}, 403),
        ({"scp": ["Conversations.ReadWrite"]}, {}, 403),
        ({"scp": "conversations.readwrite"}, {}, 403),
        ({"scp": None, "roles": "Conversations.Admin"}, {}, 403),
        ({"scp": None, "roles": [1, {}]}, {}, 403),
        ({**APP, "roles": ["Conversations.OnBehalf"]}, {}, 400),
        ({**APP, "roles": ["Conversations.OnBehalf"]}, {"X-On-Behalf-Of": ""}, 400),
        ({**APP, "roles": ["Conversations.OnBehalf"]}, {"X-On-Behalf-Of": "a\tb"}, 400),
        ({**APP, "roles": ["Conversations.OnBehalf"]}, {"X-On-Behalf-Of": "a" * 257}, 400),
        ({**APP, "roles": ["Conversations.ReadWrite"]}, {"X-On-Behalf-Of": ANN}, 403),
        ({**APP, "roles": ["Conversations.Admin"]}, {"X-On-Behalf-Of": ANN}, 403),
        ({}, {"X-On-Behalf-Of": ANN}, 403),
        ({"roles": ["Conversations.OnBehalf"]}, {"X-On-Behalf-Of": ANN}, 403),
    ],
    ids=[
        *("other-scope", "no-scope", "scope-list", "scope-case", "roles-text", "roles-odd", "nobody"),
        *("empty", "tab", "long", "app", "admin", "user", "user-with-the-role"),
    ],
)
async def test_who_lacks_the_permission_or_names_nobody_is_told_so(
    service: Service, issuer: Issuer, claims: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    answer = await _start(service, issuer.token(**claims), **headers)

    if status == 403:
        assert "Conversations." in refused(answer, 403, "forbidden")
    else:
        assert "X-On-Behalf-Of" in refused(answer, 400, "invalid_request", "X-On-Behalf-Of")
    assert await stored(service) == {}


async def test_two_users_on_whose_behalf_are_none(service: Service, issuer: Issuer) -> None:
    token = issuer.token(**APP, roles=["Conversations.OnBehalf"])
    headers = [("Authorization", f"Bearer {token}"), ("X-On-Behalf-Of", ANN), ("X-On-Behalf-Of", USER)]

    answer = await service.http.post("conversations", headers=headers)

    refused(answer, 400, "invalid_request", "X-On-Behalf-Of")


# What can be wrong with a token


def _public_pem() -> bytes:
    return private_key("first").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _hs256_with_the_public_key(issuer: Issuer) -> str:
    """By hand, for PyJWT won't sign with such a secret."""
    signed = jwt.api_jws.PyJWS()
    header, payload, _ = issuer.token().split(".")
    header = _part({"alg": "HS256", "typ": "JWT", "kid": "first"})
    algorithm = signed.get_algorithm_by_name("HS256")
    signature = algorithm.sign(f"{header}.{payload}".encode(), _public_pem())
    return f"{header}.{payload}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _with(header: object, payload: object) -> Callable[[Issuer], str]:
    return lambda _: f"{_part(header)}.{_part(payload)}.{_part(b'x' * 256)}"


def _claims(**changed: Any) -> Callable[[Issuer], str]:
    return lambda issuer: issuer.token(**changed)


_RS256 = {"alg": "RS256", "kid": "first"}
_DEEP = b"[" * 10_000
WRONG: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "alg-none": (lambda issuer: issuer.token(algorithm="none", key=""), "RS256"),
    "alg-NoNe": (_with({"alg": "NoNe", "kid": "first"}, {"tid": TENANT}), "RS256"),
    "alg-list": (_with({"alg": ["RS256"], "kid": "first"}, {"tid": TENANT}), ""),
    "alg-missing": (_with({"kid": "first"}, {"tid": TENANT}), "RS256"),
    "hs256-with-the-public-key": (_hs256_with_the_public_key, "RS256"),
    "rs512": (lambda issuer: issuer.token(algorithm="RS512"), "RS256"),
    "ps256": (lambda issuer: issuer.token(algorithm="PS256"), "RS256"),
    "es256": (
        lambda issuer: issuer.token(algorithm="ES256", key=ec.generate_private_key(ec.SECP256R1())),
        "RS256",
    ),
    "unknown-kid": (lambda issuer: issuer.token(kid="second"), "key"),
    "no-kid": (lambda issuer: issuer.token(kid=None), "kid"),
    "kid-number": (_with({"alg": "RS256", "kid": 1}, {"tid": TENANT}), ""),
    "kid-path": (lambda issuer: issuer.token(kid="../../etc/passwd"), "key"),
    "own-key-in-the-header": (
        lambda issuer: issuer.token(
            key=private_key("evil"), kid="evil", headers={"jwk": jwk("evil", private_key("evil"))}
        ),
        "key",
    ),
    "anothers-key": (lambda issuer: issuer.token(key=private_key("evil")), "signature"),
    "changed-claims": (lambda issuer: tampered(issuer.token(), oid=ANN), "signature"),
    "cut-signature": (lambda issuer: issuer.token()[:-8], ""),
    "no-signature": (lambda issuer: issuer.token().rpartition(".")[0] + ".", "signature"),
    "critical-header": (lambda issuer: issuer.token(headers={"crit": ["exp"], "exp": 1}), ""),
    "expired": (_claims(exp=NOW - 3600), "expired"),
    "expired-past-the-leeway": (_claims(exp=NOW - 61), "expired"),
    "not-yet": (_claims(nbf=NOW + 3600), "not valid yet"),
    "not-yet-past-the-leeway": (_claims(nbf=NOW + 62), "not valid yet"),
    "exp-text": (_claims(exp="tomorrow"), "'exp'"),
    "exp-true": (_claims(exp=True), "'exp'"),
    "exp-endless": (_claims(exp=10**400), "'exp'"),
    "exp-infinite": (_claims(exp=float("inf")), "'exp'"),
    "nbf-nan": (_claims(nbf=float("nan")), "'nbf'"),
    "nbf-object": (_claims(nbf={}), "'nbf'"),
    "other-tenant": (_claims(tid=STRANGE_TENANT), "tenant"),
    "tenant-list": (_claims(tid=[TENANT], iss="x"), "tenant"),
    "tenant-number": (_claims(tid=0, iss="x"), "tenant"),
    "tenants-text": (_claims(tid=f"{TENANT}, {OTHER_TENANT}", iss="x"), "tenant"),
    "issuer-of-another-tenant": (
        lambda issuer: issuer.token(iss=f"{issuer.url}/{OTHER_TENANT}/v2.0"),
        "(iss)",
    ),
    "v1-issuer-of-another-tenant": (_claims(iss=f"https://sts.windows.net/{STRANGE_TENANT}/"), "(iss)"),
    "issuer-elsewhere": (_claims(iss=f"https://evil.example/{TENANT}/v2.0"), "(iss)"),
    "issuer-number": (_claims(iss=1), "(iss)"),
    "other-audience": (_claims(aud="00000003-0000-0000-c000-000000000000"), "(aud)"),
    "audience-with-a-slash": (_claims(aud=f"{AUDIENCE_URI}/"), "(aud)"),
    "audience-number": (_claims(aud=1), "(aud)"),
    "audience-none": (_claims(aud=[]), "'aud'"),
    "no-exp": (_claims(exp=None), "'exp'"),
    "no-iss": (_claims(iss=None), "'iss'"),
    "no-aud": (_claims(aud=None), "'aud'"),
    "no-tid": (_claims(tid=None, iss=f"https://sts.windows.net/{TENANT}/"), "'tid'"),
    "no-oid": (_claims(oid=None), "'oid'"),
    "oid-empty": (_claims(oid=""), "'oid'"),
    "oid-number": (_claims(oid=7), "'oid'"),
    "oid-control": (_claims(oid="a\nb"), "'oid'"),
    "one-part": (lambda _: "abcdef", "JSON Web Token"),
    "two-parts": (lambda issuer: issuer.token().rpartition(".")[0], "JSON Web Token"),
    "four-parts": (lambda issuer: issuer.token() + ".x", "JSON Web Token"),
    "empty-parts": (lambda _: "..", "JSON Web Token"),
    "not-base64": (lambda _: "a.b.c", "JSON Web Token"),
    "not-json": (_with(b"{", b"{"), "JSON Web Token"),
    "not-utf8": (_with(_RS256, b"\xff\xfe"), "JSON Web Token"),
    "header-list": (_with([], {}), "JSON Web Token"),
    "payload-list": (_with(_RS256, []), "JSON Web Token"),
    "deep": (_with(_RS256, _DEEP), "JSON Web Token"),
    "deep-header": (_with(_DEEP, {}), "JSON Web Token"),
    "endless-number": (_with(_RS256, b'{"tid":' + b"9" * 5000 + b"}"), "JSON Web Token"),
    "too-long": (lambda issuer: issuer.token(groups=["x" * 20_000]), "16384"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_token_with_one_thing_wrong_is_refused_and_told_what(
    service: Service, issuer: Issuer, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, told = WRONG[wrong]
    token = make(issuer)

    answer = await _start(service, token)

    message = refused(answer, 401, "unauthorized")
    assert told in message
    assert _challenge(answer) == f'Bearer error="invalid_token", error_description="{message}"'
    for secret in (token, STRANGE_TENANT, OTHER_TENANT, ANN, issuer.url, "evil"):
        assert secret not in answer.text
    assert await stored(service) == {}
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a b", "Token x", "Bearer \xe9", "bearer,x"],
    ids=["empty", "bare", "blank", "basic", "two-words", "token", "latin", "comma"],
)
async def test_a_header_that_holds_no_bearer_token_is_refused(service: Service, header: str) -> None:
    answer = await service.http.post("conversations", headers={b"Authorization": header.encode("latin-1")})

    assert "Bearer" in refused(answer, 401, "unauthorized")
    assert 'error="invalid_token"' in _challenge(answer)


async def test_without_a_token_one_is_asked_to_sign_in(service: Service) -> None:
    answer = await service.http.get("conversations", headers={"X-Local-User": "local-user"})

    refused(answer, 401, "unauthorized")
    assert _challenge(answer) == "Bearer"


@pytest.mark.parametrize("name", ["Authorization", "X-Forwarded-Authorization"])
async def test_two_tokens_are_no_token(service: Service, issuer: Issuer, name: str) -> None:
    header = (name, f"Bearer {issuer.token()}")

    answer = await service.http.get("conversations", headers=[header, header])

    assert name in refused(answer, 401, "unauthorized")


async def test_the_header_that_api_management_hands_on_goes_first(service: Service, issuer: Issuer) -> None:
    bad, good = "Bearer a.b.c", f"Bearer {issuer.token()}"
    for theirs, forwarded, status in ((bad, good, 200), (good, bad, 401), (good, "", 401)):
        headers = {"Authorization": theirs, "X-Forwarded-Authorization": forwarded}
        assert (await service.http.get("conversations", headers=headers)).status_code == status


@pytest.mark.parametrize(
    "claims",
    [{"exp": NOW - 50}, {"nbf": NOW + 59}, {"exp": NOW + 0.5}],
    ids=["just-expired", "just-not-yet", "fraction"],
)
async def test_clocks_may_differ_by_a_minute(service: Service, issuer: Issuer, claims: Any) -> None:
    assert (await _start(service, issuer.token(**claims))).status_code == 201


async def test_a_token_of_eight_kilobytes_works(service: Service, issuer: Issuer) -> None:
    token = issuer.token(groups=[f"{number:036}" for number in range(150)])
    assert 8_000 < len(token) < 9_000

    assert (await _start(service, token)).status_code == 201


async def test_a_bad_token_is_refused_before_the_body_is_read(service: Service) -> None:
    answer = await service.http.post(
        "conversations", content=b"{" * 3_000_000, headers={"Authorization": "Bearer a.b.c"}
    )

    refused(answer, 401, "unauthorized")


# The keys


async def test_a_token_is_verified_once_and_keys_are_fetched_once(
    service: Service, issuer: Issuer, mocker: Any
) -> None:
    verified = mocker.spy(jwt, "decode")
    token = issuer.token()

    for _ in range(5):
        await _start(service, token)
    for number in range(5):
        await _start(service, issuer.token(uti=str(number)))

    assert issuer.asked == {"configuration": 1, "keys": 1}
    assert verified.call_count == 6


async def test_a_token_that_was_verified_expires_all_the_same(service: Service, issuer: Issuer) -> None:
    token = issuer.token()
    assert (await _start(service, token)).status_code == 201

    service.clock.pass_seconds(3600 + 50)
    assert (await _start(service, token)).status_code == 201
    service.clock.pass_seconds(10)
    assert "expired" in refused(await _start(service, token), 401, "unauthorized")


async def test_no_more_than_so_many_tokens_are_kept(
    service: Service, issuer: Issuer, mocker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services().auth, "_verified", LRUCache(2))
    verified = mocker.spy(jwt, "decode")
    first, second, third = (issuer.token(uti=str(number)) for number in range(3))

    for token in (first, second, first, third, first):
        await _start(service, token)
    assert verified.call_count == 3
    await _start(service, second)
    assert verified.call_count == 4


async def test_a_new_key_is_found_when_a_token_names_it(service: Service, issuer: Issuer) -> None:
    before = issuer.token()
    assert (await _start(service, before)).status_code == 201
    issuer.keys = [jwk("second", private_key("second"))]
    after = issuer.token(kid="second", key=private_key("second"))

    service.clock.pass_seconds(keys.FLOOR_SECONDS)
    assert (await _start(service, after)).status_code == 201

    assert issuer.asked["keys"] == 2
    assert (await _start(service, before)).status_code == 201, "it was verified before"
    refused(await _start(service, issuer.token(uti="another")), 401, "unauthorized")


async def test_unknown_keys_make_one_fetch_between_two_floors(service: Service, issuer: Issuer) -> None:
    for number in range(20):
        refused(await _start(service, issuer.token(kid=f"made-up-{number}")), 401, "unauthorized")
    assert issuer.asked["keys"] == 1

    service.clock.pass_seconds(keys.FLOOR_SECONDS)
    for number in range(20):
        await _start(service, issuer.token(kid=f"made-up-{number}"))
    assert issuer.asked["keys"] == 2


async def test_many_at_once_make_one_fetch(service: Service, issuer: Issuer) -> None:
    tokens = [issuer.token(uti=str(number)) for number in range(20)]

    answers = await asyncio.gather(*(_start(service, token) for token in tokens))

    assert {answer.status_code for answer in answers} == {201}
    assert issuer.asked == {"configuration": 1, "keys": 1}


async def test_a_key_that_was_withdrawn_is_forgotten_within_a_day(service: Service, issuer: Issuer) -> None:
    assert (await _start(service, issuer.token())).status_code == 201
    issuer.keys = [jwk("second", private_key("second"))]

    service.clock.pass_seconds(keys.MAX_AGE_SECONDS + 1)

    token = issuer.token(exp=NOW + 2 * keys.MAX_AGE_SECONDS)
    refused(await _start(service, token), 401, "unauthorized")


def _elliptic() -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": "first"}


def _set_of(*found: object) -> tuple[int, bytes]:
    return 200, json.dumps({"keys": found}).encode()


LIES: dict[str, Callable[[], dict[str, tuple[int, bytes]]]] = {
    "500": lambda: {"configuration": (500, b"{}")},
    "redirect": lambda: {"configuration": (302, b"")},
    "not-json": lambda: {"configuration": (200, b"<html>")},
    "not-utf8": lambda: {"keys": (200, b"\xff\xfe\xfd")},
    "a-list": lambda: {"configuration": (200, b"[]")},
    "deep": lambda: {"keys": (200, b"[" * 100_000)},
    "endless-number": lambda: {"keys": (200, b'{"keys":' + b"9" * 5000 + b"}")},
    "huge": lambda: {"keys": (200, b" " * 2_000_000 + _set_of(jwk("first", private_key("first")))[1])},
    "keys-404": lambda: {"keys": (404, b"{}")},
    "other-issuer": lambda: {
        "configuration": (200, b'{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}')
    },
    "no-keys": lambda: {"keys": _set_of()},
    "keys-text": lambda: {"keys": (200, b'{"keys":"first"}')},
    "elliptic": lambda: {"keys": _set_of(_elliptic())},
    "symmetric": lambda: {"keys": _set_of({"kty": "oct", "k": "c2VjcmV0", "kid": "first"})},
    "for-encryption": lambda: {"keys": _set_of(jwk("first", private_key("first")) | {"use": "enc"})},
    "other-algorithm": lambda: {"keys": _set_of(jwk("first", private_key("first")) | {"alg": "RS512"})},
    "short": lambda: {"keys": _set_of(jwk("first", private_key("short", 1024)))},
    "odd": lambda: {"keys": _set_of(None, 1, {}, {"kty": "RSA", "kid": "first"}, {"kty": "RSA", "kid": [1]})},
    "odd-numbers": lambda: {"keys": _set_of({"kty": "RSA", "kid": "first", "n": 5, "e": "AQAB"})},
    "no-number": lambda: {"keys": _set_of({"kty": "RSA", "kid": "first", "n": "?", "e": ""})},
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_is_no_set_of_keys_is_none(service: Service, issuer: Issuer, lie: str) -> None:
    issuer.answers = LIES[lie]()

    answer = await _start(service, issuer.token())

    assert "keys" in refused(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == str(keys.FLOOR_SECONDS_WITHOUT_KEYS)
    issuer.answers = {}
    service.clock.pass_seconds(keys.FLOOR_SECONDS_WITHOUT_KEYS)
    assert (await _start(service, issuer.token())).status_code == 201


async def test_keys_from_elsewhere_than_the_authority_are_not_fetched(
    service: Service, issuer: Issuer
) -> None:
    elsewhere = issuer.url.replace("127.0.0.1", "localhost")
    own, another = f"{issuer.url}/{TENANT}/v2.0", f"{issuer.url}/{OTHER_TENANT}/v2.0"
    for issued_by, place in ((own, elsewhere), (another, issuer.url)):
        configuration = {"issuer": issued_by, "jwks_uri": f"{place}/{TENANT}/discovery/v2.0/keys"}
        issuer.answers["configuration"] = (200, json.dumps(configuration).encode())
        service.clock.pass_seconds(keys.FLOOR_SECONDS_WITHOUT_KEYS)

        refused(await _start(service, issuer.token()), 503, "unavailable")

    assert issuer.asked == {"configuration": 2}


async def test_one_odd_key_does_not_spoil_the_others(service: Service, issuer: Issuer) -> None:
    issuer.keys = [_elliptic() | {"kid": "elliptic"}, *issuer.keys, {"kid": "odd"}]

    assert (await _start(service, issuer.token())).status_code == 201


async def test_while_the_keys_server_is_away_it_is_not_hammered(service: Service, issuer: Issuer) -> None:
    issuer.answers["configuration"] = (503, b"")

    for _ in range(10):
        refused(await _start(service, issuer.token()), 503, "unavailable")

    assert issuer.asked == {"configuration": 1}


async def test_a_keys_server_that_is_down_leaves_the_keys_in_hand(service: Service, issuer: Issuer) -> None:
    assert (await _start(service, issuer.token())).status_code == 201
    issuer.answers = {"configuration": (503, b"")}
    service.clock.pass_seconds(keys.MAX_AGE_SECONDS + 1)

    exp = NOW + 2 * keys.MAX_AGE_SECONDS
    assert (await _start(service, issuer.token(exp=exp))).status_code == 201
    refused(await _start(service, issuer.token(exp=exp, kid="perhaps-new")), 503, "unavailable")


async def test_a_keys_server_that_does_not_answer_is_given_up(
    service: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "FETCH_SECONDS", 0.3)
    issuer.hanging = True

    answers = await asyncio.gather(*(_start(service, issuer.token(uti=str(n))) for n in range(5)))

    assert {answer.status_code for answer in answers} == {503}
    assert issuer.asked == {"configuration": 1}


async def test_each_tenant_has_keys_of_its_own(service: Service, issuer: Issuer) -> None:
    await _start(service, issuer.token())
    await _start(service, issuer.token(tid=OTHER_TENANT))
    refused(await _start(service, issuer.token(tid=STRANGE_TENANT)), 401, "unauthorized")

    assert issuer.asked == {"configuration": 2, "keys": 2}


async def test_the_service_is_asked_about_itself_without_a_token(service: Service, issuer: Issuer) -> None:
    for path in ("health/live", "health/ready", "openapi.json"):
        assert (await service.http.get(path, headers={"Authorization": "Basic x"})).status_code == 200
    assert issuer.asked == {}
