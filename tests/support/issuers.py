"""Issuers of signed tokens: keys, what a server may know of them, and tokens."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://login.example/realms/h2o"


def key_set(keys: Mapping[str, RSAPrivateKey], *names: str) -> dict[str, Any]:
    """Return the public parts as a JSON Web Key Set."""
    public = [(name, keys[name].public_key()) for name in names]
    return {
        "keys": [
            {**RSAAlgorithm.to_jwk(key, as_dict=True), "kid": name, "alg": "RS256"}
            for name, key in public
        ]
    }


def token(key: Any, kid: str | None = "first", algorithm: str = "RS256", **claims: Any) -> str:
    """Return a token that is right unless a claim says otherwise; None leaves a claim out."""
    expires = datetime.now(UTC) + timedelta(minutes=5)
    usual = {"iss": ISSUER, "aud": "scorer", "exp": expires, "sub": "me"}
    kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    headers = None if kid is None else {"kid": kid}
    return jwt.encode(kept, key, algorithm, headers)


@contextmanager
def key_server(content: Callable[[], Any]) -> Iterator[str]:
    """Serve JSON on the loopback interface until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(content()).encode())

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/certs"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
