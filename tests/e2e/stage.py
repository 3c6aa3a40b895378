"""The whole stage on loopback: control plane, emulated Azure, the service, and Metacontroller."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from tests.e2e.api import Api, Object
from tests.e2e.control_plane import ENFORCED, ControlPlane
from tests.e2e.install import BASE, Account, install, own_metacontroller, render, settings_in
from tests.e2e.metacontroller import FLAGS, new_metacontroller
from tests.e2e.process import Process
from tests.e2e.recorder import Recorder
from tests.emulator import Emulator
from tests.service import ROOT, Service

METACONTROLLER: Final[Account] = ("metacontroller", "metacontroller")
Prepare = Callable[[ControlPlane, Emulator], Mapping[str, str]]


@dataclass
class Stage:
    """The parts started by `open_stage`; `metacontroller` is None between its runs.

    *account* and *flags* are Metacontroller's: from its own install, or from the overlay.
    """

    directory: Path
    plane: ControlPlane
    emulator: Emulator
    service: Service
    recorder: Recorder
    account: Account = METACONTROLLER
    flags: Sequence[str] = FLAGS
    metacontroller: Process | None = field(default=None, init=False)

    @property
    def api(self) -> Api:
        """The API server with an administrator's rights."""
        return self.plane.api

    def new_metacontroller(self, binary: Path, strategy: str, name: str = "") -> Process:
        """Return a Metacontroller, not started; *name* distinguishes several."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        kubeconfig = self.plane.kubeconfig(self.account[1], self.plane.token_of(*self.account))
        return new_metacontroller(binary, directory, kubeconfig, strategy, self.flags)

    @contextmanager
    def run_metacontroller(self, binary: Path, strategy: str) -> Iterator[Process]:
        """Run Metacontroller under its account."""
        with self.new_metacontroller(binary, strategy) as process:
            self.metacontroller = process
            yield process
        self.metacontroller = None


@contextmanager
def open_stage(
    directory: Path,
    crds: Path | None = None,
    overlay: str = BASE,
    server_flags: Iterable[str] = (ENFORCED,),
    prepare: Prepare = lambda *_: {},
    root: Path = ROOT,
) -> Iterator[Stage]:
    """Start everything except Metacontroller in *directory*, an empty one, and stop it at the end.

    *prepare* returns further variables of the service's environment, after the install of
    *overlay*. *root* is the project, or an earlier version.
    """
    token_file = directory / "hook-token"
    with ControlPlane(directory, server_flags) as plane, Emulator() as emulator:
        allowed = {"ALLOWED_ACR_SERVER_SUFFIXES": ",".join(emulator.acr_servers)}
        service = Service(emulator.environment() | allowed, root=root)
        with Recorder(lambda: service.url) as recorder:
            token = install(plane, overlay, recorder.address, crds, root)
            if token:
                token_file.write_text(token)
                service.environment["HOOK_TOKEN_FILE"] = str(token_file)
                service.environment["HOOK_TOKEN_ROTATION_FILE"] = f"{token_file}-rotation"
            manifests = render(plane, overlay, root)
            service.environment |= settings_in(manifests)
            own = own_metacontroller(manifests)
            if not own:
                give_all_rights(plane)
            plane.start_controllers()
            service.environment |= prepare(plane, emulator)
            with service:
                yield Stage(
                    directory, plane, emulator, service, recorder, *(own or (METACONTROLLER, FLAGS))
                )


def give_all_rights(plane: ControlPlane) -> None:
    """Create Metacontroller's account with the rights of Metacontroller's install: */*/*.

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
