"""A MutatingAdmissionPolicy of another owner, beside acrpull's policies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import yaml

from tests.e2e.api import Object
from tests.e2e.control_plane import ControlPlane
from tests.e2e.eventually import eventually

GROUP: Final = "admissionregistration.k8s.io"
NAME: Final = "another"


@contextmanager
def another_policy(
    plane: ControlPlane,
    resource: str,
    expression: str,
    acts: Callable[[], bool],
    reinvocation: str = "Never",
) -> Iterator[None]:
    """Apply a policy with the JSON patch *expression*; *acts* tells whether it is in force."""
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
        "MutatingAdmissionPolicyBinding": {"policyName": NAME},
    }
    objects = [
        {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": NAME}, "spec": body}
        for kind, body in kinds.items()
    ]
    plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))

    def check(*, expected: bool) -> None:
        assert acts() == expected

    eventually(lambda: check(expected=True))
    yield
    plane.kubectl("delete", ",".join(kinds), NAME)
    eventually(lambda: check(expected=False))
