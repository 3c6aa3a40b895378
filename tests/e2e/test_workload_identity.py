"""Pulls by workload identity, from ServiceAccounts of a real API server to tokens of their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from tests.client import Client, reason
from tests.e2e.api import Api, ApiError, Object
from tests.e2e.audit import requests
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.federated import (
    ACCOUNT,
    CLIENT_ID,
    OVERLAY,
    TENANT_ID,
    annotations,
    holders,
    open_federated,
    play,
    trust,
    workload,
)
from tests.e2e.install import render
from tests.e2e.pod import admit, new_pod
from tests.e2e.rights import granted, refused, user_of
from tests.e2e.scene import Scene
from tests.e2e.stage import Stage
from tests.e2e.subset import within
from tests.emulator import FederatedCredential
from tests.emulator.imds import TENANT
from tests.emulator.settings import ISSUER
from tests.service import Service

AUDIENCE: Final = "api://AzureADTokenExchange"
STRICT: Final = {"dryRun": "All", "fieldValidation": "Strict"}


@pytest.fixture(scope="module")
def federated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start all but Metacontroller."""
    directory = tmp_path_factory.mktemp("federated")
    with open_federated(directory, given_crds(request)) as stage:
        yield stage


@pytest.fixture(scope="module")
def service(federated: Stage) -> Api:
    """Return the API server as the service sees it, with the policy in force."""
    api = Api(federated.plane.url, federated.plane.ca_file, federated.plane.token_of(*ACCOUNT))

    def in_force() -> None:
        with pytest.raises(ApiError, match="for the audience"):
            ask(api, audiences=["other"])

    eventually(in_force)
    return api


def ask(
    api: Api,
    namespace: str = "default",
    name: str = "default",
    **spec: Any,  # noqa: ANN401  any JSON
) -> Object:
    """Ask for a token of a ServiceAccount as the service does, but for *spec*."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [AUDIENCE], "expirationSeconds": 600, **spec},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    return api.call("POST", path, body)


def test_token(service: Api) -> None:
    """What the service asks for it gets: a token for Entra, of 10 minutes."""
    claims = jwt.decode(ask(service)["status"]["token"], options={"verify_signature": False})
    assert claims["aud"] == [AUDIENCE]
    assert claims["exp"] - claims["iat"] == 600
    assert claims["sub"] == "system:serviceaccount:default:default"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"audiences": ["https://kubernetes.default.svc"]}, "the audience"),
        ({"audiences": []}, "the audience"),
        ({"audiences": [AUDIENCE, "https://kubernetes.default.svc"]}, "the audience"),
        ({"audiences": ["api://azureadtokenexchange"]}, "the audience"),
        ({"expirationSeconds": 601}, "600 seconds"),
        ({"expirationSeconds": 86400}, "600 seconds"),
        ({"expirationSeconds": None}, "600 seconds"),
        ({"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "x"}}, "bound"),
    ],
)  # fmt: skip
def test_policy(service: Api, spec: Object, message: str) -> None:
    """Anything else is refused, the API server's own audience and a longer life above all."""
    denied = "ValidatingAdmissionPolicy 'acrpull-token-requests' with binding .* denied request: "
    text = f"^403: .*{denied}acrpull may request tokens only .*{message}"
    with pytest.raises(ApiError, match=text):
        ask(service, **spec)


def test_policy_is_for_the_service(federated: Stage) -> None:
    """Others ask for what they may."""
    assert ask(federated.api, audiences=["other"], expirationSeconds=3600)["status"]["token"]


def test_expressions_are_of_the_right_types(federated: Stage) -> None:
    """The API server checked the policy's CEL against its kind, and found nothing."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"

    def check() -> None:
        policy = federated.api.call("GET", f"{path}/acrpull-token-requests")
        status = policy.get("status", {})
        assert status.get("observedGeneration") == policy["metadata"]["generation"]
        assert status.get("typeChecking") == {}

    eventually(check)


def test_rights(federated: Stage) -> None:
    """The service has one right, and its account has it."""
    rights = granted(render(federated.plane, OVERLAY), ACCOUNT)
    assert rights == {("", "serviceaccounts/token", "create")}
    assert refused(federated.api, ACCOUNT, rights) == set()
    other = {("", "secrets", "get"), ("", "serviceaccounts", "get"), ("", "pods", "list")}
    assert refused(federated.api, ACCOUNT, other) == other


def test_pod(federated: Stage) -> None:
    """The Pod is admitted as it is written, `restricted`, with its token mounted."""
    (deployment,) = (m for m in render(federated.plane, OVERLAY) if m["kind"] == "Deployment")
    pod = new_pod(deployment)
    admitted = admit(federated.api, pod)
    assert within(admitted, pod) == pod
    volumes = {volume["name"] for volume in admitted["spec"]["volumes"]}
    assert volumes == {"hook-token", "api-access", "tmp"}


def test_own_token(federated: Stage, tmp_path: Path) -> None:
    """Without IMDS the service's own token, as the kubelet would mount it, is what Entra gets."""
    mounted = tmp_path / "azure-identity-token"
    mounted.write_text(ask(federated.api, *ACCOUNT)["status"]["token"])
    emulator = federated.emulator
    environ = emulator.environment() | {
        "IDENTITY_SOURCE": "workload",
        "AZURE_AUTHORITY_HOST": emulator.entra_url,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_FEDERATED_TOKEN_FILE": str(mounted),
    }
    with Service(environ) as service:
        client = Client(service.url, emulator.acr_server)
        emulator.federated = [trust(*ACCOUNT, client.client_id)]
        answer = client.sync({"parent": client.parent()})
    assert reason(answer, "TokenFresh") == "False/WritingSecret"  # no cluster writes it
    asked = [r.endpoint for r in emulator.requests if r.identity == client.client_id]
    assert asked == ["entra", "exchange"]


