"""The settings for decisions."""

from dataclasses import dataclass
from datetime import timedelta

from hooks.core.model.identity import Identity


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings for decisions.

    Attributes:
        acr_server_suffixes: The domains of allowed registries.
        audience: The audience of the tokens that Entra issues for a registry.
        server: The default registry; None if a spec must name a registry.
        identity: The default identity; None if a spec must name an identity.
        refresh_before: How long before the expiry a token is due for renewal.
        refresh_jitter: The maximum by which a binding is due earlier than others.
        namespace_required: Whether a Namespace without a list denies every identity and server.
        workload_identity: Whether bindings may use tokens of their ServiceAccounts.
        own_token: Whether managed identities use the service's own token and not IMDS.
        tenant_id: The default tenant for federated identities.
        authority: The host of Entra.
        admission_version: The version of the admission policies in the mode `admission`; None in
            the mode `adoption`.
    """

    acr_server_suffixes: tuple[str, ...]
    audience: str
    server: str | None
    identity: Identity | None
    refresh_before: timedelta
    refresh_jitter: timedelta = timedelta(0)
    namespace_required: bool = False
    workload_identity: bool = False
    own_token: bool = False
    tenant_id: str | None = None
    authority: str = "login.microsoftonline.com"
    admission_version: str | None = None
