"""The doctor's report on a ClusterACRPullBinding."""

from pathlib import Path
from typing import Any

import pytest

from hooks.doctor.cluster_diagnosis import UNREAD
from tests.doctor import GUID, SERVER, document, examine, judge, manifest
from tests.fleet import parent
from tests.test_crds_cluster import ACCEPTED, REJECTED
from tests.test_doctor import GENEROUS


def cluster(name: str = "platform", **spec: Any) -> str:  # noqa: ANN401  any JSON value
    """Return a ClusterACRPullBinding whose bindings have *spec*."""
    obj = parent(template={"spec": {"acrServer": SERVER, **spec}})
    return document({**obj, "metadata": {"name": name}})


@pytest.mark.parametrize("sample", ACCEPTED, ids=lambda path: path.stem)
def test_accepts_every_sample_that_the_crd_accepts(sample: Path) -> None:
    """An accepted sample has no problem."""
    found = judge(sample.read_text("utf-8"), **GENEROUS, AZURE_TENANT_ID=GUID)
    assert (found["kind"], found["problems"]) == ("ClusterACRPullBinding", [])


@pytest.mark.parametrize("sample", REJECTED, ids=lambda path: path.stem)
def test_rejects_every_sample_that_the_crd_rejects(sample: Path) -> None:
    """A rejected sample is not accepted."""
    found = judge(sample.read_text("utf-8"), **GENEROUS)
    assert not found["accepted"]
    assert found["problems"]


def test_report() -> None:
    """The report has the Secret and the commands of a binding in any Namespace."""
    found = judge(cluster(managedIdentityClientID=GUID))
    assert (found["name"], found["namespace"], found["ok"]) == ("platform", None, True)
    assert (found["secretName"], found["server"]["name"]) == ("acr-pull-platform", SERVER)
    assert found["notes"] == []
    assert found["commands"]["rbac"]


def test_refused() -> None:
    """A problem with the settings is a problem of each binding."""
    found = judge(cluster(managedIdentityClientID=GUID), ALLOWED_ACR_SERVER_SUFFIXES="azurecr.us")
    assert found["accepted"]
    assert found["problems"][0].startswith(f'Registry "{SERVER}" is not allowed')


def test_key_that_only_the_service_rejects() -> None:
    """The CRD has no rule for the keys of labels, so the API server accepts the manifest."""
    obj = parent(namespaceSelector={"matchLabels": {"a b": "c"}})
    found = judge(document({**obj, "metadata": {"name": "platform"}}))
    assert found["accepted"]
    assert found["problems"][0].startswith('spec.namespaceSelector.matchLabels: "a b" is not a key')


def test_too_long() -> None:
    """A spec with more characters than its fields need is rejected."""
    found = judge(cluster(scope="a" * 160_000))
    assert found["problems"][-1].startswith("spec.template.spec has over 156000 characters")


def test_null_counts_as_absent() -> None:
    """Nulls are dropped, as by the API server."""
    assert judge(cluster(managedIdentityClientID=GUID, scope=None))["ok"]


@pytest.mark.parametrize("metadata", [None, {"name": 1}, "x"])
def test_without_a_name(metadata: object) -> None:
    """Metadata of another shape is a problem."""
    found = judge(document({**parent(), "metadata": metadata}))
    assert found["name"] is None
    assert found["problems"]


def test_notes_on_namespaces() -> None:
    """A ClusterACRPullBinding has no Namespace, so no Namespace is assumed or missing."""
    text = cluster("a", managedIdentityClientID=GUID) + cluster("b", managedIdentityClientID=GUID)
    assert examine(text)["notes"] == [UNREAD]
    assert examine(cluster(acrServer="X"))["notes"] == []


def test_hints() -> None:
    """The hints on common mistakes have the paths of the template's fields."""
    scope = "repository:app:pull"
    found = judge(cluster(acrServer=scope, scope=SERVER, serviceAccountName="*"))
    first, second = found["problems"]
    assert first == (
        "spec.template.spec.acrServer and spec.template.spec.scope are swapped. Set "
        f"spec.template.spec.acrServer to {SERVER} and spec.template.spec.scope to {scope}."
    )
    assert second.startswith("spec.template.spec.serviceAccountName: ")
    assert found["notes"] == [
        "spec.template.spec.serviceAccountName takes a single name. For several, set "
        'serviceAccountNames: ["*"]'
    ]


@pytest.mark.parametrize(
    ("names", "account"),
    [
        pytest.param(["default"], "ServiceAccount default", id="name"),
        pytest.param(["*"], "every ServiceAccount", id="every"),
    ],
)
def test_two_secrets_for_one_registry(names: list[str], account: str) -> None:
    """A note on different tokens for a registry, which count where both selectors match."""
    fields = {"managedIdentityClientID": GUID, "serviceAccountNames": names}
    bindings = [cluster(name, scope=f"repository:{name}:pull", **fields) for name in "ab"]
    note, *others = (n for n in examine("".join(bindings))["notes"] if "Secrets for" in n)
    assert others == []
    assert note.startswith(
        f"In a Namespace that all of these ClusterACRPullBindings select, {account} gets 2 Secrets "
        f"for {SERVER}: acr-pull-a, acr-pull-b. "
    )
    assert note.endswith("with this scope: repository:a:pull repository:b:pull")


def test_two_secrets_of_two_kinds() -> None:
    """A note on the tokens of a ClusterACRPullBinding and an ACRPullBinding for one registry."""
    fields = {"acrServer": SERVER, "managedIdentityClientID": GUID}
    every = cluster("platform", scope="repository:a:pull", **fields, serviceAccountNames=["*"])
    own = manifest("app", scope="repository:b:pull", **fields)
    (note,) = (n for n in examine(every + own)["notes"] if "Secrets for" in n)
    assert note.startswith(
        "If ClusterACRPullBinding platform selects Namespace team-a, ServiceAccount default gets "
        f"2 Secrets for {SERVER}: acr-pull-platform, acr-pull-app. "
    )


def test_name_of_a_binding() -> None:
    """A note names a binding that keeps a ClusterACRPullBinding from creating a binding."""
    own = manifest("platform", acrServer=SERVER, managedIdentityClientID=GUID)
    notes = examine(cluster(managedIdentityClientID=GUID) + f"---\n{own}")["notes"]
    (note,) = (n for n in notes if "BindingNameTaken" in n)
    assert note.startswith("ClusterACRPullBinding platform creates no binding in Namespace team-a")
