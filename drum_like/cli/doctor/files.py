"""Findings about the files of a model directory; nothing of it is run or loaded."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path

from drum_like.cli.doctor import packages
from drum_like.cli.doctor.finding import Finding, error, warning
from drum_like.config.environment import has_parameter
from drum_like.config.file_settings import DoctorSettings
from drum_like.errors import LoadError, SettingsError
from drum_like.model.artifact import artifact_kinds, find_artifact
from drum_like.model.configuration import configured
from drum_like.model.directory import DRUM_SUFFIXES, ModelDirectory
from drum_like.model.hooks import Hooks
from drum_like.model.manifests import has_manifest
from drum_like.model.metadata import FILE_NAME, read_metadata

_CALLS: Mapping[str, tuple[str, int, frozenset[str]]] = {
    "init": ("init(**kwargs)", 0, frozenset({"code_dir"})),
    "load_model": ("load_model(code_dir)", 1, frozenset()),
    "read_input_data": ("read_input_data(input_binary_data)", 1, frozenset()),
    "score": (
        "score(data, model, **kwargs)",
        2,
        frozenset({"binary_data", "mimetype", "sparse_colnames", "target_type"}),
    ),
    "post_process": ("post_process(predictions, model)", 2, frozenset()),
    "score_unstructured": (
        "score_unstructured(model, data, query, **kwargs)",
        2,
        frozenset({"query", "mimetype", "charset"}),
    ),
    "chat": ("chat(completion_create_params, model)", 2, frozenset()),
}
"""The calls of the hooks: their form in the documentation, arguments by place and by name."""

_HARMFUL = frozenset(
    {"os", "posix", "nt", "subprocess", "pty", "socket", "shutil", "runpy", "webbrowser", "ctypes"}
)
"""Modules whose functions no saved model calls when it is loaded."""

_HARMFUL_BUILTINS = frozenset({"eval", "exec", "compile", "open", "__import__"})


def findings(settings: DoctorSettings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the findings about files: metadata, custom.py, the model file, requirements.txt."""
    directory = ModelDirectory(settings.model.code_dir)
    yield from _of_metadata(settings)
    code = None
    try:
        if directory.custom_py is not None:
            code = ast.parse(directory.custom_py.read_bytes())
    except SyntaxError as fault:
        found = f"custom.py line {fault.lineno} is no Python: {fault.msg}"
        yield error("syntax", found, f"mend custom.py line {fault.lineno}")
    except LoadError as fault:
        yield error("two-custom-py", str(fault), "keep one custom.py, and take the others away")
    else:
        yield from _of_code(code, environ)
        yield from _of_artifact(directory, code)
    yield from packages.findings(directory.path)


def _of_metadata(settings: DoctorSettings) -> Iterator[Finding]:
    try:
        metadata = read_metadata(settings.model.code_dir)
    except SettingsError as fault:
        yield error("metadata", str(fault), f"mend {FILE_NAME} where the message says")
        return
    given = settings.model.target_type
    if metadata is not None and given not in (None, metadata.target_type):
        told = metadata.target_type.value
        found = f"--target-type says {given and given.value}, {FILE_NAME} says {told}"
        yield error("target-type-twice", found, f"leave --target-type out, or say {told} in both")
        return
    try:
        configured(settings.model)
    except SettingsError as fault:
        yield error("settings", str(fault), f"leave out the flag, or make {FILE_NAME} say the same")


def _of_artifact(directory: ModelDirectory, code: ast.Module | None) -> Iterator[Finding]:
    """Yield the finding about a model file that is missing, or one of several, or harmful."""
    kinds = artifact_kinds()
    runs_code = {suffix for kind in kinds if kind.runs_code for suffix in kind.suffixes}
    for path in sorted(directory.path.rglob("*")):
        if path.suffix.lower() in runs_code and path.is_file():
            yield from _of_pickle(path)
    if has_manifest(directory.path):
        return
    known = [path for path in directory.files if path.suffix.lower() in DRUM_SUFFIXES]
    if {"load_model", "CustomTask", "*"}.isdisjoint(_defined(code)):
        yield from _of_choice(directory, known or [path for path, _ in directory.candidates(kinds)])


