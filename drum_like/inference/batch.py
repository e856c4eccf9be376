"""A batch: requests that are predicted together."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate
from threading import Lock
from time import perf_counter

from drum_like.errors import ColumnsError, TargetError
from drum_like.system.deadline import DEADLINE
from drum_like.system.metrics import BATCH_REQUESTS, BATCH_ROWS
from drum_like.types.frame import Frame
from drum_like.types.joined_frame import Form, join
from drum_like.types.prediction import Prediction

logger = logging.getLogger(__name__)

Predict = Callable[[Frame], Prediction]

_REFUSALS = 4
"""Requests that are taken out of a batch because of their rows, before all are predicted alone."""


class Lead(Enum):
    """Right of a request to lead a batch: the model's turn, or a place beside it."""

    NONE = 0
    TURN = 1
    PLACE = 2


@dataclass(slots=True, eq=False)
class Request:
    """A request that waits for the prediction of its rows.

    Attributes:
        frame: Its rows, whose cells have been read.
        n_rows: Their number.
        form: The form of the frame.
        has_left: Whether its client has left.
        lock: Held until it leads, or has its answer.
        lead: Its right to lead; NONE while it waits.
        prediction: Its answer; None if it has to be predicted alone.
        predicted_s: Time of the prediction of its batch, while it waited.
        is_dropped: Whether its client has left.
    """

    frame: Frame
    n_rows: int
    form: Form
    lock: Lock = field(default_factory=Lock)
    has_left: Callable[[], bool] = field(default_factory=lambda: DEADLINE.has_left)
    lead: Lead = Lead.NONE
    prediction: Prediction | None = None
    predicted_s: float = 0.0
    is_dropped: bool = False


class Batch:
    """Requests whose frames have one form, and one prediction.

    Args:
        first: The request whose thread predicts them.
        others: The rest, which nobody else wakes; those whose clients have left are not predicted.

    Attributes:
        is_divisible: Whether the prediction could be divided among the requests, as far as known.
    """

    def __init__(self, first: Request, others: Sequence[Request]) -> None:
        self._others = others
        self._requests = [first]
        self.is_divisible = True

    @property
    def n_rows(self) -> int:
        """Rows of all requests that are predicted."""
        return sum(_sizes(self._requests))

    def answer(self, predict: Predict) -> bool:
        """Predict the rows and wake the others; where that fails, each is predicted alone.

        Returns:
            Whether it did not fail.

        Raises:
            Exception: of the model, for a request on its own.
        """
        began = perf_counter()
        try:
            self._requests += filter(_stays, self._others)
            if len(self._requests) == 1:
                self._requests[0].prediction = predict(self._requests[0].frame)
            else:
                self._answer_together(predict)
        except Exception as error:
            if not self._others:
                raise
            logger.debug("%d requests are predicted alone: %s", len(self._requests), type(error))
            return False
        finally:
            for each in self._others:
                each.predicted_s = perf_counter() - began
                each.lock.release()
        BATCH_REQUESTS.observe(len(self._requests))
        BATCH_ROWS.observe(self.n_rows)
        return True

    def _answer_together(self, predict: Predict) -> None:
        """Predict all; requests with a row that the model refuses are left out.

        Raises:
            Exception: of the model, where it names no row, or too many rows are refused.
        """
        together = list(self._requests)
        for left in range(_REFUSALS, -1, -1):
            try:
                found = predict(join([each.frame for each in together]))
            except ColumnsError as error:
                if error.row is None or not left or len(together) == 2:
                    raise
                del together[_part_of(error.row, together)]
            else:
                self._divide(found, together)
                return

    def _divide(self, found: Prediction, together: Sequence[Request]) -> None:
        """Give each request its part of a prediction.

        Raises:
            TargetError: there is not one prediction a row.
        """
        try:
            parts = found.split(_sizes(together))
        except TargetError:
            self.is_divisible = False
            raise
        for each, part in zip(together, parts, strict=True):
            each.prediction = part


def _stays(request: Request) -> bool:
    """Return whether a request is still to be answered; note it if its client has left."""
    request.is_dropped = request.has_left()
    return not request.is_dropped


def _part_of(row: int, requests: Sequence[Request]) -> int:
    """Return which of some requests a row of all of them belongs to."""
    return bisect_right(list(accumulate(_sizes(requests))), row)


def _sizes(requests: Sequence[Request]) -> list[int]:
    return [each.n_rows for each in requests]
