"""The identity of a token, in a spec and in a request to Azure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned managed identity, with either a client ID or a resource ID."""

    client_id: str | None = None
    resource_id: str | None = None

    def __str__(self) -> str:
        """Return the ID in the spec."""
        return self.client_id or self.resource_id or ""


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """An identity in a spec that trusts a ServiceAccount of the binding's Namespace.

    None means the default: the ServiceAccount of the binding, and the IDs in its annotations.
    """

    service_account_name: str | None = None
    client_id: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class TrustedAccount:
    """A ServiceAccount that an identity trusts; *uid* is empty if the account was not observed."""

    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        """Return "namespace/name"."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class FederatedIdentity:
    """An identity whose token Entra issues for a token of *account*.

    *account* is None for the ServiceAccount of acrpull itself.
    """

    tenant_id: str
    client_id: str
    account: TrustedAccount | None

    def __str__(self) -> str:
        """Return the client ID."""
        return self.client_id
