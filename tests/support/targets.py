"""Targets for tests that need no model."""

from drum_like.types.target import Target, TargetType

REGRESSION = Target(TargetType.REGRESSION)
BINARY = Target(TargetType.BINARY, ("yes", "no"))
MULTICLASS = Target(TargetType.MULTICLASS, ("A", "B", "C"))
TEXT = Target(TargetType.TEXT_GENERATION, name="out")
