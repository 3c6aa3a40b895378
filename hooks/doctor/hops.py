"""The requests that a mint sends, with words in place of tokens, and what came of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from hooks.core import acr, token
from hooks.core.identity import FederatedIdentity, Identity
from hooks.core.service_account_token import body, path
from hooks.core.token import TokenRequest
from hooks.federation_settings import FederationSettings

IMDS: Final = "http://169.254.169.254"
# Where azure-identity finds IMDS, and what makes it ask something else instead.
# azure-sdk-for-python@azure-identity_1.27.0:azure/identity/_credentials/managed_identity.py
IMDS_VARIABLE: Final = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
OTHER_SOURCES: Final = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Hop:
    """A request of a mint; *form* is its body."""

    name: str
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a hop; *reason* and *remedy* are None where it went well."""

    hop: str
    milliseconds: float
    message: str
    reason: str | None = None
    remedy: str | None = None


def hops(
    request: TokenRequest, environ: Mapping[str, str], federation: FederationSettings
) -> Iterator[Hop]:
    """Yield what is sent for *request*, in order."""
    if isinstance(request.identity, Identity):
        host = (environ.get(IMDS_VARIABLE) or IMDS).rstrip("/")
        url = f"{host}{_imds_path(request, request.identity)}"
        yield Hop("imds", "GET", url, headers={"Metadata": "true"})
    else:
        yield from _federation(request, request.identity, federation)
    posts = {"exchange": acr.exchange(request, "<Entra token>")}
    if request.scope is not None:
        posts["scope"] = acr.scope_down(request, "<refresh token>")
    for name, post in posts.items():
        yield Hop(name, "POST", f"https://{request.server}{post.path}", form=post.form)


def _federation(
    request: TokenRequest, identity: FederatedIdentity, federation: FederationSettings
) -> Iterator[Hop]:
    """Yield the requests for an assertion, and with that for an Entra token.

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
    """Return what azure-identity asks IMDS for, with the one parameter that selects the identity.

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


def warnings(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what in *environ* sends the first request elsewhere."""
    for name in OTHER_SOURCES:
        if environ.get(name):
            yield f"{name} is set, so azure-identity asks that, and not IMDS; unset it"