def _of_choice(directory: ModelDirectory, chosen: list[Path]) -> Iterator[Finding]:
    try:
        find_artifact(directory)
    except LoadError as fault:
        names = [path.name for path in chosen]
        if len(names) > 1:
            found = f"{len(names)} files may be the model: {', '.join(names)}"
            fix = f"keep one: `mkdir unused && mv {' '.join(names[1:])} unused/` in the directory"
            yield error("several-models", found, fix)
        elif names:
            yield error("unreadable-artifact", str(fault), "save the model again, with that suffix")
        else:
            yield error("no-model", "the directory holds no model file", _no_model_fix())


def _no_model_fix() -> str:
    suffixes = sorted({suffix for kind in artifact_kinds() for suffix in kind.suffixes})
    return (
        f"put one model file into the directory ({', '.join(suffixes)}), or a custom.py with "
        "load_model and score: `drum-like new model --code-dir NEW` begins one"
    )


def _defined(code: ast.Module | None) -> set[str]:
    """Return the names that a module defines or imports on its top level."""
    names: set[str] = set()
    for node in [] if code is None else code.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def _of_code(code: ast.Module | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    if code is None:
        return
    for node in code.body:
        if isinstance(node, ast.FunctionDef):
            yield from _of_hook(node, _defined(code))
    yield from _of_parameters(code, environ)


def _of_pickle(path: Path) -> Iterator[Finding]:
    """Yield an error for a pickle that calls what no model calls; it is not loaded then."""
    named = (name.rpartition(".") for name in packages.names_in_pickle(path))
    harmful = sorted(
        f"{module}.{name}"
        for module, _, name in named
        if module.partition(".")[0] in _HARMFUL
        or (module in ("builtins", "__builtin__") and name in _HARMFUL_BUILTINS)
    )
    if harmful:
        found = f"{path.name} calls {', '.join(harmful)} when it is loaded; it was not loaded"
        fix = f"delete {path.name}, and get the model from a source that you trust, as ONNX or JSON"
        yield error("harmful-pickle", found, fix)


def _of_hook(node: ast.FunctionDef, defined: set[str]) -> Iterator[Finding]:
    known = [one.name for one in fields(Hooks)]
    at = f"custom.py line {node.lineno}"
    if node.name in _CALLS and not node.decorator_list and not _takes(node):
        found = f"{at}: {node.name} does not take the arguments that it is called with"
        yield error("signature", found, f"write in {at} `def {_CALLS[node.name][0]}:`")
    near = get_close_matches(node.name, known, n=1, cutoff=0.85)
    if node.name not in known and near and near[0] not in defined:
        found = f"{at}: {node.name} is no hook, so it is not called"
        yield warning("no-hook", found, f"rename it in {at} to {near[0]}")


def _takes(node: ast.FunctionDef) -> bool:
    """Return whether a hook takes the arguments that it is called with."""
    _, n_places, names = _CALLS[node.name]
    try:
        signature_of(node.args).bind(*range(n_places), **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def signature_of(taken: ast.arguments) -> inspect.Signature:
    """Return the signature of a function that is not run; defaults are None."""
    kind = inspect.Parameter
    places = [(arg.arg, kind.POSITIONAL_OR_KEYWORD) for arg in (*taken.posonlyargs, *taken.args)]
    first_default = len(places) - len(taken.defaults)
    found = [
        kind(name, sort, default=kind.empty if at < first_default else None)
        for at, (name, sort) in enumerate(places)
    ]
    found += [kind(taken.vararg.arg, kind.VAR_POSITIONAL)] if taken.vararg else []
    found += [
        kind(arg.arg, kind.KEYWORD_ONLY, default=kind.empty if given is None else None)
        for arg, given in zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
    ]
    return inspect.Signature(
        [*found, *([kind(taken.kwarg.arg, kind.VAR_KEYWORD)] if taken.kwarg else [])]
    )


def _of_parameters(code: ast.Module, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the runtime parameters that custom.py reads, and that have no value."""
    for node in ast.walk(code):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="RuntimeParameters"), attr="get"),
                args=[ast.Constant(value=str(name)), *_],
            ) if not has_parameter(name, environ):
                found = f"custom.py line {node.lineno} reads the runtime parameter {name}: not set"
                fix = (
                    f"write `{name}: VALUE` into values.yaml, give --runtime-params-file "
                    f"values.yaml, and add to {FILE_NAME}:\nruntimeParameterDefinitions:\n"
                    f"  - fieldName: {name}\n    type: string"
                )
                yield error("runtime-parameter", found, fix)
