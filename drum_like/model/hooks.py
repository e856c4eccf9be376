"""Hooks that custom.py defines, and calls to them."""

import importlib
import inspect
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from drum_like.errors import CustomCodeError, HookError
from drum_like.model import custom_task, datarobot_alias
from drum_like.system.lifecycle import leave_if_forked
from drum_like.types.parameters import sent
from drum_like.types.target import TargetType

Hook = Callable[..., Any]

_UNSTRUCTURED = frozenset({"init", "load_model", "score_unstructured"})
_ON_DEMAND = frozenset({"contributions", "prediction_intervals"})
"""Hooks that only those requests run that ask for more than predictions; not of DRUM."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """The functions of a custom.py by DRUM's names, and two of ours; None where it defines none.

    Source of the calls: DRUM's documentation of custom.py, verified against DRUM 1.18.1.
    """

    init: Hook | None = None
    load_model: Hook | None = None
    read_input_data: Hook | None = None
    transform: Hook | None = None
    score: Hook | None = None
    post_process: Hook | None = None
    score_unstructured: Hook | None = None
    chat: Hook | None = None
    get_supported_llm_models: Hook | None = None
    contributions: Hook | None = None
    prediction_intervals: Hook | None = None

    @property
    def any_per_request(self) -> bool:
        """Whether each request runs code of custom.py."""
        others = {"init", "load_model", *_ON_DEMAND}
        return any(getattr(self, f.name) for f in fields(self) if f.name not in others)

    @property
    def sees_rows(self) -> bool:
        """Whether a hook of the structured path sees or makes rows."""
        return any((self.read_input_data, self.transform, self.score, self.post_process))


def load_hooks(custom_py: Path | None, code_dir: Path, target_type: TargetType | None) -> Hooks:
    """Import custom.py as the module `custom` and return its hooks.

    Its folder comes first on sys.path and the model directory last, as in DRUM, so that sibling
    modules import and pickles that name `custom` load.

    Raises:
        CustomCodeError: the import raised, or a class CustomTask is none of DRUM's.
    """
    if str(code_dir) not in sys.path:
        sys.path.append(str(code_dir))
    if custom_py is None:
        return Hooks()
    datarobot_alias.install()
    if str(custom_py.parent) not in sys.path[:1]:
        sys.path.insert(0, str(custom_py.parent))
    module = _import(custom_py, code_dir)
    if hasattr(module, "CustomTask"):  # instead of hooks, as in DRUM
        return Hooks(**custom_task.hooks_of(module.CustomTask))
    wanted = _UNSTRUCTURED if target_type is TargetType.UNSTRUCTURED else None
    found = {f.name: getattr(module, f.name, None) for f in fields(Hooks)}
    hooks = {name: hook for name, hook in found.items() if callable(hook)}
    return Hooks(**{n: h for n, h in hooks.items() if wanted is None or n in wanted})


def _import(custom_py: Path, code_dir: Path) -> ModuleType:
    sys.modules.pop("custom", None)
    importlib.invalidate_caches()
    own = os.getpid()
    try:
        return importlib.import_module("custom")
    except ImportError as error:
        where = custom_py.relative_to(code_dir)
        raise CustomCodeError(
            "\n\nRunning environment language: Python.\n"
            f"Failed loading hooks from [{where}] : {error}",
            _hint(error, custom_py),
        ) from error
    except BaseException as error:
        if _is_the_operators(error):
            raise
        raise CustomCodeError(_text_of(error, ""), _hint(error, custom_py)) from error
    finally:
        leave_if_forked(own)


def call_at_load(
    hook: Hook, custom_py: Path | None, summary: str, *args: Any, **kwargs: Any
) -> Any:
    """Call `init`, `load_model` or `init_app`.

    Args:
        hook: A function of the model directory.
        custom_py: The file that it stands in.
        summary: DRUM's words for its failure; empty where DRUM repeats the exception's text.
        args: Passed on.
        kwargs: Passed on.

    Raises:
        CustomCodeError: it raised, whatever it raised.
    """
    own = os.getpid()
    try:
        return hook(*args, **kwargs)
    except BaseException as error:
        if _is_the_operators(error):
            raise
        raise CustomCodeError(_text_of(error, summary), _hint(error, custom_py)) from error
    finally:
        leave_if_forked(own)


def call(hook: Hook, summary: str, *args: Any, **kwargs: Any) -> Any:
    """Call a hook on behalf of a request; a child that it has forked ends where it returns.

    Args:
        hook: A function of custom.py.
        summary: DRUM's words for a failure of this hook; empty for hooks whose exceptions DRUM
            passes on unwrapped (unstructured and chat).
        args: Passed on.
        kwargs: Passed on.

    Raises:
        UserError: it raised datarobot_drum's CustomHTTPError.
        HookError: it raised anything else, SystemExit included: a worker outlives its hooks.
    """
    own = os.getpid()
    try:
        return hook(*args, **kwargs)
    except BaseException as error:
        if _is_the_operators(error):
            raise
        raise failure(error, summary) from error
    finally:
        leave_if_forked(own)


def parameters_of(hook: Hook) -> Callable[[], dict[str, Any]]:
    """Return the function that gives the argument `params` to a hook that names it.

    Nothing is given where a caller has sent none: the hook has a default of its own, since DRUM
    gives nothing either.
    """
    try:
        is_named = "params" in inspect.signature(hook).parameters
    except (TypeError, ValueError):  # some callables of C tell nothing
        is_named = False
    return _sent_parameters if is_named else dict


def _sent_parameters() -> dict[str, Any]:
    found = sent()
    return {"params": dict(found)} if found else {}


def failure(error: BaseException, summary: str) -> Exception:
    """Return the exception for a request during which custom.py raised `error`."""
    asked_for = datarobot_alias.user_error(error)
    if asked_for is not None:
        return asked_for
    custom = getattr(sys.modules.get("custom"), "__file__", None)
    return HookError(
        summary,
        _text_of(error, "Exception:" if summary else ""),
        _hint(error, custom and Path(custom)),
    )


def _text_of(error: BaseException, summary: str) -> str:
    """Return an exception of custom.py in its own words; its class if it has none."""
    try:
        text = f"{summary} {error!r}" if summary else str(error)
    except Exception:  # noqa: BLE001 - it is the user's class that cannot even be printed
        text = ""
    return text or f"{summary} {type(error).__name__}".strip()


def _is_the_operators(error: BaseException) -> bool:
    """Whether this is Ctrl-C and not custom.py: requests run in threads, which get no signals."""
    in_main = threading.current_thread() is threading.main_thread()
    return isinstance(error, KeyboardInterrupt) and in_main


def _hint(error: BaseException, custom_py: Path | None) -> str:
    """Name the place in custom.py where an exception came from, and its class."""
    if custom_py is None or isinstance(error, SyntaxError):  # which names file and line itself
        return type(error).__name__
    return _place(error, (str(custom_py),)) + type(error).__name__


def _place(error: BaseException, files: tuple[str, ...]) -> str:
    """Return `custom.py line 3: `, the last line of a file that an exception came through."""
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename in files]
    return f"{Path(frames[-1].filename).name} line {frames[-1].lineno}: " if frames else ""
