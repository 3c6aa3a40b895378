"""Sends azure-identity's requests to the node's metadata service (IMDS).

Limits their rate, and keeps the responses, which azure-identity's errors do not show.
"""

import threading
from typing import Any, Final

from azure.core.pipeline.transport import RequestsTransport

from hooks.budget import IMDS_CONNECT_SECONDS, IMDS_READ_SECONDS, IMDS_SECONDS
from hooks.core.exchange.imds_answer import ImdsResponse
from hooks.core.exchange.registry_protocol import MAX_ANSWER_BYTES
from hooks.limits import RateLimiter
from hooks.mint.hard_deadline import DeadlineAdapter, hard_deadline

# IMDS rejects more. https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq
MAX_CONCURRENT: Final = 5
MAX_PER_SECOND: Final = 20


class ImdsTransport(RequestsTransport):  # type: ignore[misc]  # it has no types
    """Rate-limits requests to IMDS across all identities.

    Tokens in azure-identity's memory cause no request. No redirect is followed, because azure-core
    follows none without its policy for redirects.
    """

    def __init__(self) -> None:
        # IMDS must not be called through a proxy, so the environment's proxies are not read. The
        # timeouts are set here, because a credential with a transport ignores timeouts of its own.
        # azure-sdk-for-python@azure-core_1.41.0:azure/core/pipeline/transport/_requests_basic.py
        super().__init__(
            use_env_settings=False,
            connection_timeout=IMDS_CONNECT_SECONDS,
            read_timeout=IMDS_READ_SECONDS,
        )
        self._rate_limiter = RateLimiter(MAX_CONCURRENT, 1 / MAX_PER_SECOND)
        self._local = threading.local()
        self.open()
        self.session.mount("http://", DeadlineAdapter(MAX_ANSWER_BYTES))

    def set_start_by(self, start_by: float) -> None:
        """Let this thread's next request wait for its turn until *start_by*."""
        self._local.start_by = start_by
        self._local.sent = False
        self._local.response = None

    @property
    def sent(self) -> bool:
        """True if this thread has sent a request since `set_start_by`."""
        return bool(self._local.sent)

    @property
    def response(self) -> ImdsResponse | None:
        """The response to this thread's last request; None if there was none."""
        response: ImdsResponse | None = self._local.response
        return response

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401  as in the base class
        """Send *request* in its turn. Raises `TimeoutError` if the turn did not come in time."""
        with self._rate_limiter.turn(self._local.start_by), hard_deadline(IMDS_SECONDS):
            self._local.sent = True
            response = super().send(request, **options)
        headers = response.headers
        self._local.response = ImdsResponse(
            response.status_code,
            headers.get("Content-Type"),
            headers.get("Retry-After"),
            response.content,
        )
        return response
