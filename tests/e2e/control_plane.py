"""A Kubernetes control plane on loopback, without nodes: no Pod ever runs.

etcd, kube-apiserver, and some controllers of kube-controller-manager: deletion, garbage collection
and default ServiceAccounts. Each controller has its own account, as in a cluster.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import create_connection
from typing import Any, Final, Self

import requests
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.e2e.api import Api
from tests.e2e.process import Process, free_port
from tests.emulator.settings import ISSUER

BINARY: Final = Path(__file__).parent / "kube/bin/kube"
READY_SECONDS: Final = 60
CONTROLLERS: Final = (
    "namespace-controller",
    "serviceaccount-controller",
    "garbage-collector-controller",
    "clusterrole-aggregation-controller",
    "validatingadmissionpolicy-status-controller",
)
# The controllers' names in RBAC:
# kubernetes@v1.36.3:plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go
USERS: Final = {"admin": "system:masters", "system:kube-controller-manager": ""}
AUDITED: Final = "system:serviceaccounts"
# Stricter with this plugin, like OpenShift. AKS has no such plugin:
# https://learn.microsoft.com/azure/aks/faq
ENFORCED: Final = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement"


class ControlPlane:
    """Runs within a `with` block, with all of its state in *directory*.

    *server_flags* are the API server's flags that differ between tests. `start_controllers` starts
    the controllers: the garbage collector then knows the kinds installed before, and learns of
    later kinds within 30 s.
    """

    def __init__(self, directory: Path, server_flags: Iterable[str] = (ENFORCED,)) -> None:
        self.directory = directory
        self._server_flags = tuple(server_flags)
        self._running = ExitStack()
        self._tokens = {user: secrets.token_hex(16) for user in USERS}
        self._port = free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        self.ca_file = directory / "certificates/apiserver.crt"
        self.audit_log = directory / "audit.log"

    def __enter__(self) -> Self:
        """Start etcd and the API server. Raises `ProcessFailed`."""
        with self._running:
            self._write_files()
            etcd_port = free_port()
            etcd = self._run("etcd", self.directory / "etcd", str(etcd_port), str(free_port()))
            etcd.await_ready(lambda: is_listening(etcd_port), READY_SECONDS)
            server = self._run("kube-apiserver", *self._server_command(etcd_port))
            server.await_ready(self._is_ready, READY_SECONDS)
            self._running = self._running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._running.close()

    def start_controllers(self) -> None:
        """Start the controllers, and wait until they have made a first ServiceAccount."""
        manager = self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig('system:kube-controller-manager')}",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--service-account-private-key-file={self.directory / 'sa.key'}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
        )
        api = self.api
        manager.await_ready(
            lambda: api.find("ServiceAccount", "default", "default") is not None, READY_SECONDS
        )

    @property
    def api(self) -> Api:
        """The API server with an administrator's rights."""
        return Api(self.url, self.ca_file, self._tokens["admin"])

    def kubeconfig(self, user: str = "admin", token: str = "") -> Path:
        """Write a kubeconfig of *user*; a user outside `USERS` needs *token*."""
        path = self.directory / f"{user.replace(':', '-')}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        credential = {"token": token or self._tokens[user]}
        names = {"cluster": "e2e", "user": user}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": cluster}],
            "users": [{"name": user, "user": credential}],
            "contexts": [{"name": "e2e", "context": names}],
            "current-context": "e2e",
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def token_of(self, namespace: str, name: str) -> str:
        """Return a new token of a ServiceAccount, from the TokenRequest API."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        token: str = self.api.call("POST", path, request)["status"]["token"]
        return token

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """Return kubectl's output, as an administrator, with *text* as its input."""
        return kubectl(self.kubeconfig(), *arguments, text=text)

    def _run(self, program: str, *arguments: str | Path) -> Process:
        command = (BINARY, program, *arguments)
        return self._running.enter_context(Process(program, command, self.directory))

    def _is_ready(self) -> bool:
        try:
            return self.api.session.get(f"{self.url}/readyz", timeout=2).ok
        except (requests.RequestException, OSError):  # no listener yet, or no certificate
            return False

    def _server_command(self, etcd_port: int) -> tuple[str, ...]:
        return (
            f"--etcd-servers=http://127.0.0.1:{etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self.directory / 'certificates'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={self.directory / 'sa.pub'}",
            f"--service-account-signing-key-file={self.directory / 'sa.key'}",
            f"--token-auth-file={self.directory / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--audit-policy-file={self.directory / 'audit.yaml'}",
            f"--audit-log-path={self.audit_log}",
            *self._server_flags,
        )

    def _write_files(self) -> None:
        key = generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.directory / "sa.key").write_bytes(pem)
        (self.directory / "sa.pub").write_bytes(public)
        rows = (f'{self._tokens[u]},{u},{u},"{group}"\n' for u, group in USERS.items())
        (self.directory / "tokens.csv").write_text("".join(rows))
        audited: dict[str, Any] = {"level": "Metadata", "userGroups": [AUDITED]}
        policy = {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [audited, {"level": "None"}],
        }
        (self.directory / "audit.yaml").write_text(yaml.safe_dump(policy))


def is_listening(port: int) -> bool:
    """Return whether a program listens on *port* of loopback."""
    with suppress(OSError), create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False


def kubectl(kubeconfig: Path, *arguments: str, text: str = "") -> str:
    """Return kubectl's output, like `run_tool`."""
    return run_tool(kubeconfig, BINARY, "kubectl", *arguments, text=text)


def run_tool(kubeconfig: Path, *command: str | Path, text: str = "") -> str:
    """Return the output of *command* with the input *text*, on the cluster of *kubeconfig*.

    Shows the command's error, then raises `CalledProcessError`.
    """
    done = subprocess.run(  # noqa: S603  the tests' own commands
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.defpath,
            "HOME": str(kubeconfig.parent),
            "KUBECONFIG": str(kubeconfig),
        },
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
    done.check_returncode()
    return done.stdout
