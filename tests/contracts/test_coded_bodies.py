"""Compressed bodies: expanded within limits, or refused in the form of their route's contract."""

import gzip
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psutil
import pyarrow as pa
import pytest

from tests.support.http_calls import Part, Reply, call, form
from tests.support.models import ONE_WORKER, REG
from tests.support.parquet_payloads import saved
from tests.support.raw_clients import whole
from tests.support.serving import Server, serve
from tests.support.wallaroo_api import Api

ROWS = b"a\n1.5\n"
CSV = "text/csv"
JSON = "application/json"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    extension = """
import gzip
from flask import request


def init_app(app):
    @app.post("/unpacks")
    def unpacks():
        return gzip.decompress(request.get_data())
"""
    directory = REG.plus(custom_flask_py=extension).write(
        tmp_path_factory.mktemp("models") / "coded"
    )
    with serve(directory, *REG.flags, *ONE_WORKER, "--passphrase", "open sesame") as running:
        yield running


def post(server: Server, path: str, body: bytes, **headers: str) -> Reply:
    """POST as somebody who may."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"Content-Type": CSV, "Authorization": "Bearer open sesame", **named}
    return call(server.url, "POST", path, body=body, headers=named)


FORMS: Mapping[str, Any] = {
    "/predict/": lambda text: {"message": f"ERROR: 415 Unsupported Media Type: {text}"},
    "/predictUnstructured/": lambda text: {"message": f"ERROR: 415 Unsupported Media Type: {text}"},
    "/invocations": lambda text: {"message": f"ERROR: 415 Unsupported Media Type: {text}"},
    "/v1/chat/completions": lambda text: {"message": f"ERROR: 415 Unsupported Media Type: {text}"},
    "/model/score": lambda text: {"detail": text},
    "/dep/model/contribution": lambda text: {"detail": text},
    "/invocate": lambda text: {"detail": text},
    "/response": lambda text: {"detail": text},
}


@pytest.mark.parametrize("path", FORMS)
def test_each_contract_says_it_in_its_form(server: Server, path: str) -> None:
    reply = post(server, path, ROWS, Content_Encoding="br")

    assert reply.status == 415
    assert reply.json() == FORMS[path](
        "the body is coded: Content-Encoding is br, which this server does not read; send the "
        "body as it is, without Content-Encoding, or with one Content-Encoding of gzip, deflate, "
        "zstd"
    )
    assert reply.headers["Accept-Encoding"] == "gzip, deflate, zstd"


def zstd(body: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(body).to_pybytes()
    return packed


def bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def members(body: bytes) -> bytes:
    return gzip.compress(body[:3]) + gzip.compress(b"") + gzip.compress(body[3:])


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("X-GZip", gzip.compress),
        ("gzip", members),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
        ("zstd", zstd),
        ("identity, zstd", lambda body: zstd(body[:3]) + zstd(body[3:])),
    ],
)
def test_a_compressed_body_is_expanded(
    server: Server, coding: str, pack: Callable[[bytes], bytes], *, chunked: bool
) -> None:
    packed = pack(ROWS)
    headers = {
        "Content-Type": CSV,
        "Authorization": "Bearer open sesame",
        "Content-Encoding": coding,
    }

    body = [packed[:5], packed[5:]] if chunked else packed
    reply = call(server.url, "POST", "/predict/", body=body, headers=headers)

    assert reply.json() == {"predictions": [1.5]}


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/model/score", JSON, b'{"fields":["a"],"rows":[["1.5"]]}'),
        ("/invocations", JSON, b'{"model_id":"coded","instances":[{"a":1.5}]}'),
        ("/predict/", "multipart/form-data; boundary=b", None),
    ],
)
def test_every_contract_reads_it(
    server: Server, path: str, content_type: str, body: bytes | None
) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="X"; filename="x.csv"\r\n\r\n'
    body = part + ROWS + b"\r\n--b--\r\n" if body is None else body

    plain = post(server, path, body, Content_Type=content_type)
    coded = post(
        server, path, gzip.compress(body), Content_Type=content_type, Content_Encoding="gzip"
    )

    assert plain.status == 200
    assert (coded.status, coded.json()) == (200, plain.json())


def bomb(coding: str) -> bytes:
    zeros = bytes(100 << 20)
    return zstd(zeros) if coding == "zstd" else gzip.compress(zeros)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_bomb_is_not_expanded_in_full(server: Server, coding: str) -> None:
    """Z-02: at most 100 bytes for one."""
    packed = bomb(coding)

    times = []
    for _ in range(3):
        began = time.monotonic()
        reply = post(server, "/predict/", packed, Content_Encoding=coding)
        times.append(time.monotonic() - began)

    assert reply.status == 413
    assert "--max-expansion" in reply.message
    assert min(times) < 0.5


def test_a_window_that_takes_much_memory_is_refused(server: Server) -> None:
    """Z-08: the head of a frame that asks for 2 GiB."""
    reply = post(
        server, "/predict/", b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", Content_Encoding="zstd"
    )

    assert reply.status == 413
    assert "window" in reply.message


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = REG.write(tmp_path_factory.mktemp("tight"))
    limits = ("--max-expanded-mb", "1", "--max-expansion", "1000")
    with serve(directory, *REG.flags, *ONE_WORKER, *limits) as running:
        yield running


@pytest.mark.parametrize(("n_rows", "status"), [((1 << 19) - 1, 200), (1 << 19, 413)])
def test_the_size_is_limited(tight: Server, n_rows: int, status: int) -> None:
    packed = gzip.compress(b"a\n" + b"1\n" * n_rows)

    reply = post(tight, "/predict/", packed, Content_Encoding="gzip")

    assert reply.status == status
    assert status == 200 or "--max-expanded-mb" in reply.message


# The time of day in a header would give the tests other names in each process.
@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(ROWS, mtime=0)[:-3]),
        ("gzip", gzip.compress(ROWS, mtime=0)[:12]),
        ("gzip", gzip.compress(ROWS, mtime=0)[:-6] + b"\0" * 6),
        ("gzip", gzip.compress(ROWS, mtime=0) + b"garbage"),
        ("gzip", ROWS),
        ("gzip", gzip.compress(b"", mtime=0) * 10_001),
        ("deflate", zlib.compress(ROWS)[:-1]),
        ("deflate", ROWS),
        ("zstd", zstd(ROWS)[:-1]),
        ("zstd", zstd(ROWS) + b"garbage"),
        ("zstd", ROWS),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("zstd", gzip.compress(ROWS, mtime=0)),
    ],
)
def test_a_damaged_body_is_refused(server: Server, coding: str, packed: bytes) -> None:
    """Z-04 and Z-05."""
    reply = post(server, "/predict/", packed, Content_Encoding=coding)

    assert reply.status == 400
    assert "the compressed body" in reply.message


def test_what_is_packed_twice_is_data(server: Server) -> None:
    """Z-03."""
    twice = gzip.compress(gzip.compress(ROWS))

    assert post(server, "/predict/", twice, Content_Encoding="gzip").status == 422


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_noise_is_refused(server: Server, coding: str) -> None:
    replies = [
        post(server, "/predict/", os.urandom(50), Content_Encoding=coding) for _ in range(50)
    ]

    assert {reply.status for reply in replies} <= {400, 413}


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("models/upload", {"msg", "code"}),
        ("models/upload_stream", {"msg", "code"}),
        ("workspaces/list", {"msg", "code"}),
        ("pipelines/infer/a-1/a", {"code", "status", "error", "source"}),
    ],
)
def test_wallaroo_says_it_in_its_forms(store_api: Api, path: str, form: set[str]) -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": "br"}

    reply = call(store_api.server.url, "POST", f"/v1/api/{path}", body=b"{}", headers=headers)

    assert reply.status == 415
    assert reply.json().keys() == form
    assert reply.json()["code"] == 415
    assert "is br, which" in reply.text


@pytest.mark.parametrize(
    ("coding", "named"),
    [
        ("gzip, gzip", "gzip, gzip"),
        ("gzip, BR", "gzip, br"),
        ("identity, br", "br"),
        ("compress", "compress"),
        ("x" * 41, "(malformed)"),
        ("<script>", "(malformed)"),
    ],
)
def test_the_coding_is_named(server: Server, coding: str, named: str) -> None:
    reply = post(server, "/predict/", ROWS, Content_Encoding=coding)

    assert reply.status == 415
    assert f"Content-Encoding is {named}, which" in reply.message


@pytest.mark.parametrize("coding", ["identity", "", " Identity ", "identity, identity", ","])
def test_a_body_as_it_is_may_say_so(server: Server, coding: str) -> None:
    assert post(server, "/predict/", ROWS, Content_Encoding=coding).json() == {"predictions": [1.5]}


def test_chunks_may_hold_a_coded_body_no_more_than_others(server: Server) -> None:
    chunks = [ROWS[:3], ROWS[3:]]
    headers = {"Content-Type": CSV, "Authorization": "Bearer open sesame"}

    plain = call(server.url, "POST", "/predict/", body=chunks, headers=headers)
    coded = call(
        server.url, "POST", "/predict/", body=chunks, headers={**headers, "Content-Encoding": "br"}
    )

    assert plain.json() == {"predictions": [1.5]}
    assert coded.status == 415


@pytest.mark.parametrize(
    ("path", "coding", "said"),
    [
        ("/predict/", "gzip, chunked", b'{"message":"ERROR: 415 Unsupported Media Type: the body '),
        ("/predict/", "deflate, chunked", b"Transfer-Encoding is deflate, chunked, which"),
        ("/model/score", "gzip, chunked", b'{"detail":"the body is coded: Transfer-Encoding is gz'),
        (
            "/predict/",
            "br, chunked",
            b'{"message":"ERROR: the body is coded: Transfer-Encoding is ',
        ),
    ],
)
def test_coded_chunks_are_refused_unread(
    server: Server, path: str, coding: str, said: bytes
) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {CSV}\r\n"
        f"Authorization: Bearer open sesame\r\nTransfer-Encoding: {coding}\r\n\r\n"
    )
    with server.connect() as client:
        client.sendall(head.encode())
        answer = whole(client)

    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert said in answer


def test_a_stranger_is_not_told(server: Server) -> None:
    reply = post(server, "/predict/", ROWS, Content_Encoding="gzip", Authorization="Bearer wrong")

    assert reply.status == 401


def test_without_a_body_nothing_is_coded(server: Server) -> None:
    headers = {"Authorization": "Bearer open sesame", "Content-Encoding": "gzip"}

    assert call(server.url, "GET", "/info/", headers=headers).status == 200


def test_a_route_of_the_model_reads_what_it_likes(server: Server) -> None:
    reply = post(server, "/unpacks", gzip.compress(b"inside"), Content_Encoding="gzip")

    assert (reply.status, reply.text) == (200, "inside")


def send_file(server: Server, name: str, body: bytes) -> Reply:
    parts, kind = form(Part("X", body, name))
    return post(server, "/predict/", parts, Content_Type=kind)


PARQUET_ROWS = saved(pa.table({"a": [1.5]}))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("rows.csv.gz", gzip.compress(ROWS, mtime=0)),
        ("rows.CSV.GZ", gzip.compress(ROWS, mtime=0)),
        ("rows.csv.zst", zstd(ROWS)),
        ("rows.parquet", PARQUET_ROWS),
        ("rows.parquet.gz", gzip.compress(PARQUET_ROWS, mtime=0)),
        ("rows.parquet.zst", zstd(PARQUET_ROWS)),
    ],
)
def test_a_file_of_a_form_may_be_compressed(server: Server, name: str, body: bytes) -> None:
    reply = send_file(server, name, body)

    assert (reply.status, reply.json()) == (200, {"predictions": [1.5]})


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("rows.csv.gz", ROWS, 400),
        ("rows.csv.gz", zstd(ROWS), 400),
        ("rows.csv.gz", gzip.compress(ROWS, mtime=0)[:-3], 400),
        ("rows.csv.zst", zstd(ROWS)[:-1], 400),
        ("rows.csv.zst", b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 413),
        ("rows.csv", gzip.compress(ROWS, mtime=0), 422),
    ],
)
def test_a_damaged_file_of_a_form_is_refused(
    server: Server, name: str, body: bytes, status: int
) -> None:
    assert send_file(server, name, body).status == status


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("as_file", [False, True])
def test_a_bomb_takes_no_memory(server: Server, coding: str, *, as_file: bool) -> None:
    """100 MiB of zeros: within half a second, and 70 MiB."""
    packed = bomb(coding)
    warm = gzip.compress(ROWS) if coding == "gzip" else zstd(ROWS)
    suffix = "gz" if coding == "gzip" else "zst"
    assert send_file(server, f"rows.csv.{suffix}", warm).status == 200
    stats = call(server.url, "GET", "/stats/", headers={"Authorization": "Bearer open sesame"})
    worker = psutil.Process(stats.json()["drum_info"][0]["pid"])
    before = worker.memory_info().rss

    times = []
    for _ in range(3):
        began = time.monotonic()
        if as_file:
            reply = send_file(server, f"rows.csv.{suffix}", packed)
        else:
            reply = post(server, "/predict/", packed, Content_Encoding=coding)
        times.append(time.monotonic() - began)
        assert reply.status == 413
        assert "--max-expansion" in reply.message

    assert min(times) < 0.5
    assert worker.memory_info().rss - before < 70 << 20


@pytest.mark.parametrize(("n_rows", "status"), [((1 << 19) - 1, 200), (1 << 19, 413)])
def test_the_size_of_a_file_is_limited(tight: Server, n_rows: int, status: int) -> None:
    reply = send_file(tight, "rows.csv.gz", gzip.compress(b"a\n" + b"1\n" * n_rows))

    assert reply.status == status


@pytest.mark.parametrize(("log", "status"), [(23, 200), (24, 413)])
def test_a_window_of_8_mib_is_read(server: Server, log: int, status: int) -> None:
    """The head of a frame says the size of its window; the rows stand in a raw block."""
    head = b"\x28\xb5\x2f\xfd\x00" + bytes([(log - 10) << 3])
    block = (len(ROWS) << 3 | 1).to_bytes(3, "little")

    reply = post(server, "/predict/", head + block + ROWS, Content_Encoding="zstd")

    assert reply.status == status


def test_a_bomb_below_a_mebibyte_is_data(server: Server) -> None:
    """Below a MiB the ratio does not count."""
    packed = gzip.compress(b"a\n" + b"1\n" * 500_000)
    assert len(packed) * 100 < 1_000_000

    assert post(server, "/predict/", packed, Content_Encoding="gzip").status == 200
