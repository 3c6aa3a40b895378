"""The requests that a mint sends, with words in place of tokens, and what came of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from hooks.core import acr
from hooks.core.model import TokenRequest

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


def hops(request: TokenRequest, environ: Mapping[str, str]) -> Iterator[Hop]:
    """Yield what is sent for *request*, in order."""
    host = (environ.get(IMDS_VARIABLE) or IMDS).rstrip("/")
    yield Hop("imds", "GET", f"{host}{_imds_path(request)}", headers={"Metadata": "true"})
    posts = {"exchange": acr.exchange(request, "<Entra token>")}
    if request.scope is not None:
        posts["scope"] = acr.scope_down(request, "<refresh token>")
    for name, post in posts.items():
        yield Hop(name, "POST", f"https://{request.server}{post.path}", form=post.form)


def _imds_path(request: TokenRequest) -> str:
    """Return what azure-identity asks IMDS for, with the one parameter that selects the identity.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
    """
    identity = request.identity
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
