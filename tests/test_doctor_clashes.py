"""The doctor on other objects in the file: other owners of the Secret or the ServiceAccount."""

from typing import Any, Final

import pytest

from tests.doctor import GUID, SERVER, document, manifest, run

BINDING: Final = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
V1BETA1: Final = "msi-acrpull.microsoft.com/v1beta1"
V1BETA2: Final = "acrpull.microsoft.com/v1beta2"


def upstream(version: str, name: str = "app", namespace: str = "team-a") -> str:
    """Return upstream's binding as a YAML document."""
    spec: dict[str, Any] = {"acrServer": SERVER, "managedIdentityClientID": GUID}
    if version == V1BETA2:
        spec = {
            "acr": {"server": SERVER, "scope": "repository:app:pull"},
            "auth": {"managedIdentity": {"clientID": GUID}},
            "serviceAccountName": "default",
        }
    meta = {"name": name, "namespace": namespace}
    return document(
        {"apiVersion": version, "kind": "AcrPullBinding", "metadata": meta, "spec": spec}
    )


def thing(kind: str, name: str, owner: tuple[str, str, str] | None = None, **fields: object) -> str:
    """Return an object in team-a as a YAML document; *owner* is apiVersion, kind and name."""
    meta: dict[str, Any] = {"name": name, "namespace": "team-a"}
    if owner is not None:
        version, of, called = owner
        reference = {"apiVersion": version, "kind": of, "name": called, "uid": "x"}
        meta["ownerReferences"] = [{**reference, "controller": True}]
    return document({"apiVersion": "v1", "kind": kind, "metadata": meta, **fields})


def judge(*texts: str) -> list[list[str]]:
    """Return the problems of each binding in *texts*."""
    done = run("--output", "json", "-", stdin="".join(texts))
    found = [list(binding["problems"]) for binding in done.report["bindings"]]
    assert done.code == (1 if any(found) else 0)
    return found


def test_two_kinds_of_one_name() -> None:
    """Two bindings with one Secret name both have a problem. v1beta1 has other Secret names."""
    ours, second, first = judge(BINDING, upstream(V1BETA2), upstream(V1BETA1))
    assert ours == [
        "Secret acr-pull-app: AcrPullBinding app wants it, too, and one of them can have it "
        "(SecretNameTaken); name one differently, e.g. app-2"
    ]
    assert second == [ours[0].replace("AcrPullBinding", "ACRPullBinding")]
    assert first == []


@pytest.mark.parametrize(
    "other",
    [BINDING, upstream(V1BETA2, namespace="team-b"), upstream(V1BETA2, "jobs")],
    ids=["itself", "namespace", "name"],
)
def test_no_clash(other: str) -> None:
    """A repeated binding and a binding in another Namespace do not clash."""
    assert judge(BINDING, other) == [[], []]


def test_binding_with_problems_takes_nothing() -> None:
    """A binding with a problem of its own claims no Secret."""
    ours, theirs = judge(BINDING, upstream(V1BETA2).replace(SERVER, "x/y"))
    assert ours == []
    assert len(theirs) == 1


@pytest.mark.parametrize(
    ("secret", "taken"),
    [
        (thing("Secret", "acr-pull-app"), True),
        (thing("Secret", "acr-pull-app", (V1BETA2, "AcrPullBinding", "app")), True),
        (thing("Secret", "acr-pull-app", ("acrpull.dev/v1beta1", "ACRPullBinding", "x")), True),
        (thing("Secret", "acr-pull-app", ("acrpull.dev/v1beta1", "ACRPullBinding", "app")), False),
        (thing("Secret", "acr-pull-app").replace("team-a", "team-b"), False),
        (thing("Secret", "other"), False),
    ],
    ids=["nobody's", "upstream's", "other's", "own", "namespace", "name"],
)
def test_secret(secret: str, *, taken: bool) -> None:
    """A Secret of the same name with another owner, or without owner, is a problem."""
    (problems,) = judge(BINDING, secret)
    said = ["Secret acr-pull-app: the one in this file is another's (SecretNameTaken); delete it, "
            "or name the binding differently, e.g. app-2"]  # fmt: skip
    assert problems == (said if taken else [])


def test_account_of_another_controller() -> None:
    """A note says that the owner must list the Secret. The ServiceAccount is no child."""
    guard = ("v1", "Namespace", "team-a")
    for owner, entries, said in (
        (("x.io/v1", "Operator", "shop"), [], "(ServiceAccountOwned): list Secret acr-pull-app in"),
        (("x.io/v1", "Operator", "shop"), [{"name": "acr-pull-app"}], "; it lists Secret acr-pull"),
        (guard, [], None),
    ):
        account = thing("ServiceAccount", "default", owner, imagePullSecrets=entries)
        (found,) = run("--output", "json", "-", stdin=BINDING + account).report["bindings"]
        start = "ServiceAccount default belongs to Operator shop and is left alone"
        notes = [note for note in found["notes"] if note.startswith(start)]
        assert bool(notes) == (said is not None)
        assert all(said in note for note in notes if said)
        kinds = [child["kind"] for child in found["children"]]
        assert kinds == (["Secret"] if said else ["Secret", "ServiceAccount"])


def test_nameless() -> None:
    """The text does not show the Namespace's name for a binding without a name."""
    text = BINDING.replace("  name: app\n", "")
    assert "ACRPullBinding team-a/without a name: would be refused" in run("-", stdin=text).out
