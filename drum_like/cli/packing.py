"""A model file as it is sent: a file as it is, a model directory as a zip."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_LEFT_OUT = frozenset({"__pycache__"})
_DATE = (1980, 1, 1, 0, 0, 0)


@contextmanager
def packed(path: Path) -> Iterator[Path]:
    """Give a file, or the zip of a directory, which is there until the block ends.

    Hidden files, links and __pycache__ are left out. A directory that has not changed gives the
    same bytes again, and so the same digest.
    """
    if path.is_file():
        yield path
        return
    with TemporaryDirectory(prefix="model-") as folder:
        archive = Path(folder) / f"{path.name}.zip"
        with zipfile.ZipFile(archive, "w") as target:
            for file in _files(path):
                member = zipfile.ZipInfo(file.relative_to(path).as_posix(), _DATE)
                member.compress_type = zipfile.ZIP_DEFLATED
                with file.open("rb") as source, target.open(member, "w", force_zip64=True) as sink:
                    while piece := source.read(1 << 20):
                        sink.write(piece)
        yield archive


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        left_out = any(part.startswith(".") or part in _LEFT_OUT for part in parts)
        if path.is_file() and not path.is_symlink() and not left_out:
            yield path
