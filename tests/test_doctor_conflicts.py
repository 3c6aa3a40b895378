"""The doctor on conflicts of a binding with other objects in the file."""

from typing import Any

import pytest

from tests.doctor import GUID, SERVER, document, examine, judge, manifest, thing, upstream

BINDING = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
OURS = "acrpull.dev/v1beta1"
V1BETA1 = document({
    "apiVersion": "msi-acrpull.microsoft.com/v1beta1",
    "kind": "AcrPullBinding",
    "metadata": {"name": "app", "namespace": "team-a"},
    "spec": {"acrServer": SERVER, "managedIdentityClientID": GUID},
})  # fmt: skip
TAKEN = (
    "Secret acr-pull-app is in this file and does not belong to the binding (SecretNameTaken). "
    "Delete the Secret, or rename the binding."
)


def owned_by(version: str, kind: str, name: str) -> list[dict[str, Any]]:
    """Return the ownerReferences of an object with a controller."""
    return [{"apiVersion": version, "kind": kind, "name": name, "uid": "x", "controller": True}]


def problems(*texts: str) -> list[list[str]]:
    """Return the problems of each binding in *texts*."""
    return [binding["problems"] for binding in examine("".join(texts))["bindings"]]


def test_two_kinds_with_one_name() -> None:
    """Two bindings with the same Secret name both have a problem. v1beta1 has other names."""
    ours, second, first = problems(BINDING, upstream(), V1BETA1)
    assert ours == [
        "Secret acr-pull-app would also be created by AcrPullBinding app, and only one binding can "
        "own it (SecretNameTaken). Rename one of the bindings."
    ]
    assert second == [ours[0].replace("AcrPullBinding", "ACRPullBinding")]
    assert first == []


@pytest.mark.parametrize(
    "other", [upstream(namespace="team-b"), upstream("jobs")], ids=["namespace", "name"]
)
def test_no_clash(other: str) -> None:
    """Bindings in different Namespaces, or with different names, do not clash."""
    assert problems(BINDING, other) == [[], []]


def test_binding_with_problems_claims_no_name() -> None:
    """A binding with a problem claims no Secret name."""
    ours, theirs = problems(BINDING, upstream().replace(SERVER, "x/y"))
    assert ours == []
    assert len(theirs) == 1


@pytest.mark.parametrize(
    ("secret", "taken"),
    [
        (thing("Secret", "acr-pull-app"), True),
        (
            thing(
                "Secret",
                "acr-pull-app",
                ownerReferences=owned_by("acrpull.microsoft.com/v1beta2", "AcrPullBinding", "app"),
            ),
            True,
        ),
        (
            thing("Secret", "acr-pull-app", ownerReferences=owned_by(OURS, "ACRPullBinding", "x")),
            True,
        ),
        (
            thing(
                "Secret", "acr-pull-app", ownerReferences=owned_by(OURS, "ACRPullBinding", "app")
            ),
            False,
        ),
        (thing("Secret", "acr-pull-app").replace("team-a", "team-b"), False),
        (thing("Secret", "other"), False),
    ],
    ids=["nobody's", "upstream's", "other's", "own", "namespace", "name"],
)
def test_secret(secret: str, *, taken: bool) -> None:
    """A Secret with the binding's Secret name is a problem, unless the binding owns the Secret."""
    report = examine(BINDING + secret)
    (binding,) = report["bindings"]
    assert binding["problems"] == ([TAKEN] if taken else [])
    assert report["ignored"] == []


