"""Framework plugins, a folder each, and the kinds of model file that they read.

They see the core through drum_like.api only. No framework is imported here.
"""

import re

from drum_like.api import ArtifactKind

_XGBOOST_JSON = re.compile(rb'\s*\{\s*("version"\s*:\s*\[[\d\s,]*\]\s*,\s*)?"learner"\s*:\s*\{')
_XGBOOST_UBJ = re.compile(rb"\{[iUIlL]\x00*[\x07](learner\{|version\[)", re.DOTALL)
_LIGHTGBM_TEXT = re.compile(rb"tree\r?\nversion=")
_ONNX_IR_VERSIONS = range(1, 64)


def _any_bytes(_: bytes) -> bool:
    """Claim a file by its suffix alone, so that a broken one is reported as broken."""
    return True


def _is_xgboost_json(head: bytes) -> bool:
    return _XGBOOST_JSON.match(head) is not None


def _is_xgboost_ubj(head: bytes) -> bool:
    return _XGBOOST_UBJ.match(head) is not None


def _is_lightgbm_text(head: bytes) -> bool:
    return _LIGHTGBM_TEXT.match(head) is not None


def _is_onnx(head: bytes) -> bool:
    """Recognise a serialised ModelProto: its first field is the IR version, a small integer."""
    return len(head) > 2 and head[0] == 0x08 and head[1] in _ONNX_IR_VERSIONS


XGBOOST_JSON = ArtifactKind("XGBoost JSON", (".json",), _is_xgboost_json, predictor="xgboost")
XGBOOST_UBJ = ArtifactKind("XGBoost UBJSON", (".ubj",), _is_xgboost_ubj, predictor="xgboost")
LIGHTGBM_TEXT = ArtifactKind("LightGBM text", (".txt",), _is_lightgbm_text, predictor="lightgbm")
ONNX = ArtifactKind("ONNX", (".onnx",), _is_onnx, predictor="onnxruntime")
PICKLE = ArtifactKind("pickle", (".pkl",), _any_bytes, runs_code=True)
JOBLIB = ArtifactKind("joblib", (".joblib",), _any_bytes, runs_code=True)