@pytest.fixture(scope="module")
def playing(federated: Stage, metacontroller_binary: Path, strategy: str) -> Iterator[Stage]:
    """Run Metacontroller too."""
    with federated.run_metacontroller(metacontroller_binary, strategy):
        yield federated


@pytest.fixture
def scene(playing: Stage) -> Iterator[Scene]:
    """Open one."""
    playing.emulator.faults.clear()
    playing.emulator.federated = []
    with play(playing) as opened:
        yield opened


def who(scene: Scene, name: str = "app") -> str:
    """Return the identity of the token in a binding's Secret, as soon as there is a token."""

    def check() -> str:
        found = holders(scene.secret(f"acr-pull-{name}"))
        assert len(found) == 1, found
        return found.pop()

    return eventually(check)


def becomes(scene: Scene, client_id: str) -> None:
    """Expect the Secret's token to be for *client_id*, soon, and the binding to be Ready."""

    def check() -> None:
        assert holders(scene.secret("acr-pull-app")) == [client_id]

    eventually(check)
    scene.ready("app")


def test_two_namespaces(playing: Stage, scene: Scene) -> None:
    """Each gets the token of its own identity, and neither the other's."""
    with play(playing) as other:
        mine, theirs = trust(scene.name, "default"), trust(other.name, "default")
        playing.emulator.federated = [mine, theirs]
        scene.bind("app", **workload(mine.client_id))
        other.bind("app", **workload(theirs.client_id))
        becomes(scene, mine.client_id)
        becomes(other, theirs.client_id)
        scene.bind("thief", **workload(theirs.client_id))
        message = scene.says("thief", "Ready", "False/FederationPending")
        assert (
            "az identity federated-credential create "
            f"--name {scene.name}-default --identity-name IDENTITY --resource-group GROUP "
            f"--issuer {ISSUER} "
            f"--subject system:serviceaccount:{scene.name}:default --audiences {AUDIENCE}"
        ) in message
        assert holders(scene.secret("acr-pull-thief")) == []


def test_trust_comes_late(playing: Stage, scene: Scene) -> None:
    """A federated credential that is made after the binding is found by itself."""
    late = trust(scene.name, "default")
    scene.bind("app", **workload(late.client_id))
    scene.says("app", "Ready", "False/FederationPending")
    playing.emulator.federated = [late]
    becomes(scene, late.client_id)


def bind_by_other_account(stage: Stage, scene: Scene) -> FederatedCredential:
    """Bind by the identity of another ServiceAccount than that which gets the Secret."""
    scene.make_account("identity")
    credential = trust(scene.name, "identity")
    stage.emulator.federated = [credential]
    scene.bind("app", **workload(credential.client_id, serviceAccountName="identity"))
    becomes(scene, credential.client_id)
    return credential


def test_other_account(playing: Stage, scene: Scene) -> None:
    """The ServiceAccount whose token is exchanged is not the one that gets the Secret (U1)."""
    bind_by_other_account(playing, scene)
    scene.listed("default", "zeta", "alpha", "acr-pull-app")
    scene.listed("identity")


def test_annotation(playing: Stage, scene: Scene) -> None:
    """Another identity in the annotation is another token at once (U3), and none keeps the last."""
    first, second = (trust(scene.name, "default") for _ in range(2))
    playing.emulator.federated = [first, second]
    scene.bind("app", workloadIdentity={})
    message = scene.says("app", "TokenFresh", "False/InvalidSpec")
    assert CLIENT_ID in message
    for credential in (first, second):
        scene.edit("default", metadata=annotations(credential.client_id))
        becomes(scene, credential.client_id)
    scene.edit("default", metadata={"annotations": {TENANT_ID: "contoso"}})
    scene.says("app", "TokenFresh", "True/RefreshFailing")
    assert who(scene) == second.client_id


def test_account_made_anew(playing: Stage, scene: Scene) -> None:
    """A ServiceAccount recreated under its name keeps the token: Entra trusts the name."""
    credential = bind_by_other_account(playing, scene)
    before = scene.secret("acr-pull-app")
    scene.drop_account("identity")
    scene.says("app", "TokenFresh", "True/RefreshFailing")
    assert scene.secret("acr-pull-app")["data"] == before["data"]
    scene.make_account("identity")
    scene.ready("app")
    after = scene.secret("acr-pull-app")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"] == before["data"]
    asked = [r for r in playing.emulator.requests if r.identity == credential.client_id]
    assert [r.endpoint for r in asked] == ["entra", "exchange"]


def test_many_bindings(playing: Stage, scene: Scene) -> None:
    """Twenty bindings of one ServiceAccount make one exchange, and one TokenRequest."""
    credential = trust(scene.name, "default")
    playing.emulator.federated = [credential]
    names = [f"app-{number}" for number in range(20)]
    for name in names:
        scene.bind(name, **workload(credential.client_id))
    scene.ready(*names)
    assert {who(scene, name) for name in names} == {credential.client_id}
    asked = [r.endpoint for r in playing.emulator.requests if r.identity == credential.client_id]
    assert asked == ["entra", "exchange"]
    posts = [
        r
        for r in requests(playing.plane.audit_log)
        if (r.user, r.namespace) == (user_of(ACCOUNT), scene.name)
    ]
    assert [(r.verb, r.resource, r.status) for r in posts] == [
        ("create", "serviceaccounts/token", 201)
    ]


def test_no_token_is_told(playing: Stage) -> None:
    """The log has no token, not even one that is for Entra alone."""
    assert "eyJ" not in playing.service.log
    assert '"workloadIdentity": "enabled"' in playing.service.log