def test_restored_from_a_backup() -> None:
    """A restored Secret without owner is a problem. A restored ServiceAccount is no problem."""
    label = {"controller-uid": "99999999-0000-0000-0000-000000000000"}
    account = thing(
        "ServiceAccount",
        "default",
        labels=label,
        annotations={
            "acrpull.dev/pull-secrets": "acr-pull-app",
            "acrpull.dev/attached": "acr-pull-app",
        },
        imagePullSecrets=[{"name": "corp-mirror"}, {"name": "acr-pull-app"}],
    )
    inputs = {"acrpull.dev/token-inputs": "0" * 64}
    secret = thing("Secret", "acr-pull-app", labels=label, annotations=inputs, data={})
    report = examine(BINDING + account + secret)
    assert report["problems"] == []
    assert report["bindings"][0]["problems"] == [TAKEN]


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        pytest.param(
            {"ownerReferences": owned_by("x.io/v1", "Operator", "shop")},
            "ServiceAccount default belongs to Operator shop and stays as it is "
            "(ServiceAccountOwned). List Secret acr-pull-app in imagePullSecrets where Operator "
            "shop defines the ServiceAccount.",
            id="not-listed",
        ),
        pytest.param(
            {
                "ownerReferences": owned_by("x.io/v1", "Operator", "shop"),
                "imagePullSecrets": [{"name": "acr-pull-app"}],
            },
            "ServiceAccount default belongs to Operator shop and stays as it is. It lists Secret "
            "acr-pull-app already.",
            id="listed",
        ),
    ],
)
def test_account_of_another_controller(fields: dict[str, Any], note: str) -> None:
    """A note says that the controller must list the Secret. acrpull creates the Secret only."""
    found = judge(BINDING + thing("ServiceAccount", "default", **fields))
    assert (found["notes"], [child["kind"] for child in found["children"]]) == ([note], ["Secret"])


@pytest.mark.parametrize(
    "fields",
    [
        {"ownerReferences": owned_by("v1", "Namespace", "team-a")},
        {"imagePullSecrets": [{"name": "a"}, {"name": "a"}], "secrets": [{"name": "a"}]},
        {"imagePullSecrets": [{"name": None}, {}]},
        {"annotations": {"openshift.io/internal-registry-pull-secret-ref": "x"}},
    ],
    ids=["protected", "duplicates", "nameless", "openshift"],
)
def test_odd_account(fields: dict[str, Any]) -> None:
    """A ServiceAccount with odd entries is no problem, and acrpull adds the Secret."""
    found = judge(BINDING + thing("ServiceAccount", "default", **fields))
    assert found["notes"] == []
    assert [child["kind"] for child in found["children"]] == ["Secret", "ServiceAccount"]


def scoped(name: str, scope: str | None, **spec: object) -> str:
    """Return a binding of ServiceAccount default with *scope*."""
    fields = {"acrServer": SERVER, "managedIdentityClientID": GUID, "scope": scope, **spec}
    return manifest(name, **{key: value for key, value in fields.items() if value is not None})


A = scoped("a", "repository:a/app:pull")
OTHER_GUID = GUID.replace("1", "2")


@pytest.mark.parametrize(
    ("other", "remedy"),
    [
        pytest.param(
            scoped("b", "repository:b/app:pull"),
            "use one binding with this scope: repository:a/app:pull repository:b/app:pull",
            id="union",
        ),
        pytest.param(
            scoped("b", "repository:b/app:pull repository:a/app:pull,push"),
            "use one binding with this scope: repository:a/app:pull,push repository:b/app:pull",
            id="actions",
        ),
        pytest.param(
            upstream("b"),
            "use one binding with this scope: repository:a/app:pull repository:app:pull",
            id="v1beta2",
        ),
        pytest.param(
            scoped("b", None),
            "use only binding b, which has no scope and covers the others.",
            id="no-scope",
        ),
        pytest.param(
            scoped("b", "repository:b:pull", managedIdentityClientID=OTHER_GUID),
            "use one binding with an identity that can pull all images.",
            id="identity",
        ),
    ],
)
def test_two_secrets_for_one_registry(other: str, remedy: str) -> None:
    """A note names clients with only one entry per registry, and a remedy with a single binding."""
    report = examine(A + other)
    (note,) = (note for note in report["notes"] if "Secrets for" in note)
    assert note == (
        "ServiceAccount team-a/default gets 2 Secrets for myregistry.azurecr.io: acr-pull-a, "
        "acr-pull-b. A kubelet tries each of them. Most other readers (k8schain, Flux, Kaniko, "
        f"Argo CD Image Updater) use only one Secret per registry. For them, {remedy}"
    )
    assert report["ok"]


