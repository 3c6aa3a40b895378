"""A pull with the very bytes of the Secret that `/sync` answers, by skopeo from docker-registry."""

import base64
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from tests.client import Client, Object, child, docker_config, observed, reason, token
from tests.e2e import registry as docker_registry
from tests.e2e import skopeo
from tests.e2e.registry import DIGEST, DockerRegistry
from tests.e2e.skopeo import Pull, pull
from tests.emulator import Emulator, Fault
from tests.tools import require

REGISTRY_LEEWAY = 60  # s; distribution/distribution@v2.8.2:registry/auth/token/token.go


@pytest.fixture(scope="module")
def serving(running_emulator: Emulator) -> Iterator[DockerRegistry]:
    """Put a registry behind the Azure."""
    require(docker_registry.PROGRAM, skopeo.PROGRAM)
    server, key = running_emulator.acr_server, running_emulator.token_file
    with DockerRegistry(server, key) as registry:
        running_emulator.registry_url = registry.url
        yield registry
        running_emulator.registry_url = ""


@dataclass
class Puller:
    """Pulls, and keeps what skopeo and the registry said of the last pull."""

    emulator: Emulator
    registry: DockerRegistry
    said: str = ""

    def pull(self, config: bytes, name: str = "app") -> Pull:
        """Pull *name* with *config*."""
        before = len(self.registry.log)
        pulled = pull(config, f"{self.emulator.acr_server}/{name}:1", self.emulator.ca_file)
        self.said = self.registry.log[before:]
        sys.stdout.write(f"{pulled.output}{self.said}")  # shown with a failure
        return pulled

    def assert_pulled(self, config: bytes, name: str = "app") -> None:
        """The image arrives as it was pushed."""
        pulled = self.pull(config, name)
        assert (pulled.status, pulled.digest) == (0, DIGEST)

    def assert_refused(self, config: bytes, why: str, name: str = "app") -> None:
        """The registry refuses, for the reason *why*, gives nothing away, and skopeo says so."""
        pulled = self.pull(config, name)
        assert (pulled.status, pulled.manifest) == (1, b"")
        assert "unauthorized" in pulled.output
        assert f'"error authorizing context: {why}"' in self.said
        assert "response completed" not in self.said


@pytest.fixture
def puller(serving: DockerRegistry, emulator: Emulator) -> Puller:
    """Return a puller from the registry."""
    return Puller(emulator, serving)


def bound(client: Client, **spec: str) -> Object:
    """Return the answer to a new binding that *spec* adds to, with a token in it."""
    answer = client.sync(observed(client.parent(**spec)))
    assert reason(answer, "TokenFresh") == "False/WritingSecret"  # no cluster writes it
    return answer


def config(answer: Object) -> bytes:
    """Return what a kubelet reads of *answer*'s Secret."""
    return base64.b64decode(child(answer, "Secret")["data"][".dockerconfigjson"], validate=True)


def claims_of(answer: Object) -> Object:
    """Return the claims of the token in *answer*, unverified."""
    claims: Object = jwt.decode(token(answer), options={"verify_signature": False})
    return claims


def await_expiry(answer: Object) -> None:
    """Return once the token in *answer* has expired."""
    left = claims_of(answer)["exp"] - time.time()  # noqa: TID251  by which the registry judges too
    assert left > 0
    time.sleep(left + 0.1)


def test_pull(client: Client, puller: Puller, emulator: Emulator) -> None:
    """The Secret of a binding pulls, with a token that the registry itself has verified."""
    puller.assert_pulled(config(bound(client)))
    assert emulator.count("token") == 1
    served = [(r.path, r.status) for r in emulator.requests if r.endpoint == "v2"]
    assert served[:2] == [("/v2/", 401), ("/v2/app/manifests/1", 200)]
    assert "http.request.uri=/v2/app/manifests/1" in puller.said


