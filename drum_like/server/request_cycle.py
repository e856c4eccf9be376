"""The cycle of a request and its answer, between a connection and the application."""

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from time import perf_counter
from typing import Any

from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request

from drum_like import logs
from drum_like.errors import lacks_memory
from drum_like.http.auth.authenticator import CALLER
from drum_like.http.refusals import ServerRefusal
from drum_like.http.requests import HOLD, LACKED_MEMORY, OWN_TRACE, UNREAD, WHOLE
from drum_like.server.connection import Connection, Stream
from drum_like.server.refusals import plain, refusal
from drum_like.server.request_head import Received
from drum_like.server.request_metrics import RequestMetrics
from drum_like.server.response import Reply
from drum_like.server.timeouts import Timed, late_status
from drum_like.system.marks import MARKS, RequestMarks
from drum_like.system.metrics import ERRORS, kind_of

logger = logging.getLogger(__name__)

_SLICE_S = 0.05
"""Time for which parts of a stream are asked for, before those of others are."""

_LONG_S = 0.1
"""Seconds that an answer takes before the server asks whether its client has left."""

_NO_PARTS: Iterator[bytes] = iter(())

_FAILED = "the server failed to answer this request"
_BUSY = "the server is busy: other requests came first; try again later"


@dataclass(slots=True, eq=False)
class Exchange:
    """A request whose answer is being made.

    Attributes:
        connection: The connection with its client.
        reply: The answer.
        environ: WSGI's variables.
        context: The context that the application runs in, whatever the thread.
        marks: Its marks; its time begins when the application was called.
        body: The answer as the application returned it, None before.
        parts: The parts of it that have not been asked for.
    """

    connection: Connection
    reply: Reply
    environ: dict[str, Any]
    context: Context
    marks: RequestMarks
    body: Iterable[bytes] | None = None
    parts: Iterator[bytes] = _NO_PARTS


Record = Callable[[logs.Access, Mapping[str, Any], RequestMarks], None]
"""Records a request: its line in the access log, WSGI's variables, and its marks."""


@dataclass(frozen=True, slots=True)
class CycleCallbacks:
    """The worker's part in the answers.

    Attributes:
        keeps: Called once a request; says whether its connection may stay open.
        recycle: Called after an answer for which memory ran short.
        record: Records a request that has ended; None for no records but the log.
    """

    keeps: Callable[[], bool]
    recycle: Callable[[], None]
    record: Record | None = None


