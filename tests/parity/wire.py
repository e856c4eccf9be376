"""One request over one connection of its own."""

import http.client
from urllib.parse import urlsplit

from tests.parity.values import Answer, Request

REQUEST_ID = "parity-1"


def send(address: str, request: Request, timeout_s: float = 60.0) -> Answer:
    """Return the server's answer, and for a 308 also the one at its Location.

    A fixed X-Request-ID goes along unless the request has its own, so that the echo can be
    compared.
    """
    answer = _exchange(address, request, timeout_s)
    location = answer.header("location")
    if answer.status != http.client.PERMANENT_REDIRECT or location is None:
        return answer
    target = urlsplit(location)
    path = target.path + (f"?{target.query}" if target.query else "")
    moved = Request(request.method, path, request.headers, request.body, request.chunked)
    return Answer(answer.status, answer.headers, answer.body, _exchange(address, moved, timeout_s))


def _exchange(address: str, request: Request, timeout_s: float) -> Answer:
    connection = http.client.HTTPConnection(address, timeout=timeout_s)
    try:
        _write(connection, request)
        response = connection.getresponse()
        body = response.read()
    except (http.client.HTTPException, OSError) as error:
        return Answer(0, (), f"no answer: {error!r}".encode())
    finally:
        connection.close()
    headers = tuple((name.lower(), value) for name, value in response.getheaders())
    return Answer(response.status, headers, body)


def _write(connection: http.client.HTTPConnection, request: Request) -> None:
    connection.putrequest(request.method, request.path, skip_accept_encoding=True)
    names = {name.lower() for name, _ in request.headers}
    if not names & {"x-request-id", "x_request_id"}:
        connection.putheader("X-Request-ID", REQUEST_ID)
    for name, value in request.headers:
        connection.putheader(name, value)
    if request.chunked:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(iter([request.body]), encode_chunked=True)
        return
    if request.method != "GET" or request.body:
        connection.putheader("Content-Length", str(len(request.body)))
    connection.endheaders(request.body or None)
