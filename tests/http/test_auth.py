"""Authentication: files of credentials, secrets, tokens."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests
from werkzeug.security import generate_password_hash

from drum_like.errors import SettingsError
from drum_like.http.auth import ANYONE, STRANGER, Authenticator, Principal, Scope
from drum_like.http.auth.authenticator import authenticator
from drum_like.http.auth.passphrases import TRIES
from drum_like.http.auth.tokens import LEEWAY_S, PAUSE_S, KeySet
from tests.live.steered import begin, eventually
from tests.support.issuers import ISSUER, key_server, key_set, token

HASH = generate_password_hash("open sesame", "pbkdf2:sha256:1000")

SECRETS = f"""
- name: plain
  passphrase: correct horse
- name: hashed
  passphrase_hash: {HASH}
  scopes: [predict]
- name: key
  api_key: mlops_kJ8x
  scopes: [observe]
"""


def make_authenticator(directory: Path, text: str) -> Authenticator:
    """Return the authenticator of a file of credentials."""
    path = directory / "credentials.yaml"
    path.write_text(text, encoding="utf-8")
    return authenticator(None, path, public=True)


def caller(authenticate: Authenticator, **headers: str) -> Principal | None:
    """Return the caller who sends these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return authenticate(Headers(named))


def name_of(authenticate: Authenticator, shown: str) -> str | None:
    """Return the name of whoever shows this as a bearer token."""
    found = caller(authenticate, Authorization=f"Bearer {shown}")
    return None if found is None else found.name


def test_without_credentials_everybody_may_do_everything() -> None:
    assert caller(authenticator(None, None, public=False)) == ANYONE


def test_without_credentials_other_machines_change_nothing() -> None:
    found = caller(authenticator(None, None, public=True))

    assert found == STRANGER
    assert Scope.ADMIN not in found.scopes


def test_a_passphrase_is_enough() -> None:
    authenticate = authenticator("correct horse", None, public=True)

    found = caller(authenticate, Authorization="Bearer correct horse")
    assert found is not None
    assert found.scopes == frozenset(Scope)
    assert caller(authenticate) is None


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        pytest.param({"Authorization": "Bearer correct horse"}, "plain", id="passphrase"),
        pytest.param({"Authorization": "bearer  correct horse "}, "plain", id="lower-case"),
        pytest.param({"Authorization": "Bearer open sesame"}, "hashed", id="hashed"),
        pytest.param({"Authorization": "Bearer mlops_kJ8x"}, "key", id="key"),
        pytest.param({"X_API_Key": "mlops_kJ8x"}, "key", id="key-in-its-header"),
        pytest.param(
            {"X_API_Key": "of-a-proxy", "Authorization": "Bearer correct horse"},
            "plain",
            id="somebody-elses-key",
        ),
        pytest.param({"X_API_Key": "correct horse"}, None, id="passphrase-as-a-key"),
        pytest.param({"Authorization": f"Bearer {HASH}"}, None, id="the-hash-itself"),
        pytest.param({"Authorization": "Bearer correct hors"}, None, id="wrong"),
        pytest.param({"Authorization": "Bearer"}, None, id="nothing-behind-bearer"),
        pytest.param({"Authorization": "Basic Y29ycmVjdCBob3JzZQ=="}, None, id="basic"),
        pytest.param({"Authorization": "correct horse"}, None, id="no-scheme"),
        pytest.param({"Authorization": "Bearer \udcff\xff"}, None, id="no-text"),
        pytest.param({}, None, id="none"),
    ],
)
def test_callers_are_known_by_what_they_show(
    tmp_path: Path, headers: Mapping[str, str], name: str | None
) -> None:
    found = caller(make_authenticator(tmp_path, SECRETS), **headers)

    assert (None if found is None else found.name) == name


def test_a_secret_may_hold_any_character(tmp_path: Path) -> None:
    authenticate = make_authenticator(tmp_path, "- name: a\n  passphrase: grüne Wiese\n")

    # WSGI hands the bytes of a header over as Latin-1.
    assert name_of(authenticate, "grüne Wiese".encode().decode("latin-1")) == "a"


