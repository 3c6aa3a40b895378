"""What the cluster's owner permits: which registries, and in a Namespace which identities."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from hooks.core.model.binding import Binding, Spec
from hooks.core.model.cluster import Namespace
from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.reason import Reason
from hooks.core.names import IDENTITIES_ANNOTATION, SERVERS_ANNOTATION
from hooks.core.policy.policy import Policy

ANY: Final = "*"
# str.lower makes a k of a kelvin sign, too, so somebody else's name would be one that is listed.
LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def server_allowed(server: str, suffixes: Collection[str]) -> bool:
    """Say whether a token may be sent to *server*.

    Suffixes match by whole labels: "azurecr.io" allows "x.azurecr.io" but not "xazurecr.io". A
    server with a port, which only a test has, must be listed verbatim.
    """
    if ":" in server:
        return server in suffixes
    labels = server.split(".")
    return any(".".join(labels[start:]) in suffixes for start in range(len(labels)))


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a binding is not allowed.

    Attributes:
        by_setting: Whether a setting of the service denies it, and no annotation does. A setting
            covers the whole cluster and may be an operator's mistake, so a working token stays in
            its Secret. An annotation is a deliberate act on one Namespace and removes the Secret.
    """

    reason: Reason
    message: str
    by_setting: bool = False


def is_withdrawn(
    binding: Binding, policy: Policy, namespace: Namespace | None, *, has_secret: bool
) -> bool:
    """True if *binding* is denied and keeps no Secret; *has_secret*: a Secret of it exists."""
    if not isinstance(binding.spec, Spec):
        return False
    server = binding.spec.server or policy.server
    identity = binding.spec.identity or policy.identity
    denied = None if server is None else denial(server, identity, policy, namespace)
    return denied is not None and not (denied.by_setting and has_secret)


def denial(
    server: str,
    identity: Identity | WorkloadIdentity | None,
    policy: Policy,
    namespace: Namespace | None,
) -> Denial | None:
    """Return why *identity* is not allowed at *server*; None if the policy allows it.

    If an annotation and a setting both deny it, the annotation's denial is returned.
    """
    denials = _denials(server, identity, policy, namespace)
    return min(denials, key=lambda found: found.by_setting, default=None)


def _denials(
    server: str,
    identity: Identity | WorkloadIdentity | None,
    policy: Policy,
    namespace: Namespace | None,
) -> Iterator[Denial]:
    """Yield every denial.

    Any Pod on a node can use the identities of the node, so a Namespace lists those it allows.
    Entra gives a workload identity only to the ServiceAccounts that the identity's owner named.
    """
    if not server_allowed(server, policy.acr_server_suffixes):
        text = (
            f'Registry "{server}" is not allowed by ALLOWED_ACR_SERVER_SUFFIXES '
            f"({','.join(policy.acr_server_suffixes)}). Fix spec.acrServer, or ask a cluster "
            "administrator to allow the registry."
        )
        yield Denial(Reason.SERVER_NOT_ALLOWED, text, by_setting=True)
    if namespace is None:
        return
    servers = _listed(namespace.servers, policy)
    if ANY not in servers and not server_allowed(server, servers):
        text = _unlisted(f'Registry "{server}"', SERVERS_ANNOTATION, namespace)
        yield Denial(Reason.SERVER_NOT_ALLOWED, text, by_setting=namespace.servers is None)
    identities = _listed(namespace.identities, policy)
    asked = _key(str(identity))
    if isinstance(identity, Identity) and not (ANY in identities or asked in identities):
        text = _unlisted(f'Identity "{identity}"', IDENTITIES_ANNOTATION, namespace)
        yield Denial(Reason.IDENTITY_NOT_ALLOWED, text, by_setting=namespace.identities is None)


def identity_keys(text: str) -> frozenset[str]:
    """Return the identities that *text* lists, comma separated, as they compare."""
    return frozenset(entry.rstrip("/") for entry in _entries(text))


def server_keys(text: str) -> frozenset[str]:
    """Return the servers that *text* lists, comma separated, as they compare.

    DNS heeds no case, nor a last dot. Only `*` itself allows all servers, and `*.` allows none.
    https://www.rfc-editor.org/rfc/rfc4343
    """
    entries = ((entry, entry.removesuffix(".")) for entry in _entries(text))
    return frozenset(key for entry, key in entries if key != ANY or entry == ANY)


def _entries(text: str) -> Iterator[str]:
    """Yield the parts of *text*, comma separated, in lower case."""
    return filter(None, map(str.strip, text.translate(LOWER).split(",")))


def _listed(listed: Collection[str] | None, policy: Policy) -> Collection[str]:
    """Return what is *listed*; without a list, nothing where one is required, else anything."""
    if listed is None:
        return () if policy.namespace_required else (ANY,)
    return listed


def _key(identity: str) -> str:
    """Return *identity* as it compares: Azure heeds no case in client IDs and resource IDs.

    https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """
    return identity.translate(LOWER).rstrip("/")


def _unlisted(what: str, annotation: str, namespace: Namespace) -> str:
    return (
        f'{what} is not listed in annotation {annotation} of Namespace "{namespace.name}". '
        "Fix the spec, or ask a cluster administrator to list it."
    )
