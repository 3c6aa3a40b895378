"""The component metacontroller/admission: one annotation becomes imagePullSecrets in one request.

No Metacontroller runs, so nothing but the policy changes a ServiceAccount.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, Final

import pytest
import yaml

from hooks.core.names import (
    ADMISSION_GROUP,
    ADMISSION_POLICY,
    ADMISSION_RESOURCES,
    API_VERSION,
    KIND,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)
from tests.admission_cases import CASES, New, entries, listed
from tests.e2e.api import MERGE_PATCH, ApiError, Object
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.other_policy import mutating_policy
from tests.e2e.stage import Stage, open_stage
from tests.e2e.test_deletion_policy import GARBAGE_COLLECTOR
from tests.model import namespace as new_namespace
from tests.model import service_account

NAMESPACE: Final = "admission"
NUMBERS: Final = count(1)
MANY: Final = 200


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
    """A new ServiceAccount; see tests/admission_cases.py."""

    def __init__(self, stage: Stage, *names: str) -> None:
        self.api, self.name = stage.api, f"app-{next(NUMBERS)}"
        self.api.create(service_account(NAMESPACE, self.name, pull_secrets=names))

    @property
    def namespace(self) -> Object:
        """An owner reference to the Namespace."""
        uid = self.api.get("Namespace", "", NAMESPACE)["metadata"]["uid"]
        return {"apiVersion": "v1", "kind": "Namespace", "name": NAMESPACE, "uid": uid}

    def replace(self, *names: str) -> list[str]:
        """Replace the ServiceAccount by one without labels and annotations."""
        return listed(self.api.replace(service_account(NAMESPACE, self.name, pull_secrets=names)))

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


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_policy(stage: Stage, case: Callable[[New], None]) -> None:
    """Each case holds on a real API server."""
    case(partial(Account, stage))


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
}


@pytest.mark.parametrize(("expression", "reinvocation", "expected"), OTHERS.values(), ids=OTHERS)
def test_other_policy(
    stage: Stage, expression: str, reinvocation: str, expected: list[str]
) -> None:
    """The list has the entries of acrpull's policy and of another policy."""
    with mutating_policy(stage.api, "serviceaccounts", expression, adds_corp(stage), reinvocation):
        account = Account(stage, "zeta")
        assert sorted(account.annotate("acr-pull-app")) == sorted(expected)
        assert sorted(account.merge(metadata={"labels": {"touch": "1"}})) == sorted(expected)


def test_other_policy_replaces_again(stage: Stage) -> None:
    """Another policy that replaces the list twice may remove the entry, and the write succeeds.

    The API server calls each policy with the reinvocation policy IfNeeded a second time, and
    neither policy is always the last.
    """
    expression = OTHERS["replaces the list"][0]
    with mutating_policy(stage.api, "serviceaccounts", expression, adds_corp(stage), "IfNeeded"):
        account = Account(stage, "zeta")
        assert account.annotate("acr-pull-app") in (["corp"], ["corp", "acr-pull-app"])


def adds_corp(stage: Stage) -> Callable[[], bool]:
    """Return a function that tells whether a new ServiceAccount gets the other policy's entry."""

    def acts() -> bool:
        made = service_account(NAMESPACE, "dry")
        return listed(stage.api.create(made, dryRun="All")) == ["corp"]

    return acts


def test_created_with_annotation(stage: Stage) -> None:
    """A restored ServiceAccount has its entries at once."""
    made = service_account(NAMESPACE, "restored", pull_secrets=("zeta",))
    made["metadata"]["annotations"] = {PULL_SECRETS_ANNOTATION: "acr-pull-app"}
    assert listed(stage.api.create(made)) == ["zeta", "acr-pull-app"]


@pytest.mark.parametrize(
    ("owner", "deleted"),
    [
        ({"apiVersion": "v1", "kind": "ConfigMap", "name": "mine"}, True),
        ({"apiVersion": API_VERSION, "kind": KIND, "name": "app"}, False),
    ],
    ids=["another-controller", "binding"],
)
def test_garbage_collection(stage: Stage, owner: Object, *, deleted: bool) -> None:
    """An owner's ServiceAccount goes with the owner; one that a binding owns stays."""
    account = Account(stage)
    references = [{**owner, "uid": "u", "controller": True}]
    labels = {} if deleted else {UID_LABEL: "u"}
    account.annotate("acr-pull-app", ownerReferences=references, labels=labels)
    if deleted:  # by the garbage collector, because the owner does not exist

        def gone() -> None:
            assert stage.api.find("ServiceAccount", NAMESPACE, account.name) is None

        eventually(gone)
        return
    with pytest.raises(ApiError, match="may not delete ServiceAccount"):
        stage.api.as_user(GARBAGE_COLLECTOR).delete("ServiceAccount", NAMESPACE, account.name)


def test_hundreds_of_names(stage: Stage, tally: Counter[str]) -> None:
    """Hundreds of names work; the policy leaves a far larger ServiceAccount alone, and quickly."""
    account = Account(stage, "zeta")
    names = [f"acr-pull-application-{number}" for number in range(MANY)]
    begin = time.perf_counter()
    assert account.annotate(",".join(names)) == ["zeta", *names]
    tally[f"microseconds to add {MANY} entries"] = int(1e6 * (time.perf_counter() - begin))
    large = Account(stage)
    large.annotate("acr-pull-app")
    users = [f"user-{number}" for number in range(10_000)]
    assert large.merge(imagePullSecrets=entries(*users)) == users


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
