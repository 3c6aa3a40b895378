"""The requests for a token, with placeholders for tokens, and their outcomes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from hooks.core.exchange import acr
from hooks.core.exchange.service_account_token import body, path
from hooks.core.model import token
from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.token import TokenRequest
from hooks.settings.federation_settings import FederationSettings

IMDS: Final = "http://169.254.169.254"
# The address of IMDS for azure-identity, and variables that make it call another endpoint.
# azure-sdk-for-python@azure-identity_1.27.0:azure/identity/_credentials/managed_identity.py
IMDS_VARIABLE: Final = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
OTHER_SOURCES: Final = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Hop:
    """A request for a token; *form* is its body."""

    name: str
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tried:
    """The outcome of a request; *reason* is None if the request succeeded."""

    hop: str
    milliseconds: float
    message: str
    reason: str | None = None


def hops(
    request: TokenRequest, environ: Mapping[str, str], federation: FederationSettings
) -> Iterator[Hop]:
    """Yield the requests that acrpull sends for *request*, in order."""
    if isinstance(request.identity, Identity):
        host = (environ.get(IMDS_VARIABLE) or IMDS).rstrip("/")
        url = f"{host}{_imds_path(request, request.identity)}"
        yield Hop(token.Hop.IMDS, "GET", url, headers={"Metadata": "true"})
    else:
        yield from _federation(request, request.identity, federation)
    posts = {token.Hop.EXCHANGE: acr.exchange(request, "<Entra token>")}
    if request.scope is not None:
        posts[token.Hop.TOKEN] = acr.scope_down(request, "<refresh token>")
    for name, post in posts.items():
        yield Hop(name, "POST", f"https://{request.server}{post.path}", form=post.form)


def _federation(
    request: TokenRequest, identity: FederatedIdentity, federation: FederationSettings
) -> Iterator[Hop]:
    """Yield the requests for a ServiceAccount token, and for an Entra token with it.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
    """
    account = identity.account
    if account is not None:
        url = f"{federation.api_server}{path(account)}"
        asked = json.dumps(body(federation.audience)["spec"])
        yield Hop(token.Hop.SERVICE_ACCOUNT_TOKEN, "POST", url, form={"spec": asked})
    form = {
        "client_id": identity.client_id,
        "scope": f"{request.audience.removesuffix('/.default')}/.default",
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "<ServiceAccount token>",
    }
    url = f"{federation.authority}/{identity.tenant_id}/oauth2/v2.0/token"
    yield Hop(token.Hop.ENTRA, "POST", url, form=form)


def _imds_path(request: TokenRequest, identity: Identity) -> str:
    """Return the path of azure-identity's request to IMDS; one parameter selects the identity.

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


def other_sources(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a note for each variable in *environ* that sends the first request elsewhere."""
    for name in OTHER_SOURCES:
        if environ.get(name):
            yield f"{name} is set, so azure-identity calls that endpoint instead of IMDS. Unset it."
