"""The verbs of the command line, with their help."""

import difflib
from collections.abc import Mapping, Sequence
from typing import NoReturn

from drum_like import __version__
from drum_like.errors import SettingsError

PROGRAM = "drum-like"

SCORE = "score"
SERVER = "server"
VALIDATION = "validation"
PERF_TEST = "perf-test"
EXPLAIN = "explain"
CALIBRATE = "calibrate"
DOCTOR = "doctor"
NEW_MODEL = "new model"
MODELS_PUSH = "models push"
MODELS_LIST = "models list"
MODELS_SHOW = "models show"
MODELS_ALIAS = "models alias"
MODELS_RM = "models rm"
LOG = "log"

MODEL = (SCORE, SERVER, PERF_TEST, VALIDATION)
LOADING = (*MODEL, EXPLAIN, CALIBRATE, DOCTOR)
DIRECTORIES = (*LOADING, NEW_MODEL)
FILES = (SCORE, PERF_TEST, VALIDATION, EXPLAIN, CALIBRATE)
SERVING = (SERVER, PERF_TEST, DOCTOR)
MODELS = (MODELS_PUSH, MODELS_LIST, MODELS_SHOW, MODELS_ALIAS, MODELS_RM)
EVERY = (*DIRECTORIES, *MODELS, LOG)

VERBS = {
    SERVER: "serve a model directory, or the models of a store, over HTTP",
    SCORE: "score a file with a model directory",
    VALIDATION: "check that a model directory scores a file, also with empty columns",
    PERF_TEST: "measure how fast a model directory answers over HTTP",
    EXPLAIN: "show the columns that made the prediction of each row of a file",
    CALIBRATE: "measure the errors on a hold-out file, for prediction intervals",
    DOCTOR: "examine a model directory, and give a fix for each fault",
    NEW_MODEL: "create a model directory to start from",
    MODELS_PUSH: "put a model file or a model directory into a store, as a new version",
    MODELS_LIST: "list the models of a store",
    MODELS_SHOW: "show the versions and the aliases of a model",
    MODELS_ALIAS: "give a version of a model a name, such as live",
    MODELS_RM: "remove a version, or a model with all its versions",
    LOG: "show the logged decisions of ecosystem.ai's contract",
}
"""The verbs and what they do."""

EXIT_CODES = (
    "exit codes: 0 done; 1 wrong settings, failed scoring or failed validation; 2 wrong command\n"
    "line; 3 the data breaks the typeSchema; 4 the model does not load"
)

SERVE = "serve"
"""The word that SageMaker starts a container with."""

_ADDRESS, _CODE_DIR = ("--address", "HOST:PORT"), ("--code-dir", "DIR")
_MEANT = {
    **dict.fromkeys(("--port", "-p", "--host", "--bind", "--listen"), _ADDRESS),
    **dict.fromkeys(("--model-dir", "--model-path", "--dir", "-m"), _CODE_DIR),
}
"""Flags of other servers, and the flags that are meant by them."""

_ANYWHERE = "--verbose"
"""The flag that stands between the words of a verb where scripts for DRUM put it."""

_FIRST_WORDS = frozenset(verb.partition(" ")[0] for verb in VERBS if " " in verb)

_TRAINING = "training is out of scope: train the model, and put its file into a model directory"
_NOT_DONE = {
    "fit": _TRAINING,
    "train": _TRAINING,
    "push": "nothing is sent to DataRobot: copy the model directory to where it is served",
}


class UsageError(SettingsError):
    """The command line cannot be understood: exit code 2.

    Attributes:
        usage: How the verb is called.
    """

    def __init__(self, message: str, usage: str) -> None:
        self.usage = usage
        super().__init__(message)


def split(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the verb of a command line and the words after it; prints and leaves for help.

    Raises:
        UsageError: the first word is no verb.
        SettingsError: it is a verb of DRUM that is not done here.
        SystemExit: 0 after --help and --version, 1 after the help that no verb gets.
    """
    first = argv[0] if argv else ""
    if first in ("", "-h", "--help"):
        _leave(_top_help(VERBS), status=0 if first else 1)
    if first == "--version":
        _leave(f"{PROGRAM} {__version__}", status=0)
    if first in _NOT_DONE:
        raise SettingsError(f"{PROGRAM} has no verb '{first}': {_NOT_DONE[first]}")
    if first in _FIRST_WORDS:
        return _two_words(argv)
    verb = SERVER if first == SERVE else first
    if verb not in VERBS:
        raise _not_a_verb(first)
    return verb, argv[1:]


def _two_words(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    first = argv[0]
    second = next((word for word in argv[1:] if word != _ANYWHERE), "")
    if second in ("", "-h", "--help"):
        listed = {verb: text for verb, text in VERBS.items() if verb.startswith(f"{first} ")}
        _leave(_top_help(listed), status=0 if second else 1)
    place = _second_word(argv) if argv[1].startswith("-") else 1
    verb = f"{first} {argv[place]}"
    if verb not in VERBS:
        raise _not_a_verb(verb)
    return verb, [*argv[1:place], *argv[place + 1 :]]


def _second_word(argv: Sequence[str]) -> int:
    """Return the position of a verb's second word behind flags, as in `new --verbose model`."""
    found = (place for place, word in enumerate(argv) if f"{argv[0]} {word}" in VERBS)
    return next(found, 1)


def _not_a_verb(word: str) -> UsageError:
    known = ", ".join(VERBS)
    usage = f"usage: {PROGRAM} VERB -cd DIR [options]\n"
    if word.startswith("-"):
        return UsageError(f"a verb has to come before {word} (one of {known})", usage)
    nearest = hint(word, list(VERBS))
    return UsageError(f"invalid choice: '{word}' (choose from {known}){nearest}", usage)


def _leave(text: str, *, status: int) -> NoReturn:
    """Print help or version to standard output and leave."""
    print(text)  # noqa: T201 - what was asked for is printed, not logged
    raise SystemExit(status)


def _top_help(verbs: Mapping[str, str]) -> str:
    width = max(map(len, verbs))
    listed = "\n".join(f"  {verb:{width}}  {purpose}" for verb, purpose in verbs.items())
    return (
        f"usage: {PROGRAM} [--version] [-h] VERB -cd DIR [options]\n\n"
        "Serve a model directory over every contract that its callers speak.\n\n"
        f"  {PROGRAM} new model -cd my_model      start a model directory\n"
        f"  {PROGRAM} server -cd my_model         serve it on http://127.0.0.1:6789\n"
        f"  {PROGRAM} score -cd my_model --input rows.csv --output scored.csv\n\n"
        f"verbs ({PROGRAM} VERB --help tells more):\n{listed}\n\n{EXIT_CODES}"
    )


def hint(word: str, known: Sequence[str]) -> str:
    """Return a question with the known word that is meant or nearest; empty without one."""
    flag = word.partition("=")[0]
    meant, form = _MEANT.get(flag, ("", ""))
    if meant in known:
        return f"; did you mean {meant} {form}?"
    near = difflib.get_close_matches(flag, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
