"""Clients of H2O MLOps, old and new, made without a cloud around them.

They take the addresses that the control plane would give, and those come from the server itself.
"""

import ssl
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import h2o_mlops
from h2o_mlops import options, types
from h2o_mlops._deployments import MLOpsDeploymentScorer, MLOpsScoringDeployments
from h2o_mlops._workspaces import Workspace

from tests.support.serving import Server

VERSION = tuple(map(int, h2o_mlops.__version__.split(".")[:2]))
IS_OLD = VERSION < (1, 5)
"""The scorer itself tells its state; later the control plane does."""


class Token:
    """Token that the client signs requests to the control plane with.

    Args:
        value: The token.
    """

    def __init__(self, value: str) -> None:
        self._value = value

    def token(self) -> str:
        """Return the token, for scorers."""
        return self._value

    def __call__(self) -> str:
        """Return the token, for the control plane."""
        return self._value


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment as the client sees it.

    Attributes:
        scorer: The client's scorer.
        server: The server behind it.
        auth: What the caller has to give, None where nothing is asked.
    """

    scorer: Any
    server: Server
    auth: str | None

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of the scorer with the right credential."""
        return getattr(self.scorer, named_here(method))(*arguments, auth_value=self.auth, **named)


def named_here(method: str) -> str:
    """Return the name of a method of the scorer in this version of the client."""
    return (
        {"readiness": "state", "is_reachable": "is_ready"}.get(method, method) if IS_OLD else method
    )


def client_of(server: Server, auth: str | None = None) -> Any:
    """Return a client whose control plane is the server."""
    client = object.__new__(h2o_mlops.Client)
    token = Token(auth or "any")
    client._ssl_context = ssl.create_default_context()
    client._token_provider = token
    client._global_request_timeout = client._file_transfer_timeout = None
    client._backend = _backend(server.url, token)
    return client


def deployments_of(client: Any, workspace: str = "w") -> Any:
    """Return the deployments of a workspace, which need not be there."""
    told = SimpleNamespace(name=f"workspaces/{workspace}", creator="users/ann")
    return MLOpsScoringDeployments(client, Workspace(client, told))


def deployed(server: Server, auth: str | None = None, *, oidc: bool = False) -> Deployed:
    """Return the scorer that the client makes of what the control plane tells."""
    client = client_of(server, auth)
    name = "workspaces/w/deployments/822fcf3d/metadata"
    backend = client._backend  # noqa: SLF001 - it is made without a cloud
    told = backend.deployer.metadata.get_deployment_metadata(name=name)
    kind = types.SecurityType.OIDC_AUTH if oidc else types.SecurityType.DISABLED
    security = options.SecurityOptions(security_type=kind)
    metadata = told.deployment_metadata
    if IS_OLD:
        interface = metadata.scoring_interface
        scorer = MLOpsDeploymentScorer(client, None, "822fcf3d", security, interface)
    else:
        scorer = MLOpsDeploymentScorer(client, metadata, security)
    return Deployed(scorer, server, auth)


def _backend(url: str, token: Token) -> Any:
    if IS_OLD:
        import h2o_mlops_autogen

        return h2o_mlops_autogen.Client(
            gateway_url=url, authz_gateway_url=url, token_provider=token, verify_ssl=False
        )
    from h2o_mlops._client.client import Client

    return Client(url, url, token)
