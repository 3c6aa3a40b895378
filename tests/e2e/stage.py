"""All of it on loopback: control plane, emulated Azure, the service, and Metacontroller."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from tests.e2e.api import Api, Object
from tests.e2e.control_plane import ControlPlane
from tests.e2e.install import install
from tests.e2e.metacontroller import new_metacontroller
from tests.e2e.process import Process
from tests.e2e.recorder import Recorder
from tests.emulator import Emulator
from tests.service import Service

METACONTROLLER: Final = ("metacontroller", "metacontroller")  # namespace and ServiceAccount


@dataclass
class Stage:
    """What `open_stage` has started; `metacontroller` is None between its runs."""

    directory: Path
    plane: ControlPlane
    emulator: Emulator
    service: Service
    recorder: Recorder
    metacontroller: Process | None = field(default=None, init=False)

    @property
    def api(self) -> Api:
        """The API server as an administrator sees it."""
        return self.plane.api

    @contextmanager
    def run_metacontroller(self, binary: Path, strategy: str) -> Iterator[Process]:
        """Run Metacontroller with the rights that its own install has, which are all."""
        namespace, name = METACONTROLLER
        kubeconfig = self.plane.kubeconfig("metacontroller", self.plane.token_of(namespace, name))
        process = new_metacontroller(binary, self.directory, kubeconfig, strategy)
        with process:
            self.metacontroller = process
            yield process
        self.metacontroller = None


@contextmanager
def open_stage(directory: Path, crds: Path | None = None) -> Iterator[Stage]:
    """Start all but Metacontroller in *directory*, an empty one, and stop it in the end."""
    token_file = directory / "hook-token"
    with ControlPlane(directory) as plane, Emulator() as emulator:
        environment = emulator.environment() | {
            "ALLOWED_ACR_SERVER_SUFFIXES": ",".join(emulator.acr_servers),
            "HOOK_TOKEN_FILE": str(token_file),
        }
        service = Service(environment)
        with Recorder(lambda: service.url) as recorder:
            token_file.write_text(install(plane, "metacontroller", recorder.address, crds))
            give_all_rights(plane)
            plane.start_controllers()
            with service:
                yield Stage(directory, plane, emulator, service, recorder)


def give_all_rights(plane: ControlPlane) -> None:
    """Make Metacontroller's account, with the rights of its own install: its ClusterRole is */*/*.

    metacontroller@v4.17.2:manifests/production/metacontroller-rbac.yaml
    """
    namespace, name = METACONTROLLER
    subject: Object = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    manifests: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": namespace},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": role,
            "subjects": [subject],
        },
    ]
    plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(manifests))
