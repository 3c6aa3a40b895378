"""metacontroller/mtls/ on a control plane, with certificates made as its first lines tell."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.e2e.cert_manager import CA, CertManager
from tests.e2e.conftest import given_crds
from tests.e2e.control_plane import ControlPlane
from tests.e2e.install import CONTROLLERS, install, render, retarget
from tests.e2e.metacontroller import new_metacontroller
from tests.e2e.pod import admit, new_pod
from tests.e2e.process import free_port
from tests.e2e.scene import Scene
from tests.e2e.shell import NAMESPACE, Kubelet, commands_in, mounted, run
from tests.e2e.stage import METACONTROLLER, give_all_rights
from tests.e2e.subset import within
from tests.emulator import Emulator
from tests.emulator.settings import system_clock
from tests.service import Service
from tests.test_manifests_mtls import CLIENT, SERVER

OVERLAY: Final = "metacontroller/mtls"
STRICT: Final = {"dryRun": "All", "fieldValidation": "Strict"}
FILES: Final = {"TLS_CERT_FILE": "tls.crt", "TLS_KEY_FILE": "tls.key", "CLIENT_CA_FILE": "ca.crt"}
# Here the hooks are on loopback, and not where the Service's name leads to.
LINES: Final = commands_in(f"{OVERLAY}/kustomization.yaml", r"(#   ca\(\)(?:.*\n#   .*)+)").replace(
    "DNS:$1", "DNS:$1,IP:127.0.0.1"
)
FUNCTIONS: Final = "\n".join(line for line in LINES.splitlines() if "() {" in line)
REREAD: Final = commands_in("docs/operations.md", r"\n(reread\(\).*\n)")


@dataclass
class Ground:
    """All but Metacontroller; the authority is in *directory*, the service's files too."""

    directory: Path
    plane: ControlPlane
    emulator: Emulator
    service: Service
    kubelet: Kubelet
    address: str

    def run(self, commands: str) -> None:
        """Run *commands* after those that define `ca`, `issue`, `store` and `reread`."""
        run(self.plane, self.directory, f"{FUNCTIONS}\n{REREAD}\n{commands}")
        self.kubelet.bring()

    def trust(self, *names: str) -> None:
        """Let both sides trust the CAs in the files *names*; Metacontroller once it reads it."""
        text = b"".join((self.directory / name).read_bytes() for name in names)
        data = {"data": {"ca.crt": base64.b64encode(text).decode()}}
        self.plane.api.merge("Secret", NAMESPACE, "acrpull-tls", data)
        self.kubelet.bring()


@contextmanager
def open_ground(
    directory: Path, crds: Path | None, make_secrets: Callable[[ControlPlane, Path], object]
) -> Iterator[Ground]:
    """Start all but Metacontroller, after *make_secrets* in a directory of its own."""
    home, mount = directory / "home", directory / "mount"
    home.mkdir()
    mount.mkdir()
    address = f"127.0.0.1:{free_port()}"
    with ControlPlane(directory) as plane, Emulator() as emulator:
        (mount / "token").write_text(install(plane, OVERLAY, address, crds))
        make_secrets(plane, home)
        settings = {
            "ALLOWED_ACR_SERVER_SUFFIXES": ",".join(emulator.acr_servers),
            "BIND": address,
            "HEALTH_BIND": f"127.0.0.1:{free_port()}",
            "HOOK_TOKEN_FILE": str(mount / "token"),
            **{variable: str(mount / name) for variable, name in FILES.items()},
        }
        files = {name: mount / name for name in FILES.values()}
        with mounted(plane, "acrpull-tls", files) as kubelet:
            kubelet.bring()
            give_all_rights(plane)
            plane.start_controllers()
            with Service(emulator.environment() | settings) as service:
                yield Ground(home, plane, emulator, service, kubelet, address)


@pytest.fixture(scope="module")
def mtls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """Start all but Metacontroller."""
    with open_ground(tmp_path_factory.mktemp("mtls"), given_crds(request), by_commands) as ground:
        yield ground


def by_commands(plane: ControlPlane, directory: Path) -> None:
    """Make the Secrets with the documented commands."""
    run(plane, directory, LINES)


