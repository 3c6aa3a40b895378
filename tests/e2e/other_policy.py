"""Admission policies of a cluster administrator, in addition to acrpull's policies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from tests.e2e.api import ADMISSION, Api, ApiError, Object
from tests.e2e.eventually import eventually
from tests.e2e.scene import Scene

NUMBERS: Final = count(1)
REFUSED: Final = "the cluster demands more of a Secret"


@contextmanager
def mutating_policy(
    api: Api,
    resource: str,
    expression: str,
    acts: Callable[[], bool],
    reinvocation: str = "Never",
) -> Iterator[None]:
    """Apply the JSON patch *expression* to each new or changed *resource*, within a `with` block.

    *acts* returns whether the policy is in force. Each policy has a new name, because the API
    server may apply a deleted policy of the same name for another moment.
    """
    spec: Object = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": reinvocation,
        "matchConstraints": {"resourceRules": [_rule(resource, "CREATE", "UPDATE")]},
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
    }

    def check(*, expected: bool) -> None:
        assert acts() == expected

    try:
        with _policy(api, "MutatingAdmissionPolicy", f"another-{next(NUMBERS)}", spec):
            eventually(lambda: check(expected=True))
            yield
    finally:
        eventually(lambda: check(expected=False))


@contextmanager
def validating_policy(scene: Scene, expression: str, *operations: str) -> Iterator[None]:
    """Reject Secrets in *scene*'s Namespace unless *expression* is true, within a `with` block.

    *expression* must be false for a Secret without labels.
    """
    selector = {"matchLabels": {"kubernetes.io/metadata.name": scene.name}}
    rule = _rule("secrets", *operations)
    spec: Object = {
        "failurePolicy": "Fail",
        "matchConstraints": {"namespaceSelector": selector, "resourceRules": [rule]},
        "validations": [{"expression": expression, "message": REFUSED}],
    }
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

    name = f"secrets-{scene.name}"
    with _policy(scene.api, "ValidatingAdmissionPolicy", name, spec, validationActions=["Deny"]):
        eventually(check)
        yield


def _rule(resource: str, *operations: str) -> Object:
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": [resource],
        "operations": list(operations),
    }


@contextmanager
def _policy(api: Api, kind: str, name: str, spec: Object, **binding: object) -> Iterator[None]:
    """Create the policy *name* of *kind* and its binding, and delete both at the end."""
    specs = {kind: spec, f"{kind}Binding": {"policyName": name, **binding}}
    for each, body in specs.items():
        api.create(
            {"apiVersion": ADMISSION, "kind": each, "metadata": {"name": name}, "spec": body}
        )
    try:
        yield
    finally:
        for each in reversed(specs):
            api.delete(each, "", name)
