"""The cycle of a request and its answer, between a connection and the application."""

import logging
from collections.abc import Callable
from io import BytesIO
from time import perf_counter
from typing import Any

from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request

from drum_like import logs
from drum_like.http.auth.admission import CALLER
from drum_like.http.requests import OVERLONG, WHOLE
from drum_like.server.client_limits import SILENCE_S
from drum_like.server.connection import Connection
from drum_like.server.request_head import Received
from drum_like.server.response import Reply, error_body, refusal
from drum_like.server.timeouts import Application

logger = logging.getLogger(__name__)

_FAILED = error_body("the server failed to answer this request")


class RequestCycle:
    """Has requests answered by an application.

    Args:
        cfg: gunicorn's settings.
        log: Gets a line for each request.
        application: WSGI.
        keeps: Called once a request; says whether its connection may stay open.
    """

    def __init__(
        self, cfg: Config, log: logs.AccessLog, application: Application, keeps: Callable[[], bool]
    ) -> None:
        self._cfg = cfg
        self._log = log
        self._application = application
        self._keeps = keeps

    def answer(
        self, connection: Connection, received: Received, before_waiting: Callable[[], None]
    ) -> None:
        """Answer a request; the connection holds the bytes left to send, and whether to go on."""
        connection.keep = False
        reply = self._reply(received.head.request, connection, before_waiting)
        environ = _environ(connection, received)
        if received.body is None:
            reply.force_close()
        else:
            environ["wsgi.input"] = BytesIO(received.body)
            environ[WHOLE] = received.body
        self._run(environ, reply, connection)

    def refuse(self, connection: Connection, error: Exception) -> None:
        """Answer a request that could not be read, unless the client does not take the answer."""
        status, answer = refusal(error)
        if isinstance(error, ParseException):
            logger.info("a request was refused: %s", status)
        else:
            logger.error("a request could not be read", exc_info=error)
        try:
            connection.sock.send(answer)
        except OSError:
            return

    def _reply(
        self, request: Request, connection: Connection, before_waiting: Callable[[], None]
    ) -> Reply:
        reply = Reply(request, connection.sock, self._cfg, before_waiting, SILENCE_S)
        if not self._keeps():
            reply.force_close()
        return reply

    def _run(self, environ: dict[str, Any], reply: Reply, connection: Connection) -> None:
        """Have the application answer; an answer that fails before its first byte is a 500."""
        logs.set_request_id("")
        began = perf_counter()
        try:
            self._send(environ, reply)
        except OSError as error:
            logger.debug("a client went away: %s", type(error).__name__)
            reply.force_close()
        except Exception:
            logger.exception("%s %s failed", reply.req.method, reply.req.path)
            reply = self._failed(reply, connection)
        self._note(reply, perf_counter() - began)
        connection.rest = reply.rest
        connection.keep = not reply.should_close()

    def _note(self, reply: Reply, duration_s: float) -> None:
        status = int(reply.status[:3]) if reply.status else 0
        request = reply.req
        self._log.write(
            logs.Access(request.method or "-", request.path or "-", status, reply.sent, duration_s)
        )

    def _send(self, environ: dict[str, Any], reply: Reply) -> None:
        parts = self._application(environ, reply.start_response)
        try:
            for part in parts:
                reply.write(part)
            reply.close()
        finally:
            if close := getattr(parts, "close", None):
                close()

    def _failed(self, reply: Reply, connection: Connection) -> Reply:
        """Return the answer 500; an answer that has begun is cut off instead."""
        if reply.begun:
            reply.force_close()
            return reply
        instead = Reply(reply.req, connection.sock, self._cfg, lambda: None, SILENCE_S)
        instead.force_close()
        fields = [("Content-Type", "application/json"), ("Content-Length", str(len(_FAILED)))]
        instead.start_response("500 Internal Server Error", fields)
        instead.write(_FAILED)
        instead.close()
        return instead


def _environ(connection: Connection, received: Received) -> dict[str, Any]:
    environ = dict(received.head.environ)
    environ["gunicorn.socket"] = connection.sock
    environ["REMOTE_PORT"] = str(connection.peer[1])
    environ["wsgi.input"] = BytesIO()
    if received.caller is not None:
        environ[CALLER] = received.caller
    if received.is_overlong:
        environ[OVERLONG] = True
    return environ
