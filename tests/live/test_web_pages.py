"""Web pages of others: they change nothing, and reach no server that is private to its machine."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

import pytest

from tests.live.steered import eventually
from tests.support.http_calls import Part, Reply, call, form
from tests.support.models import ONE_WORKER, REG
from tests.support.raw_clients import whole
from tests.support.serving import Server, serve, start_failure
from tests.support.wallaroo_api import sums, version_id

JSON = {"Content-Type": "application/json"}
CREATE = "/v1/api/workspaces/create"
UPLOAD = "/v1/api/models/upload"
STREAM = (
    "/v1/api/models/upload_stream?name=streamed&filename=m.onnx&visibility=private&workspace_id=1"
)

OWN_HOSTS = (
    *("127.0.0.1", "127.0.0.1:6789", "127.8.8.8:80", "localhost", "LocalHost:6789", "localhost."),
    *("a.localhost:1", "[::1]", "[::1]:6789", "[0:0:0:0:0:0:0:1]:6789", "[::ffff:127.0.0.1]"),
    *("127.1:6789", "2130706433", "0x7f.1", "localhost:"),
)
OTHER_HOSTS = (
    *("evil.example", "evil.example:6789", "127.0.0.1.evil.example", "localhost.evil.example"),
    *("evillocalhost", "localhost..", "10.0.0.1:6789", "0.0.0.0:6789", "128.1", "[::2]:6789"),
    *("host.docker.internal:6789", "[::ffff:10.0.0.1]", "cafe", "x" * 4000, ""),
)
NO_HOSTS = ("evil.example@127.0.0.1", "127.0.0.1/", "127.0.0.1?", "a b", "localhost,evil", "::1")
FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:1"},
    {"Origin": "http://localhost:6789.evil.example"},
    {"Origin": "http://localhost:6789,http://evil.example"},
    {"Origin": "http://localhost:6789@evil.example"},
    {"Origin": "http://127.0.0.1:6789"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin,cross-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:6789"},
)
OWN: tuple[Mapping[str, str], ...] = (
    {},
    {"Origin": "http://localhost:6789"},
    {"Origin": "HTTP://LOCALHOST:6789"},
    {"Origin": "http://localhost.:6789"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:6789"},
    {"Sec-Fetch-Site": "none"},
)
PAGE_TYPES = (
    *("text/plain", "TEXT/Plain;charset=utf-8", " text/plain ; a=b"),
    *("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"),
)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the loopback interface, without credentials, with a store."""
    root = tmp_path_factory.mktemp("private")
    with serve(REG.write(root / "m"), *REG.flags, *ONE_WORKER, *stored(root)) as running:
        yield running


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that other machines reach, without credentials, with a store."""
    root = tmp_path_factory.mktemp("public")
    flags = (*REG.flags, *ONE_WORKER, *stored(root), "--address", "0.0.0.0:0")
    with serve(REG.write(root / "m"), *flags) as running:
        yield running


def stored(root: Path) -> tuple[str, ...]:
    return ("--store", str(root / "store"), "--contracts", "probes,drum,projects,wallaroo")


NUMBERS = count()


def create(server: Server, kind: str = "application/json", **headers: str) -> Reply:
    """Ask for a new workspace."""
    body = json.dumps({"workspace_name": f"w-{next(NUMBERS)}"})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(server.url, "POST", CREATE, body=body, headers={"Content-Type": kind, **named})


def n_workspaces(server: Server) -> int:
    reply = call(server.url, "POST", "/v1/api/workspaces/list", body="{}", headers=JSON)
    return len(reply.json()["workspaces"])


def predict(server: Server, **headers: str) -> Reply:
    return server.post("/predict/", "a\n1.5\n", "text/csv", **headers)


def answered(server: Server, head: str) -> bytes:
    """Return the answer to a head as it is written here."""
    with server.connect() as client:
        client.sendall(f"{head}Connection: close\r\n\r\n".encode())
        return whole(client)


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_a_private_server_answers_for_the_loopback_interface(private: Server, host: str) -> None:
    assert predict(private, Host=host).json() == {"predictions": [1.5]}
    assert create(private, Host=host).status == 200


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_private_server_answers_for_no_other_host(private: Server, host: str) -> None:
    """A page may have any name for an address, and then read all that it answers."""
    before = n_workspaces(private)
    replies = [
        predict(private, Host=host),
        create(private, Host=host),
        *(private.get(path, Host=host) for path in ("/livez", "/ping/", "/info/", "/", "/no")),
        call(private.url, "OPTIONS", "/predict/", headers={"Host": host}),
        call(private.url, "HEAD", "/info/", headers={"Host": host}),
    ]

    assert [reply.status for reply in replies] == [403] * len(replies)
    assert "--allowed-hosts" in replies[0].message
    assert not host or host not in replies[0].text
    assert n_workspaces(private) == before


@pytest.mark.parametrize("host", NO_HOSTS)
def test_a_malformed_host_is_400(private: Server, host: str) -> None:
    reply = predict(private, Host=host)

    assert (reply.status, "Host" in reply.message) == (400, True)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param("GET /ping/ HTTP/1.1\r\n", 400, id="none"),
        pytest.param("GET /ping/ HTTP/1.0\r\n", 200, id="none-1.0"),
        pytest.param("GET http://localhost/ping/ HTTP/1.1\r\nHost: LOCALHOST:80\r\n", 200, id="as"),
        pytest.param("GET http://u:p@localhost:1?a HTTP/1.1\r\nHost: localhost:1\r\n", 200, id="u"),
        pytest.param("GET http://evil/ping/ HTTP/1.1\r\nHost: localhost\r\n", 400, id="target"),
        pytest.param("GET http://evil/ping/ HTTP/1.1\r\nHost: evil\r\n", 403, id="both"),
        pytest.param("GET http://localhost/ping/ HTTP/1.1\r\nHost: evil\r\n", 400, id="host"),
        pytest.param("GET http://localhost:1/ HTTP/1.1\r\nHost: localhost:2\r\n", 400, id="port"),
        pytest.param("GET http:///ping/ HTTP/1.1\r\nHost: localhost\r\n", 400, id="no-target"),
        pytest.param("GET /ping/?at=http://evil/ HTTP/1.1\r\nHost: localhost\r\n", 200, id="query"),
        pytest.param("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", 404, id="asterisk"),
    ],
)
def test_requests_name_their_host_once(private: Server, head: str, status: int) -> None:
    assert answered(private, head).split(b" ", 2)[1] == b"%d" % status


def test_a_body_for_another_host_is_not_read(private: Server) -> None:
    head = f"POST {UPLOAD} HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000000000\r\n"

    assert answered(private, head).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", ""])
def test_pages_of_others_change_nothing(
    private: Server, headers: Mapping[str, str], kind: str
) -> None:
    before = n_workspaces(private)
    reply = create(private, kind, Host="localhost:6789", **headers)

    assert reply.status == 403
    assert "web page" in reply.text
    assert n_workspaces(private) == before


@pytest.mark.parametrize("headers", OWN)
def test_programs_and_own_pages_change_what_they_like(
    private: Server, headers: Mapping[str, str]
) -> None:
    before = n_workspaces(private)

    assert create(private, Host="localhost:6789", **headers).status == 200
    assert n_workspaces(private) == before + 1


@pytest.mark.parametrize("kind", PAGE_TYPES)
def test_text_and_forms_change_nothing(private: Server, kind: str) -> None:
    before = n_workspaces(private)
    reply = create(private, kind)

    assert reply.status == 415
    assert "application/json" in reply.text
    assert n_workspaces(private) == before


@pytest.mark.parametrize("page", FOREIGN[:1] + FOREIGN[9:10])
def test_uploads_need_no_header_of_a_browser_but_none_of_another_site(
    private: Server, page: Mapping[str, str]
) -> None:
    metadata = {"name": "m", "workspace_id": 1, "conversion": {"framework": "onnx"}}
    parts = (Part("metadata", json.dumps(metadata), None), Part("file", sums(), "m.onnx"))
    body, kind = form(*parts)
    raw = {"Content-Type": "application/octet-stream"}

    refused = [
        call(private.url, "POST", UPLOAD, body=body, headers={"Content-Type": kind, **page}),
        call(private.url, "POST", STREAM, body=sums(), headers={**raw, **page}),
    ]
    unread = answered(private, _long_upload(page))
    uploaded = call(private.url, "POST", UPLOAD, body=body, headers={"Content-Type": kind})
    streamed = call(private.url, "POST", STREAM, body=sums(), headers=raw)

    assert [reply.status for reply in refused] == [403, 403]
    assert unread.startswith(b"HTTP/1.1 403 ")
    assert (uploaded.status, streamed.status) == (200, 200)
    version = json.dumps({"model_id": version_id(uploaded)})
    gone = call(
        private.url, "POST", "/v1/api/models/delete_model", body=version,
        headers={**JSON, "Content-Type": "text/plain"},
    )  # fmt: skip
    assert gone.status == 415


def _long_upload(page: Mapping[str, str]) -> str:
    """Return a head whose body never comes."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in page.items())
    return f"POST {UPLOAD} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n{fields}"