def test_entries_may_do_less_than_everything(tmp_path: Path) -> None:
    authenticate = make_authenticator(tmp_path, SECRETS)

    found = {
        shown: caller(authenticate, Authorization=f"Bearer {shown}")
        for shown in ("correct horse", "open sesame", "mlops_kJ8x")
    }

    scopes = {shown: p.scopes - {Scope.PROBE} for shown, p in found.items() if p is not None}
    assert scopes == {
        "correct horse": {Scope.PREDICT, Scope.OBSERVE, Scope.ADMIN},
        "open sesame": {Scope.PREDICT},
        "mlops_kJ8x": {Scope.OBSERVE},
    }


def test_a_hash_is_worked_out_once(tmp_path: Path) -> None:
    """With the iterations that are usual, each time would cost some tenths of a second."""
    slow = generate_password_hash("open sesame", "pbkdf2:sha256:1000000")
    authenticate = make_authenticator(tmp_path, f"- name: a\n  passphrase_hash: {slow}\n")
    assert name_of(authenticate, "open sesame") == "a"

    started = datetime.now(UTC)
    names = {name_of(authenticate, "open sesame") for _ in range(50)}

    assert names == {"a"}
    assert datetime.now(UTC) - started < timedelta(seconds=5)


@pytest.mark.parametrize("method", ["pbkdf2:sha3_256:9", "pbkdf2:sha1", "scrypt:1024:8:1"])
def test_each_hash_that_werkzeug_writes_is_taken(tmp_path: Path, method: str) -> None:
    written = generate_password_hash("open sesame", method)
    authenticate = make_authenticator(tmp_path, f"- name: a\n  passphrase_hash: {written}\n")

    assert name_of(authenticate, "open sesame") == "a"
    assert name_of(authenticate, "close sesame") is None


def test_wrong_words_are_counted_for_each_address(tmp_path: Path) -> None:
    """Right ones cost no try, whoever shows them, and a /64 of IPv6 is one address."""
    path = tmp_path / "credentials.yaml"
    words = [f"sesame number {number}" for number in range(4)]
    hashes = [generate_password_hash(word, "pbkdf2:sha256:1000") for word in words]
    path.write_text("".join(f"- {{name: a, passphrase_hash: '{one}'}}\n" for one in hashes))
    authenticate = authenticator(None, path, public=True, tries=2)

    def shown(word: str, address: str) -> Principal | None:
        return authenticate(Headers({"Authorization": f"Bearer {word}"}), address)

    assert all(shown(word, "2001:db8::1") for word in words)
    assert [shown(f"wrong {n}", f"2001:db8::{n}") for n in range(2)] == [None, None]
    assert shown("wrong 1", "2001:db8::9") is None
    with pytest.raises(TooManyRequests) as refused:
        shown("wrong 2", "2001:db8::9")
    assert dict(refused.value.get_headers())["Retry-After"] in {str(n) for n in range(1, 31)}
    for other in ("2001:db8:0:1::1", "::ffff:10.0.0.1", "::ffff:10.0.0.2", "10.0.0.3", ""):
        assert shown(f"wrong for {other}", other) is None
    assert shown(words[0], "2001:db8::1") is not None


