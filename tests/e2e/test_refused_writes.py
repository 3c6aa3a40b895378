"""Secrets that Metacontroller can't write: the status says so, and Azure is not asked again."""

import time
from typing import Any, Final

from tests.e2e.api import Api, ApiError, Object
from tests.e2e.eventually import eventually
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage

LIFETIME_SECONDS: Final = 40  # renewed after half of it
WATCHED_SECONDS: Final = 60  # three lives of a token that is not written
SECRET: Final = "acr-pull-app"


def conditions(scene: Scene) -> dict[str, str]:
    """Return "status/reason" of each condition of the binding."""
    found = scene.binding("app")["status"]["conditions"]
    return {c["type"]: f"{c['status']}/{c['reason']}" for c in found}


def expiry(scene: Scene) -> str:
    """Return the expiry in the binding's status."""
    text: str = scene.binding("app")["status"]["tokenExpirationTime"]
    return text


def exchanges(stage: Stage) -> int:
    """Return how many tokens were requested from the registry."""
    return stage.emulator.count("exchange")


def make_immutable(scene: Scene) -> None:
    """Refuse every update of the Secret, as the API server does for an immutable one."""
    scene.api.merge("Secret", scene.name, SECRET, {"immutable": True})


def test_update_refused(stage: Stage, calm_scene: Scene) -> None:
    """A token that can't be written is not reported as the token in the Secret."""
    scene = calm_scene
    stage.emulator.refresh_lifetime = LIFETIME_SECONDS
    scene.bind("app")
    scene.ready("app")
    make_immutable(scene)
    before, requested = expiry(scene), exchanges(stage)
    message = scene.says("app", "RenewalHealthy", "False/SecretNotWritten")
    assert SECRET in message
    assert conditions(scene)["TokenFresh"] == "True/RefreshFailing"
    scene.says("app", "Ready", "False/SecretNotWritten")
    assert expiry(scene) == before
    assert conditions(scene)["TokenFresh"] == "False/SecretNotWritten"
    scene.listed("default", *USERS, SECRET)
    since = transition(scene)
    time.sleep(WATCHED_SECONDS)
    # A token lives for 40 s here and can't be used for longer: then the next one is requested.
    assert exchanges(stage) - requested <= 2 + WATCHED_SECONDS // (LIFETIME_SECONDS // 2)
    assert transition(scene) == since
    scene.api.delete("Secret", scene.name, SECRET)
    scene.ready("app")


def transition(scene: Scene) -> str:
    """Return when Ready last changed."""
    found = scene.binding("app")["status"]["conditions"]
    return next(str(c["lastTransitionTime"]) for c in found if c["type"] == "Ready")


def test_one_token_for_all_retries(stage: Stage, calm_scene: Scene) -> None:
    """Metacontroller's retries write the token that acrpull obtained first."""
    scene = calm_scene
    policy = refuse_secrets(scene)
    try:
        scene.bind("app")
        scene.says("app", "Ready", "False/SecretNotWritten")
        status = scene.binding("app")["status"]
        assert not {"secretName", "tokenIssueTime", "tokenExpirationTime"} & status.keys()
        assert status["secretPendingTime"]
        time.sleep(20)
        assert exchanges(stage) == 1
    finally:
        allow_secrets(scene.api, policy)
    scene.ready("app")
    assert exchanges(stage) == 1
    assert "secretPendingTime" not in scene.binding("app")["status"]


ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"


def refuse_secrets(scene: Scene) -> str:
    """Refuse new Secrets in the scene's Namespace, as a policy of the cluster may."""
    name = f"refuse-{scene.name}"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": scene.name}}
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["secrets"],
        "operations": ["CREATE"],
    }
    spec: Object = {
        "failurePolicy": "Fail",
        "matchConstraints": {"namespaceSelector": selector, "resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "Secrets need an annotation"}],
    }
    for kind, more in (
        ("ValidatingAdmissionPolicy", spec),
        ("ValidatingAdmissionPolicyBinding", {"policyName": name, "validationActions": ["Deny"]}),
    ):
        made: dict[str, Any] = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": more,
        }
        plural = f"{kind[:-1]}ies" if kind.endswith("Policy") else f"{kind}s"
        scene.api.call("POST", f"{ADMISSION}/{plural.lower()}", made)

    def refused() -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "probe", "namespace": scene.name},
        }
        try:
            scene.api.create(secret, dryRun="All")
        except ApiError as error:
            assert "need an annotation" in str(error)  # noqa: PT017  it may also be accepted
        else:
            raise AssertionError("the policy does not work yet")

    eventually(refused)
    return name


def allow_secrets(api: Api, name: str) -> None:
    """Remove the policy."""
    for plural in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        api.call("DELETE", f"{ADMISSION}/{plural}/{name}")
