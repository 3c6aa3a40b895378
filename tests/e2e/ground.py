"""The ground for scenes: a stage on loopback, or a user's cluster."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from tests.e2e.api import Api
from tests.e2e.killer import Killer
from tests.e2e.scene import Scene
from tests.e2e.stage import Stage


@dataclass
class Ground:
    """An API server, and a binding's spec that works there; `stage` is None on a cluster.

    `tally` counts for the summary.
    """

    api: Api
    spec: dict[str, str]
    stage: Stage | None = None
    admission: bool = False
    tally: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def play(self, killer: Killer) -> Iterator[Scene]:
        """Play a scene; then check that no ServiceAccount is lost or missing in an answer."""
        name = f"acrpull-e2e-{uuid4().hex[:8]}"
        spec, disturb = self._new_spec(), killer.after_write
        scene = Scene(self.api, name, spec, disturb, admission=self.admission)
        before = len(self.stage.recorder.exchanges) if self.stage else 0
        scene.open()
        try:
            yield scene
            killer.join()
            lost = scene.lost()
            self.tally["ServiceAccounts lost"] += len(lost)
            assert not lost
        finally:
            killer.join()
            scene.close()
        if self.stage:
            for exchange in self.stage.recorder.exchanges[before:]:
                exchange.check()

    def _new_spec(self) -> dict[str, str]:
        """Return the spec; on a stage with a new identity, after all faults have ended.

        The service remembers the outcome of a request, and would answer as in an earlier scene.
        """
        if self.stage is None:
            return self.spec
        self.stage.emulator.reset()
        self.stage.recorder.broken.clear()
        return self.spec | {"managedIdentityClientID": str(uuid4())}


def new_scene(stage: Stage, name: str) -> Scene:
    """Open a Namespace without kills of Metacontroller."""
    spec = {"acrServer": stage.emulator.acr_server, "managedIdentityClientID": str(uuid4())}
    scene = Scene(stage.api, name, spec, lambda: None)
    scene.open()
    return scene


@contextmanager
def open_cluster() -> Iterator[Api]:
    """Reach the cluster of KUBECONFIG's current context, with kubectl's login.

    https://kubernetes.io/docs/reference/kubectl/generated/kubectl_proxy/
    """
    kubectl = shutil.which("kubectl")
    assert kubectl, "kubectl reaches the cluster, and there is none"
    command = [kubectl, "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:  # noqa: S603  kubectl
        assert proxy.stdout is not None
        try:
            address = proxy.stdout.readline().split()[-1:]  # Starting to serve on HOST:PORT
            assert address, "kubectl proxy did not start"
            yield Api(f"http://{address[0]}")
        finally:
            proxy.terminate()
