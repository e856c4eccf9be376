"""A use case in a store: its project, four training runs, and their models, ready to serve."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from drum_like.cli.local_store import LocalStore
from drum_like.cli.model_store import ListedVersion, Push
from drum_like.config.store_settings import UploadSettings
from drum_like.errors import ConflictError
from drum_like.store.ecosystem_entities import Configuration, NewConfiguration, NewRun, RunStatus
from drum_like.store.entities import Declared
from drum_like.store.store import Store

# Relative: programs beside this package find it under another name than tests do.
from . import score_script
from .cases import BINARY, UseCase
from .training import MODULES, N_ROWS, TRAINERS, Trained, model_id, train

SEEDED = "SEED_MLRUN_USE_CASE"
"""The activity of a use case that was made anew."""

SYNTHETIC = "synthetic"
"""The tag of a configuration whose rows are made up."""

_MOST_OF_ONE_LABEL = 0.95
_SOURCES: Mapping[str, str] = {
    "spend_risk": "bank_transactions",
    "customer_personality": "bank_customer",
}
_USER = "seed_mlrun_use_cases"
_AT_ONCE = 2
"""One model learns while another is tried out."""


class MissingModuleError(Exception):
    """Something is not installed that a framework needs."""


class UnfitRowsError(Exception):
    """The rows of a use case are not fit to learn from."""


@dataclass(frozen=True, slots=True)
class Seed:
    """The settings for making use cases.

    Attributes:
        store: Where to.
        workspace: Number of the workspace of the models.
        output: Directory of what the runs write.
        url: Where the models will be served.
        deploy: Frameworks whose runs are deployed.
        say: Receives progress messages.
    """

    store: Store
    workspace: int
    output: Path
    url: str
    deploy: Sequence[str]
    say: Callable[[str], object]


def preflight(case: UseCase) -> None:
    """Look at the rows before anything is made of them.

    Raises:
        UnfitRowsError: there are none, or they have one label, or nearly so.
    """
    shares = case.rows(N_ROWS, seed=0)[case.target_field].value_counts(normalize=True)
    if shares.size < 2 or shares.iloc[0] >= _MOST_OF_ONE_LABEL:
        raise UnfitRowsError(
            f"{case.name}: {case.target_field} needs two labels or more, and none of them in "
            f"{_MOST_OF_ONE_LABEL:.0%} of the rows"
        )


def check_modules(frameworks: Sequence[str]) -> None:
    """Check that the modules of the frameworks are installed before anything is made with them.

    Raises:
        MissingModuleError: something is not installed.
    """
    needed = {module: name for one in frameworks for module, name in MODULES[one].items()}
    missing = sorted({name for module, name in needed.items() if find_spec(module) is None})
    if missing:
        raise MissingModuleError(
            f"not installed: {', '.join(missing)}; nothing was made. Type: "
            f"pip install {' '.join(missing)}"
        )


def check_place(case: UseCase, seed: Seed) -> None:
    """Refuse a use case that exists; the remains of a killed seeding do not count.

    Raises:
        ConflictError: it is there whole, or another user has made it.
    """
    for configuration in _present(case, seed):
        if not _is_half(configuration, seed):
            raise ConflictError(
                f"the project {case.name!r} has a configuration {configuration.new.name!r} already"
            )


def make(case: UseCase, seed: Seed, frameworks: Sequence[str] = tuple(TRAINERS)) -> None:
    """Make the project of a use case, and train and store its models: all or nothing.

    The models learn before the store is touched, and what is there of the use case stays until
    then. What was put into the store is taken out again if the rest fails.

    Raises:
        DrumLikeError: a model does not load, or the store fails.
        OSError: the output cannot be written.
        ValueError: a framework cannot learn.
    """
    started = perf_counter()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        trained = list(pool.map(lambda one: _timed(case, one, seed), frameworks))
    with ExitStack() as undo:
        runs = [_stored(case, one, seed, undo) for one in trained]
        for configuration in _present(case, seed):
            seed.say(seed.store.projects.delete(configuration.id, _USER).message)
        configuration = seed.store.projects.create(_configuration(case))
        undo.callback(seed.store.projects.delete, configuration.id, _USER)
        for run in runs:
            _note(case, run, configuration.id, seed)
        document = {
            "configuration_id": configuration.id,
            "frameworks": list(frameworks),
            "succeeded": len(runs),
            "elapsed_seconds": round(perf_counter() - started, 3),
        }
        seed.store.projects.note(SEEDED, _USER, case.name, document)
        undo.pop_all()


def _present(case: UseCase, seed: Seed) -> list[Configuration]:
    """Return the configurations of a use case that are there: one, or none."""
    wanted = _configuration(case).name
    found = seed.store.projects.configurations(case.name)
    return [configuration for configuration in found if configuration.new.name == wanted]


def _is_half(configuration: Configuration, seed: Seed) -> bool:
    """Return whether a seeding has made a configuration, and was killed before its end."""
    whole = {
        activity.document.get("configuration_id")
        for activity in seed.store.projects.activities(configuration.new.project_id)
        if activity.activity == SEEDED
    }
    return SYNTHETIC in configuration.new.tags and configuration.id not in whole


def _timed(case: UseCase, framework: str, seed: Seed) -> tuple[Trained, float]:
    """Return a model that has learned, and the seconds that it took."""
    started = perf_counter()
    trained = train(case, framework, seed.output / model_id(case, framework))
    return trained, perf_counter() - started


def _stored(case: UseCase, learned: tuple[Trained, float], seed: Seed, undo: ExitStack) -> NewRun:
    """Put a model into the store; return the run that made it."""
    trained, learning_s = learned
    started = perf_counter()
    version = _push(case, trained, seed)
    undo.callback(LocalStore(seed.store, seed.workspace).remove_version, version)
    uri = f"store://models/{case.name}/{trained.model_id}:{version.number}"
    elapsed = round(learning_s + perf_counter() - started, 3)
    name, framework = trained.model_id, trained.framework
    return NewRun(name, framework, RunStatus.SUCCEEDED, trained.metrics, uri, elapsed)


def _note(case: UseCase, run: NewRun, configuration_id: str, seed: Seed) -> None:
    """Record the result of a run, and its model."""
    run_id = seed.store.projects.add_run(configuration_id, run)
    program = seed.output / run.model_id / "score_model.py"
    score_script.write(program, run.model_id, run_id, _instance(case), seed.url)
    if run.framework in seed.deploy:
        seed.store.projects.deploy(run_id)
    metrics = ", ".join(f"{key} {value:.2f}" for key, value in run.metrics.items())
    seed.say(f"{run.model_id}: {metrics}")


def _push(case: UseCase, trained: Trained, seed: Seed) -> ListedVersion:
    """Return the version that a trained model has become."""
    positive, negative = case.labels if case.problem_type == BINARY else (None, None)
    declared = Declared(
        target_type="binary" if case.problem_type == BINARY else "multiclass",
        positive_label=positive,
        negative_label=negative,
        labels=() if case.problem_type == BINARY else case.labels,
        target_name=case.target_field,
    )
    # Whoever runs this program trusts it, and so the pickle of scikit-learn that it writes.
    uploads = UploadSettings(allow_code_uploads=True)
    push = Push(trained.model_id, trained.artifact, trained.artifact.name, declared, uploads)
    return LocalStore(seed.store, seed.workspace).push(push, lambda _: None)


def _configuration(case: UseCase) -> NewConfiguration:
    source = _SOURCES[case.name]
    return NewConfiguration(
        project_id=case.name,
        name=case.name,
        pipeline_name=f"{case.name}_pipeline",
        feature_set_name=f"{case.name}_features",
        problem_type=case.problem_type,
        target_field=case.target_field,
        feature_fields=case.fields,
        source={"database": "master", "collection": source},
        destination={"database": "master", "collection": f"{source}_mlrun"},
        tags=(SYNTHETIC,),
    )


def _instance(case: UseCase) -> dict[str, Any]:
    """Return a row as JSON has it."""
    rows = case.rows(1, seed=2)[list(case.fields)]
    found: list[dict[str, Any]] = json.loads(rows.to_json(orient="records"))
    return found[0]
