"""The Wallaroo MLOps API: models with versions, workspaces, pipelines and inference.

Source: the published pages of the API, and the observed behaviour of its SDK. docs/wallaroo.md says
what is served and where it differs.
"""

from drum_like.contracts.wallaroo.routes import contract

__all__ = ["contract"]