class RequestCycle:
    """Has requests answered by an application.

    Args:
        cfg: gunicorn's settings.
        log: Gets a line for each request.
        application: WSGI; makes the server's own answers, too.
        callbacks: The worker's part.
    """

    def __init__(
        self,
        cfg: Config,
        log: logs.AccessLog,
        application: Timed,
        callbacks: CycleCallbacks,
    ) -> None:
        self._cfg, self._log = cfg, log
        self._application, self._record = application, callbacks.record
        self._keeps, self._recycle = callbacks.keeps, callbacks.recycle
        self._metrics = RequestMetrics()
        self._is_disowned = False

    def answer(self, connection: Connection, received: Received) -> None:
        """Answer a request, or begin to; the connection holds what is left to do."""
        connection.keep = False
        reply = self._reply(received.head.request, connection)
        environ = _environ(connection, received)
        if received.body is None:
            reply.force_close()
        elif received.file is not None:
            environ["wsgi.input"] = received.file
        else:
            environ["wsgi.input"] = BytesIO(received.body)
            environ[WHOLE] = received.body
        if self._record is not None:
            environ[OWN_TRACE] = logs.new_trace()
        # Flask takes back in a context what it has set there, also when another thread goes on.
        context = copy_context()
        marks = RequestMarks(perf_counter(), received.read_s, received.queue_s)
        context.run(MARKS.set, marks)
        context.run(self._run, Exchange(connection, reply, environ, context, marks), self._send)

    def disown(self) -> None:
        """Leave, in a forked child, where the application returns."""
        self._is_disowned = True

    def refuse(self, connection: Connection, error: Exception) -> None:
        """Answer a request that could not be read, unless the client does not take the answer."""
        refused, head = refusal(error), connection.reader.head
        ERRORS.add(kind_of(type(error).__name__))
        if isinstance(error, ParseException):
            logger.info("a request was refused: %s", refused.code)
        else:
            logger.error("a request could not be read", exc_info=error)
        refuse = plain if head is None else self._application.refuse
        answer = refuse({} if head is None else head.environ, refused)
        self._metrics.count(RequestMarks(perf_counter()), answer.asked, str(refused.code))
        try:
            connection.sock.send(answer.last())
        except OSError:
            return

    def turn_away(self, connection: Connection, received: Received, excess_s: float) -> None:
        """Answer 503 to a request that would wait too long; its client may go on."""
        reply = Reply(received.head.request, connection.sock, self._cfg)
        if received.body is None or not self._cfg.keepalive:
            reply.force_close()
        busy = ServerRefusal(503, _BUSY, retry_s=max(1, math.ceil(excess_s)))
        answer = self._application.refuse(received.head.environ, busy)
        reply.start_response(answer.status, answer.headers)
        ERRORS.add("busy")
        parts, marks = [answer.body], RequestMarks(perf_counter())
        environ, context = {**answer.asked}, answer.context
        if self._record is not None and context.run(logs.get_trace) is None:
            context = context.copy()  # the answer may be kept for others
            environ[OWN_TRACE] = logs.new_trace()
            context.run(logs.set_trace, environ[OWN_TRACE])
        exchange = Exchange(connection, reply, environ, context, marks, parts, iter(parts))
        exchange.context.run(self._run, exchange, self._send)

    def drop(self, received: Received, waited_s: float) -> None:
        """Log a request whose client left while it waited."""
        request, status = received.head.request, logs.CLIENT_LEFT
        left = logs.Access(request.method or "-", request.path or "-", status, 0, waited_s)
        self._log.write(left)
        ERRORS.add("client_left")
        self._metrics.count(RequestMarks(perf_counter()), {}, str(status))

    def _reply(self, request: Request, connection: Connection) -> Reply:
        reply = Reply(request, connection.sock, self._cfg)
        if not self._keeps():
            reply.force_close()
        return reply

    def _run(self, exchange: Exchange, step: Callable[[Exchange], bool]) -> None:
        """Take a step of an answer; one that fails before its first byte is a 500, or a 503."""
        connection, reply = exchange.connection, exchange.reply
        is_done, is_lost = True, False
        try:
            is_done = step(exchange)
        except OSError as error:
            logger.debug("a client went away: %s", type(error).__name__)
            is_lost = True
        except BaseException as error:  # also SystemExit: a thread outlives what it calls
            logger.exception("%s %s failed", reply.req.method, reply.req.path)
            exchange.reply = reply = self._failed(exchange, error)
        if self._is_disowned:
            os._exit(0)  # the application has forked a child: its answer is not wanted
        connection.rest = reply.rest
        if is_done:
            self._finish(exchange, is_lost=is_lost)
        elif connection.stream is None:
            run = exchange.context.run
            connection.stream = Stream(
                go_on=partial(run, self._run, exchange, self._go_on),
                close=partial(run, self._run, exchange, self._abandon),
            )

    def _finish(self, exchange: Exchange, *, is_lost: bool) -> None:
        """Log an answer that has ended, and set whether its connection stays open."""
        connection, reply, request = exchange.connection, exchange.reply, exchange.reply.req
        marks = exchange.marks
        duration_s = perf_counter() - marks.began
        status = int(reply.status[:3]) if reply.status else 0
        is_lost = is_lost or (duration_s > _LONG_S and connection.has_left(may_ask=False))
        if is_lost:
            reply.force_close()
            status = _lost_status(exchange.environ)
        if not marks.ready:
            self._metrics.count(marks, exchange.environ, str(status))
        elif connection.rest is not None:
            connection.on_sent = partial(self._metrics.wrote, marks)
        elif not is_lost:  # otherwise not written; one that was too late has been counted
            self._metrics.wrote(marks)
        connection.stream = None
        connection.keep = not reply.should_close()
        said = (request.method or "-", request.path or "-", status, reply.sent)
        access = logs.Access(*said, duration_s)
        self._log.write(access)
        if self._record is not None:
            self._record(access, exchange.environ, marks)
        if LACKED_MEMORY in exchange.environ:
            self._recycle()

    def _go_on(self, exchange: Exchange) -> bool:
        """Send more of a stream, whose client has taken all of it so far."""
        exchange.reply.rest = None
        return self._send(exchange, perf_counter() + _SLICE_S)

    def _abandon(self, exchange: Exchange) -> bool:
        """End a stream whose client has left, or was cut off; raise the error of a lost client."""
        if close := getattr(exchange.body, "close", None):
            close()
        raise ConnectionAbortedError

    def _send(self, exchange: Exchange, until: float = 0.0) -> bool:
        """Send parts while the client has room, and there is time; return whether it was all."""
        reply = exchange.reply
        if exchange.body is None:
            exchange.body = self._application(exchange.environ, reply.start_response)
            exchange.parts = iter(exchange.body)
        is_done = True
        try:
            for part in exchange.parts:
                reply.write(part)
                if reply.is_stream and (reply.rest or perf_counter() >= until):
                    reply.rest = reply.rest or memoryview(b"")
                    is_done = False
                    break
            else:
                self._metrics.count(exchange.marks, exchange.environ, str(reply.status)[:3])
                reply.close()
        finally:
            if is_done and (close := getattr(exchange.body, "close", None)):
                close()
        return is_done

    def _failed(self, exchange: Exchange, error: BaseException) -> Reply:
        """Return the answer 500 or 503; an answer that has begun is cut off instead."""
        reply, failed = exchange.reply, ServerRefusal(500, _FAILED)
        if lacks_memory(error):
            exchange.environ[LACKED_MEMORY], failed = True, ServerRefusal(503, _FAILED, retry_s=1)
        if reply.begun:
            reply.force_close()
            return reply
        answer = self._application.refuse(exchange.environ, failed)
        instead = Reply(reply.req, exchange.connection.sock, self._cfg)
        instead.force_close()
        instead.start_response(answer.status, answer.headers)
        instead.write(answer.body)
        with suppress(OSError):  # of a client that has left, or was cut off
            instead.close()
        return instead


def _lost_status(environ: Mapping[str, Any]) -> int:
    """Return the status of an answer that nobody got; one that was too late has been counted."""
    if late := late_status(environ):
        return late
    ERRORS.add("client_left")
    return logs.CLIENT_LEFT


def _environ(connection: Connection, received: Received) -> dict[str, Any]:
    environ = dict(received.head.environ)
    environ["gunicorn.socket"] = connection.sock
    environ["REMOTE_PORT"] = str(connection.peer[1])
    environ["wsgi.input"] = BytesIO()
    if received.caller is not None:
        environ[CALLER] = received.caller
    if received.unread is not None:
        environ[UNREAD] = received.unread
    if "HTTP_CONTENT_ENCODING" in environ:
        environ[HOLD] = connection.reader.room.hold
    return environ
