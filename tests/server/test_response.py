"""The headers of answers: taken as gunicorn takes them, whether or not it is asked again."""

import socket
from collections.abc import Iterator, Sequence

import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import Response
from hypothesis import given
from hypothesis import strategies as st

from drum_like.server.response import Reply

Headers = list[tuple[str, str]]

REPEATED = ("Content-Type", "content-type", "X-Drum-Version", "X-Scoring-Contract")
OTHERS = ("X_Request_ID", "Content-Length", "Connection", "Upgrade", "Transfer-Encoding", "X Y", "")
NAMES = st.sampled_from(REPEATED + OTHERS)
VALUES = st.text("ab1 \t;=/\r\n\0é", max_size=6) | st.sampled_from(["12", "upgrade", "websocket"])


@pytest.fixture(scope="module")
def client() -> Iterator[socket.socket]:
    with socket.socket() as one:
        yield one


def taken(kind: type[Response], client: socket.socket, headers: Headers) -> Sequence[object]:
    """Return the headers that a response takes and knows, or the error and those before it."""
    cfg = Config()
    data = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    response = kind(Request(cfg, IterUnreader(iter([data])), ("127.0.0.1", 1)), client, cfg)
    try:
        response.process_headers(headers)
    except Exception as error:  # noqa: BLE001 - any is compared
        return type(error), str(error), response.headers
    return response.headers, response.response_length, response.upgrade


@given(headers=st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_headers_are_taken_as_gunicorn_takes_them(client: socket.socket, headers: Headers) -> None:
    for again in (headers, headers[::-1], headers):
        assert taken(Reply, client, again) == taken(Response, client, again)


def test_a_value_is_not_passed_for_one_that_was(client: socket.socket) -> None:
    assert taken(Reply, client, [("Content-Type", "text/csv")])[0] == [("Content-Type", "text/csv")]
    split = [("Content-Type", "text/csv\r\nX: y")]
    refused = taken(Reply, client, split)
    assert refused == taken(Response, client, split)
    assert refused[-1] == []


def test_headers_of_any_number_of_values_are_taken(client: socket.socket) -> None:
    many = [("Content-Type", f"multipart/form-data; boundary={n}") for n in range(1000)]
    assert taken(Reply, client, many)[0] == many
