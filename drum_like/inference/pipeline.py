"""The one path of a structured request: decode, transform, score, finish.

The four steps are composed once, at load: a hook or its default.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

from drum_like import codecs
from drum_like.errors import DrumLikeError, MediaTypeError, PredictorError
from drum_like.inference import hook_output, labels, target_rules
from drum_like.inference.batching import Gathering
from drum_like.model.hooks import Hooks, call
from drum_like.system.cpus import PredictLimiter
from drum_like.system.lazy import pd
from drum_like.system.marks import MARKS
from drum_like.types.frame import Frame, NativeFrame
from drum_like.types.payload import Payload, unsupported
from drum_like.types.prediction import Prediction
from drum_like.types.schema import Schema
from drum_like.types.target import Target

Limiter = AbstractContextManager[Any]

Score = Callable[[Frame, Payload | None], Prediction]
"""From rows to raw output; the payload is None for rows that came without one."""

_FEW = 1_000
"""Rows whose answer is surely small enough."""

READ_FAILED = "Model 'read_input_data' hook failed to read input data."
POST_PROCESS_FAILED = "Model 'post_process' hook failed to post-process predictions."
PREDICT_FAILED = "Failure when making predictions."


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Four steps and the limiter of calls into custom code.

    Attributes:
        decode: Bytes to rows.
        transform: Rows to rows; None without such a hook.
        score: Rows to raw output; gets the payload, if there is one, for arguments of score hooks.
        finish: Raw output to predictions of the target.
        target: Whose rules hold.
        limiter: Entered around every step that may run custom.py.
        reads: Whether `decode` runs custom.py, too.
        hooked: Whether a hook gets the rows, and may change them.
        together: Takes the last three steps for rows that may be joined with those of others; None
            where hooks get the rows of one request.
    """

    decode: Callable[[Payload], Frame]
    transform: Callable[[Frame], Frame] | None
    score: Score
    finish: Callable[[Prediction], Prediction]
    target: Target
    limiter: Limiter
    reads: bool = False
    hooked: bool = False
    together: Callable[[Frame, int], Prediction] | None = None

    def joining(self, limiter: PredictLimiter, most_rows: int) -> "Pipeline":
        """Return the same for hooks that may get the rows of several requests.

        Args:
            limiter: That of the pipeline.
            most_rows: Rows of a request that may wait for others, at most.
        """
        gathering = Gathering(self._joined, limiter, most_rows)
        return replace(self, limiter=nullcontext(), together=gathering.predict)

    def _joined(self, frame: Frame) -> Prediction:
        given = frame if self.transform is None else self.transform(frame)
        return self.finish(self.score(given, None))

    def run(self, rows: Payload | Frame) -> Prediction:
        """Return the predictions for a payload, or for rows that a contract has read itself.

        Such rows stay as they are, whatever a hook does to its own: they may be explained next.

        Raises:
            RequestError: the caller's fault.
            ScoringError: the model's or custom.py's.
            UserError: an answer of custom.py's own choice.
        """
        payload = rows if isinstance(rows, Payload) else None
        if payload is None:
            rows = apart(rows) if self.hooked and isinstance(rows, Frame) else rows
        elif not self.reads:
            rows = self.decode(payload)
        with self.limiter:
            frame = self.decode(rows) if isinstance(rows, Payload) else rows
            n_rows = _row_count(frame) if self.reads else frame.n_rows
            if payload is not None and n_rows is not None and n_rows > _FEW:
                payload.limits.check_answer(n_rows, len(self.target.labels) or 1, len(payload.body))
            marks = MARKS.get()
            began = perf_counter() - marks.waited_s
            marks.asked = marks.asked or began
            try:
                if self.together is not None:
                    prediction = self.together(frame, frame.n_rows)
                else:
                    # The steps of `_joined`, without a call more for each row.
                    frame = frame if self.transform is None else self.transform(frame)
                    prediction = self.finish(self.score(frame, payload))
            finally:
                marks.predict_s += perf_counter() - marks.waited_s - began
        if n_rows is not None and len(prediction.values) != n_rows:
            target_rules.check_rows(prediction, n_rows, self.target)
        return prediction


def _row_count(frame: Frame) -> int | None:
    """Return the rows that a hook read, None where it read something that has no rows."""
    if isinstance(frame, NativeFrame) and not isinstance(frame.native, pd.DataFrame):
        return None
    return frame.n_rows


def apart(frame: Frame) -> Frame:
    """Return rows that a hook may change without changing those of the frame."""
    data = frame.native
    if not isinstance(data, pd.DataFrame):
        return frame
    # From pandas 3 on a shallow copy shares its columns only until one of the two is written to.
    return NativeFrame(data.copy(deep=pd.__version__ < "3"))


def decode(payload: Payload) -> Frame:
    """Return the rows of a payload by its media type.

    Raises:
        MediaTypeError: it is not supported.
        PayloadError: the bytes are not of that type.
    """
    decoder = codecs.installed().decoders.get(payload.media_type)
    if decoder is None:
        raise MediaTypeError(unsupported(payload.mimetype))
    return decoder(payload)


def decode_step(hooks: Hooks) -> Callable[[Payload], Frame]:
    """Return the first step: the read_input_data hook, or the codec by media type.

    Raises:
        PluginError: something that is installed as a codec is none.
    """
    codecs.installed()
    hook = hooks.read_input_data
    if hook is None:
        return decode
    return lambda payload: NativeFrame(call(hook, READ_FAILED, payload.body))


def predictor_score_step(
    predict: Callable[[Frame, int], Prediction], schema: Schema | None, target: Target
) -> Score:
    """Return the third step for a framework's model: conform the rows, then predict.

    No framework is called for no rows.
    """
    order = target.order if target.type.is_classification else None
    nothing = Prediction.empty(len(order or (None,)), order)

    def score(frame: Frame, _: Payload | None) -> Prediction:
        conformed = frame if schema is None else schema.conform(frame)
        n_rows = frame.n_rows
        if n_rows == 0:
            return nothing
        try:
            found = predict(conformed, n_rows)
            return found if found.labels is None else _with_labels(found, target)
        except DrumLikeError:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise PredictorError(f"{PREDICT_FAILED} Exception: {kind}") from error

    return score


def _with_labels(prediction: Prediction, target: Target) -> Prediction:
    """Return a prediction whose classes are the target's labels.

    Raises:
        TargetError: as `labels.of_classes`.
    """
    classes = tuple(prediction.labels or ())
    if not target.type.is_classification or prediction.values.shape[1:] != (len(classes),):
        return prediction
    return replace(prediction, labels=labels.of_classes(classes, target))


def finish_step(
    hooks: Hooks, model: Any, target: Target, *, unfinished: bool = False
) -> Callable[[Prediction], Prediction]:
    """Return the last step: the target's rules, then a post_process hook and the rules again.

    Args:
        hooks: The hooks of custom.py.
        model: The model argument of hooks.
        target: Whose rules hold.
        unfinished: Whether the model's output is known to keep the rules only after the hook,
            which then gets it labelled, but unchecked.
    """
    hook = hooks.post_process
    if hook is None:
        return partial(target_rules.apply, target=target)
    # DRUM itself gives label-less output to the right labels where a post_process hook follows.
    right = replace(target, legacy_order=False)

    def finish(raw: Prediction) -> Prediction:
        first = (target_rules.label if unfinished else target_rules.apply)(raw, right)
        output = call(hook, POST_PROCESS_FAILED, hook_output.frame_of(first), model)
        second = target_rules.apply(hook_output.read_post_processed(output, target), right)
        return replace(second, extra=raw.extra)

    return finish
