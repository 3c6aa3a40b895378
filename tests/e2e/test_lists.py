"""What users do to the ServiceAccount, to its list and to the Secret; their entries stay."""

import base64

import pytest

from hooks.core.names import ATTACHED_ANNOTATION, PULL_SECRETS_ANNOTATION, UID_LABEL
from tests.e2e.eventually import eventually
from tests.e2e.scene import LAST_APPLIED, USERS, Scene


@pytest.fixture
def bound(scene: Scene) -> Scene:
    """Return a scene with a binding on the ServiceAccount `default`."""
    scene.bind("app")
    scene.ready("app")
    scene.guarded("default")
    return scene


def test_entries_added_removed_and_moved(bound: Scene) -> None:
    """Whatever its user makes of the list stays, in the user's order."""
    bound.relist("default", lambda names: ["first", *names])
    bound.relist("default", lambda names: [*names, "last"])
    bound.relist("default", lambda names: [name for name in names if name != "zeta"])
    bound.stays("default", "first", "alpha", "acr-pull-app", "last")
    bound.relist("default", lambda names: names[::-1])
    bound.stays("default", "last", "acr-pull-app", "alpha", "first")
    bound.ready("app")


def test_list_cleared(bound: Scene) -> None:
    """After its user cleared the list, it has the Secret alone."""
    bound.relist("default", lambda _: [])
    bound.listed("default", "acr-pull-app")
    bound.ready("app")


def test_entry_removed(bound: Scene) -> None:
    """An entry of ours that its user removed comes back; at the end of the list."""
    bound.relist("default", lambda names: ["new", *(n for n in names if n != "acr-pull-app")])
    bound.listed("default", "new", *USERS, "acr-pull-app")


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {UID_LABEL: None}},
        {"annotations": {PULL_SECRETS_ANNOTATION: None}},
        {"annotations": {ATTACHED_ANNOTATION: None}},
        {"annotations": {LAST_APPLIED: None}},
        {
            "annotations": {
                PULL_SECRETS_ANNOTATION: None,
                ATTACHED_ANNOTATION: None,
                LAST_APPLIED: None,
            }
        },
        {"ownerReferences": None},
    ],
    ids=["label", "wanted", "attached", "last-applied", "annotations", "owners"],
)
def test_stripped(bound: Scene, metadata: dict[str, dict[str, None] | None]) -> None:
    """What its user takes off comes back, nothing is lost, and it can still be let go.

    Once nothing is under way: without the label Metacontroller lets go, and adopts again with it,
    and a deletion in between leaves the entry.
    """
    bound.edit("default", metadata=metadata)
    bound.stays("default", *USERS, "acr-pull-app")

    def check() -> None:
        meta = bound.account("default")["metadata"]
        labels, annotations = meta.get("labels", {}), meta["annotations"]
        assert annotations.get(PULL_SECRETS_ANNOTATION) == "acr-pull-app"
        assert annotations["mine"] == "1"
        if not bound.admission:
            assert labels.get(UID_LABEL) == bound.binding("app")["metadata"]["uid"]
            assert annotations.get(ATTACHED_ANNOTATION) == "acr-pull-app"

    eventually(check)
    bound.guarded("default")
    bound.unbind("app")
    bound.gone("ACRPullBinding", "app")
    bound.released("default", *USERS)


def test_secret_deleted(bound: Scene) -> None:
    """It is made anew."""
    uid = bound.secret("acr-pull-app")["metadata"]["uid"]
    bound.api.delete("Secret", bound.name, "acr-pull-app")
    bound.disturb()

    def check() -> None:
        assert bound.secret("acr-pull-app")["metadata"]["uid"] != uid

    eventually(check)
    bound.ready("app")


def test_secret_tampered_with(bound: Scene) -> None:
    """What is not a token of the registry is replaced by one."""
    nothing = base64.b64encode(b'{"auths":{}}').decode()
    data = {"data": {".dockerconfigjson": nothing}}
    bound.api.merge("Secret", bound.name, "acr-pull-app", data)
    bound.disturb()

    def check() -> None:
        assert bound.secret("acr-pull-app")["data"][".dockerconfigjson"] != nothing

    eventually(check)
    bound.ready("app")
