"""Who a token is for, as a spec names it and as Azure is asked. Knows no wire format."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned managed identity, by exactly one of its two names."""

    client_id: str | None = None
    resource_id: str | None = None

    def __str__(self) -> str:
        """Return the name that the user gave."""
        return self.client_id or self.resource_id or ""


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """An identity that trusts a ServiceAccount of the binding's Namespace, as a spec names it.

    None is the default: the binding's own ServiceAccount, and what its annotations say.
    """

    service_account_name: str | None = None
    client_id: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class TrustedAccount:
    """A ServiceAccount that an identity trusts; *uid* is empty where it was not observed."""

    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        """Return what people call it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class FederatedIdentity:
    """An identity that is had for a token of *account*; None: of the service's own."""

    tenant_id: str
    client_id: str
    account: TrustedAccount | None

    def __str__(self) -> str:
        """Return the client ID."""
        return self.client_id
