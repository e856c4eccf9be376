"""Small projects for tests of the store."""

from drum_like.store.ecosystem_entities import Configuration, NewConfiguration, NewRun, RunStatus
from drum_like.store.store import Store


def configuration(project: str, name: str = "main") -> NewConfiguration:
    """Return a configuration to train in a project of that name."""
    return NewConfiguration(
        project_id=project,
        name=name,
        pipeline_name=f"{name}_pipeline",
        feature_set_name=f"{name}_features",
        problem_type="binary_classification",
        target_field="y",
        feature_fields=("a", "b"),
    )


def run(framework: str = "xgboost", status: RunStatus = RunStatus.SUCCEEDED) -> NewRun:
    """Return a run that has ended."""
    return NewRun(f"m_{framework}_v1", framework, status, {"accuracy": 0.5}, "store://m:1", 1.5)


def project(store: Store, name: str, n_runs: int = 4) -> tuple[Configuration, list[str]]:
    """Make a project with runs; return its configuration and the ids of the runs."""
    made = store.projects.create(configuration(name))
    return made, [store.projects.add_run(made.id, run()) for _ in range(n_runs)]
