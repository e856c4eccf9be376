"""Make the use cases of ecosystem.ai's MLRun module anew in a model store.

python scripts/seed_mlrun_use_cases.py --use-case spend_risk --store models
drum-like server --store models

A use case is a project with a configuration, a feature pipeline, a feature set and four training
runs, on rows that are synthesised. Their models go into the store, and are served by their ids;
each run leaves its model directory and a program score_model.py in --output.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from use_cases.cases import USE_CASES, UseCase
from use_cases.seeding import (
    MissingModuleError,
    Seed,
    UnfitRowsError,
    check_modules,
    check_place,
    make,
    preflight,
)
from use_cases.training import TRAINERS

from drum_like.config.settings import load
from drum_like.config.store_settings import ListSettings
from drum_like.errors import ConflictError, DrumLikeError
from drum_like.store.location import place_of
from drum_like.store.store import open_store


def main() -> int:
    """Make the use cases, each one whole or not at all; return 1 if one could not be made."""
    flags = _parser().parse_args()
    chosen = list(USE_CASES.values()) if flags.use_case == "all" else [USE_CASES[flags.use_case]]
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        for case in chosen:
            preflight(case)
        check_modules(_chosen_frameworks(flags))
        if flags.dry_run:
            _say_plan(chosen, flags)
        else:
            _seed(chosen, flags)
    except ConflictError as error:
        print(f"error: {error}; --reset removes it first", file=sys.stderr)
        return 1
    except (DrumLikeError, MissingModuleError, OSError, UnfitRowsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _chosen_frameworks(flags: argparse.Namespace) -> tuple[str, ...]:
    return () if flags.skip_training else tuple(TRAINERS)


def _seed(chosen: Sequence[UseCase], flags: argparse.Namespace) -> None:
    """Make the use cases."""
    settings = _settings(flags)
    with closing(
        open_store(place_of(settings.location.store, settings.location.database_url))
    ) as store:
        seed = Seed(store, settings.workspace, flags.output, flags.url, flags.deploy, print)
        if not flags.reset:
            for case in chosen:
                check_place(case, seed)
        for case in chosen:
            make(case, seed, _chosen_frameworks(flags))


def _settings(flags: argparse.Namespace) -> ListSettings:
    """Return the settings of a command that uses a store: flags, then the environment."""
    given = (("--store", flags.store), ("--database-url", flags.database_url))
    words = [word for pair in given if pair[1] is not None for word in pair]
    environ = os.environ  # noqa: TID251 - a program's entrance, as drum_like.cli.main is
    return load(ListSettings, ["models", "list", *words], environ)


def _say_plan(chosen: Sequence[UseCase], flags: argparse.Namespace) -> None:
    runs = "no runs" if flags.skip_training else ", ".join(TRAINERS)
    for case in chosen:
        print(f"would make {case.name}: 1 configuration, 1 pipeline, 1 feature set; {runs}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    add = parser.add_argument
    add("--use-case", required=True, choices=(*USE_CASES, "all"), help="what to make")
    add("--store", help="directory of the model store; else that of this user")
    add("--database-url", help="PostgreSQL database of the store; else a SQLite file in it")
    add("--output", type=Path, default=Path("mlrun"), help="directory for the output of the runs")
    add("--url", default="http://127.0.0.1:6789", help="server that score_model.py calls")
    add("--deploy", type=_frameworks, default=(), metavar="NAME,...", help=", ".join(TRAINERS))
    add("--reset", action="store_true", help="remove an existing use case first")
    add("--dry-run", action="store_true", help="only check the rows and print a plan")
    add("--skip-training", action="store_true", help="make the project only")
    add("--skip-k8s", action="store_true", help="no effect: nothing is deployed to Kubernetes")
    return parser


def _frameworks(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(TRAINERS):
        raise argparse.ArgumentTypeError(
            f"{', '.join(sorted(unknown))}: not one of {', '.join(TRAINERS)}"
        )
    return names


if __name__ == "__main__":
    sys.exit(main())
