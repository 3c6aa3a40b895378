"""msi-acrpull's own controller, from a binary of the user, with the emulated Azure."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.control_plane import ControlPlane
from tests.e2e.install import ROOT
from tests.e2e.process import Process
from tests.emulator import Emulator


@contextmanager
def run_upstream(
    binary: Path, directory: Path, plane: ControlPlane, emulator: Emulator
) -> Iterator[Process]:
    """Run the controller with an administrator's rights and its default flags.

    IMDS has a fixed address, so the controller reaches the emulator as an HTTP proxy. Go sends
    requests for loopback without the proxy, and reads the CA from SSL_CERT_FILE.
    msi-acrpull@8ad7a99:cmd/main.go, go@1.26:src/net/http/transport.go (ProxyFromEnvironment)
    """
    plane.kubectl("apply", "-k", str(ROOT / "crds/upstream"))
    plane.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=20s")
    environment = {
        "KUBECONFIG": str(plane.kubeconfig()),
        "HTTP_PROXY": emulator.imds_url,
        "SSL_CERT_FILE": str(emulator.ca_file),
    }
    flags = ("--metrics-bind-address=0", "--health-probe-bind-address=0", "--zap-log-level=error")
    with Process("msi-acrpull", (str(binary), *flags), directory, environment) as process:
        yield process