@pytest.mark.parametrize(
    ("one", "other", "accounts"),
    [
        pytest.param(["a", "default"], ["default"], ["ServiceAccount team-a/default"], id="names"),
        pytest.param(["*"], ["b"], ["ServiceAccount team-a/b"], id="every-and-one"),
        pytest.param(
            ["*"], ["*"], ["Every ServiceAccount of Namespace team-a"], id="every-and-every"
        ),
        pytest.param(["*"], [], [], id="every-and-none"),
    ],
)
def test_two_secrets_for_several_accounts(
    one: list[str], other: list[str], accounts: list[str]
) -> None:
    """A note names each ServiceAccount that two bindings have in common."""
    report = examine(
        scoped("a", "repository:a:pull", serviceAccountNames=one)
        + scoped("b", "repository:b:pull", serviceAccountNames=other)
    )
    notes = [note for note in report["notes"] if "Secrets for" in note]
    assert [note.partition(" gets 2 ")[0] for note in notes] == accounts


@pytest.mark.parametrize(
    "other",
    [
        scoped("b", "repository:b:pull", serviceAccountName="other"),
        scoped("b", "repository:b:pull", acrServer="other.azurecr.io"),
        scoped("b", "repository:b:pull").replace("team-a", "team-b"),
        scoped("b", "repository:b:pull", managedIdentityClientID="x"),
        scoped("b", "repository:a/app:pull"),
    ],
    ids=["account", "registry", "namespace", "problem", "same"],
)
def test_one_token_for_a_registry(other: str) -> None:
    """A ServiceAccount with a single token per registry needs no note."""
    assert not any("Secrets for" in note for note in examine(A + other)["notes"])


@pytest.mark.parametrize(
    ("others", "noted"),
    [
        pytest.param([scoped("b", "repository:a/app:pull")], True, id="renamed"),
        pytest.param([scoped(n, "repository:a/app:pull") for n in "bcd"], True, id="several"),
        pytest.param([scoped("b", "repository:b:pull")], False, id="scope"),
        pytest.param([scoped("b", "repository:a/app:pull", serviceAccountName="x")], False, id="x"),
        pytest.param([A.replace("team-a", "team-b")], False, id="namespace"),
    ],
)
def test_replaced_binding(others: list[str], *, noted: bool) -> None:
    """A single note tells to restart the Pods before the old of two equal bindings is deleted."""
    notes = [n for n in examine(A + "".join(others))["notes"] if "running Pods name" in n]
    assert len(notes) == noted


def test_union_is_valid() -> None:
    """The union of scopes is a valid scope."""
    notes = examine(A + scoped("b", "repository:b:pull,push") + scoped("c", "registry:catalog:*"))[
        "notes"
    ]
    scope = notes[-1].rpartition("scope: ")[2]
    assert judge(scoped("all", scope))["problems"] == []


def test_occurs_twice() -> None:
    """Two documents for one object are a problem: kubectl apply keeps only the last."""
    report = examine(A + thing("Pod", "x") + scoped("a", "repository:b:pull") + thing("Pod", "x"))
    said = "kubectl apply keeps only the last. Delete or rename the others."
    assert report["problems"] == [
        f"ACRPullBinding team-a/a occurs 2 times (document 1 and document 3). {said}",
        f"Pod team-a/x occurs 2 times (document 2 and document 4). {said}",
    ]
    assert not any("Secrets for" in note for note in report["notes"])


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        (A + A.replace("  namespace: team-a\n", ""), False),
        (A.replace("team-a", "default") + A.replace("  namespace: team-a\n", ""), True),
        (BINDING + upstream(), False),
        (upstream() + V1BETA1, False),
        (BINDING + BINDING.replace("v1beta1", "v1"), True),
        ("kind: Pod\n---\nkind: Pod\n" + BINDING, False),
        ("kind: Pod\nmetadata: {name: [a]}\n---\nkind: Pod\nmetadata: {name: [a]}\n" + A, False),
    ],
    ids=["namespace", "default", "kind", "group", "version", "nameless", "list"],
)
def test_same_object(text: str, *, twice: bool) -> None:
    """Group, kind, Namespace and name identify an object. The version does not."""
    assert any("occurs" in problem for problem in examine(text)["problems"]) is twice
