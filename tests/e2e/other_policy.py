"""Admission policies of other owners, beside acrpull's policies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import yaml

from tests.e2e.api import ApiError, Object
from tests.e2e.control_plane import ControlPlane
from tests.e2e.eventually import eventually
from tests.e2e.scene import Scene

GROUP: Final = "admissionregistration.k8s.io"
NUMBERS: Final = count(1)
REFUSED: Final = "the cluster demands more of a Secret"


@contextmanager
def another_policy(
    plane: ControlPlane,
    resource: str,
    expression: str,
    acts: Callable[[], bool],
    reinvocation: str = "Never",
) -> Iterator[None]:
    """Apply a policy with the JSON patch *expression*; *acts* tells whether it is in force.

    Each policy has a new name, because the API server may apply a deleted policy of that name for
    another moment.
    """
    name = f"another-{next(NUMBERS)}"
    spec: Object = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": reinvocation,
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "resources": [resource],
                    "operations": ["CREATE", "UPDATE"],
                }
            ]
        },
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
    }
    kinds = {
        "MutatingAdmissionPolicy": spec,
        "MutatingAdmissionPolicyBinding": {"policyName": name},
    }
    objects = [
        {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, "spec": body}
        for kind, body in kinds.items()
    ]
    plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))

    def check(*, expected: bool) -> None:
        assert acts() == expected

    try:
        eventually(lambda: check(expected=True))
        yield
    finally:
        plane.kubectl("delete", ",".join(kinds), name)
        eventually(lambda: check(expected=False))


@contextmanager
def secret_policy(scene: Scene, expression: str, *operations: str) -> Iterator[None]:
    """Let a ValidatingAdmissionPolicy demand *expression* of the Secrets in *scene*'s Namespace.

    A Secret without labels must break the policy.
    """
    name = f"secrets-{scene.name}"
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["secrets"],
        "operations": list(operations),
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": scene.name}}
    specs: dict[str, Object] = {
        "ValidatingAdmissionPolicy": {
            "failurePolicy": "Fail",
            "matchConstraints": {"namespaceSelector": selector, "resourceRules": [rule]},
            "validations": [{"expression": expression, "message": REFUSED}],
        },
        "ValidatingAdmissionPolicyBinding": {"policyName": name, "validationActions": ["Deny"]},
    }
    plurals = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
    for plural, (kind, spec) in zip(plurals, specs.items(), strict=True):
        made = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        scene.api.call("POST", f"/apis/{GROUP}/v1/{plural}", made)
    probe = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "probe", "namespace": scene.name},
    }

    def check() -> None:
        try:
            scene.api.create(probe, dryRun="All")
        except ApiError as error:
            assert REFUSED in str(error)  # noqa: PT017  the API server may accept the Secret
        else:
            raise AssertionError("the policy is not in force yet")

    try:
        eventually(check)
        yield
    finally:
        for plural in reversed(plurals):
            scene.api.call("DELETE", f"/apis/{GROUP}/v1/{plural}/{name}")