def test_controllers(mtls: Ground) -> None:
    """The live controllers equal the manifests; Metacontroller's own CRDs know every field."""
    manifests = [m for m in render(mtls.plane, OVERLAY) if m["kind"] in CONTROLLERS]
    assert len(manifests) == 4
    for manifest in manifests:
        wanted = retarget(manifest, mtls.address)
        group = manifest["apiVersion"]
        path = f"/apis/{group}/{manifest['kind'].lower()}s"
        live = mtls.plane.api.call("GET", f"{path}/{manifest['metadata']['name']}")
        assert within(live, wanted) == wanted
        for hook in wanted["spec"]["hooks"].values():
            assert hook["webhook"]["url"].startswith("https://")
        other = {**wanted, "metadata": {"name": f"other-{manifest['metadata']['name']}"}}
        mtls.plane.api.call("POST", path, other, params=STRICT)


def test_pod(mtls: Ground) -> None:
    """The Pod is admitted as it is written, `restricted`, and nothing is mounted besides."""
    (deployment,) = (m for m in render(mtls.plane, OVERLAY) if m["kind"] == "Deployment")
    pod = new_pod(deployment)
    admitted = admit(mtls.plane.api, pod)
    assert within(admitted, pod) == pod
    volumes = {volume["name"] for volume in admitted["spec"]["volumes"]}
    assert volumes == {"hook-token", "tls", "tmp"}


def test_certificates(mtls: Ground, metacontroller_binary: Path, tmp_path: Path) -> None:
    """Metacontroller gets in, and so all through a change of the CA, without a call refused."""
    user = mtls.plane.kubeconfig(METACONTROLLER[1], mtls.plane.token_of(*METACONTROLLER))
    spec = {"acrServer": mtls.emulator.acr_server, "managedIdentityClientID": str(uuid4())}
    scene = Scene(mtls.plane.api, "mtls", spec, lambda: None)

    def bind(name: str) -> None:
        scene.bind(name)
        scene.ready(name)

    with new_metacontroller(metacontroller_binary, tmp_path, user, "dynamic-apply"):
        scene.open()
        bind("before")
        mtls.run("mv ca.crt old.crt; ca; mv ca.crt new.crt; cat new.crt old.crt > ca.crt")
        mtls.trust("ca.crt")
        mtls.run("reread 11s; sleep 1")
        bind("both")
        mtls.run("issue acrpull.acrpull-system.svc serverAuth && store acrpull-tls")
        bind("server")
        mtls.run("issue metacontroller clientAuth && store acrpull-metacontroller-tls; sleep 1")
        mtls.run("reread 12s; sleep 1")
        bind("client")
        mtls.trust("new.crt")
        mtls.run("reread 10s; sleep 1")
        bind("after")
        scene.close()
    assert '"refused"' not in mtls.service.log


def test_renewal_by_cert_manager(
    request: pytest.FixtureRequest, metacontroller_binary: Path, tmp_path: Path
) -> None:
    """No renewal needs a restart or `reread`: of the server, of the client, and of the CA."""
    managers: list[CertManager] = []

    def by_cert_manager(plane: ControlPlane, _: Path) -> None:
        managers.append(CertManager(plane.api, system_clock))
        for name in (CA, SERVER, CLIENT):
            managers[0].issue(name)

    with open_ground(tmp_path, given_crds(request), by_cert_manager) as ground:
        user = ground.plane.kubeconfig(METACONTROLLER[1], ground.plane.token_of(*METACONTROLLER))
        spec = {"acrServer": ground.emulator.acr_server, "managedIdentityClientID": str(uuid4())}
        scene = Scene(ground.plane.api, "renewed", spec, lambda: None)
        with new_metacontroller(metacontroller_binary, tmp_path, user, "dynamic-apply"):
            scene.open()
            for number, renewed in enumerate(((), (SERVER,), (CLIENT,), (CA, SERVER, CLIENT))):
                for name in renewed:
                    managers[0].issue(name)
                ground.kubelet.bring()
                scene.bind(f"app-{number}")
                scene.ready(f"app-{number}")
            scene.close()
        assert '"refused"' not in ground.service.log