def test_passphrases_without_a_hash_cannot_be_guessed_either(tmp_path: Path) -> None:
    """A wrong word takes a tenth of a try, once. Keys, and who was let in before, are let in."""
    path = tmp_path / "credentials.yaml"
    ways = {"open sesame": "passphrase", "close sesame": "passphrase", "mlops_kJ8xQ2vY": "api_key"}
    path.write_text("".join(f"- {{name: {word}, {way}: {word}}}\n" for word, way in ways.items()))
    authenticate = authenticator(None, path, public=True, tries=2)

    def shown(word: str, address: str = "10.0.0.1") -> str | None:
        found = authenticate.at_once(Headers({"Authorization": f"Bearer {word}"}), address)
        return None if found is None else found.name

    assert shown("open sesame") == "open sesame"
    assert {shown("an old word") for _ in range(100)} == {None}
    assert {shown(f"guess {n}") for n in range(19)} == {None}
    with pytest.raises(TooManyRequests) as refused:
        deque((shown(f"guess {n}") for n in range(19, 60)), maxlen=0)
    assert dict(refused.value.get_headers())["Retry-After"] in {"1", "2", "3"}
    with pytest.raises(TooManyRequests):
        shown("close sesame")
    known = ("open sesame", "mlops_kJ8xQ2vY", "guess 1")
    assert [shown(word) for word in known] == ["open sesame", "mlops_kJ8xQ2vY", None]
    assert shown("close sesame", "10.0.0.2") == "close sesame"
    assert shown("close sesame") == "close sesame"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "a list of entries", id="empty"),
        pytest.param("[]", "a list of entries", id="no-entries"),
        pytest.param("passphrase: secret-4711", "a list of entries", id="no-list"),
        pytest.param("- secret-4711: [", "cannot be read as YAML", id="no-yaml"),
        pytest.param("- passphrase: secret-4711", "entry 1: ", id="no-name"),
        pytest.param("- name: a", "found 0", id="no-secret"),
        pytest.param(
            "- name: a\n  passphrase: secret-4711\n  api_key: x", "found 2", id="two-secrets"
        ),
        pytest.param("- name: a\n  passphrase: 4711", "in quotes", id="number"),
        pytest.param("- name: a\n  passphrase: ''", "not empty", id="empty-secret"),
        pytest.param(
            "- name: a\n  passphrase: secret-4711\n  scope: []", "unknown keys: scope", id="key"
        ),
        pytest.param(
            "- name: a\n  passphrase: secret-4711\n  scopes: [root]", "scopes must", id="scope"
        ),
        pytest.param("- name: a\n  passphrase: x-4711", "at least 8 characters", id="short"),
        pytest.param("- name: a\n  api_key: k-4711", "at least 8 characters", id="short-key"),
        pytest.param("- name: a\n  passphrase: ' a secret-4711'", "without blanks", id="blank"),
        pytest.param("- name: a\n  passphrase_hash: secret-4711", "pbkdf2:", id="no-hash"),
        pytest.param("- name: a\n  passphrase_hash: pbkdf2:sha256:9$4711", "whole", id="cut-hash"),
        pytest.param(
            f"- name: a\n  passphrase_hash: scrypt:n$s$4711{HASH[-60:]}", "whole", id="odd-hash"
        ),
        *(
            pytest.param(
                f"- name: a\n  passphrase_hash: {method}$s${'4711' * (digits // 4)}",
                "whole",
                id=f"hash-{method}-{digits}",
            )
            for method, digits in (
                ("scrypt:5:8:1", 128),  # n is no power of 2
                ("scrypt:32768:0:1", 128),
                ("pbkdf2:sha256:0", 64),
                ("pbkdf2:sha256:99999999999", 64),
                ("pbkdf2:sha256:9", 60),
                ("pbkdf2:sha256:9", 68),
            )
        ),
        pytest.param("- name: a\n  issuer: i\n  jwks: k.json", "audience", id="no-audience"),
        pytest.param("- name: a\n  issuer: i\n  audience: b", "jwks must be", id="no-keys"),
        pytest.param(
            "- name: a\n  issuer: i\n  audience: b\n  jwks: none.json", "keys of an", id="no-file"
        ),
    ],
)
def test_a_wrong_file_is_refused_without_its_secrets(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        make_authenticator(tmp_path, text)

    assert said in str(refused.value)
    assert "4711" not in str(refused.value)


@pytest.fixture(scope="module")
def keys() -> dict[str, RSAPrivateKey]:
    return {name: generate_private_key(65537, 2048) for name in ("first", "second")}


@pytest.fixture
def issued(tmp_path: Path, keys: dict[str, RSAPrivateKey]) -> Authenticator:
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(keys, "first")))
    entry = f"- name: cloud\n  issuer: {ISSUER}\n  audience: scorer\n  jwks: jwks.json\n"
    return make_authenticator(tmp_path, entry + "- name: plain\n  passphrase: correct horse\n")


