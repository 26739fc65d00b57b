"""A Cosmos DB account without keys: the embedded engine over TLS, for who brings the identity's token."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.cosmos import Engine
from local.cosmos.gateway import LARGEST_BODY
from local.cosmos.wire.messages import AUTHORIZATION, HOST, Request
from local.cosmos.wire.serve import serve
from tests.infra.stand_ins.identity import ManagedIdentity


class Account:
    """The account of an engine. url: its endpoint."""

    def __init__(self, engine: Engine, identity: ManagedIdentity) -> None:
        self.url = ""
        self._engine = engine
        self._identity = identity

    async def answer(self, request: web.Request) -> web.Response:
        """What the engine answers to the identity; 401 to others."""
        token = self._identity.token(f"https://{request.url.host}")
        if request.headers.get(AUTHORIZATION) != f"type=aad&ver=1.0&sig={token}":
            return web.Response(status=401)
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.rel_url.raw_path
        found = await serve(self._engine, Request(request.method, path, headers, await request.read()))
        body = found.body
        if path == "/":  # of the account, with its address; the engine itself doesn't know of TLS
            body = body.replace(f"http://{headers[HOST]}".encode(), self.url.encode())
        return web.Response(status=found.status, headers=found.headers, body=body)


@asynccontextmanager
async def account_serving(engine: Engine, identity: ManagedIdentity, folder: Path) -> AsyncIterator[Account]:
    """An account that serves; its certificate lies in `folder`."""
    account, app = Account(engine, identity), web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", account.answer)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=_tls(folder))
    account.url = str(server.make_url("")).rstrip("/")
    try:
        yield account
    finally:
        await server.close()


def _tls(folder: Path) -> ssl.SSLContext:
    """TLS, for the SDK sends tokens over nothing else; on loopback it believes any certificate."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    pem, nothing = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, nothing) + certificate.public_bytes(pem)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context
