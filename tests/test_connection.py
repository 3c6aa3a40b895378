"""Why there was no connection, as its message says: the certificate, the proxy, or the name."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest

from hooks.core.exchange.registry_protocol import exchange
from hooks.core.model.identity import FederatedIdentity, TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.mint.registry import Registry
from hooks.mint.workload_identity import WorkloadIdentities
from hooks.settings.federation_settings import FederationSettings
from tests.client import Client, Object, observed, service_account
from tests.core.builders import REQUEST, new_jwt
from tests.emulator import Emulator, FederatedCredential
from tests.emulator.certificate import write_certificates
from tests.emulator.imds import TENANT
from tests.emulator.settings import system_clock
from tests.service import Service

HERE = "127.0.0.1"


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    """Run *server*; give its port."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Quiet(BaseHTTPRequestHandler):
    """Answers nothing, and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Keep silent."""


class Guarded(Quiet):
    """A proxy that lets nobody through without a password."""

    def do_CONNECT(self) -> None:
        """Refuse."""
        self.send_error(407)


class Tls(ThreadingHTTPServer):
    """Speaks TLS, with the certificate in *context*."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__((HERE, 0), Quiet)
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def handle_error(self, request: object, client_address: object) -> None:
        """Expect the client to go."""


@contextmanager
def presenting(folder: Path, address: str, days: int) -> Iterator[int]:
    """Serve TLS with a certificate for *address*, made *days* from now; yield the port.

    Its CA is in `ca.crt` of *folder*.
    """
    write_certificates(folder, (address,), system_clock() + timedelta(days))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with serving(Tls(context)) as port:
        yield port


@pytest.mark.parametrize(
    ("address", "days", "wrong"),
    [
        ("127.0.0.2", 0, "is for another name. Check spec.acrServer"),
        (HERE, -60, "has expired, or the node's clock is wrong. Check"),
        (HERE, 60, "is not valid yet, or the node's clock is wrong. Check"),
    ],
    ids=["another-name", "expired", "not-yet"],
)
def test_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, days: int, wrong: str
) -> None:
    """A certificate whose CA is known is wrong for a reason of its own, which no CA mends."""
    with presenting(tmp_path, address, days) as port:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.crt"))
        request = replace(REQUEST, server=f"{HERE}:{port}")
        outcome = Registry().send(request, exchange(request, "entra"), time.monotonic() + 5)
    assert isinstance(outcome, MintFailed)
    assert outcome.reason is Reason.REGISTRY_UNTRUSTED
    assert f'The TLS certificate of registry "{HERE}:{port}" {wrong}' in outcome.message
    assert "REQUESTS_CA_BUNDLE" not in outcome.message


@pytest.mark.parametrize(("address", "days"), [("127.0.0.2", 0), (HERE, -60)])
def test_certificate_of_entra_and_the_api_server(tmp_path: Path, address: str, days: int) -> None:
    """The message does not propose another CA if the CA is known."""
    (tmp_path / "token").write_text(new_jwt({"iss": "https://issuer.example", "sub": "x"}))
    with presenting(tmp_path, address, days) as port:
        settings = FederationSettings.from_env({
            "WORKLOAD_IDENTITY": "enabled",
            "IDENTITY_SOURCE": "workload",
            "AZURE_TENANT_ID": TENANT,
            "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
            "AZURE_AUTHORITY_HOST": f"https://{HERE}:{port}",
            "AZURE_AUTHORITY_CA_FILE": str(tmp_path / "ca.crt"),
            "KUBERNETES_SERVICE_HOST": HERE,
            "KUBERNETES_SERVICE_PORT": str(port),
            "SERVICE_ACCOUNT_DIR": str(tmp_path),
        })  # fmt: skip
        messages = []
        for account in (None, TrustedAccount("team-a", "default", "uid-1")):
            identities = WorkloadIdentities(settings)
            identity = FederatedIdentity(TENANT, str(uuid4()), account)
            request = replace(REQUEST, identity=identity)
            credential = identities.new_credential(identity)
            outcome = identities.entra_token(credential, request, time.monotonic())
            assert isinstance(outcome, MintFailed)
            messages.append(outcome.message)
    wrong = "has expired, or the node's clock is wrong" if days else "is for another name"
    assert messages == [
        f"Entra's TLS certificate {wrong}. Check AZURE_AUTHORITY_HOST, and whether a proxy is in "
        "between.",
        f"The API server's TLS certificate {wrong}. Check KUBERNETES_SERVICE_HOST, and renew the "
        "certificate if it has expired.",
    ]


@pytest.mark.parametrize("rest", ["/.azurecr.io", "#.azurecr.io", "?.azurecr.io"])
def test_server_is_no_bare_host(rest: str) -> None:
    """A server whose name ends with an allowed suffix, and whose host does not, is not called."""
    with socket.create_server((HERE, 0)) as listener:
        listener.setblocking(False)
        request = replace(REQUEST, server=f"{HERE}:{listener.getsockname()[1]}{rest}")
        outcome = Registry().send(request, exchange(request, "entra"), time.monotonic() + 1)
        assert isinstance(outcome, MintFailed)
        assert outcome.reason is Reason.REGISTRY_NOT_FOUND
        with pytest.raises(BlockingIOError):
            listener.accept()


def ready(answer: Object) -> tuple[str, str]:
    """Return reason and message of the condition Ready."""
    (condition, *_) = answer["status"]["conditions"]
    return condition["reason"], condition["message"]


def ask(emulator: Emulator, proxy: str) -> list[tuple[str, str]]:
    """Return what becomes of a managed identity's binding, and of a workload identity's."""
    environ = emulator.environment() | emulator.federation()
    with Service(environ | {"HTTPS_PROXY": proxy}) as running:
        client = Client(running.url, emulator.acr_server)
        emulator.federated = [
            FederatedCredential(client.client_id, "system:serviceaccount:team-a:default")
        ]
        workload = client.parent()
        del workload["spec"]["managedIdentityClientID"]
        workload["spec"]["workloadIdentity"] = {"clientID": str(uuid4()), "tenantID": TENANT}
        account = service_account("default", owner="app")
        bindings = (client.parent(), workload)
        return [ready(client.sync(observed(binding, account))) for binding in bindings]


@pytest.mark.process
def test_proxy_refuses(emulator: Emulator) -> None:
    """A proxy that refuses is named, with its status, not the firewall of what lies behind it."""
    with serving(ThreadingHTTPServer((HERE, 0), Guarded)) as port:
        registry, entra = ask(emulator, f"http://{HERE}:{port}")
    assert registry == (
        "RegistryUnreachable",
        f'The proxy rejected the connection to registry "{emulator.acr_server}" with HTTP 407. '
        "Check the proxy's rules and the credentials in HTTPS_PROXY, or add the host to NO_PROXY.",
    )
    assert entra == (
        "EntraUnavailable",
        "The proxy rejected the connection to Entra with HTTP 407. Check the proxy's rules and "
        "the credentials in HTTPS_PROXY, or add the host to NO_PROXY.",
    )


@pytest.mark.process
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://no-such-proxy.invalid:3128"])
def test_proxy_is_away(emulator: Emulator, proxy: str) -> None:
    """A proxy that can't be reached is named: the registry's name is not what DNS lacks."""
    registry, entra = ask(emulator, proxy)
    assert registry[0] == "RegistryUnreachable"
    assert registry[1].startswith(f'The proxy for registry "{emulator.acr_server}" can\'t be')
    assert entra[0] == "EntraUnavailable"
    assert entra[1].startswith("The proxy for Entra can't be reached. Check HTTPS_PROXY")
