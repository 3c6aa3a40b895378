"""Describes the requests for a token, with placeholders for tokens, and their results."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from hooks.core.exchange.entra import entra_scope
from hooks.core.exchange.service_account_token import token_request_body, token_request_path
from hooks.core.exchange.steps import RegistryStep, Step, take_steps
from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.token import Hop, TokenRequest
from hooks.settings.federation_settings import FederationSettings

IMDS_URL: Final = "http://169.254.169.254"
# azure-identity reads the address of IMDS from this variable.
# azure-sdk-for-python@azure-identity_1.27.0:azure/identity/_credentials/managed_identity.py
IMDS_VARIABLE: Final = "AZURE_POD_IDENTITY_AUTHORITY_HOST"


@dataclass(frozen=True, slots=True)
class HopRequest:
    """A request for a token. *form* is the body."""

    name: str
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HopResult:
    """The result of a request. *reason* is None after success."""

    hop: str
    milliseconds: float
    message: str
    reason: str | None = None


def hop_requests(
    request: TokenRequest, environ: Mapping[str, str], federation: FederationSettings
) -> Iterator[HopRequest]:
    """Yield acrpull's requests for *request*, in order.

    *environ* can contain the address of IMDS, *federation* has the address of Entra.
    """
    for step, _ in take_steps(request, _placeholder):
        if isinstance(step, RegistryStep):
            url = f"https://{request.server}{step.post.path}"
            yield HopRequest(step.hop, "POST", url, form=step.post.form)
        elif isinstance(request.identity, Identity):
            host = (environ.get(IMDS_VARIABLE) or IMDS_URL).rstrip("/")
            url = f"{host}{_imds_path(request, request.identity)}"
            yield HopRequest(step.hop, "GET", url, headers={"Metadata": "true"})
        else:
            found = _federation(request, request.identity, federation)
            yield from (found[hop] for hop in (*step.before, step.hop))


def _placeholder(step: Step) -> str:
    return "<refresh token>" if isinstance(step, RegistryStep) else "<Entra token>"


def _federation(
    request: TokenRequest, identity: FederatedIdentity, federation: FederationSettings
) -> dict[Hop, HopRequest]:
    """Return the requests for a ServiceAccount token, and for an Entra token in exchange.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
    """
    form = {
        "client_id": identity.client_id,
        "scope": entra_scope(request.audience),
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "<ServiceAccount token>",
    }
    url = f"{federation.authority}/{identity.tenant_id}/oauth2/v2.0/token"
    found = {Hop.ENTRA: HopRequest(Hop.ENTRA, "POST", url, form=form)}
    if identity.account is not None:
        hop = Hop.SERVICE_ACCOUNT_TOKEN
        url = f"{federation.api_server}{token_request_path(identity.account)}"
        asked = json.dumps(token_request_body(federation.audience)["spec"])
        found[hop] = HopRequest(hop, "POST", url, form={"spec": asked})
    return found


def _imds_path(request: TokenRequest, identity: Identity) -> str:
    """Return the path of azure-identity's request to IMDS, with a parameter for the identity.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
    """
    selector = "client_id" if identity.client_id else "msi_res_id"
    query = {
        "api-version": "2018-02-01",
        "resource": request.audience.removesuffix("/.default"),
        selector: str(identity),
    }
    fields = "&".join(f"{key}={value}" for key, value in query.items())
    return f"/metadata/identity/oauth2/token?{fields}"
