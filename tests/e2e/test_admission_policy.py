"""The component metacontroller/admission: one annotation becomes imagePullSecrets in one request.

No Metacontroller runs, so nothing but the policy changes a ServiceAccount.
"""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import pytest

from hooks.core.names import ATTACHED_ANNOTATION, PULL_SECRETS_ANNOTATION, UID_LABEL
from tests.e2e.api import Object
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.stage import Stage, open_stage
from tests.model import namespace as new_namespace
from tests.model import service_account

NAMESPACE: Final = "admission"
NUMBERS: Final = count(1)
MANY: Final = 200
CONTROLLER: Final = {
    "apiVersion": "acrpull.dev/v1beta1",
    "kind": "ACRPullBinding",
    "name": "app",
    "uid": "u",
    "controller": True,
}
FOREIGN: Final = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "mine", "uid": "t"}


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start a control plane with the component, and wait until the policy is in force."""
    directory = tmp_path_factory.mktemp("admission")
    with open_stage(directory, given_crds(request), "metacontroller/admission") as running:
        running.api.create(new_namespace(NAMESPACE))

        def in_force() -> None:
            assert Account(running).annotate("acr-pull-app") == ["acr-pull-app"]

        eventually(in_force)
        yield running


class Account:
    """A new ServiceAccount that lists *entries*; each write returns the names then listed."""

    def __init__(self, stage: Stage, *entries: str) -> None:
        self.api, self.name = stage.api, f"app-{next(NUMBERS)}"
        self.api.create(service_account(NAMESPACE, self.name, pull_secrets=entries))

    def merge(self, **fields: Any) -> list[str]:  # noqa: ANN401  any JSON
        """Merge *fields* into the ServiceAccount."""
        return listed(self.api.merge("ServiceAccount", NAMESPACE, self.name, fields))

    def annotate(self, names: str | None, **metadata: Any) -> list[str]:  # noqa: ANN401  any JSON
        """Set the annotation to *names*; None removes the annotation."""
        metadata.setdefault("annotations", {})[PULL_SECRETS_ANNOTATION] = names
        return self.merge(metadata=metadata)

    @property
    def metadata(self) -> Object:
        """The stored metadata."""
        stored: Object = self.api.get("ServiceAccount", NAMESPACE, self.name)["metadata"]
        return stored


def listed(account: Object) -> list[str]:
    """Return the names on the list of *account*."""
    return [entry.get("name", "") for entry in account.get("imagePullSecrets", [])]


def entries(*names: str) -> list[Object]:
    """Return a list of pull Secrets."""
    return [{"name": name} if name else {} for name in names]


def test_users_entries_come_first(stage: Stage) -> None:
    """The user's entries keep their order; acrpull's entries follow in the annotation's order."""
    account = Account(stage, "zeta", "alpha")
    assert account.annotate("acr-pull-b,acr-pull-a") == [
        *("zeta", "alpha", "acr-pull-b", "acr-pull-a"),
    ]
    assert account.merge(imagePullSecrets=entries("new", "acr-pull-b", "alpha", "")) == [
        *("new", "acr-pull-b", "alpha", "", "acr-pull-a"),
    ]


@pytest.mark.parametrize("left", [["zeta"], []])
def test_removed_entry(stage: Stage, left: list[str]) -> None:
    """An entry that a user removes is back in the same request."""
    account = Account(stage, "zeta")
    account.annotate("acr-pull-app")
    assert account.merge(imagePullSecrets=entries(*left) or None) == [*left, "acr-pull-app"]


def test_replaced(stage: Stage) -> None:
    """A ServiceAccount that a user replaces keeps annotation and entry."""
    account = Account(stage, "zeta")
    account.annotate("acr-pull-app")
    for written in ("alpha",), ():
        mine = service_account(NAMESPACE, account.name, pull_secrets=written)
        assert listed(stage.api.replace(mine)) == [*written, "acr-pull-app"]
        assert account.metadata["annotations"] == {PULL_SECRETS_ANNOTATION: "acr-pull-app"}


def test_server_side_apply(stage: Stage) -> None:
    """A user who applies the ServiceAccount, with or without a list, keeps the entry."""
    account = Account(stage)
    account.annotate("acr-pull-app")
    mine = service_account(NAMESPACE, account.name, pull_secrets=("zeta",))
    assert listed(stage.api.apply(mine, "user", force="true")) == ["zeta", "acr-pull-app"]
    del mine["imagePullSecrets"]
    assert listed(stage.api.apply(mine, "another")) == ["zeta", "acr-pull-app"]


