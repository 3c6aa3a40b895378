"""What a binding finds in its Namespace, and the Namespace. Knows no JSON key."""

from collections.abc import Collection
from dataclasses import dataclass, field

from hooks.core.model.token import AcrToken


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
    created_at: str = ""
    uid: str = ""
    client_id: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class PullSecret:
    """A pull Secret, observed or to be.

    *token* is None where it holds none; *intact* is False where it holds anything else than we
    wrote. One whose token upstream's controller wrote is *inherited*; it has no *inputs* before our
    first answer is applied. *changed_data* is the docker config, base64, that another client wrote:
    an answer with it leaves the Secret as it is.
    """

    name: str
    server: str | None = None
    token: AcrToken | None = None
    inputs: str | None = None
    unmodified: bool = True
    dynamic_apply: bool = False
    inherited: bool = False
    changed_data: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OwnedSecret:
    """An observed Secret without its data: its name and whose it is.

    Attributes:
        made_here: Whether it has the annotation that acrpull puts on its Secrets.
        uid_label: The label that makes Metacontroller select it as a child.
    """

    name: str
    namespace: str
    owners: tuple[Owner, ...] = ()
    uid_label: str | None = None
    made_here: bool = False
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Namespace:
    """The binding's Namespace, as observed.

    *identities* and *servers* are all that may be used in it, as `permission` compares them; None
    where it does not say.
    """

    uid: str
    terminating: bool = False
    name: str = ""
    identities: Collection[str] | None = None
    servers: Collection[str] | None = None
