"""A binding of any API version, without JSON keys."""

from dataclasses import dataclass, field
from datetime import datetime

from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.reason import Reason
from hooks.core.model.secret_template import SecretTemplate
from hooks.core.model.targets import Targets


@dataclass(frozen=True, slots=True)
class Condition:
    """A Kubernetes condition; *status* is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    last_transition_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The status that `/sync` returns for a binding, or returned last. None is an unknown time.

    Attributes:
        secret_name: The name of the observed Secret; None without a Secret.
        targets: The ServiceAccounts that the binding names; None if unknown.
        attached_accounts: How many observed ServiceAccounts list the Secret; None unless the
            binding has a list of ServiceAccounts.
        desired_accounts: How many ServiceAccounts must list the Secret; None like the above.
        token_issue_time: When the token in the observed Secret was issued.
        token_expiration_time: When the token in the observed Secret expires.
        secret_pending_time: When a returned token began to wait for the write of the Secret.
        write_attempts: How often the Secret was written again after another client removed it.
        last_write_time: When the Secret was last written again, or first found removed.
        attach_attempts: How often the entry was added again after another client removed it.
        last_attach_time: When the entry was last added again, or first found removed.
    """

    conditions: tuple[Condition, ...] = ()
    secret_name: str | None = None
    targets: Targets | None = None
    token_issue_time: datetime | None = None
    token_expiration_time: datetime | None = None
    attached_accounts: int | None = None
    desired_accounts: int | None = None
    secret_pending_time: datetime | None = None
    write_attempts: int = 0
    last_write_time: datetime | None = None
    attach_attempts: int = 0
    last_attach_time: datetime | None = None

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of type *kind*; None without such a condition."""
        return next((c for c in self.conditions if c.type == kind), None)

    @property
    def attaching(self) -> bool:
        """True if the entry of the binding waits to be added."""
        return any(c.reason == Reason.ATTACHING for c in self.conditions if c.type == "Attached")

    @property
    def trouble(self) -> str | None:
        """The message of Ready; None if Ready is True or missing."""
        ready = self.condition("Ready")
        return None if ready is None or ready.reason == Reason.READY else ready.message


@dataclass(frozen=True, slots=True)
class Spec:
    """The spec of a binding, as written; None means the default of the service.

    *audience* and *authority*, the host of Entra, belong to the cloud in the spec.
    """

    server: str | None
    identity: Identity | WorkloadIdentity | None
    scope: str | None
    audience: str | None = None
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding of any API version. If the spec is invalid, *spec* is the text of the problem.

    If the creation time is unknown, *created_at* is the earliest `datetime`.
    *targets* is None if an invalid spec lacks the ServiceAccounts, and the status, too.
    *other_finalizers* are the finalizers of other controllers: Metacontroller does not remove them.
    *secret_template* contains labels and annotations for the Secret, also if the spec is invalid.
    """

    name: str
    namespace: str
    uid: str
    api_version: str
    kind: str
    generation: int
    created_at: datetime
    deleting: bool
    deleted_at: datetime | None
    other_finalizers: frozenset[str]
    secret_name: str
    targets: Targets | None
    spec: Spec | str
    status: Status
    secret_template: SecretTemplate = field(default_factory=SecretTemplate)
