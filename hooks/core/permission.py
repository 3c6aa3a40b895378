"""What the cluster's owner permits: which registries, and in a Namespace which identities."""

from collections.abc import Iterable
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from hooks.core.identity import Identity, WorkloadIdentity
from hooks.core.model import Binding, Spec
from hooks.core.names import IDENTITIES_ANNOTATION, SERVERS_ANNOTATION
from hooks.core.policy import Policy
from hooks.core.reason import Reason

ANY: Final = "*"
# str.lower makes a k of a kelvin sign, too, so somebody else's name would be one that is listed.
LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def server_allowed(server: str, suffixes: Iterable[str]) -> bool:
    """Say whether a token may be sent to *server*.

    Suffixes match by whole labels: "azurecr.io" allows "x.azurecr.io" but not "xazurecr.io". A
    server with a port, which only a test has, must be listed verbatim.
    """
    if ":" in server:
        return server in suffixes
    return any(server == suffix or server.endswith(f".{suffix}") for suffix in suffixes)


def is_denied(binding: Binding, policy: Policy) -> bool:
    """Say whether the cluster's owner forbids what *binding* asks for."""
    if not isinstance(binding.spec, Spec):
        return False
    server, identity = binding.spec.server or policy.server, binding.spec.identity
    return server is not None and denial(server, identity or policy.identity, policy) is not None


def denial(
    server: str, identity: Identity | WorkloadIdentity | None, policy: Policy
) -> tuple[Reason, str] | None:
    """Return why *identity* may not be used at *server*; None where it may.

    A node gives its identities to whoever asks, so a Namespace lists those for it. A workload
    identity Entra gives only to ServiceAccounts that the identity's owner has named.
    """
    if not server_allowed(server, policy.acr_server_suffixes):
        text = (
            f"spec.acrServer: {server!r} is not in the service's ALLOWED_ACR_SERVER_SUFFIXES "
            f"({','.join(policy.acr_server_suffixes)}); correct it, or ask the cluster's owner "
            "to add it"
        )
        return Reason.SERVER_NOT_ALLOWED, text
    if policy.namespace is None:
        return None
    servers = _listed(policy.namespace.servers, policy)
    if ANY not in servers and not server_allowed(server, tuple(map(_suffix, servers))):
        text = _remedy(f"spec.acrServer: {server!r}", SERVERS_ANNOTATION, policy)
        return Reason.SERVER_NOT_ALLOWED, text
    identities = set(map(_key, _listed(policy.namespace.identities, policy)))
    if isinstance(identity, Identity) and identities.isdisjoint({ANY, _key(str(identity))}):
        text = _remedy(f"identity {identity}", IDENTITIES_ANNOTATION, policy)
        return Reason.IDENTITY_NOT_ALLOWED, text
    return None


def _listed(listed: tuple[str, ...] | None, policy: Policy) -> tuple[str, ...]:
    """Return what is *listed*; without a list, nothing where one is required, else anything."""
    if listed is None:
        return () if policy.namespace_required else (ANY,)
    return listed


def _key(identity: str) -> str:
    """Return *identity* as it compares: Azure heeds no case in client IDs and resource IDs.

    https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """
    return identity.translate(LOWER).rstrip("/")


def _suffix(entry: str) -> str:
    """Return *entry* of a list of servers as a binding has it: DNS heeds no case, nor a last dot.

    https://www.rfc-editor.org/rfc/rfc4343
    """
    return entry.translate(LOWER).removesuffix(".")


def _remedy(what: str, annotation: str, policy: Policy) -> str:
    name = policy.namespace.name if policy.namespace else ""
    return (
        f"{what} is not in the annotation {annotation} of Namespace {name}; "
        "correct it, or ask the cluster's owner to add it"
    )
