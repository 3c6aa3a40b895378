"""Sends azure-identity's requests to Entra, and keeps the responses, which its errors hide."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.core.pipeline.transport import RequestsTransport

from hooks.budget import ENTRA_CONNECT_SECONDS, ENTRA_SECONDS
from hooks.core.exchange.entra import Assertion, Refusal, parse_refusal
from hooks.core.exchange.registry_protocol import MAX_ANSWER_BYTES, retry_after
from hooks.mint.hard_deadline import hard_deadline, harden


@dataclass
class LastRequest(threading.local):
    """This thread's last request to Entra: its assertion, and its response as a refusal.

    *refusal* counts only if the response had no token. *timed_out* is True if the request took
    `ENTRA_SECONDS`.
    """

    assertion: Assertion | None = None
    refusal: Refusal | None = None
    timed_out: bool = False

    def clear(self) -> None:
        """Forget the last request."""
        self.assertion, self.refusal, self.timed_out = None, None, False


class EntraTransport(RequestsTransport):  # type: ignore[misc]  # it has no types
    """Sends requests to Entra. Keeps no cookie; azure-core follows no redirect.

    The proxies are the environment's. The CA is *ca_file* or, without a file, the environment's.
    """

    def __init__(self, ca_file: Path | None, last_request: LastRequest) -> None:
        trust = {"connection_verify": str(ca_file)} if ca_file else {}
        super().__init__(
            connection_timeout=ENTRA_CONNECT_SECONDS, read_timeout=ENTRA_SECONDS, **trust
        )
        self._last_request = last_request
        self.open()
        harden(self.session, MAX_ANSWER_BYTES)

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401  as in the base class
        """Send *request*, and keep its response in the thread's `LastRequest`."""
        started = time.monotonic()
        try:
            with hard_deadline(ENTRA_SECONDS):
                response = super().send(request, **options)
        finally:
            self._last_request.timed_out = time.monotonic() - started >= ENTRA_SECONDS
        headers = response.headers
        self._last_request.refusal = parse_refusal(
            response.status_code,
            headers.get("Content-Type"),
            retry_after(headers.get("Retry-After")),
            response.content,
        )
        return response
