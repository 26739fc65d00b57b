"""The signature of requests: who has the key gets in, whoever changes anything does not."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from azure.cosmos.auth import _get_authorization_header

from local.cosmos.errors import CosmosError
from local.cosmos.signature import WELL_KNOWN_KEY, NotAKey, Signature, payloads
from local.cosmos.wire.messages import Request

DATE = "Thu, 27 Apr 2017 00:51:12 GMT"
THEN = datetime(2017, 4, 27, 0, 51, 12, tzinfo=UTC)
OTHER_KEY = "b3RoZXI="

# The example of the service's documentation.
DOCUMENTED_KEY = "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw=="
DOCUMENTED = "type%3dmaster%26ver%3d1.0%26sig%3dc09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu%2bc%2bc%3d"


def a_request(
    authorization: str | None, *, method: str = "GET", path: str = "/dbs/ToDoList", date: str = DATE
) -> Request:
    headers = {"x-ms-date": date} | ({} if authorization is None else {"authorization": authorization})
    return Request(method, path, headers, b"")


class Account:
    """What the SDK's own signing wants to know of a client."""

    master_key = WELL_KNOWN_KEY
    resource_tokens = None


def signed_by_the_sdk(method: str, kind: str, link: str, *, by_name: bool = True) -> str:
    headers = {"x-ms-date": DATE}
    signed = _get_authorization_header(  # type: ignore[no-untyped-call]  # the SDK's, which is not annotated
        Account(), method, "", link, by_name, kind, headers
    )
    return quote(str(signed), safe="")


def refusal(request: Request, *, key: str = WELL_KNOWN_KEY, now: datetime = THEN) -> CosmosError:
    with pytest.raises(CosmosError) as refused:
        Signature(key).check(request, now)
    return refused.value


def test_the_documented_example_is_right() -> None:
    Signature(DOCUMENTED_KEY).check(a_request(DOCUMENTED), THEN)


@pytest.mark.parametrize(
    ("path", "kind", "link"),
    [
        ("/", "", ""),
        ("/dbs", "dbs", ""),
        ("/dbs/D/", "dbs", "dbs/D"),
        ("/dbs/D/colls/", "colls", "dbs/D"),
        ("/dbs/D/colls/C/docs/", "docs", "dbs/D/colls/C"),
        ("/dbs/D/colls/C/docs/%C3%A4%20%2B/", "docs", "dbs/D/colls/C/docs/ä +"),
        ("/dbs/D/colls/C/pkranges/", "pkranges", "dbs/D/colls/C"),
        ("/dbs/D/colls/C/operations/partitionkeydelete", "colls", "dbs/D/colls/C"),
        ("/offers", "offers", ""),
    ],
)
def test_what_the_sdk_signs_is_right(path: str, kind: str, link: str) -> None:
    signature = signed_by_the_sdk("post", kind, link)
    Signature(WELL_KNOWN_KEY).check(a_request(signature, method="POST", path=path), THEN)


def test_a_path_of_resource_ids_is_signed_by_the_last() -> None:
    signature = signed_by_the_sdk("get", "docs", "AbC=", by_name=False)
    path = "/dbs/x/colls/y/docs/AbC%3D/"
    Signature(WELL_KNOWN_KEY).check(a_request(signature, path=path), THEN)


def test_the_plain_date_header_will_do() -> None:
    plain = Request("GET", "/dbs", {"date": DATE}, b"")
    signature = Signature(WELL_KNOWN_KEY)
    authorization = f"type=master&ver=1.0&sig={signature.of(payloads(plain)[0]).decode()}"
    signature.check(Request("GET", "/dbs", {"date": DATE, "authorization": authorization}, b""), THEN)


OTHERWISE = {
    "method": a_request(DOCUMENTED, method="DELETE"),
    "link": a_request(DOCUMENTED, path="/dbs/todolist"),
    "type": a_request(DOCUMENTED, path="/dbs/ToDoList/colls"),
    "date": a_request(DOCUMENTED, date="Thu, 27 Apr 2017 00:51:13 GMT"),
    "no date": a_request(DOCUMENTED, date=""),
    "nonsense for a date": a_request(DOCUMENTED, date="yesterday"),
    "the end of time": a_request(DOCUMENTED, date="Fri, 31 Dec 9999 23:59:59 GMT"),
    "signature": a_request(DOCUMENTED.replace("c09", "d09")),
    "empty signature": a_request("type=master&ver=1.0&sig="),
    "kind of token": a_request(DOCUMENTED.replace("master", "resource")),
    "version": a_request(DOCUMENTED.replace("1.0", "2.0")),
    "nonsense": a_request("Bearer ☃"),
    "nothing": a_request(None),
    "an empty header": a_request(""),
}


@pytest.mark.parametrize("request_", OTHERWISE.values(), ids=OTHERWISE.keys())
def test_anything_else_is_unauthorized(request_: Request) -> None:
    error = refusal(request_, key=DOCUMENTED_KEY)
    assert (error.status, error.code) == (401, "Unauthorized")


def test_another_key_is_unauthorized_and_told_what_was_signed() -> None:
    error = refusal(a_request(DOCUMENTED), key=OTHER_KEY)
    assert error.status == 401
    assert f"'get\ndbs\ndbs/ToDoList\n{DATE.lower()}\n\n'" in error.message


@pytest.mark.parametrize(("minutes", "valid"), [(-6, False), (-4, True), (15, True), (16, False)])
def test_a_signature_holds_for_fifteen_minutes(minutes: int, valid: bool) -> None:
    now = THEN + timedelta(minutes=minutes)
    if valid:
        Signature(DOCUMENTED_KEY).check(a_request(DOCUMENTED), now)
        return
    error = refusal(a_request(DOCUMENTED), key=DOCUMENTED_KEY, now=now)
    assert (error.status, error.code) == (403, "Forbidden")
    assert "token expiry time: Thu, 27 Apr 2017 01:06:12 GMT" in error.message


def test_a_key_that_is_not_base64_is_none() -> None:
    with pytest.raises(NotAKey):
        Signature("no key!")
