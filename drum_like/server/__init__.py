"""The processes that serve: a master, its workers, and the rules by which they live."""

from drum_like.server.run import serve

__all__ = ["serve"]
