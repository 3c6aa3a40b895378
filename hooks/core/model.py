"""A binding of any API version. Knows no JSON key and no wire format."""

from dataclasses import dataclass

from hooks.core.identity import Identity, WorkloadIdentity


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
    """What `/sync` last said of a binding. Times are RFC 3339, as on the wire.

    *secret_name* is None where the Secret of the binding's name is somebody else's.
    """

    conditions: tuple[Condition, ...] = ()
    secret_name: str | None = None
    service_account_name: str | None = None
    token_issue_time: str | None = None
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
