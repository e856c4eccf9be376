"""The stages of a Dockerfile, built one after the other in roots of their own."""

import logging
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.image import base, context
from tests.image.dockerfile import (
    Copy,
    Env,
    ImageError,
    Instruction,
    Run,
    Stage,
    Step,
    Workdir,
)
from tests.image.packages import Sources
from tests.image.roots import Layers, entering, furnish, mounted

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """A stage that was built.

    Attributes:
        stage: Its description.
        layers: Those that it began with, and its own.
        added: Each layer of its own: the instruction that made it, and the folder.
    """

    stage: Stage
    layers: Layers
    added: tuple[tuple[str, Path], ...]


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds stages as they are written.

    Attributes:
        checkout: The build context.
        kept: Which of its files there are.
        sources: Of packages, for the commands.
        scratch: A folder for roots and layers.
        base: The layers that stand for the image that stages begin with.
        done: The stages so far, by their names.
    """

    checkout: Path
    kept: context.Kept
    sources: Sources
    scratch: Path
    base: Layers
    done: dict[str, Built] = field(default_factory=dict)

    def build(self, stage: Stage) -> Built:
        """Build a stage.

        Raises:
            ImageError: a step fails.
        """
        if stage.image != base.IMAGE:
            raise ImageError(f"nothing stands for FROM {stage.image}, only for {base.IMAGE}")
        layers = self.base
        added: list[tuple[str, Path]] = []
        variables, folder = dict(base.ENVIRONMENT), "/"
        for instruction in stage.instructions:
            logger.info("%s", instruction.text)
            match instruction.step:
                case Env(more):
                    variables |= more
                case Workdir(path):
                    folder = path
            new = self.scratch / f"layer-{len(self.done)}-{len(added)}"
            if self._make(instruction, layers, new, (folder, variables)):
                layers = layers.over(new)
                added.append((instruction.text, new))
        built = Built(stage, layers, tuple(added))
        self.done[stage.name] = built
        return built

    def _make(
        self,
        instruction: Instruction,
        layers: Layers,
        new: Path,
        inside: tuple[str, Mapping[str, str]],
    ) -> bool:
        """Carry out an instruction, and return whether it makes a layer."""
        step: Step = instruction.step
        if not isinstance(step, Copy | Run | Workdir):
            return False
        with mounted(layers, self.scratch / "root", new) as root:
            match step:
                case Workdir(path):
                    _within(root, path).mkdir(parents=True, exist_ok=True)
                case Copy():
                    self._copy(step, root, inside[0])
                case Run(command):
                    self._run(command, root, *inside)
        return True

    def _copy(self, step: Copy, root: Path, folder: str) -> None:
        target = _within(root, str(PurePosixPath(folder, step.target)))
        is_folder = step.target.endswith(("/", ".")) or target.is_dir()
        if not step.stage:
            kept = self.kept
            context.copy(self.checkout, step.sources, target, kept=kept, is_folder=is_folder)
            return
        if step.stage not in self.done:
            raise ImageError(f"COPY --from names no stage before it: {step.stage}")
        place = self.scratch / "other"
        with mounted(self.done[step.stage].layers, place) as other:
            context.copy(other, step.sources, target, kept=lambda _: True, is_folder=is_folder)

    def _run(self, command: str, root: Path, folder: str, variables: Mapping[str, str]) -> None:
        furnish(root, self.sources.paths)
        environment = {"HOME": "/root", **self.sources.variables, **variables}
        words = [*entering(root, folder, environment), "/bin/sh", "-c", command]
        log = self.scratch / "run.log"
        with log.open("wb") as output:
            done = subprocess.run(words, stdout=output, stderr=output, check=False)
        if done.returncode:
            said = log.read_text(errors="replace").splitlines()[-40:]
            raise ImageError("\n".join([f"exit code {done.returncode}: RUN {command}", *said]))


def _within(root: Path, path: str) -> Path:
    """Return a path of an image as it is reached from outside.

    Raises:
        ImageError: it goes through a link, which would lead out of the image.
    """
    place = root / path.strip("/")
    for parent in (place, *place.parents):
        if parent == root:
            return place
        if parent.is_symlink() or parent.name == "..":
            raise ImageError(f"paths through links are not known here: {path}")
    raise ImageError(f"not a path of an image: {path}")
