"""Tokens that somebody else than the issuer made, or that the issuer made for something else."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.issuers import ISSUER, key_set, token
from tests.support.models import ONE_WORKER, REG
from tests.support.serving import Server, serve

KEY = generate_private_key(65537, 2048)
THEIRS = generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
MODULUS = key_set({"first": KEY}, "first")["keys"][0]["n"]
HEADER = {"alg": "RS256", "kid": "first", "typ": "JWT"}
THEIR_JWK = key_set({"first": THEIRS}, "first")["keys"][0]


def part(content: Any) -> str:
    """Return a part of a token."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**others: Any) -> dict[str, Any]:
    """Return claims that are right but for these; None leaves one out."""
    usual = {"iss": ISSUER, "aud": "scorer", "exp": int(time.time()) + 300, "sub": "me"}
    return {name: value for name, value in {**usual, **others}.items() if value is not None}


def unsigned(signature: str = "", content: Any = None, **header: Any) -> str:
    """Return a token with a signature as it is given."""
    return f"{part({**HEADER, **header})}.{part(content or claims())}.{signature}"


def shared(secret: bytes, name: str = "sha256", **header: Any) -> str:
    """Return a token that is signed with a shared secret."""
    signed = unsigned("", alg=f"HS{name[3:]}", **header).rstrip(".")
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), getattr(hashlib, name)))}"


def of(key: RSAPrivateKey, content: Any = None, algorithm: str = "RS256", **header: Any) -> str:
    """Return a token that is signed as it says."""
    headers: Mapping[str, Any] = {"kid": "first", **header}
    body = json.dumps(content or claims()).encode()
    return jwt.PyJWS().encode(body, key, algorithm, dict(headers))


def spliced(first: str, second: str, at: int) -> str:
    """Return a token with one part of another."""
    parts, others = first.split("."), second.split(".")
    parts[at] = others[at]
    return ".".join(parts)


FORGED: Mapping[str, Callable[[], str]] = {
    "none": lambda: unsigned(alg="none"),
    "none-signed": lambda: unsigned("AAAA", alg="none"),
    "None": lambda: unsigned(alg="None"),
    "NONE": lambda: unsigned(alg="NONE"),
    "no-algorithm": lambda: unsigned(alg=None),
    "a-list-of-algorithms": lambda: unsigned(alg=["RS256"]),
    "an-unknown-algorithm": lambda: unsigned("AAAA", alg="RS1"),
    "public-key-as-secret": lambda: shared(PEM),
    "public-key-as-secret-stripped": lambda: shared(PEM.strip()),
    "public-key-as-secret-der": lambda: shared(DER),
    "public-key-as-secret-512": lambda: shared(PEM, "sha512"),
    "modulus-as-secret": lambda: shared(MODULUS.encode()),
    "empty-secret": lambda: shared(b""),
    "a-secret-file": lambda: shared(b"", kid="../../../../dev/null"),
    "another-key": lambda: of(THEIRS),
    "another-key-in-jwk": lambda: of(THEIRS, jwk=THEIR_JWK),
    "another-key-in-jku": lambda: of(THEIRS, jku="http://127.0.0.1:9/keys"),
    "another-key-in-x5u": lambda: of(THEIRS, x5u="http://127.0.0.1:9/cert"),
    "another-key-in-x5c": lambda: of(THEIRS, x5c=[base64.b64encode(DER).decode()]),
    "an-unknown-key": lambda: of(THEIRS, kid="second"),
    "a-key-by-sql": lambda: of(THEIRS, kid="' or 1=1 --"),
    "a-key-by-number": lambda: unsigned("AAAA", kid=1),
    "no-signature": lambda: of(KEY).rpartition(".")[0] + ".",
    "a-cut-signature": lambda: of(KEY)[:-8],
    "another-signature": lambda: spliced(of(KEY), of(KEY, claims(sub="you")), 2),
    "other-claims": lambda: spliced(of(KEY), unsigned(content=claims(sub="root")), 1),
    "another-header": lambda: spliced(of(KEY), unsigned(alg="RS512"), 0),
    "another-padding": lambda: of(KEY, algorithm="PS256"),
    "another-digest": lambda: of(KEY, algorithm="RS512"),
    "a-curve": lambda: jwt.encode(claims(), CURVE, "ES256", {"kid": "first"}),
    "a-signature-of-zeros": lambda: unsigned(part(bytes(64)), alg="ES256"),
    "expired": lambda: of(KEY, claims(exp=int(time.time()) - 3600)),
    "no-expiry": lambda: of(KEY, claims(exp=None)),
    "expiry-as-text": lambda: of(KEY, claims(exp="tomorrow")),
    "not-yet": lambda: of(KEY, claims(nbf=int(time.time()) + 3600)),
    "another-issuer": lambda: of(KEY, claims(iss="https://evil.example")),
    "a-longer-issuer": lambda: of(KEY, claims(iss=f"{ISSUER}/")),
    "no-issuer": lambda: of(KEY, claims(iss=None)),
    "issuers": lambda: of(KEY, claims(iss=[ISSUER])),
    "another-audience": lambda: of(KEY, claims(aud="scorer2")),
    "no-audience": lambda: of(KEY, claims(aud=None)),
    "no-audiences": lambda: of(KEY, claims(aud=[])),
    "an-audience-that-is-none": lambda: of(KEY, claims(aud={"scorer": 1})),
    "a-critical-field": lambda: of(KEY, crit=["exp2"], exp2=1),
    "no-claims": lambda: f"{part(HEADER)}.{part(b'null')}.AAAA",
    "claims-in-a-list": lambda: of(KEY, [claims()]),
    "a-deep-header": lambda: f"{part(b'[' * 3000)}.{part(claims())}.AAAA",
    "deep-claims": lambda: f"{part(HEADER)}.{part(b'[' * 3000)}.AAAA",
    "five-parts": lambda: of(KEY) + ".AAAA.AAAA",
    "rubbish": lambda: "a.b.c",
    "signed-rubbish": lambda: f"{part(HEADER)}.!!!.{part(b'x' * 256)}",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("issued")
    (root / "jwks.json").write_text(json.dumps(key_set({"first": KEY}, "first")))
    (root / "credentials.yaml").write_text(
        f"- {{name: cloud, issuer: '{ISSUER}', audience: scorer, jwks: jwks.json}}\n"
    )
    flags = ("--credentials", str(root / "credentials.yaml"), *REG.flags, *ONE_WORKER)
    with serve(REG.write(root / "m"), *flags) as running:
        yield running


def status(server: Server, shown: str) -> int:
    return server.get("/info/", Authorization=f"Bearer {shown}").status


def test_the_issuers_own_token_is_believed(server: Server) -> None:
    assert status(server, token(KEY)) == 200
    assert status(server, of(KEY)) == 200


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_401(server: Server, forge: Callable[[], str]) -> None:
    assert status(server, forge()) == 401


def test_forgeries_are_told_at_once_and_not_logged(server: Server) -> None:
    forged = [forge() for forge in FORGED.values()]
    began = time.monotonic()
    found = {status(server, one) for one in forged}
    elapsed = time.monotonic() - began
    usual = time.monotonic()
    assert {status(server, of(KEY)) for _ in forged} == {200}

    assert found == {401}
    assert elapsed < 5 + 5 * (time.monotonic() - usual)
    assert not [one for one in forged if one in server.log()]
    assert "Traceback" not in server.log()
