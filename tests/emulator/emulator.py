"""The emulator: IMDS, ACR with its registry, Entra and the API server, each on its own port.

Starts and stops the servers. The router and the endpoints answer.
"""

import ssl
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from tests.emulator.certificate import write_certificates
from tests.emulator.control import PREFIX, control
from tests.emulator.delivery import Delivery
from tests.emulator.fault import Endpoint, Fault, FaultBook
from tests.emulator.kubernetes import OWN_TOKEN
from tests.emulator.message import Request, Response
from tests.emulator.record import RequestRecord
from tests.emulator.router import Router
from tests.emulator.server import LoopbackServer
from tests.emulator.settings import ISSUER, Settings, system_clock


@dataclass(kw_only=True, eq=False)
class Emulator(Settings):
    """A running Azure between `start` and `stop`, or within a `with` block.

    Attributes:
        directory: The folder of `ca.crt`, `server.pem` and `token.crt`; `None`: a temporary folder.
        imds_port: 0 means a free port, and is replaced at the start.
        acr_port: As imds_port.
        entra_port: As imds_port.
        kubernetes_port: As imds_port.
        registries: The number of registries besides `localhost`, each with a separate address. Each
            registry rejects the tokens of the others.
        faults: The faults in force.
        ca_file: The CA to trust for `https://<acr_server>`, from the start on.
        token_file: The certificate of the key for ACR's tokens, from the start on. Docker's
            registry accepts the file as `auth.token.rootcertbundle`.
    """

    directory: Path | None = None
    imds_port: int = 0
    acr_port: int = 0
    entra_port: int = 0
    kubernetes_port: int = 0
    registries: int = 9
    faults: FaultBook = field(default_factory=FaultBook, init=False)
    ca_file: Path = field(default=Path("ca.crt"), init=False)
    token_file: Path = field(default=Path("token.crt"), init=False)

    def __post_init__(self) -> None:
        """Create the keys; no server listens yet."""
        self._router = Router(self, self.faults)
        self._running = ExitStack()
        names = (field.name for field in fields(Settings))
        self.issuers = {ISSUER: self._router.kubernetes_signer.jwks(), **self.issuers}
        self._settings = {n: getattr(self, n) for n in names if n != "registry_url"}

    def start(self) -> None:
        """Write new certificates and listen; after a stop, with the same ports and keys.

        Raises:
            OSError: A port is in use.
        """
        with ExitStack() as stack:
            temporary = stack.enter_context(TemporaryDirectory(prefix="azure-emulator-"))
            directory = self.directory or Path(temporary)
            directory.mkdir(parents=True, exist_ok=True)
            # Clients check certificates by the machine's clock, not by `clock`.
            now = system_clock()
            addresses = self._addresses
            write_certificates(directory, addresses, now)
            self.ca_file, self.token_file = directory / "ca.crt", directory / "token.crt"
            (directory / "token").write_text(OWN_TOKEN)
            self.token_file.write_bytes(self._router.acr_signer.certificate(now))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(directory / "server.pem")
            host = addresses[:1]
            imds_server = LoopbackServer(host, self.imds_port, Delivery, self._serve_imds)
            stack.callback(imds_server.stop)
            acr_server = LoopbackServer(
                addresses, self.acr_port, Delivery, self._router.serve_acr, context
            )
            stack.callback(acr_server.stop)
            entra = self._router.serve_entra
            entra_server = LoopbackServer(host, self.entra_port, Delivery, entra, context)
            stack.callback(entra_server.stop)
            api = self._router.serve_kubernetes
            api_server = LoopbackServer(host, self.kubernetes_port, Delivery, api, context)
            stack.callback(api_server.stop)
            self.imds_port, self.acr_port = imds_server.port, acr_server.port
            self.entra_port, self.kubernetes_port = entra_server.port, api_server.port
            self._running = stack.pop_all()

    def stop(self) -> None:
        """End all connections, wait for the threads and remove a temporary directory."""
        self._running.close()

    def reset(self) -> None:
        """Restore the constructor's settings, clear the faults and forget the requests.

        The registry keeps its address.
        """
        for name, value in self._settings.items():
            setattr(self, name, value)
        self.faults.clear()
        self._router.log.clear()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def imds_url(self) -> str:
        """The URL in place of `http://169.254.169.254`, without a final slash."""
        return f"http://{self._addresses[0]}:{self.imds_port}"

    @property
    def acr_server(self) -> str:
        """The login server: `127.0.0.1:<port>`."""
        return self.acr_servers[0]

    @property
    def acr_servers(self) -> tuple[str, ...]:
        """All login servers: `127.0.0.1:<port>`, `127.0.0.2:<port>` ... and `localhost:<port>`."""
        return tuple(f"{host}:{self.acr_port}" for host in (*self._addresses, "localhost"))

    @property
    def _addresses(self) -> tuple[str, ...]:
        return tuple(f"127.0.0.{n}" for n in range(1, self.registries + 1))

    @property
    def requests(self) -> list[RequestRecord]:
        """All requests so far, in order of their answers."""
        return list(self._router.log)

    def count(self, endpoint: Endpoint) -> int:
        """Return the number of requests to *endpoint*."""
        return sum(record.endpoint == endpoint for record in self.requests)

    def environment(self) -> dict[str, str]:
        """The environment for azure-identity, requests and the hooks to find this Azure."""
        return {
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": self.imds_url,
            "REQUESTS_CA_BUNDLE": str(self.ca_file.absolute()),
            "ALLOWED_ACR_SERVER_SUFFIXES": f"{self.acr_server},localhost:{self.acr_port}",
        }

    @property
    def entra_url(self) -> str:
        """The URL in place of `https://login.microsoftonline.com`, without a final slash."""
        return f"https://{self._addresses[0]}:{self.entra_port}"

    def federation(self) -> dict[str, str]:
        """The additional environment for workload identity."""
        return {
            "WORKLOAD_IDENTITY": "enabled",
            "AZURE_AUTHORITY_HOST": self.entra_url,
            "KUBERNETES_SERVICE_HOST": self._addresses[0],
            "KUBERNETES_SERVICE_PORT": str(self.kubernetes_port),
            "SERVICE_ACCOUNT_DIR": str(self.ca_file.parent.absolute()),
        }

    def _serve_imds(self, request: Request) -> tuple[Response, Fault]:
        if request.path.startswith(PREFIX):
            return control(request, self), Fault()
        return self._router.serve_imds(request)
