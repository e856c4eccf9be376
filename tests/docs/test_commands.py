"""The documentation can be followed: every command that it prints runs, and prints what it says."""

import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.docs.pages import KINDS, PAGES, ROOT, blocks, not_run, pattern, steps
from tests.docs.terminal import Terminal

NOT_RUN: Mapping[str, str] = MappingProxyType(
    {
        "pip install ": "would change the environment that the tests run in",
        "make ": "makes an environment of its own and runs these tests, or serves for ever",
        "git clone ": "needs the network",
        "docker ": "needs a container engine and a registry",
        "python -m benchmarks.": "measures for minutes, and needs the machine for itself",
        "aws ": "needs an account of the platform",
        "az ": "needs an account of the platform",
        "gcloud ": "needs an account of the platform",
        "kubectl ": "needs a cluster",
        "helm ": "needs a cluster; make chart has Helm render what it would install",
        "drum ": "the original is not installed beside us",
    }
)
"""Beginnings of commands that are printed but not run, and why."""

LEFT_OUT = frozenset({"build", "dist"})


def tree(directory: Path) -> Path:
    """Copy what a reader gets by cloning the repository."""
    for path in ROOT.iterdir():
        if path.name.startswith(".") or path.name in LEFT_OUT or path.suffix == ".egg-info":
            continue
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, directory / path.name, ignore=ignored)
        else:
            shutil.copy2(path, directory)
    return directory


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_print_what_it_says(page: Path, tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    directory = tree(tmp_path / "repository")
    todo = steps(page)

    with Terminal(directory, tmp_path / "state") as terminal:
        for step, following in pairwise([*todo, None]):
            assert step is not None
            terminal.do(step, following)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_that_is_not_run_is_of_a_known_kind(page: Path) -> None:
    unknown = [command for command in not_run(page) if not command.startswith(tuple(NOT_RUN))]

    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_hides_in_a_block_of_another_kind(page: Path) -> None:
    read_only = [block for block in blocks(page) if block.kind not in ("console", "bash", "sh")]
    prompts = [line for b in read_only for line in b.lines if line.lstrip().startswith("$ ")]

    assert {block.kind for block in blocks(page)} <= KINDS
    assert not prompts


@pytest.mark.parametrize(
    ("shown", "printed", "matches"),
    [
        pytest.param(["a"], "a\n", True, id="same"),
        pytest.param(["a"], "a\nb\n", False, id="more"),
        pytest.param([], "a\n", False, id="anything-for-nothing"),
        pytest.param(["1.5...", "b"], "1.52\nb\n", True, id="within-a-line"),
        pytest.param(["1.5...", "b"], "1.5\n2\nb\n", False, id="not-over-lines"),
        pytest.param(["a", "...", "z"], "a\nb\nc\nz\n", True, id="many-lines"),
        pytest.param(["a", "...", "z"], "a\nz\n", True, id="no-line"),
        pytest.param(["a.c"], "abc\n", False, id="a-dot-is-a-dot"),
    ],
)
def test_three_dots_stand_for_anything(shown: list[str], printed: str, *, matches: bool) -> None:
    assert (pattern(shown).fullmatch(printed) is not None) is matches
