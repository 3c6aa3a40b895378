"""The registries and identities that settings and annotations of a Namespace allow."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from hooks.core.model.cluster import Namespace
from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.reason import Reason
from hooks.core.names import IDENTITIES_ANNOTATION, SERVERS_ANNOTATION
from hooks.core.policy.decision_settings import Policy

ANY: Final = "*"
# str.lower maps U+212A (Kelvin sign) to "k", so a different name could match a listed name.
LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def server_allowed(server: str, suffixes: Collection[str]) -> bool:
    """True if a token may be sent to *server*.

    Suffixes match by whole labels: "azurecr.io" allows "x.azurecr.io" but not "xazurecr.io". A
    server with a port, used in tests, must be listed verbatim.
    """
    if ":" in server:
        return server in suffixes
    labels = server.split(".")
    return any(".".join(labels[start:]) in suffixes for start in range(len(labels)))


@dataclass(frozen=True, slots=True)
class Reject:
    """The binding is denied.

    Attributes:
        by_setting: Whether a setting of the service denies the binding, and no annotation does. A
            setting covers the whole cluster and may be a mistake of an operator, so a working token
            stays in the Secret. An annotation is a deliberate act on a Namespace and removes the
            Secret.
    """

    reason: Reason
    message: str
    by_setting: bool = False


def denial(
    server: str,
    identity: Identity | WorkloadIdentity | None,
    policy: Policy,
    namespace: Namespace | None,
) -> Reject | None:
    """Return why *identity* is not allowed at *server* in *namespace*; None if allowed.

    The denial by an annotation is returned before a denial by a setting. If *namespace* is None,
    the Namespace was not observed, and only the suffixes of the service apply.
    """
    denials = _denials(server, identity, policy, namespace)
    return min(denials, key=lambda found: found.by_setting, default=None)


def _denials(
    server: str,
    identity: Identity | WorkloadIdentity | None,
    policy: Policy,
    namespace: Namespace | None,
) -> Iterator[Reject]:
    """Yield every denial.

    Any Pod on a node can use the identities of the node, so a Namespace lists the allowed
    identities. Workload identities need no list: Entra issues their tokens only to ServiceAccounts
    in a federated credential of the identity.
    """
    if not server_allowed(server, policy.acr_server_suffixes):
        text = (
            f'Registry "{server}" is not allowed by ALLOWED_ACR_SERVER_SUFFIXES '
            f"({','.join(policy.acr_server_suffixes)}). Fix spec.acrServer, or ask a cluster "
            "administrator to allow the registry."
        )
        yield Reject(Reason.SERVER_NOT_ALLOWED, text, by_setting=True)
    if namespace is None:
        return
    servers = _listed(namespace.servers, policy)
    if ANY not in servers and not server_allowed(server, servers):
        text = _unlisted(f'Registry "{server}"', SERVERS_ANNOTATION, namespace)
        yield Reject(Reason.SERVER_NOT_ALLOWED, text, by_setting=namespace.servers is None)
    identities = _listed(namespace.identities, policy)
    asked = _key(str(identity))
    if isinstance(identity, Identity) and not (ANY in identities or asked in identities):
        text = _unlisted(f'Identity "{identity}"', IDENTITIES_ANNOTATION, namespace)
        yield Reject(Reason.IDENTITY_NOT_ALLOWED, text, by_setting=namespace.identities is None)


def identity_keys(text: str) -> frozenset[str]:
    """Return the keys of the identities in *text*, comma separated."""
    return frozenset(entry.rstrip("/") for entry in _entries(text))


def server_keys(text: str) -> frozenset[str]:
    """Return the keys of the servers in *text*, comma separated.

    DNS ignores letter case and a final dot. `*` allows all servers, and `*.` allows no server.
    https://www.rfc-editor.org/rfc/rfc4343
    """
    entries = ((entry, entry.removesuffix(".")) for entry in _entries(text))
    return frozenset(key for entry, key in entries if key != ANY or entry == ANY)


def _entries(text: str) -> Iterator[str]:
    """Yield the parts of *text*, comma separated, in lower case."""
    return filter(None, map(str.strip, text.translate(LOWER).split(",")))


def _listed(listed: Collection[str] | None, policy: Policy) -> Collection[str]:
    """Return *listed*; without a list, nothing if the policy requires a list, otherwise `*`."""
    if listed is None:
        return () if policy.namespace_required else (ANY,)
    return listed


def _key(identity: str) -> str:
    """Return the key of *identity*. Azure ignores letter case in client IDs and resource IDs.

    https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """
    return identity.translate(LOWER).rstrip("/")


def _unlisted(what: str, annotation: str, namespace: Namespace) -> str:
    return (
        f'{what} is not listed in annotation {annotation} of Namespace "{namespace.name}". '
        "Fix the spec, or ask a cluster administrator to list it."
    )