@pytest.mark.parametrize("field", ["X-Forwarded-For", "Forwarded", "x-forwarded-for"])
@pytest.mark.parametrize("value", ["127.0.0.1", "10.0.0.1, 127.0.0.1", "for=127.0.0.1", ""])
def test_a_forwarded_request_is_not_from_this_machine(
    private: Server, field: str, value: str
) -> None:
    before = n_workspaces(private)

    assert create(private, **{field: value}).status == 403
    assert predict(private, **{field: value}).status == 200
    assert n_workspaces(private) == before


@pytest.mark.parametrize("page", FOREIGN)
def test_a_page_may_ask_for_predictions_but_not_read_them(
    private: Server, page: Mapping[str, str]
) -> None:
    asked = predict(private, Host="localhost:6789", **page)
    preflight = {**page, "Access-Control-Request-Method": "POST"}
    allowed = call(private.url, "OPTIONS", CREATE, headers=preflight)

    assert asked.status == 200
    for reply in (asked, allowed):
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]


def test_a_public_server_warns_predicts_and_changes_nothing(public: Server) -> None:
    assert eventually(lambda: "no credential is configured: anyone who reaches" in public.log())
    assert predict(public).json() == {"predictions": [1.5]}
    assert create(public).status == 403
    deleted = call(public.url, "DELETE", "/api/v1/mlrun-runtime/configurations/x")
    assert deleted.status == 403
    assert n_workspaces(public) == 1