def test_name_leaves(stage: Stage) -> None:
    """A name after "-" leaves the list; an annotation that wants nothing can be removed."""
    account = Account(stage, "zeta", "-dash")
    account.annotate("acr-pull-app,acr-pull-jobs,x-msi-acrpull-secret")
    assert account.annotate("acr-pull-jobs,-acr-pull-app,-x-msi-acrpull-secret") == [
        *("zeta", "-dash", "acr-pull-jobs"),
    ]
    assert account.annotate("-acr-pull-jobs,-zeta") == ["zeta", "-dash"]
    assert account.annotate(None) == ["zeta", "-dash"]
    assert "annotations" not in account.metadata


def test_only_names_of_acrpull(stage: Stage) -> None:
    """The annotation adds no other name than acrpull gives, and no user's entry leaves by it."""
    account = Account(stage, "zeta")
    assert account.annotate("evil,,acr-pull-app, x,app-msi-acrpull-secret") == [
        *("zeta", "acr-pull-app", "app-msi-acrpull-secret"),
    ]


def test_created_with_annotation(stage: Stage) -> None:
    """A restored ServiceAccount has its entries at once."""
    made = service_account(NAMESPACE, "restored", pull_secrets=("zeta",))
    made["metadata"]["annotations"] = {PULL_SECRETS_ANNOTATION: "acr-pull-app"}
    assert listed(stage.api.create(made)) == ["zeta", "acr-pull-app"]


def test_adopted(stage: Stage) -> None:
    """What the mode `adoption` left is removed once its label is gone, and no entry is missing."""
    account = Account(stage, "zeta")
    uid = stage.api.get("Namespace", "", NAMESPACE)["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": NAMESPACE, "uid": uid}
    adopted = account.merge(
        imagePullSecrets=entries("zeta", "acr-pull-app"),
        metadata={
            "labels": {UID_LABEL: "u", "mine": "1"},
            "annotations": {
                ATTACHED_ANNOTATION: "acr-pull-app",
                PULL_SECRETS_ANNOTATION: "acr-pull-app",
            },
            "ownerReferences": [owner, CONTROLLER, FOREIGN],
        },
    )
    assert adopted == ["zeta", "acr-pull-app"]
    kept = account.metadata
    assert kept["ownerReferences"] == [owner, CONTROLLER, FOREIGN]
    assert account.annotate("acr-pull-app", labels={UID_LABEL: None}) == adopted
    released = account.metadata
    assert released["ownerReferences"] == [FOREIGN]
    assert released["labels"] == {"mine": "1"}
    assert released["annotations"] == {PULL_SECRETS_ANNOTATION: "acr-pull-app"}


def test_adoption_can_release(stage: Stage) -> None:
    """The decorator of the mode `adoption` removes label and annotation together."""
    account = Account(stage)
    account.annotate("acr-pull-app", labels={UID_LABEL: "u"})
    assert account.annotate(None, labels={UID_LABEL: None}) == ["acr-pull-app"]
    assert "annotations" not in account.metadata


def test_bounds(stage: Stage, tally: Counter[str]) -> None:
    """Hundreds of names work; the policy leaves a larger ServiceAccount alone, and quickly."""
    account = Account(stage, "zeta")
    names = [f"acr-pull-application-{number}" for number in range(MANY)]
    begin = time.perf_counter()
    assert account.annotate(",".join(names)) == ["zeta", *names]
    tally[f"microseconds to add {MANY} entries"] = int(1e6 * (time.perf_counter() - begin))
    large = Account(stage)
    large.annotate("acr-pull-app")
    users = [f"user-{number}" for number in range(10_000)]
    assert large.merge(imagePullSecrets=entries(*users)) == users
    assert large.merge(imagePullSecrets=entries("zeta")) == ["zeta"]
    assert large.merge(metadata={"labels": {"touch": "1"}}) == ["zeta", "acr-pull-app"]
    assert large.annotate("acr-pull-app," * 2_000) == ["zeta", "acr-pull-app"]
    assert large.annotate("acr-pull-app") == ["zeta", "acr-pull-app"]
