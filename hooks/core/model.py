"""The values that the core works on. Knows no JSON key and no wire format."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a condition is what it is: the closed set, each explained in README."""

    READY = "Ready"
    TOKEN_VALID = "TokenValid"
    REFRESH_FAILING = "RefreshFailing"
    ON_SCHEDULE = "OnSchedule"
    ATTACHED = "Attached"

    ATTACHING = "Attaching"
    DELETING = "Deleting"
    PENDING = "Pending"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    SERVICE_ACCOUNT_NOT_FOUND = "ServiceAccountNotFound"
    SERVICE_ACCOUNT_OWNED = "ServiceAccountOwned"
    SECRET_NAME_TAKEN = "SecretNameTaken"

    INVALID_SPEC = "InvalidSpec"
    SERVER_NOT_ALLOWED = "ServerNotAllowed"
    IDENTITY_NOT_ALLOWED = "IdentityNotAllowed"

    IDENTITY_NOT_FOUND = "IdentityNotFound"
    AUDIENCE_REFUSED = "AudienceRefused"
    IDENTITY_UNAVAILABLE = "IdentityUnavailable"
    THROTTLED = "Throttled"
    REGISTRY_NOT_FOUND = "RegistryNotFound"
    REGISTRY_UNTRUSTED = "RegistryUntrusted"
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    REGISTRY_DENIED = "RegistryDenied"
    SCOPE_REFUSED = "ScopeRefused"
    SCOPE_NOT_GRANTED = "ScopeNotGranted"
    REGISTRY_FIREWALL = "RegistryFirewall"
    REGISTRY_ERROR = "RegistryError"
    MALFORMED_TOKEN = "MalformedToken"
    CLOCK_SKEW = "ClockSkew"
    TIMEOUT = "Timeout"

    TOKEN_REQUEST_REFUSED = "TokenRequestRefused"
    API_SERVER_UNAVAILABLE = "ApiServerUnavailable"
    FEDERATION_PENDING = "FederationPending"
    FEDERATION_REFUSED = "FederationRefused"
    IDENTITY_REFUSED = "IdentityRefused"
    ENTRA_UNAVAILABLE = "EntraUnavailable"


class Hop(StrEnum):
    """A request on the way to a token."""

    IMDS = "imds"
    SERVICE_ACCOUNT_TOKEN = "service-account-token"
    ENTRA = "entra"
    EXCHANGE = "exchange"
    TOKEN = "token"


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


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """All that a token depends on; *scope* is None for a refresh token."""

    identity: Identity | FederatedIdentity
    server: str
    scope: str | None
    audience: str


@dataclass(frozen=True, slots=True)
class AcrToken:
    """A registry's token: the one type that holds one. Instants are aware, in UTC.

    *access* is what it says that it is good for: its claim, any JSON value.
    """

    value: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    access: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class MintFailed:
    """No token came as asked for, and why; *retry_after_seconds* is what Azure asked for, if so.

    *token* is one that came all the same, and is good for a part; *hop* is where it failed, None:
    at the last one.
    """

    reason: Reason
    message: str
    retry_after_seconds: float | None = None
    token: AcrToken | None = None
    hop: Hop | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A Kubernetes condition; *status* is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    last_transition_time: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What `/sync` last said of a binding. Times are RFC 3339, as on the wire."""

    conditions: tuple[Condition, ...] = ()
    secret_name: str | None = None
    service_account_name: str | None = None
    token_refresh_time: str | None = None
    token_expiration_time: str | None = None

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of type *kind*, if there is one."""
        return next((c for c in self.conditions if c.type == kind), None)

    @property
    def trouble(self) -> str | None:
        """What is wrong, in a sentence; None where all is well."""
        ready = self.condition("Ready")
        return (ready.message or None) if ready is not None else None


@dataclass(frozen=True, slots=True)
class Spec:
    """What the user asked for, as written; None is "the service's default".

    *audience* and *authority*, the host of Entra, are those of the spec's cloud.
    """

    server: str | None
    identity: Identity | WorkloadIdentity | None
    scope: str | None
    audience: str | None = None
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding of any API version. *spec* is the problem's text when it is invalid."""

    name: str
    namespace: str
    uid: str
    api_version: str
    kind: str
    generation: int
    created_at: str
    deleting: bool
    deleted_at: str
    finalizers: tuple[str, ...]
    secret_name: str
    service_account_name: str | None
    spec: Spec | str
    status: Status


@dataclass(frozen=True, slots=True)
class Owner:
    """An entry of `metadata.ownerReferences`."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """An observed ServiceAccount. A nameless entry of *pull_secrets* (`{}`) is None.

    *last_applied* is what Metacontroller last wrote, JSON, under dynamic-apply; *client_id* and
    *tenant_id* are what annotations say of the identity that trusts it, whatever that is.
    """

    name: str
    namespace: str
    pull_secrets: tuple[str | None, ...] = ()
    wanted: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    annotations: frozenset[str] = frozenset()
    last_applied: str | None = None
    uid_label: str | None = None
    deleting: bool = False
    uid: str = ""
    client_id: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class PullSecret:
    """A pull Secret, observed or to be.

    *token* is None where it holds none; *intact* is False where it holds anything else than we
    wrote. One that upstream's controller wrote, and we did not yet, is *inherited*.
    """

    name: str
    server: str | None = None
    token: AcrToken | None = None
    inputs: str | None = None
    intact: bool = True
    dynamic_apply: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Namespace:
    """The binding's Namespace, as observed.

    *identities* and *servers* are all that may be used in it; None where it does not say.
    """

    uid: str
    terminating: bool = False
    name: str = ""
    identities: tuple[str, ...] | None = None
    servers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decisions depend on; with a *namespace*, in that.

    *authority* is the host of the one Entra that the service asks;
    *namespace_required* says that what a Namespace does not list is denied there.
    *workload_identity* allows tokens of ServiceAccounts to be exchanged; *own_token*, that of the
    service is, in place of asking IMDS; *tenant_id* is the default for both.
    """

    acr_server_suffixes: tuple[str, ...]
    audience: str
    server: str | None
    identity: Identity | None
    refresh_before: timedelta
    refresh_jitter: timedelta = timedelta(0)
    namespace_required: bool = False
    namespace: Namespace | None = None
    workload_identity: bool = False
    own_token: bool = False
    tenant_id: str | None = None
    authority: str = "login.microsoftonline.com"
