"""An account's rights by its roles, and its requests by the audit log."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.e2e.api import Api
from tests.e2e.audit import requests
from tests.e2e.install import Account, Manifest

Right = tuple[str, str, str]  # API group, resource and subresource, verb
BINDINGS: Final = {"ClusterRoleBinding", "RoleBinding"}
FORBIDDEN: Final = 403


def user_of(account: Account) -> str:
    """Return the API server's name for a ServiceAccount."""
    return "system:serviceaccount:{}:{}".format(*account)


def granted(manifests: Iterable[Manifest], account: Account) -> set[Right]:
    """Return the rights of *account* by the roles in *manifests*, in any Namespace."""
    objects = {(m["kind"], m["metadata"]["name"]): m for m in manifests}
    found = set()
    for (kind, _), obj in objects.items():
        subjects = obj.get("subjects", ()) if kind in BINDINGS else ()
        if account in ((s.get("namespace"), s["name"]) for s in subjects):
            found |= set(rights_of(objects[obj["roleRef"]["kind"], obj["roleRef"]["name"]]))
    return found


def rights_of(role: Manifest) -> Iterator[Right]:
    """Return the rights in *role*."""
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield group, resource, verb


def refused(api: Api, account: Account, rights: Iterable[Right]) -> set[Right]:
    """Return the missing *rights* of *account* in its Namespace, for an object of its own name."""
    return {right for right in rights if not _may(api, account, right)}


def _may(api: Api, account: Account, right: Right) -> bool:
    group, resource, verb = right
    resource, _, subresource = resource.partition("/")
    attributes = {"group": group, "resource": resource, "subresource": subresource, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user_of(account),
            "resourceAttributes": attributes | {"namespace": account[0], "name": account[1]},
        },
    }
    answer = api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def asked(audit_log: Path, account: Account) -> Iterator[tuple[Right, int]]:
    """Return the requests of *account*, each with the status of its answer."""
    for request in requests(audit_log):
        if request.user == user_of(account):
            yield (request.group, request.resource, request.verb), request.status