def with_keys(directory: Path, known: Any, others: str = "") -> Authenticator:
    """Return the authenticator of an issuer with a key set."""
    (directory / "jwks.json").write_text(json.dumps(known))
    entry = f"- name: cloud\n  issuer: {ISSUER}\n  audience: scorer\n  jwks: jwks.json\n"
    return make_authenticator(directory, entry + others)


Make = Callable[[Mapping[str, RSAPrivateKey]], str]
AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        pytest.param(lambda k: token(k["first"]), "cloud", id="right"),
        pytest.param(lambda k: token(k["first"], None), "cloud", id="the-only-key"),
        pytest.param(lambda k: token(k["first"], aud=["x", "scorer"]), "cloud", id="audiences"),
        pytest.param(lambda k: token(k["second"]), None, id="another-key"),
        pytest.param(lambda k: token(k["second"], "second"), None, id="unknown-key"),
        pytest.param(lambda k: token(k["first"], iss="https://evil"), None, id="issuer"),
        pytest.param(lambda k: token(k["first"], aud="other"), None, id="audience"),
        pytest.param(lambda k: token(k["first"], aud=None), None, id="no-audience"),
        pytest.param(lambda k: token(k["first"], exp=AGO), None, id="expired"),
        pytest.param(lambda k: token(k["first"], exp=None), None, id="no-expiry"),
        pytest.param(lambda _: token("x" * 32, algorithm="HS256"), None, id="shared-secret"),
        pytest.param(lambda _: token(None, algorithm="none"), None, id="unsigned"),
        pytest.param(lambda k: token(k["first"])[:-4] + "AAAA", None, id="signature"),
        pytest.param(lambda k: token(k["first"], algorithm="PS256"), None, id="not-its-algorithm"),
        pytest.param(lambda _: "a.b.c", None, id="no-token"),
        pytest.param(lambda _: "correct horse", "plain", id="passphrase-beside-it"),
    ],
)
def test_tokens_are_believed_if_everything_is_right(
    issued: Authenticator, keys: dict[str, RSAPrivateKey], make: Make, name: str | None
) -> None:
    assert name_of(issued, make(keys)) == name


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_that_names_no_algorithm_is_for_all_of_rsa(
    tmp_path: Path, keys: dict[str, RSAPrivateKey], algorithm: str
) -> None:
    """Issuers may leave `alg` out, and do."""
    known = key_set(keys, "first")
    known["keys"][0].pop("alg")
    authenticate = with_keys(tmp_path, known)

    assert name_of(authenticate, token(keys["first"], algorithm=algorithm)) == "cloud"
    assert name_of(authenticate, token(keys["second"], algorithm=algorithm)) is None
    assert name_of(authenticate, token("x" * 32, algorithm="HS256")) is None


def test_a_key_for_encryption_checks_no_signature(
    tmp_path: Path, keys: dict[str, RSAPrivateKey]
) -> None:
    known = key_set(keys, "first", "second")
    known["keys"][0]["use"] = "enc"
    authenticate = with_keys(tmp_path, known)

    found = [name_of(authenticate, token(keys[name], name)) for name in ("first", "second")]

    assert found == [None, "cloud"]


def test_a_key_set_without_a_key_for_signatures_is_refused(
    tmp_path: Path, keys: dict[str, RSAPrivateKey]
) -> None:
    known = key_set(keys, "first")
    known["keys"] += [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "of the future"}]
    known["keys"][0]["use"] = "enc"

    with pytest.raises(SettingsError, match="keys of an issuer"):
        with_keys(tmp_path, known)


