"""A Pod of the Deployment, as the API server admits it."""

from typing import Final

from tests.e2e.api import Api, Object

# kubernetes@v1.36.3:plugin/pkg/admission/defaulttolerationseconds/admission.go
EVERY_PODS: Final = {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}


def new_pod(deployment: Object) -> Object:
    """Return a Pod from the template of *deployment*."""
    namespace, template = deployment["metadata"]["namespace"], deployment["spec"]["template"]
    metadata = {**template["metadata"], "namespace": namespace, "name": "acrpull"}
    return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": metadata}


def admit(api: Api, pod: Object) -> Object:
    """Return *pod* as it would be stored, without the tolerations that every Pod gets.

    Raises:
        ApiError: The API server refuses the Pod, or does not know one of its fields.
    """
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods"
    stored = api.call("POST", path, pod, params={"dryRun": "All", "fieldValidation": "Strict"})
    found = stored["spec"]["tolerations"]
    stored["spec"]["tolerations"] = [each for each in found if each.get("key") not in EVERY_PODS]
    return stored
