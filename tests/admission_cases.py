"""What the policy in metacontroller/admission/policy.yaml does to a ServiceAccount, step by step.

tests/e2e/test_admission_policy.py plays the cases on a real API server, and
tests/test_model_policy.py on the rules of tests/model/policy.py.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from hooks.core.names import ATTACHED_ANNOTATION, PULL_SECRETS_ANNOTATION, UID_LABEL
from tests.model.objects import Object
from tests.model.policy import MAX_ANNOTATION, MAX_ENTRIES

BINDING: Final = {
    "apiVersion": "acrpull.dev/v1beta1",
    "kind": "ACRPullBinding",
    "name": "app",
    "uid": "u",
    "controller": True,
}
FOREIGN: Final = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "mine", "uid": "t"}


class Account(Protocol):
    """A new ServiceAccount that lists some entries; each write returns the names then listed."""

    @property
    def namespace(self) -> Object:
        """An owner reference to the Namespace."""

    @property
    def metadata(self) -> Object:
        """The stored metadata."""

    def merge(self, **fields: Any) -> list[str]:  # noqa: ANN401  any JSON
        """Merge *fields* into the ServiceAccount."""

    def replace(self, *entries: str) -> list[str]:
        """Replace the ServiceAccount by one without labels and annotations, listing *entries*."""

    def annotate(self, names: str | None, **metadata: Any) -> list[str]:  # noqa: ANN401  any JSON
        """Set the annotation to *names*; None removes the annotation."""


New = Callable[..., Account]


def listed(account: Object) -> list[str]:
    """Return the names on the list of *account*."""
    return [entry.get("name", "") for entry in account.get("imagePullSecrets", [])]


def entries(*names: str) -> list[Object]:
    """Return a list of pull Secrets."""
    return [{"name": name} if name else {} for name in names]


def users_entries(new: New) -> None:
    """The user's entries keep their order; acrpull's entries follow in the annotation's order."""
    account = new("zeta", "alpha")
    added = ["zeta", "alpha", "acr-pull-b", "acr-pull-a"]
    assert account.annotate("acr-pull-b,acr-pull-a") == added
    changed = account.merge(imagePullSecrets=entries("new", "acr-pull-b", "alpha", ""))
    assert changed == ["new", "acr-pull-b", "alpha", "", "acr-pull-a"]


def repeated_write(new: New) -> None:
    """The mark of a repeated write is no name."""
    account = new("zeta")
    marked = "acr-pull-app,app-msi-acrpull-secret,@2@2026-01-01T00:02:00Z"
    assert account.annotate(marked) == ["zeta", "acr-pull-app", "app-msi-acrpull-secret"]


def removed_entry(new: New) -> None:
    """An entry that a user removes is back in the same request."""
    account = new("zeta")
    account.annotate("acr-pull-app")
    assert account.merge(imagePullSecrets=entries("zeta")) == ["zeta", "acr-pull-app"]
    assert account.merge(imagePullSecrets=None) == ["acr-pull-app"]


def replaced(new: New) -> None:
    """A ServiceAccount that a user replaces keeps annotation and entry."""
    account = new("zeta")
    account.annotate("acr-pull-app,-acr-pull-jobs")
    for written in ("alpha",), ():
        assert account.replace(*written) == [*written, "acr-pull-app"]
        assert account.metadata["annotations"] == {
            PULL_SECRETS_ANNOTATION: "acr-pull-app,-acr-pull-jobs"
        }


def name_leaves(new: New) -> None:
    """A name after "-" leaves the list; an annotation that wants nothing can be removed."""
    account = new("zeta", "-dash")
    account.annotate("acr-pull-app,acr-pull-jobs,x-msi-acrpull-secret")
    left = account.annotate("acr-pull-jobs,-acr-pull-app,-x-msi-acrpull-secret")
    assert left == ["zeta", "-dash", "acr-pull-jobs"]
    assert account.annotate("-acr-pull-jobs,-zeta") == ["zeta", "-dash"]
    assert account.annotate(None) == ["zeta", "-dash"]
    assert "annotations" not in account.metadata


def other_names(new: New) -> None:
    """The annotation adds no other name than acrpull gives, and no user's entry leaves by it."""
    account = new("zeta")
    names = ["zeta", "acr-pull-app", "app-msi-acrpull-secret"]
    assert account.annotate("evil,,acr-pull-app, x,app-msi-acrpull-secret") == names


def adopted(new: New) -> None:
    """What the mode `adoption` left is removed once its label is gone, and no entry is missing."""
    account = new("zeta")
    owner = account.namespace
    listed = account.merge(
        imagePullSecrets=entries("zeta", "acr-pull-app"),
        metadata={
            "labels": {UID_LABEL: "u", "mine": "1"},
            "annotations": {
                ATTACHED_ANNOTATION: "acr-pull-app",
                PULL_SECRETS_ANNOTATION: "acr-pull-app",
            },
            "ownerReferences": [owner, BINDING, FOREIGN],
        },
    )
    assert listed == ["zeta", "acr-pull-app"]
    assert account.metadata["ownerReferences"] == [owner, BINDING, FOREIGN]
    assert account.annotate("acr-pull-app", labels={UID_LABEL: None}) == listed
    released = account.metadata
    assert released["ownerReferences"] == [FOREIGN]
    assert released["labels"] == {"mine": "1"}
    assert released["annotations"] == {PULL_SECRETS_ANNOTATION: "acr-pull-app"}


def adoption_releases(new: New) -> None:
    """The decorator of the mode `adoption` removes label and annotation together."""
    account = new()
    account.annotate("acr-pull-app", labels={UID_LABEL: "u"})
    assert account.annotate(None, labels={UID_LABEL: None}) == ["acr-pull-app"]
    assert "annotations" not in account.metadata


def bounds(new: New) -> None:
    """The policy leaves a larger ServiceAccount alone, before and after the write."""
    account = new()
    account.annotate("acr-pull-app")
    users = [f"user-{number}" for number in range(MAX_ENTRIES)]
    assert account.merge(imagePullSecrets=entries(*users)) == [*users, "acr-pull-app"]
    assert account.merge(imagePullSecrets=entries("zeta")) == ["zeta"]
    assert account.merge(metadata={"labels": {"touch": "1"}}) == ["zeta", "acr-pull-app"]
    name = "acr-pull-a,"
    longest = (name * MAX_ANNOTATION)[: MAX_ANNOTATION - 1]
    assert account.annotate(f"{longest}aa") == ["zeta", "acr-pull-app"]
    assert account.annotate("-acr-pull-app") == ["zeta", "acr-pull-app"]
    assert account.annotate("-acr-pull-app", labels={"touch": "2"}) == ["zeta"]


CASES: Final[dict[str, Callable[[New], None]]] = {
    case.__name__: case
    for case in (
        users_entries,
        repeated_write,
        removed_entry,
        replaced,
        name_leaves,
        other_names,
        adopted,
        adoption_releases,
        bounds,
    )
}
