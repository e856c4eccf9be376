"""Natural batching: rows of requests that would have to wait for each other are predicted together.

While a prediction of a model runs, further requests for it are read and gather. When it ends, those
that go together are predicted as one frame, and each gets its rows. There is no timer: a request
that finds the model free is predicted at once and alone, and nothing waits for more to come.

The thread of the first request that waits leads the next batch. It waits for a place like any other
prediction, takes what has gathered by then, and hands the lead on: no request works for ever for
others, and the models of a server have their turns in the order of the limiter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf
from threading import Lock
from time import thread_time

from drum_like.errors import BusyError
from drum_like.inference.batch import Batch, Lead, Predict, Request
from drum_like.inference.cost_curve import CostCurve
from drum_like.system.cpus import PredictLimiter
from drum_like.system.deadline import DEADLINE
from drum_like.system.marks import MARKS
from drum_like.types.frame import Frame
from drum_like.types.joined_frame import read_form
from drum_like.types.parameters import sent
from drum_like.types.prediction import Prediction

_TIMED = 16
"""Of so many requests that are predicted alone at once, one is timed."""


class Gathering:
    """Predicts the requests of one model, those together that would wait for each other.

    Args:
        predict: Predicts a frame of any number of rows.
        limiter: The places of all models.
        most_rows: Rows of a request that may wait for others, at most; 0 for a model whose rows
            are not predicted together.
    """

    def __init__(self, predict: Predict, limiter: PredictLimiter, most_rows: int = 0) -> None:
        self._predict, self._limiter, self._most_rows = predict, limiter, most_rows
        turn = Lock()
        self._begin: Callable[[], bool] = partial(turn.acquire, blocking=False)
        self._end: Callable[[], None] = turn.release
        self._guard = Lock()
        self._pending: deque[Request] = deque()
        self._rows = self._n_alone = 0
        self._curve = CostCurve()

    def predict(self, frame: Frame, n_rows: int) -> Prediction:
        """Return the predictions for rows: at once where the model is free.

        Raises:
            BusyError: others had the model, or the place, too long; or the client has left.
            Exception: of the model.
        """
        if n_rows > self._most_rows or sent():  # parameters are for these rows alone
            return self._alone(frame)
        if not self._begin():
            is_short = not self._curve.is_long
            return self._alone(frame) if is_short else self._gathered(frame, n_rows)
        self._n_alone += 1
        try:
            if self._curve.is_long:
                DEADLINE.give_way(waits=False)
            return self._alone(frame) if self._n_alone % _TIMED else self._timed(frame, n_rows)
        finally:
            self._end()
            if self._pending:
                self._go_on()

    def _timed(self, frame: Frame, n_rows: int) -> Prediction:
        """Predict rows alone, and note their cost."""
        began = thread_time()
        prediction = self._alone(frame)
        self._note(n_rows, began)
        return prediction

    def _note(self, n_rows: int, began: float) -> None:
        with self._guard:
            self._curve.note(n_rows, thread_time() - began)

    def _alone(self, frame: Frame) -> Prediction:
        limiter = self._limiter
        if not limiter.at_once():
            limiter.wait()
        try:
            return self._predict(frame)
        finally:
            limiter.release()

    def _gathered(self, frame: Frame, n_rows: int) -> Prediction:
        """Wait for the model's turn with others, and be predicted with them."""
        until = DEADLINE.until
        form = read_form(frame)
        if form is None:
            return self._alone(frame)
        waiting = Request(frame, n_rows, form)
        waiting.lock.acquire()
        with self._guard:
            self._pending.append(waiting)
            self._rows += n_rows
        self._go_on()
        if waiting.lead is Lead.NONE and not DEADLINE.wait_with_others(waiting.lock):
            self._leave(waiting)
        MARKS.get().waited_s -= waiting.predicted_s
        if waiting.lead is not Lead.NONE:
            DEADLINE.until = until
            self._answer_first(waiting)
        elif waiting.is_dropped:
            raise BusyError
        return self._alone(frame) if waiting.prediction is None else waiting.prediction

    def _go_on(self, *, has_turn: bool = False) -> None:
        """Let requests that wait lead, as far as the model's turn and places are free.

        Args:
            has_turn: Whether the caller has the turn, and gives it up.
        """
        with self._guard:
            if self._pending and (has_turn or self._begin()):
                self._promote(Lead.TURN)
            elif has_turn:
                self._end()
            while self._rows >= self._curve.spare and self._limiter.at_once():
                self._promote(Lead.PLACE)

    def _promote(self, lead: Lead) -> None:
        first = self._pending.popleft()
        self._rows -= first.n_rows
        first.lead = lead
        first.lock.release()

    def _leave(self, waiting: Request) -> None:
        """End a wait, unless it leads by now, or its prediction runs."""
        with self._guard:
            if waiting in self._pending:
                self._pending.remove(waiting)
                self._rows -= waiting.n_rows
                raise BusyError
        # It is not refused any more: this counts its wait, and forgets that its time is over.
        DEADLINE.until = inf
        DEADLINE.wait(waiting.lock)

    def _answer_first(self, first: Request) -> None:
        """Predict a request with those that wait and go with it."""
        has_turn = first.lead is Lead.TURN
        try:
            if has_turn and not self._limiter.at_once():
                self._limiter.wait()
            try:
                if first.has_left():
                    raise BusyError
                began = thread_time()
                batch = Batch(first, self._others(first))
                if batch.answer(self._predict):
                    self._note(batch.n_rows, began)
                elif not batch.is_divisible:
                    self._most_rows = 0
            finally:
                self._limiter.release()
        finally:
            self._go_on(has_turn=has_turn)

    def _others(self, first: Request) -> list[Request]:
        """Return the requests that go with the first one, and take them out."""
        room = self._curve.size - first.n_rows
        taken: list[Request] = []
        left: list[Request] = []
        with self._guard:
            for waiting in self._pending:
                goes = waiting.n_rows <= room and waiting.form == first.form
                (taken if goes else left).append(waiting)
                room -= waiting.n_rows if goes else 0
            self._pending.clear()
            self._pending.extend(left)
            self._rows -= sum(waiting.n_rows for waiting in taken)
        return taken
