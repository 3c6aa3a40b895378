"""Requests to Entra, for azure-identity, whose errors do not show the responses."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from azure.core.pipeline.transport import RequestsTransport

from hooks.core.exchange.acr import MAX_ANSWER_BYTES, retry_after
from hooks.core.exchange.entra import Assertion, Refusal, parse_refusal
from hooks.mint.hard_deadline import hard_deadline, harden

CONNECT_TIMEOUT_SECONDS: Final = 1.5
ENTRA_SECONDS: Final = 3.0  # for a request, whatever Entra does


@dataclass
class Call(threading.local):
    """This thread's last call: the assertion in the request, and the response as a refusal.

    *refusal* counts only if the response had no token. *late* is True if the time was up.
    """

    assertion: Assertion | None = None
    refusal: Refusal | None = None
    late: bool = False

    def begin(self) -> None:
        """Forget the last one."""
        self.assertion, self.refusal, self.late = None, None, False


class Transport(RequestsTransport):  # type: ignore[misc]  # it has no types
    """Sends requests to Entra, and keeps no cookie. azure-core follows no redirect.

    The proxies are the environment's, and so is the CA unless there is a *ca_file*.
    """

    def __init__(self, ca_file: Path | None, call: Call) -> None:
        trust = {"connection_verify": str(ca_file)} if ca_file else {}
        super().__init__(
            connection_timeout=CONNECT_TIMEOUT_SECONDS, read_timeout=ENTRA_SECONDS, **trust
        )
        self._call = call
        self.open()
        harden(self.session, MAX_ANSWER_BYTES)

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401  as in the base class
        """Send *request*, and keep what its response shows."""
        started = time.monotonic()
        try:
            with hard_deadline(ENTRA_SECONDS):
                response = super().send(request, **options)
        finally:
            self._call.late = time.monotonic() - started >= ENTRA_SECONDS
        headers = response.headers
        self._call.refusal = parse_refusal(
            response.status_code,
            headers.get("Content-Type"),
            retry_after(headers.get("Retry-After")),
            response.content,
        )
        return response
