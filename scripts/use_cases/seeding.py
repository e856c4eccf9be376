"""A use case in a store: its project, four training runs, and their models, ready to serve."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from drum_like.commands.local_store import LocalStore
from drum_like.commands.model_stores import Push
from drum_like.errors import DrumLikeError
from drum_like.settings import Settings
from drum_like.store.project_records import NewConfiguration, NewRun, RunStatus
from drum_like.store.records import Declared
from drum_like.store.store import Store

# Relative: programs beside this package find it under another name than tests do.
from . import score_script
from .cases import BINARY, UseCase
from .training import N_ROWS, TRAINERS, Trained, model_id, train

SEEDED = "SEED_MLRUN_USE_CASE"
"""The activity of a use case that was made anew."""

_MOST_OF_ONE_LABEL = 0.95
_SOURCES: Mapping[str, str] = {
    "spend_risk": "bank_transactions",
    "customer_personality": "bank_customer",
}
_USER = "seed_mlrun_use_cases"
_AT_ONCE = 2
"""One model learns while another is tried out."""


class UnfitRowsError(Exception):
    """The rows of a use case are not fit to learn from."""


@dataclass(frozen=True, slots=True)
class Seed:
    """How use cases are made.

    Attributes:
        store: Where to.
        settings: Of the store.
        output: Directory of what the runs write.
        url: Where the models will be served.
        deploy: Frameworks whose runs are deployed.
        say: Is told what is done.
    """

    store: Store
    settings: Settings
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


def reset(case: UseCase, seed: Seed) -> None:
    """Remove the configuration of a use case, as the workbench does, if there is one."""
    wanted = _configuration(case).name
    for configuration in seed.store.projects.configurations(case.name):
        if configuration.new.name == wanted:
            seed.say(seed.store.projects.delete(configuration.id, _USER).message)


def make(case: UseCase, seed: Seed, frameworks: Sequence[str] = tuple(TRAINERS)) -> bool:
    """Make the project of a use case, train its models, and put them into the store.

    Returns:
        Whether all runs succeeded; one that failed is in the store as such.

    Raises:
        ConflictError: the project is there already.
        StoreError: the store fails.
    """
    started = perf_counter()
    configuration = seed.store.projects.create(_configuration(case))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        runs = pool.map(lambda framework: _run(case, framework, seed), frameworks)
        done = [run.framework for run in runs if _note(case, run, configuration.id, seed)]
    document = {
        "configuration_id": configuration.id,
        "frameworks": list(frameworks),
        "succeeded": len(done),
        "elapsed_seconds": round(perf_counter() - started, 3),
    }
    seed.store.projects.note(SEEDED, _USER, case.name, document)
    return len(done) == len(frameworks)


def _run(case: UseCase, framework: str, seed: Seed) -> NewRun:
    """Train a model and store it; return how that went."""
    started = perf_counter()
    name = model_id(case, framework)
    try:
        trained = train(case, framework, seed.output / name)
        number = _push(case, trained, seed)
    except (DrumLikeError, ValueError) as error:
        seed.say(f"{name}: failed: {error}")
        elapsed = round(perf_counter() - started, 3)
        return NewRun(name, framework, RunStatus.FAILED, {}, None, elapsed)
    uri = f"store://models/{case.name}/{name}:{number}"
    elapsed = round(perf_counter() - started, 3)
    return NewRun(name, framework, RunStatus.SUCCEEDED, trained.metrics, uri, elapsed)


def _note(case: UseCase, run: NewRun, configuration_id: str, seed: Seed) -> bool:
    """Write down how a run went, and what it leaves; return whether it went well."""
    run_id = seed.store.projects.add_run(configuration_id, run)
    if run.status is RunStatus.FAILED:
        return False
    program = seed.output / run.model_id / "score_model.py"
    score_script.write(program, run.model_id, run_id, _instance(case), seed.url)
    if run.framework in seed.deploy:
        seed.store.projects.deploy(run_id)
    metrics = ", ".join(f"{key} {value:.2f}" for key, value in run.metrics.items())
    seed.say(f"{run.model_id}: {metrics}")
    return True


def _push(case: UseCase, trained: Trained, seed: Seed) -> int:
    """Return the number of the version that a trained model has become."""
    positive, negative = case.labels if case.problem_type == BINARY else (None, None)
    declared = Declared(
        target_type="binary" if case.problem_type == BINARY else "multiclass",
        positive_label=positive,
        negative_label=negative,
        labels=() if case.problem_type == BINARY else case.labels,
        target_name=case.target_field,
    )
    push = Push(trained.model_id, trained.artifact, trained.artifact.name, declared)
    return LocalStore(seed.store, seed.settings).push(push, lambda _: None).number


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
        tags=("synthetic",),
    )


def _instance(case: UseCase) -> dict[str, Any]:
    """Return a row as JSON has it."""
    rows = case.rows(1, seed=2)[list(case.fields)]
    found: list[dict[str, Any]] = json.loads(rows.to_json(orient="records"))
    return found[0]
