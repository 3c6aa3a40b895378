"""A binding's Secret on the list of its ServiceAccount, wherever that is."""

from tests.e2e.api import Object
from tests.e2e.eventually import eventually
from tests.e2e.scene import USERS, Scene


def test_default(scene: Scene) -> None:
    """The ServiceAccount `default` lists the Secret after its user's own, and is guarded."""
    scene.bind("app")
    scene.listed("default", *USERS, "acr-pull-app")
    scene.ready("app")
    scene.guarded("default")


def test_named(scene: Scene) -> None:
    """So does a ServiceAccount that the binding names."""
    scene.make_account("build", "beta")
    scene.bind("app", "build")
    scene.listed("build", "beta", "acr-pull-app")
    scene.ready("app")
    scene.stays("default", *USERS)


def test_appearing_later(scene: Scene) -> None:
    """A ServiceAccount that is not there yet is named, and attached when it comes."""
    scene.bind("app", "build")
    message = scene.says("app", "Attached", "False/ServiceAccountNotFound")
    assert "build" in message
    scene.make_account("build")
    scene.listed("build", "acr-pull-app")
    scene.ready("app")


def test_two_and_three(scene: Scene) -> None:
    """Two and three bindings share a ServiceAccount."""
    scene.bind("app")
    scene.bind("jobs")
    scene.ready("app", "jobs")
    scene.listed("default", *USERS, "acr-pull-app", "acr-pull-jobs")
    scene.bind("tools")
    scene.listed("default", *USERS, "acr-pull-app", "acr-pull-jobs", "acr-pull-tools")
    scene.ready("app", "jobs", "tools")


def test_moved_and_back(scene: Scene) -> None:
    """A binding that changes its mind quickly ends where it says, and nowhere else."""
    scene.make_account("build")
    scene.bind("app")
    scene.ready("app")
    for target in ("build", "default", "build"):
        scene.respec("app", serviceAccountName=target)
    scene.listed("build", "acr-pull-app")
    scene.released("default", *USERS)
    scene.ready("app")


def test_recreated(scene: Scene) -> None:
    """A ServiceAccount that its user deletes and makes again is attached again."""
    scene.make_account("build", "beta")
    scene.bind("app", "build")
    scene.listed("build", "beta", "acr-pull-app")
    scene.drop_account("build")
    scene.gone("ServiceAccount", "build")
    scene.make_account("build", "gamma")
    scene.listed("build", "gamma", "acr-pull-app")
    scene.ready("app")
    scene.guarded("build")


def test_named_like_its_namespace(scene: Scene) -> None:
    """A binding may be named like its Namespace, though the two then own in one name."""
    scene.bind(scene.name)
    scene.listed("default", *USERS, f"acr-pull-{scene.name}")
    scene.ready(scene.name)
    scene.guarded("default")
    scene.unbind(scene.name)
    scene.gone("ACRPullBinding", scene.name)
    scene.released("default", *USERS)


def test_owned_by_another_controller(scene: Scene) -> None:
    """The ServiceAccount of another controller is left alone, and its owner told what to do.

    In the mode `admission`, no owner is an obstacle.
    """
    config: Object = {"apiVersion": "v1", "kind": "ConfigMap"}
    owner = scene.api.create(config | {"metadata": {"name": "owner", "namespace": scene.name}})
    scene.make_account("build", "beta")
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    scene.edit("build", metadata={"ownerReferences": [reference]})
    scene.bind("app", "build")
    if not scene.admission:
        message = scene.says("app", "Ready", "False/ServiceAccountOwned")
        assert 'managed by ConfigMap "owner"' in message
        assert "acr-pull-app" in message
        scene.stays("build", "beta")
        scene.relist("build", lambda names: [*names, "acr-pull-app"])  # as its owner is told to
    scene.ready("app")
    scene.unbind("app")
    scene.gone("ACRPullBinding", "app")
    owners = scene.account("build")["metadata"]["ownerReferences"]
    assert owners == [reference]


def test_secret_name_taken(scene: Scene) -> None:
    """A Secret of the user's is neither taken over nor listed; once it is gone, all is well."""
    meta = {"name": "acr-pull-app", "namespace": scene.name}
    mine = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"mine": "1"}}
    made = scene.api.create(mine)
    scene.bind("app")
    scene.says("app", "Ready", "False/SecretNameTaken")
    kept = scene.secret("acr-pull-app")
    assert (kept["data"], kept["metadata"]["uid"]) == (made["data"], made["metadata"]["uid"])
    scene.api.delete("Secret", scene.name, "acr-pull-app")
    scene.disturb()
    scene.ready("app")
    scene.listed("default", *USERS, "acr-pull-app")


def test_namespace_deleted(scene: Scene) -> None:
    """A Namespace with bindings goes away as any other."""
    scene.bind("app")
    scene.bind("jobs")
    scene.listed("default", *USERS, "acr-pull-app", "acr-pull-jobs")
    scene.uids.clear()
    scene.api.delete("Namespace", "", scene.name)
    scene.disturb()

    def check() -> None:
        assert scene.api.find("Namespace", "", scene.name) is None

    eventually(check)
    scene.open()  # and may come again
    scene.bind("app")
    scene.ready("app")
