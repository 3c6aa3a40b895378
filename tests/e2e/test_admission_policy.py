"""The component metacontroller/admission: one annotation becomes imagePullSecrets in one request.

No Metacontroller runs, so nothing but the policy changes a ServiceAccount.
"""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import pytest
import yaml

from hooks.core.names import (
    ADMISSION_GROUP,
    ADMISSION_POLICY,
    ADMISSION_RESOURCES,
    ATTACHED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)
from tests.e2e.api import MERGE_PATCH, Object
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.other_policy import another_policy
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
    assert listed(stage.api.apply(mine, "user")) == ["zeta", "acr-pull-app"]
    del mine["imagePullSecrets"]
    assert listed(stage.api.apply(mine, "another")) == ["zeta", "acr-pull-app"]
    assert listed(stage.api.apply(mine, "user")) == ["acr-pull-app"]


def test_kubectl_apply(stage: Stage) -> None:
    """A user's own entries come and go by `kubectl apply`, and acrpull's entry stays."""
    account = Account(stage)
    account.annotate("acr-pull-app")
    for names in (("zeta", "alpha"), ("alpha",), ()):
        mine = service_account(NAMESPACE, account.name, pull_secrets=names)
        stage.plane.kubectl("apply", "-f", "-", text=yaml.safe_dump(mine))
        stored = stage.api.get("ServiceAccount", NAMESPACE, account.name)
        assert sorted(listed(stored)) == sorted((*names, "acr-pull-app"))


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


def test_entry_of_a_user(stage: Stage) -> None:
    """An entry that a user listed before keeps its place, and is not listed twice."""
    account = Account(stage, "acr-pull-app", "zeta")
    assert account.annotate("acr-pull-jobs,acr-pull-app") == [
        *("acr-pull-app", "zeta", "acr-pull-jobs"),
    ]


# The policies' expressions, and what a ServiceAccount then lists.
CORP: Final = '{"name": "corp"}'
LISTS_CORP: Final = 'object.?imagePullSecrets.orValue([]).exists(entry, entry.name == "corp")'
OTHERS: Final = {
    "adds an entry": (
        f"""{LISTS_CORP} ? [] : has(object.imagePullSecrets) ?
        [JSONPatch{{op: "add", path: "/imagePullSecrets/-", value: {CORP}}}] :
        [JSONPatch{{op: "add", path: "/imagePullSecrets", value: [{CORP}]}}]""",
        "IfNeeded",
        ["zeta", "acr-pull-app", "corp"],
    ),
    "replaces the list": (
        f'[JSONPatch{{op: "add", path: "/imagePullSecrets", value: [{CORP}]}}]',
        "Never",
        ["corp", "acr-pull-app"],
    ),
    "replaces the list again": (
        f'[JSONPatch{{op: "add", path: "/imagePullSecrets", value: [{CORP}]}}]',
        "IfNeeded",
        ["corp"],
    ),
}


@pytest.mark.parametrize(("expression", "reinvocation", "expected"), OTHERS.values(), ids=OTHERS)
def test_other_policy(
    stage: Stage, expression: str, reinvocation: str, expected: list[str]
) -> None:
    """Another policy's change comes first; a policy that changes the list again has the last word.

    The API server calls each policy with the reinvocation policy IfNeeded a second time.
    """

    def acts() -> bool:
        made = service_account(NAMESPACE, "dry")
        return listed(stage.api.create(made, dryRun="All")) == ["corp"]

    with another_policy(stage.plane, "serviceaccounts", expression, acts, reinvocation):
        account = Account(stage, "zeta")
        assert sorted(account.annotate("acr-pull-app")) == sorted(expected)
        assert sorted(account.merge(metadata={"labels": {"touch": "1"}})) == sorted(expected)


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


def test_large_annotations(stage: Stage) -> None:
    """A user may write all 256 KiB of annotations; acrpull's annotation is then not restored."""
    account = Account(stage)
    account.annotate("acr-pull-app")
    mine = service_account(NAMESPACE, account.name)
    mine["metadata"]["annotations"] = {"large": "x" * (256 * 1024 - len("large"))}
    assert listed(stage.api.replace(mine)) == []


# They exceed the API server's budget, and fail.
BROKEN: Final = {
    "budget": "variables.many.all(a, variables.many.all(b, variables.many.all(c, a + b + c >= 0)))",
    "error": "variables.many[1000] == 1",
}


@pytest.mark.parametrize("expression", BROKEN.values(), ids=BROKEN)
def test_failing_policy(stage: Stage, expression: str) -> None:
    """If the policy fails, a user's ServiceAccount is stored as the user wrote it."""
    path = f"/apis/{ADMISSION_GROUP}/v1/{ADMISSION_RESOURCES[0]}/{ADMISSION_POLICY}"
    policy = stage.api.call("GET", path)
    many = {"name": "many", "expression": f"{list(range(1000))}.map(number, number)"}
    broken = {"name": "wanted", "expression": f"{expression} ? variables.names : variables.names"}
    variables = [many, *(v for v in policy["spec"]["variables"] if v["name"] != "wanted")]
    variables.insert(
        variables.index(next(v for v in variables if v["name"] == "names")) + 1, broken
    )
    stage.api.call("PATCH", path, {"spec": {"variables": variables}}, MERGE_PATCH)

    def fails() -> None:
        assert Account(stage, "zeta").annotate("acr-pull-app") == ["zeta"]

    eventually(fails)
    account = Account(stage, "zeta")
    assert account.annotate("acr-pull-app,-zeta") == ["zeta"]
    assert account.merge(imagePullSecrets=entries("alpha")) == ["alpha"]
    spec = {"spec": {"variables": policy["spec"]["variables"]}}
    stage.api.call("PATCH", path, spec, MERGE_PATCH)

    def works() -> None:
        assert Account(stage).annotate("acr-pull-app") == ["acr-pull-app"]

    eventually(works)
