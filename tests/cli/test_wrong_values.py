"""Flags of DRUM's verbs with a wrong value: the exit code is DRUM's, or a difference has an id."""

import re
from pathlib import Path

import pytest

from drum_like.cli.main import load_settings
from drum_like.config.command_line import parser_flags
from drum_like.config.model_settings import ModelCommandSettings
from drum_like.config.settings import options
from tests.docs.pages import ROOT
from tests.support.command_line import run_here
from tests.support.models import REG
from tests.support.serving import environment, run, serve
from tests.support.wrong_values import COMMANDS, FLAGS, WrongValue, rows

ROWS = rows()
ACCEPTED = [row for row in ROWS if row.code == 0 and row.verb != "new-model"]
REFUSED = [row for row in ROWS if row not in ACCEPTED]
NOT_DONE = ("fit", "train", "push")
SHORT = {"-cd": "--code-dir", "-s": "--samples", "-i": "--iterations"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the command lines name."""
    REG.write(tmp_path / "m")
    (tmp_path / "in.csv").write_text("a\n1\n2\n")
    (tmp_path / "labels.txt").write_text("a\nb\n")
    return tmp_path


def words(verb: str, flags: str) -> list[str]:
    return [*COMMANDS[verb].split(), *flags.split()]


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_a_wrong_value_has_drums_exit_code(folder: Path, row: WrongValue) -> None:
    # what gets as far as binding a port forks workers: not in the process of the tests
    begin = run if row.verb == "server" and row.code != 2 else run_here

    ended = begin(*words(row.verb, row.flags), cwd=folder)

    assert ended.returncode == row.code, ended.stderr
    if row.verb in NOT_DONE:
        assert f"has no verb '{row.verb}'" in ended.stderr


@pytest.mark.parametrize("row", ACCEPTED, ids=str)
def test_a_value_that_nothing_looks_at_is_accepted(
    folder: Path, row: WrongValue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    assert (
        load_settings(
            ModelCommandSettings, words(row.verb, row.flags), environment()
        ).model.code_dir
        == folder / "m"
    )


@pytest.mark.parametrize("verb", ["score", "perf-test", "validation"])
def test_a_verb_does_its_work_with_all_of_them(folder: Path, verb: str) -> None:
    ended = run(*words(verb, accepted_by(verb)), cwd=folder)

    assert ended.returncode == 0, ended.stderr


def test_a_server_serves_with_all_of_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    flags = ["--target-type", "regression", *accepted_by("server").split()]

    with serve(folder / "m", *flags) as server:
        assert server.csv("a\n1\n").json() == {"predictions": [1]}


def accepted_by(verb: str) -> str:
    return " ".join(row.flags for row in ACCEPTED if row.verb == verb)


@pytest.mark.parametrize("verb", FLAGS)
def test_every_flag_of_a_verb_of_drum_has_a_wrong_value(verb: str) -> None:
    tried = {word for row in ROWS if row.verb == verb for word in row.flags.split()}
    flags = {SHORT.get(word, word) for word in tried if re.match("--?[a-z]", word)}

    assert flags == set(FLAGS[verb].split())


@pytest.mark.parametrize("verb", [verb for verb in FLAGS if verb not in ("new", *NOT_DONE)])
def test_every_flag_of_a_verb_of_drum_is_known(verb: str) -> None:
    ours = {flag for names in parser_flags(verb.replace("-m", " m"), options()) for flag in names}

    assert set(FLAGS[verb].split()) <= ours


@pytest.mark.parametrize("name", sorted({row.difference for row in ROWS} - {""}))
def test_a_difference_is_documented(name: str) -> None:
    page = (ROOT / "docs" / "differences-from-drum.md").read_text("utf-8")

    assert f"| {name} `" in page
