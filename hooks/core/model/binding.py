"""A binding of any API version. Knows no JSON key and no wire format."""

from dataclasses import dataclass

from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.reason import Reason


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
    """The status of a binding, as `/sync` last returned it. Times are RFC 3339, as on the wire.

    Attributes:
        secret_name: The observed Secret of the binding; None if there is none.
        token_issue_time: When the token in the observed Secret was issued.
        token_expiration_time: When the token in the observed Secret expires.
        secret_pending_time: Since when a returned token waits to be written to the Secret.
        write_attempts: How often the Secret was written again while another client removes it.
        last_write_time: When the Secret was last written again, or first found removed.
        attach_attempts: How often the entry was added again while another client removes it.
        last_attach_time: When the entry was last added again, or first found removed.
    """

    conditions: tuple[Condition, ...] = ()
    secret_name: str | None = None
    service_account_name: str | None = None
    token_issue_time: str | None = None
    token_expiration_time: str | None = None
    secret_pending_time: str | None = None
    write_attempts: int = 0
    last_write_time: str | None = None
    attach_attempts: int = 0
    last_attach_time: str | None = None

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of type *kind*, if there is one."""
        return next((c for c in self.conditions if c.type == kind), None)

    @property
    def attaching(self) -> bool:
        """Whether the binding waits for its entry to be added."""
        return any(c.reason == Reason.ATTACHING for c in self.conditions if c.type == "Attached")

    @property
    def trouble(self) -> str | None:
        """The message of Ready; None while there is nothing to report."""
        ready = self.condition("Ready")
        return None if ready is None or ready.reason == Reason.READY else ready.message

    @property
    def secret_taken(self) -> bool:
        """Whether the last answer found another owner's Secret under the binding's name."""
        return any(c.reason == Reason.SECRET_NAME_TAKEN for c in self.conditions)


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
    """A binding of any API version. *spec* is the problem's text when it is invalid.

    *other_finalizers* are the finalizers that Metacontroller does not remove.
    """

    name: str
    namespace: str
    uid: str
    api_version: str
    kind: str
    generation: int
    created_at: str
    deleting: bool
    deleted_at: str
    other_finalizers: frozenset[str]
    secret_name: str
    service_account_name: str | None
    spec: Spec | str
    status: Status
