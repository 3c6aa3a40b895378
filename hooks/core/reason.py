"""The reasons of conditions."""

from enum import StrEnum


class Reason(StrEnum):
    """A reason of a condition: a closed set, each explained in docs/troubleshooting.md."""

    READY = "Ready"
    TOKEN_VALID = "TokenValid"
    REFRESH_FAILING = "RefreshFailing"
    ON_SCHEDULE = "OnSchedule"
    ATTACHED = "Attached"

    ATTACHING = "Attaching"
    DELETING = "Deleting"
    PENDING = "Pending"
    WRITING_SECRET = "WritingSecret"
    SECRET_NOT_WRITTEN = "SecretNotWritten"
    ENTRY_REMOVED = "EntryRemoved"
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
    REGISTRY_UNAVAILABLE = "RegistryUnavailable"
    REGISTRY_ERROR = "RegistryError"
    MALFORMED_TOKEN = "MalformedToken"
    CLOCK_SKEW = "ClockSkew"
    TIMEOUT = "Timeout"

    TOKEN_REQUEST_REFUSED = "TokenRequestRefused"
    API_SERVER_UNAVAILABLE = "ApiServerUnavailable"
    FEDERATION_PENDING = "FederationPending"
    FEDERATION_REFUSED = "FederationRefused"
    ISSUER_UNREACHABLE = "IssuerUnreachable"
    IDENTITY_REFUSED = "IdentityRefused"
    ENTRA_UNAVAILABLE = "EntraUnavailable"
