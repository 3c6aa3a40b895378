"""What an account may ask of the API server by its roles, and what the audit log says it asked."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.e2e.install import Account, Manifest

Right = tuple[str, str, str]  # API group, resource and subresource, verb
BINDINGS: Final = {"ClusterRoleBinding", "RoleBinding"}
FORBIDDEN: Final = 403


def user_of(account: Account) -> str:
    """Return the name by which the API server knows a ServiceAccount."""
    return "system:serviceaccount:{}:{}".format(*account)


def granted(manifests: Iterable[Manifest], account: Account) -> set[Right]:
    """Return the rights that *account* has by the roles in *manifests*, wherever it has them."""
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


def asked(audit_log: Path, account: Account) -> Iterator[tuple[Right, int]]:
    """Return what *account* has asked for, and the status of each answer.

    Not what every account may ask for: `/api`, `/apis` and the like, which are no resources.
    """
    for line in audit_log.read_bytes().splitlines():
        event = json.loads(line)
        of = event.get("objectRef")
        if of and event["user"]["username"] == user_of(account):
            resource = "/".join(filter(None, (of["resource"], of.get("subresource"))))
            yield (of.get("apiGroup", ""), resource, event["verb"]), event["responseStatus"]["code"]