def test_no_hash_is_worked_out_for_a_token(tmp_path: Path, keys: dict[str, RSAPrivateKey]) -> None:
    slow = generate_password_hash("open sesame", "pbkdf2:sha256:1000000")
    authenticate = with_keys(
        tmp_path, key_set(keys, "first"), f"- name: a\n  passphrase_hash: {slow}\n"
    )

    for number in range(5 * TRIES):
        assert name_of(authenticate, token(keys["second"], jti=str(number))) is None
    assert name_of(authenticate, "open sesame") == "a"


def test_keys_come_from_a_url_once(tmp_path: Path, keys: dict[str, RSAPrivateKey]) -> None:
    """And made-up names of keys do not make the server ask the issuer again and again."""
    asked: list[int] = []

    def content() -> Any:
        asked.append(1)
        return key_set(keys, "first")

    with key_server(content) as url:
        entry = f"- name: cloud\n  issuer: {ISSUER}\n  audience: scorer\n  jwks: {url}\n"
        authenticate = make_authenticator(tmp_path, entry)
        good = [name_of(authenticate, token(keys["first"])) for _ in range(3)]
        bad = [name_of(authenticate, token(keys["second"], f"k{n}")) for n in range(5)]

    assert good == ["cloud"] * 3
    assert bad == [None] * 5
    assert len(asked) == 1


def test_an_issuer_that_does_not_answer_is_503(
    tmp_path: Path, keys: dict[str, RSAPrivateKey]
) -> None:
    with key_server(dict) as url:
        pass
    entry = f"- name: cloud\n  issuer: {ISSUER}\n  audience: scorer\n  jwks: {url}\n"
    authenticate = make_authenticator(tmp_path, entry)

    with pytest.raises(ServiceUnavailable):
        name_of(authenticate, token(keys["first"]))


def test_old_keys_are_used_while_new_ones_cannot_be_had(keys: dict[str, RSAPrivateKey]) -> None:
    answers: list[Any] = [key_set(keys, "first")]

    def read() -> Any:
        return answers.pop()

    known = KeySet(read)
    known.load()

    assert known.named("first") is not None
    assert known.named("second") is None


def test_a_known_key_is_there_while_another_is_asked_for(keys: dict[str, RSAPrivateKey]) -> None:
    """Whoever makes up names of keys holds up no caller whose key is known."""
    asked, answer = Event(), Event()

    def read() -> Any:
        if asked.is_set():
            answer.wait(20)
        return key_set(keys, "first")

    known = KeySet(read)
    known.load()
    known._tried -= PAUSE_S  # noqa: SLF001 - as if some time had gone by
    asked.set()

    made_up = begin(lambda: known.named("made-up"))

    assert known.named("first") is not None
    assert not made_up.done()
    answer.set()
    assert made_up.result(20) is None


def test_a_token_is_checked_once(tmp_path: Path, keys: dict[str, RSAPrivateKey]) -> None:
    """Whoever shows it again is known at once, as long as it does not expire."""
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(keys, "first")))
    entry = f"- name: cloud\n  issuer: {ISSUER}\n  audience: scorer\n  jwks: jwks.json\n"
    authenticate = make_authenticator(tmp_path, entry)
    expiring = datetime.now(UTC) - timedelta(seconds=LEEWAY_S - 4)
    tokens = token(keys["first"]), token(keys["second"]), token(keys["first"], exp=expiring)
    headers = [Headers({"Authorization": f"Bearer {shown}"}) for shown in tokens]

    before = [authenticate.at_once(shown) for shown in headers]
    found = [authenticate(shown) for shown in headers]
    after = [authenticate.at_once(shown) for shown in headers[:2]]
    expired = eventually(lambda: authenticate.at_once(headers[2]) is None)

    assert before == [None] * 3
    assert [caller and caller.name for caller in found] == ["cloud", None, "cloud"]
    assert [caller and caller.name for caller in after] == ["cloud", None]
    assert expired