def test_scoped(client: Client, puller: Puller) -> None:
    """A token for one repository pulls from there, and the registry refuses it elsewhere."""
    other = config(bound(client, scope="repository:other:pull"))
    puller.assert_pulled(other, "other")
    puller.assert_refused(other, "insufficient scope", "app")
    app = config(bound(client, scope="repository:app:pull"))
    puller.assert_pulled(app, "app")
    puller.assert_refused(app, "insufficient scope", "other")


def test_no_credential(client: Client, puller: Puller, emulator: Emulator) -> None:
    """Without the Secret nothing is to be had, nor with one for another server."""
    (entry,) = docker_config(child(bound(client), "Secret"))["auths"].values()
    for auths in ({}, {emulator.acr_servers[1]: entry}):
        wrong_cloud = json.dumps({"auths": auths}).encode()
        puller.assert_refused(wrong_cloud, "authorization token required")


def test_expired(client: Client, puller: Puller, emulator: Emulator) -> None:
    """A Secret whose token has expired gets no access token, and so no image."""
    emulator.refresh_lifetime = emulator.access_lifetime = 8
    answers = [bound(client), bound(client, scope="repository:app:pull")]
    for answer in answers:
        puller.assert_pulled(config(answer))
    await_expiry(answers[-1])
    for answer in answers:
        puller.assert_refused(config(answer), "authorization token required")
        assert [r.status for r in emulator.requests if r.endpoint == "token"][-1] == 401


def test_expired_access_token(client: Client, puller: Puller, emulator: Emulator) -> None:
    """The registry itself refuses an access token that has expired."""
    answer = bound(client)
    emulator.access_lifetime, emulator.token_age = 100, 100 + REGISTRY_LEEWAY + 10
    puller.assert_refused(config(answer), "invalid token")
    emulator.token_age = 0
    puller.assert_pulled(config(answer))


def test_forged_access_token(client: Client, puller: Puller, emulator: Emulator) -> None:
    """The registry itself refuses an access token that ACR's key has not signed."""
    answer = bound(client, scope="repository:app:pull")
    kid = jwt.get_unverified_header(token(answer))["kid"]
    key = generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(claims_of(answer), key, "RS256", headers={"kid": kid})
    emulator.faults.add("token", Fault(token=forged))
    puller.assert_refused(config(answer), "invalid token")
    emulator.faults.clear()
    puller.assert_pulled(config(answer))


def test_untrusted_server(client: Client, puller: Puller, emulator: Emulator) -> None:
    """Without the server's CA nothing is pulled, and no credential is sent."""
    answer = bound(client)
    emulator.reset()
    pulled = pull(config(answer), f"{emulator.acr_server}/app:1", emulator.token_file)
    assert (pulled.status, pulled.manifest, emulator.requests) == (1, b"", [])
    assert "x509: certificate signed by unknown authority" in pulled.output
    assert puller.registry.address not in pulled.output


def test_renewal(client: Client, puller: Puller, emulator: Emulator) -> None:
    """The renewed Secret has another token; both pull while both live, then the new one alone."""
    emulator.refresh_lifetime, emulator.token_age = 20, 6  # due in 4 s, expired in 14 s
    first = bound(client)
    puller.assert_pulled(config(first))
    emulator.reset()
    time.sleep(first["resyncAfterSeconds"])  # as Metacontroller does
    second = client.sync(observed(client.parent(), answer=first))
    assert token(second) != token(first)
    assert config(second) != config(first)
    puller.assert_pulled(config(first))
    puller.assert_pulled(config(second))
    await_expiry(first)
    puller.assert_refused(config(first), "authorization token required")
    puller.assert_pulled(config(second))


def test_missing_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A missing program skips with the command that installs it, and fails where CI=true."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    expected = "apt-get install -y docker-registry skopeo"
    with pytest.raises(pytest.skip.Exception, match=expected):
        require("docker-registry", "skopeo")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=expected):
        require("docker-registry", "skopeo")
    for name in ("docker-registry", "skopeo"):
        (tmp_path / name).touch(mode=0o755)
    require("docker-registry", "skopeo")
