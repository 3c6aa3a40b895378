"""Selects the endpoint and the fault for a request, and records the request.

Connects the endpoints, and knows no format of an endpoint.
"""

import json
import time
from dataclasses import replace

from tests.emulator import entra, exchange, imds, kubernetes, proxy, registry, token
from tests.emulator.acr import refusal
from tests.emulator.acr_token import AcrTokens
from tests.emulator.fault import Endpoint, Fault, FaultBook
from tests.emulator.message import Request, Response, compact
from tests.emulator.record import RequestRecord, new_record
from tests.emulator.settings import Settings
from tests.emulator.signer import Signer

_TOKENS = ("access_token", "refresh_token")


class Router:
    """The four ports of Azure, with their keys; `log` is in order of the answers.

    `acr_signer` signs ACR's tokens, `kubernetes_signer` the tokens of ServiceAccounts.
    """

    def __init__(self, settings: Settings, faults: FaultBook) -> None:
        self._settings = settings
        self._faults = faults
        self._entra = Signer()
        self.acr_signer = Signer()
        self.kubernetes_signer = Signer()
        self._tokens = AcrTokens(settings, self.acr_signer)
        self.log: list[RequestRecord] = []

    def serve_imds(self, request: Request) -> tuple[Response, Fault]:
        """Answer on the port of IMDS, under any prefix: azure-identity keeps its URL's prefix."""
        return self._serve("imds" if request.path.endswith(imds.PATH) else "other", request)

    def serve_acr(self, request: Request) -> tuple[Response, Fault]:
        """Answer on the port of ACR."""
        endpoints: dict[str, Endpoint] = {exchange.PATH: "exchange", token.PATH: "token"}
        otherwise: Endpoint = "v2" if request.path.startswith(registry.PREFIX) else "other"
        return self._serve(endpoints.get(request.path, otherwise), request)

    def serve_entra(self, request: Request) -> tuple[Response, Fault]:
        """Answer on the port of Entra."""
        return self._serve("entra", request)

    def serve_kubernetes(self, request: Request) -> tuple[Response, Fault]:
        """Answer on the port of the API server."""
        return self._serve("kubernetes", request)

    def _serve(self, endpoint: Endpoint, request: Request) -> tuple[Response, Fault]:
        at = time.monotonic()
        fault = self._faults.take(endpoint, request)
        response = fault.response() or _tampered(self._healthy(endpoint, request), fault.token)
        status = 0 if fault.reset else response.status
        self.log.append(new_record(endpoint, request, status, at))
        return response, fault

    def _healthy(self, endpoint: Endpoint, request: Request) -> Response:
        match endpoint:
            case "imds" | "entra" | "kubernetes":
                return self._identified(endpoint, request)
            case "exchange":
                return exchange.exchange(request, self._settings, self._entra, self._tokens)
            case "token":
                return token.token(request, self._settings, self._tokens)
            case "v2" if self._settings.registry_url:
                return proxy.pass_on(request, self._settings.registry_url)
            case "v2":
                return registry.registry(request, self._tokens)
            case _:
                return refusal(404, "NOT_FOUND", "404 page not found")

    def _identified(self, endpoint: Endpoint, request: Request) -> Response:
        match endpoint:
            case "imds":
                return imds.identity_token(request, self._settings, self._entra)
            case "entra":
                return entra.entra_token(request, self._settings, self._entra)
            case _:
                return kubernetes.token_request(request, self._settings, self.kubernetes_signer)


def _tampered(response: Response, new: str | None) -> Response:
    """Return *response* with *new* in place of its tokens."""
    if new is None or response.status != 200:
        return response
    body = json.loads(response.body)
    return replace(response, body=compact(body | {k: new for k in _TOKENS if k in body}))
