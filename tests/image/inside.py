"""Builds the image of deploy/Dockerfile, asks its containers, and prints its size.

Runs as process 1 of namespaces that `python -m tests.image` makes.
"""

import logging
import sys
from pathlib import Path

from tests.image import base, context, packages
from tests.image.build import Builder, Built
from tests.image.container import (
    MODEL,
    demand_answers,
    demand_end,
    demand_place,
    leave_network,
    running,
)
from tests.image.dockerfile import ImageError, User, process_of, read
from tests.image.packages import Sources
from tests.image.roots import Layers, Size, size_of

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
IGNORED = DOCKERFILE.with_name("Dockerfile.dockerignore")
TEMPLATES = ("xgboost_binary", "lightgbm_multiclass", "onnx_regression")
"""One for each framework whose artifact is in the repository."""

ANYBODY = User(1000730000, 0)
"""Another user, of the kind that OpenShift draws."""

logger = logging.getLogger(__name__)


def built(scratch: Path) -> Built:
    """Build all stages, and return the last one."""
    *others, last = read(DOCKERFILE.read_text())
    logger.info("FROM %s: a stand-in, out of packages of Debian", base.IMAGE)
    base.make(scratch / "base", ROOT / "build" / "image" / "packages", scratch / "base.log")
    sources = packages.found()
    layers = Layers((places(scratch / "places", sources), scratch / "base"))
    kept = context.keeping(context.rules(IGNORED.read_text()))
    builder = Builder(ROOT, kept, sources, scratch, layers)
    for stage in others:
        builder.build(stage)
    return builder.build(last)


def places(layer: Path, sources: Sources) -> Path:
    """Make a layer below all others with empty places for what this machine lends to steps."""
    for path in sources.paths:
        place = layer / path.relative_to("/")
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    layer.mkdir(exist_ok=True)
    return layer


def ask(image: Built, scratch: Path) -> None:
    """Start containers of each template as the image's user and as another one, and ask them."""
    process = process_of(image.stage)
    for user in (process.user, ANYBODY):
        for name in TEMPLATES:
            model = ROOT / "model_templates" / name
            with running(image, process, user, model, scratch) as container:
                demand_place(container, user)
                demand_answers(container, model)
                demand_end(container)
            logger.info("%s in %s as user %d:%d: served", name, MODEL, user.uid, user.gid)


def sizes(image: Built, scratch: Path) -> str:
    """Return the sizes of the layers as a table."""
    own = Size(0, 0)
    stand_in = size_of(scratch / "base")
    lines = [f"{'layer':60} {'size':>10} {'in gzip':>10}", _row(f"FROM {base.IMAGE}", stand_in)]
    for text, folder in image.added:
        size = size_of(folder)
        own += size
        lines.append(_row(text, size))
    lines += [_row("all without the base", own), _row("all, on the stand-in", stand_in + own)]
    return "\n".join(lines)


def _row(name: str, size: Size) -> str:
    short = name if len(name) <= 60 else f"{name[:57]}..."
    return f"{short:60} {size.plain / 1e6:7.1f} MB {size.compressed / 1e6:7.1f} MB"


def main() -> int:
    """Build, ask, and measure; return 1 with the reason if the image is not as it has to be."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    scratch = Path(sys.argv[1])
    (scratch / "root").mkdir()
    (scratch / "other").mkdir()
    try:
        image = built(scratch)
        leave_network()
        ask(image, scratch)
        logger.info("%s", sizes(image, scratch))
    except ImageError as error:
        logger.error("FAILED: %s", error)  # noqa: TRY400
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
