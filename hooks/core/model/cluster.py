"""The objects in the Namespace of a binding, and the Namespace, without JSON keys."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hooks.core.model.secret_template import SecretTemplate
from hooks.core.model.token import AcrToken
from hooks.core.rfc3339 import EARLIEST


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
    """An observed ServiceAccount.

    Attributes:
        pull_secrets: The names in `imagePullSecrets`; None for an entry without a name (`{}`).
        wanted: The Secrets that belong on the list, from the annotation of the decorator.
        unwanted: The entries that must leave the list, from the same annotation.
        repeats: How often the decorator repeated the write of this annotation without effect.
        repeated_at: When the decorator last repeated the write.
        attached: The entries that acrpull manages, from the annotation of the owner.
        annotations: The keys of all annotations.
        last_applied: The JSON that Metacontroller last wrote under dynamic-apply.
        client_id: The client ID in an annotation, unchecked: any text.
        tenant_id: The tenant ID in an annotation, unchecked: any text.
    """

    name: str
    namespace: str
    pull_secrets: tuple[str | None, ...] = ()
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    repeats: int = 0
    repeated_at: datetime | None = None
    attached: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    annotations: frozenset[str] = frozenset()
    last_applied: str | None = None
    uid_label: str | None = None
    deleting: bool = False
    created_at: datetime | None = None
    uid: str = ""
    client_id: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class PullSecret:
    """A pull Secret, observed or desired.

    Attributes:
        token: The token; None if the Secret contains no readable token.
        inputs: The hash of the inputs of the token: see `inputs_hash`.
        unmodified: False if the Secret contains anything that acrpull did not write.
        dynamic_apply: Whether Metacontroller wrote the Secret under dynamic-apply.
        inherited: Whether msi-acrpull wrote the token. Such a Secret has no *inputs* until
            Metacontroller applies the first answer.
        changed_data: The docker config of another client, base64. A desired Secret with this data
            leaves the observed Secret unchanged.
        targets: The labels for ServiceAccounts; see `hooks.core.account.relation`.
        template: The labels and annotations of the user; on an observed Secret, of all clients.
    """

    name: str
    server: str | None = None
    token: AcrToken | None = None
    inputs: str | None = None
    unmodified: bool = True
    dynamic_apply: bool = False
    inherited: bool = False
    changed_data: str | None = field(default=None, repr=False)
    targets: Mapping[str, str] = field(default_factory=dict)
    template: SecretTemplate = field(default_factory=SecretTemplate)


@dataclass(frozen=True, slots=True)
class OwnedSecret:
    """The name and the owners of an observed Secret, without its data.

    Attributes:
        made_here: Whether the Secret has the annotation of acrpull's Secrets.
        uid_label: The label by which Metacontroller selects the Secret as a child.
        targets: The labels for ServiceAccounts; see `hooks.core.account.relation`.
    """

    name: str
    namespace: str
    owners: tuple[Owner, ...] = ()
    uid_label: str | None = None
    made_here: bool = False
    deleting: bool = False
    created_at: datetime = EARLIEST
    targets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Namespace:
    """The observed Namespace of a binding.

    *identities* and *servers* are the keys of the allowed identities and servers: see `permission`.
    None means that the Namespace has no such annotation.
    """

    uid: str
    terminating: bool = False
    name: str = ""
    identities: Collection[str] | None = None
    servers: Collection[str] | None = None
