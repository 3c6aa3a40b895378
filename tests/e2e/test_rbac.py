"""The ClusterRoles for people, as the controller aggregates them into view, edit and admin."""

from functools import partial
from typing import Final

import pytest

from hooks.core.names import GROUP, PLURAL
from tests.e2e.api import BINDING, Api, ApiError
from tests.e2e.eventually import eventually
from tests.e2e.stage import Stage
from tests.model import binding

RBAC: Final = "rbac.authorization.k8s.io"
REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
READ: Final = {"get", "list", "watch"}
WRITE: Final = {"create", "update", "patch", "delete", "deletecollection"}
ROLES: Final = {"view": READ, "edit": READ | WRITE, "admin": READ | WRITE}
ELSEWHERE: Final = "default"


@pytest.fixture(scope="module")
def users(stage: Stage, namespace: str) -> dict[str, Api]:
    """Return the API server as seen by a user of each role in *namespace*, of none elsewhere."""
    for role in ROLES:
        grant(stage.api, namespace, role)
    users = {role: stage.api.as_user(f"{role}-user") for role in ROLES}
    for role, verbs in ROLES.items():
        eventually(partial(expect, users[role], namespace, verbs))
    return users


def grant(api: Api, namespace: str, role: str) -> None:
    """Bind the user named for *role* to that ClusterRole in *namespace*."""
    subject = {"apiGroup": RBAC, "kind": "User", "name": f"{role}-user"}
    binds = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }
    api.call("POST", f"/apis/{RBAC}/v1/namespaces/{namespace}/rolebindings", binds)


def allowed(api: Api, namespace: str, subresource: str = "") -> set[str]:
    """Return the verbs that *api*'s user may use on bindings."""
    attributes = {
        "namespace": namespace,
        "group": GROUP,
        "resource": PLURAL,
        "subresource": subresource,
    }
    return {verb for verb in READ | WRITE if may(api, {**attributes, "verb": verb})}


def may(api: Api, attributes: dict[str, str]) -> bool:
    """Ask the API server."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer: bool = api.call("POST", REVIEWS, review)["status"]["allowed"]
    return answer


def expect(api: Api, namespace: str, verbs: set[str]) -> None:
    """Expect exactly *verbs* to be allowed."""
    assert allowed(api, namespace) == verbs


@pytest.mark.parametrize("role", ROLES)
def test_verbs(users: dict[str, Api], namespace: str, role: str) -> None:
    """Each role may do what it should: nothing elsewhere, and nobody writes a status."""
    expect(users[role], namespace, ROLES[role])
    expect(users[role], ELSEWHERE, set())
    assert allowed(users[role], namespace, "status") == set()


def test_nobody_may_anything(stage: Stage, namespace: str) -> None:
    """A user without a role may not even read."""
    expect(stage.api.as_user("nobody"), namespace, set())


def test_an_editor_binds(users: dict[str, Api], namespace: str) -> None:
    """Whoever may edit a namespace makes, changes and deletes bindings there, and not elsewhere."""
    api = users["edit"]
    made = api.create(binding(namespace, "app"))
    changed = api.merge(BINDING, namespace, "app", {"spec": {"serviceAccountName": "build"}})
    assert changed["metadata"]["uid"] == made["metadata"]["uid"]
    api.delete(BINDING, namespace, "app")
    assert api.find(BINDING, namespace, "app") is None
    with pytest.raises(ApiError, match=r"403: .* cannot create resource"):
        api.create(binding(ELSEWHERE, "app"))


def test_a_viewer_reads(stage: Stage, users: dict[str, Api], namespace: str) -> None:
    """Whoever may view a namespace sees its bindings, and changes none."""
    made = stage.api.create(binding(namespace, "seen"))
    api = users["view"]
    assert api.get(BINDING, namespace, "seen") == made
    assert made in api.list(BINDING, namespace)
    with pytest.raises(ApiError, match=r"403: .* cannot create resource"):
        api.create(binding(namespace, "app"))
    with pytest.raises(ApiError, match=r"403: .* cannot update resource"):
        api.replace(made)
    with pytest.raises(ApiError, match=r"403: .* cannot delete resource"):
        api.delete(BINDING, namespace, "seen")
