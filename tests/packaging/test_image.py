"""Inputs of `make image`: the Dockerfile, its ignore file, the configuration of pip."""

from pathlib import Path, PurePosixPath

import pytest

from tests.image import base, context
from tests.image.dockerfile import (
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    ImageError,
    Run,
    User,
    Workdir,
    process_of,
    read,
)
from tests.image.inside import DOCKERFILE, IGNORED
from tests.image.packages import sources

EVERY_STEP = """\
# Not an instruction.
FROM a AS first
RUN one \\
    # a remark between
    && two
FROM a
WORKDIR /src
COPY one two ./
copy --from=first /opt/x /opt/x
ENV A=b \\
    C="d e"
EXPOSE 80
USER 10:20
ENTRYPOINT ["program", "word"]
CMD ["another"]
"""


def test_every_step_is_read_as_it_is_written() -> None:
    first, last = read(EVERY_STEP)

    assert (first.image, first.name) == ("a", "first")
    assert [one.step for one in first.instructions] == [Run("one && two")]
    assert [one.step for one in last.instructions] == [
        Workdir("/src"),
        Copy(("one", "two"), "./", ""),
        Copy(("/opt/x",), "/opt/x", "first"),
        Env({"A": "b", "C": "d e"}),
        Expose(80),
        User(10, 20),
        Entrypoint(("program", "word")),
        Cmd(("another",)),
    ]


def test_the_last_stage_says_what_is_started() -> None:
    process = process_of(read(EVERY_STEP)[-1])

    assert process.words == ("program", "word", "another")
    assert process.variables == {"A": "b", "C": "d e"}
    assert (process.user, process.port, process.folder) == (User(10, 20), 80, "/src")


@pytest.mark.parametrize(
    "line",
    [
        "HEALTHCHECK NONE",
        "ADD a b",
        "ARG a",
        "RUN --mount=type=cache,target=/x true",
        'RUN ["true"]',
        "RUN <<END",
        "COPY --chown=1:1 a b",
        "COPY a* b",
        "COPY a",
        "ENV A b",
        "ENV A=$B",
        "WORKDIR here",
        "EXPOSE 80/udp",
        "USER nobody",
        "CMD program word",
        "RUN true \\",
        "# syntax=docker/dockerfile:1",
        "FROM --platform=linux/amd64 a",
        "FROM $IMAGE",
    ],
)
def test_a_step_that_is_not_known_is_an_error(line: str) -> None:
    with pytest.raises(ImageError):
        read(f"FROM a\n{line}\n")


@pytest.mark.parametrize("text", ["", "RUN true\n", "RUN true\nFROM a\n"])
def test_a_dockerfile_begins_with_an_image(text: str) -> None:
    with pytest.raises(ImageError):
        read(text)


def test_our_dockerfile_has_a_stand_in_for_its_images_and_a_process() -> None:
    stages = read(DOCKERFILE.read_text())

    assert {stage.image for stage in stages} == {base.IMAGE}
    assert process_of(stages[-1]).words == ("drum-like", "server")


@pytest.mark.parametrize(
    ("lines", "path", "is_kept"),
    [
        ("", "a", True),
        ("a", "a", False),
        ("/a", "a/b", False),
        ("a", "b/a", True),
        ("*", "a/b", False),
        ("*\n!a", "a/b", True),
        ("*\n!a", "ab", False),
        ("*\n!a\n**/c", "a/b/c/d", False),
        ("**/*.py[co]", "a/b.pyc", False),
        ("**/*.py[co]", "a.pyo", False),
        ("**/*.py[co]", "a.py", True),
        ("a?c", "abc", False),
        ("a?c", "a/c", True),
        ("a/**", "a/b/c", False),
        ("# a\n\n  b  ", "b", False),
        ("a\n!a\na", "a", False),
    ],
)
def test_the_last_rule_that_fits_a_path_wins(lines: str, path: str, *, is_kept: bool) -> None:
    assert context.keeping(context.rules(lines))(PurePosixPath(path)) is is_kept


def test_copied_is_what_the_ignore_file_lets_through(tmp_path: Path) -> None:
    root, target = tmp_path / "root", tmp_path / "image"
    for name in ("drum_like/a.py", "drum_like/__pycache__/a.pyc", "tests/b.py", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    kept = context.keeping(context.rules(IGNORED.read_text()))

    context.copy(root, ("drum_like",), target / "drum_like", kept=kept, is_folder=False)
    context.copy(root, ("README.md",), target, kept=kept, is_folder=True)

    assert {str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()} == {
        "drum_like/a.py",
        "README.md",
    }
    with pytest.raises(ImageError, match="COPY finds nothing: tests"):
        context.copy(root, ("tests",), target / "tests", kept=kept, is_folder=False)


def test_pip_is_told_where_packages_lie(tmp_path: Path) -> None:
    index, wheels, limits = tmp_path / "index" / "simple", tmp_path / "wheels", tmp_path / "limits"
    for folder in (index, wheels):
        folder.mkdir(parents=True)
    limits.touch()
    listed = (
        f"global.constraint='{limits}'\n"
        f"global.extra-index-url='file://{index} https://index.example/simple'\n"
        f"global.find-links='/nowhere'\ninstall.find-links='{wheels}'\n"
        "global.timeout='1'\n:env:.timeout='2'\nglobal.user='true'\n"
    )

    found = sources(listed)

    assert found.variables == {
        "PIP_CONSTRAINT": str(limits),
        "PIP_EXTRA_INDEX_URL": f"file://{index} https://index.example/simple",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_TIMEOUT": "2",
    }
    assert found.paths == (index.parent, limits, wheels)
