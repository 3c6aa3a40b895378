"""Requests to the node's metadata service (IMDS), under azure-identity.

Bounds how much it is asked, and tells what it answered, which azure-identity does not.
"""

import threading
from dataclasses import dataclass
from typing import Any, Final

from azure.core.pipeline.transport import RequestsTransport

from hooks.core.acr import MAX_ANSWER_BYTES, retry_after
from hooks.cutoff import CutoffAdapter, cutoff
from hooks.turnstile import Turnstile

CONNECT_TIMEOUT_SECONDS: Final = 1
READ_TIMEOUT_SECONDS: Final = 3
ANSWER_SECONDS: Final = CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS  # from a turn on
# IMDS refuses more. https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq
MAX_CONCURRENT: Final = 5
MAX_PER_SECOND: Final = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of IMDS's answer, 0 where there was none, and the wait that it asks for."""

    status: int = 0
    retry_after_seconds: float | None = None


class Transport(RequestsTransport):  # type: ignore[misc]  # it has no types
    """Asks IMDS no more at once, and no faster, than it bears, whichever identities are asked for.

    Tokens that azure-identity has in memory do not come by here. Follows no redirect: azure-core
    does not, without its policy for that.
    """

    def __init__(self) -> None:
        # IMDS must not be asked through a proxy, so the environment's are not read. Timeouts are
        # the transport's: those given to a credential that has one made for it are not heeded.
        # azure-sdk-for-python@azure-core_1.41.0:azure/core/pipeline/transport/_requests_basic.py
        super().__init__(
            use_env_settings=False,
            connection_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
        )
        self._turnstile = Turnstile(MAX_CONCURRENT, 1 / MAX_PER_SECOND)
        self._local = threading.local()
        self.open()
        self.session.mount("http://", CutoffAdapter(MAX_ANSWER_BYTES))

    def wait_until(self, latest: float) -> None:
        """Let this thread's requests wait for their turn until *latest*."""
        self._local.latest = latest
        self._local.answer = Answer()

    @property
    def answer(self) -> Answer:
        """What this thread's last request got: azure-identity's errors do not tell."""
        answer: Answer = self._local.answer
        return answer

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401  as in the base class
        """Send *request* in its turn. Raises `TimeoutError`: that did not come in time."""
        with self._turnstile.turn(self._local.latest), cutoff(ANSWER_SECONDS):
            response = super().send(request, **options)
        asked = retry_after(response.headers.get("Retry-After"))
        self._local.answer = Answer(response.status_code, asked)
        return response
