"""The model's API server: writes, versions, what it refuses, finalizers."""

import pytest

from tests.model import binding, namespace, service_account
from tests.model.errors import AlreadyExistsError, ConflictError, InvalidError, NotFoundError
from tests.model.objects import Object
from tests.model_world import ACCOUNT, BINDING, cluster_with_namespace, owned_by


def test_spec_and_status_are_written_apart() -> None:
    """An update leaves the status, a status update the spec; only a new spec is a generation."""
    cluster = cluster_with_namespace()
    made = cluster.create(binding("team-a", "app", acrServer="a") | {"status": {"lost": True}})
    assert made["status"] == {"observedGeneration": -1}
    made = cluster.update_status(made | {"status": {"ready": True}, "spec": {}})
    spec = {"acrServer": "a", "serviceAccountName": "default"}  # the latter by the CRD
    assert (made["spec"], made["metadata"]["generation"]) == (spec, 1)
    made = cluster.update(made | {"status": {}, "spec": {"acrServer": "b"}})
    assert (made["status"], made["metadata"]["generation"]) == ({"ready": True}, 2)
    made["metadata"]["labels"] = {"a": "b"}
    assert cluster.update(made)["metadata"]["generation"] == 2


def test_an_update_of_nothing_keeps_the_version() -> None:
    """Writing what is stored, or what the server drops, is no change and no event."""
    cluster = cluster_with_namespace()
    made = cluster.create(service_account("team-a", "default"))
    assert "imagePullSecrets" not in made
    again = cluster.update(made | {"imagePullSecrets": [], "status": {"dropped": 1}})
    assert again == made


def test_a_stale_write_is_a_conflict() -> None:
    """The resourceVersion and the uid must be the stored ones."""
    cluster = cluster_with_namespace()
    made = cluster.create(service_account("team-a", "default"))
    cluster.update(made | {"automountServiceAccountToken": False})
    with pytest.raises(ConflictError):
        cluster.update(made)
    with pytest.raises(ConflictError):
        cluster.delete(*ACCOUNT, uid="another")


REFUSED = [
    (namespace("team-a"), AlreadyExistsError),
    (service_account("absent", "default"), NotFoundError),
    (owned_by({"uid": "1"}), InvalidError),
    (
        owned_by(
            *(
                {"apiVersion": "v1", "kind": "Node", "name": n, "uid": n, "controller": True}
                for n in "ab"
            )
        ),
        InvalidError,
    ),
    (
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": "team-a", "name": "s"},
            "type": "kubernetes.io/dockerconfigjson",
        },
        InvalidError,
    ),
]


@pytest.mark.parametrize(("obj", "error"), REFUSED)
def test_what_is_refused(obj: Object, error: type[Exception]) -> None:
    """A name taken, a namespace missing, a reference bare or a second controller is refused."""
    with pytest.raises(error):
        cluster_with_namespace().create(obj)


def test_the_type_of_a_secret_stays() -> None:
    """A Secret's type cannot be changed."""
    cluster = cluster_with_namespace()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": "team-a", "name": "s"},
    }
    made = cluster.create(secret)
    with pytest.raises(InvalidError):
        cluster.update(made | {"type": "kubernetes.io/tls"})


def test_a_finalizer_holds_an_object_until_it_is_removed() -> None:
    """Deletion is a timestamp and a generation first; no finalizer may be added then."""
    cluster = cluster_with_namespace()
    app = binding("team-a", "app")
    app["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.create(app)
    cluster.delete(*BINDING)
    held = cluster.read(*BINDING)
    assert held["metadata"]["generation"] == 2
    with pytest.raises(InvalidError):
        cluster.edit(*BINDING, lambda o: o["metadata"]["finalizers"].append("example.com/two"))
    cluster.edit(*BINDING, lambda o: o["metadata"].pop("finalizers"))
    assert cluster.get(*BINDING) is None