@pytest.mark.parametrize("host", OWN_HOSTS[:2] + OTHER_HOSTS[:5] + OTHER_HOSTS[6:-2])
def test_a_public_server_answers_for_every_host(public: Server, host: str) -> None:
    assert predict(public, Host=host).status == 200
    assert create(public, Host=host).status == 403


@pytest.mark.parametrize("address", ["127.0.0.1:0", "0.0.0.0:0"])
def test_the_operator_says_which_hosts_are_answered_for(tmp_path: Path, address: str) -> None:
    hosts = "models.example,Host.Docker.Internal.,[2001:db8::1]"
    flags = (*REG.flags, *ONE_WORKER, "--allowed-hosts", hosts, "--address", address)
    named = ("models.example:8080", "MODELS.example", "host.docker.internal:1", "[2001:DB8::1]:2")
    with serve(REG.write(tmp_path), *flags) as server:
        answered_for = [predict(server, Host=host).status for host in (*named, "127.0.0.1:8080")]
        others = [
            predict(server, Host=host).status for host in ("evil.example", "a.models.example")
        ]
        probed = server.get("/readyz", Host="10.1.2.3:8080").status

    assert answered_for == [200] * 5
    assert others == [403, 403]
    # Orchestrators call probes by the address of the container.
    assert probed == (403 if address.startswith("127") else 200)


@pytest.mark.parametrize("hosts", ["http://models.example", "models.example:80", "*", "a b", ":1"])
def test_hosts_have_no_scheme_and_no_port(tmp_path: Path, hosts: str) -> None:
    done = start_failure(REG.write(tmp_path), *REG.flags, "--allowed-hosts", hosts)

    assert done.returncode == 2
    assert "--allowed-hosts: must be names or addresses of hosts" in done.stderr


def test_who_shows_a_credential_may_name_any_host(tmp_path: Path) -> None:
    """No page of others has one; but for a change it must not come from such a page either."""
    env = {"DRUM_LIKE_PASSPHRASE": "correct horse"}
    known = {"Authorization": "Bearer correct horse"}
    flags = (*REG.flags, *ONE_WORKER, *stored(tmp_path))
    with serve(REG.write(tmp_path / "m"), *flags, env=env) as server:
        found = {
            "predicted": predict(server, Host="evil.example", **known),
            "changed": create(server, Host="models.example", X_Forwarded_For="10.0.0.1", **known),
            "foreign": create(server, Origin="https://evil.example", **known),
            "unknown": create(server, Origin="https://evil.example"),
        }

    statuses = {name: reply.status for name, reply in found.items()}
    assert statuses == {"predicted": 200, "changed": 200, "foreign": 403, "unknown": 401}
