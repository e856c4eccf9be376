"""Many clients at once, whose answers are those that each gets alone: `python -m tests.crowds`."""
