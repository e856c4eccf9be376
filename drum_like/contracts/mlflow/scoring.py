"""Rows of MLflow's protocol, in one of four JSON forms or in a payload format, and their answers.

Source: MLflow 3.17.2, observed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flask import Request, Response, request

from drum_like import codecs
from drum_like.codecs.json.document import Document
from drum_like.codecs.json.forms import from_inputs, from_rows, from_split, rows_at
from drum_like.codecs.json.text import BEFORE, NESTED
from drum_like.errors import EndpointError, PayloadError
from drum_like.http import wire
from drum_like.http.accepted import respond
from drum_like.http.json_body import SNIFFED, Tree, checked_document
from drum_like.http.requests import whole_body
from drum_like.inference.chat import ChunkStream
from drum_like.inference.named_rows import Scored
from drum_like.inference.service import Service
from drum_like.types.frame import Frame
from drum_like.types.parameters import ParameterError, Parameters, parameters_at
from drum_like.types.payload import Limits
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType, typed_label

_PROMPTS = ("messages", "prompt", "input")
_METHOD = "predict_method"
_METHODS = ("predict", "predict_proba")
_MULTIPART = "multipart/form-data"
_SPLIT = "dataframe_split"

_AS_IT_STANDS = Target(TargetType.TEXT_GENERATION)
"""A target whose values are written as they are: text, numbers and truth values alike."""

_NOTHING = Prediction.empty(1)
"""The prediction for an empty list."""


def answer_json(resolve: Callable[[], Service], limits: Limits) -> Response:
    """Answer a JSON body: predictions of rows, or the completion of a prompt.

    Args:
        resolve: Finds the model, once the body is known to be JSON.
        limits: On the rows.

    Raises:
        PayloadError: the body is no JSON object with exactly one of the forms, or not of that form.
        DrumLikeError: as Service.predict and Service.chat.
    """
    if not whole_body(request).strip():
        raise PayloadError("the body is empty; send a JSON object in UTF-8")
    document = checked_document(request)
    if is_prompt(document.tree) and (service := resolve()).can_chat:
        return _completion(service, document)
    form = _form(document.tree)
    rows = rows_at(document, form)
    is_empty = rows.tree == [] and form != _SPLIT
    frame = None if is_empty else _FORMS[form](rows, limits)
    service = resolve()
    _check_predicts_rows(service)
    parameters = _parameters(document.tree)
    method = _method(parameters, service.target)
    others = {name: parameters[name] for name in parameters if name != _METHOD}
    prediction = _NOTHING if frame is None else wire.predict(service, frame, limits, others)
    return _answer(prediction, service.target, method)


def _completion(service: Service, document: Document) -> Response:
    reply = service.chat(document.tree, request.headers)
    if isinstance(reply, ChunkStream):
        return Response(reply, content_type="text/event-stream; charset=utf-8")
    return wire.json_response(reply)


def answer_payload(service: Service, limits: Limits) -> Response:
    """Answer rows in one of the payload formats, such as CSV.

    Raises:
        DrumLikeError: as `wire.read_payload` and Service.predict.
    """
    _check_predicts_rows(service)
    payload = wire.read_payload(request, limits, any_type=service.reads_any_type)
    return _answer(service.predict(payload), service.target, "")


def _check_predicts_rows(service: Service) -> None:
    if not service.target.type.predicts_rows:
        kind = service.target.type.value
        raise EndpointError(f"a model of target type '{kind}' does not predict rows")


def is_json(asked: Request) -> bool:
    """Return whether a body is JSON: its Content-Type says so, or says nothing and it begins so.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    if asked.is_json:
        return True
    return asked.mimetype in SNIFFED and whole_body(asked).lstrip(BEFORE)[:1] in NESTED


def is_payload(asked: Request) -> bool:
    """Return whether the Content-Type is that of a payload format other than JSON."""
    known = asked.mimetype in codecs.installed().decoders or asked.mimetype == _MULTIPART
    return known and not is_json(asked)


def forms_in(tree: Tree) -> list[str]:
    """Return the keys of a JSON object that are those of the four forms."""
    return [key for key in _FORMS if key in tree]


def is_prompt(tree: Any) -> bool:
    """Return whether a JSON value is one for a language model, and holds no rows."""
    if not isinstance(tree, dict) or forms_in(tree):
        return False
    return any(key in tree for key in _PROMPTS)


def _form(tree: Any) -> str:
    """Return the one key of a JSON object that is that of a form."""
    found = forms_in(tree) if isinstance(tree, dict) else []
    if len(found) != 1:
        raise PayloadError(
            f"the body must be a JSON object with exactly one of {', '.join(_FORMS)}; it has "
            f"{', '.join(found) or 'none of them'}"
        )
    return found[0]


def _from_instances(document: Document, limits: Limits) -> Frame:
    """Return rows; columns by name, as TensorFlow Serving has them, are rows, too."""
    read = from_inputs if isinstance(document.tree, dict) else from_rows
    return read(document, limits)


_FORMS: Mapping[str, Callable[[Document, Limits], Frame]] = {
    _SPLIT: from_split,
    "dataframe_records": from_rows,
    "instances": _from_instances,
    "inputs": from_inputs,
}


def _parameters(tree: Any) -> Parameters:
    """Return the parameters of a body: `params`, and `parameters` as other contracts call them.

    Raises:
        ParameterError: they are no object.
    """
    params, others = (parameters_at(tree, key) for key in ("params", "parameters"))
    return params or others


def _method(params: Parameters, target: Target) -> str:
    """Return the method that `params` ask for, empty for the usual answer.

    Raises:
        ParameterError: the model has no such method.
    """
    method = params.get(_METHOD, "")
    if method in ("", None):
        return ""
    if method not in _METHODS:
        raise ParameterError(f"`predict_method` in `params` must be {' or '.join(_METHODS)}")
    if method == "predict_proba" and not target.type.is_classification:
        raise ParameterError(
            f"a model of target type '{target.type.value}' has no probabilities; leave "
            "`predict_method` out of `params`"
        )
    if method == "predict" and target.type is TargetType.MULTILABEL:
        raise ParameterError(
            "a model of target type 'multilabel' gives a probability for each label, and no label "
            "for a row; leave `predict_method` out of `params`"
        )
    return str(method)


def _answer(prediction: Prediction, target: Target, method: str) -> Response:
    if method == "predict" and target.type.is_classification and prediction.n_rows:
        prediction, target = _labels(prediction, target), _AS_IT_STANDS
    return respond(prediction, target, request.headers.get("Accept", ""))


def _labels(prediction: Prediction, target: Target) -> Prediction:
    """Return the likeliest label of each row, of several the first, in the type that it spells."""
    labels = np.array([typed_label(label) for label in target.order], dtype=object)
    return Prediction(labels[Scored(prediction, target).chances.argmax(axis=1)])
