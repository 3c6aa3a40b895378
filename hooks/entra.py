"""Entra tokens of managed identities, from the node's metadata service (IMDS).

The only importer of azure.identity. One credential an identity, for each caches its own token; one
transport for all, for each of its own would keep two sockets open.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ManagedIdentityCredential

from hooks.core.acr import MAX_ANSWER_BYTES, retry_after
from hooks.core.model import Identity, MintFailed, Reason, TokenRequest
from hooks.core.refresh import MAX_RETRY_SECONDS
from hooks.cutoff import CutoffAdapter, cutoff
from hooks.turnstile import Turnstile

CONNECT_TIMEOUT_SECONDS: Final = 1
READ_TIMEOUT_SECONDS: Final = 3
ANSWER_SECONDS: Final = CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS  # from a turn on
# IMDS refuses more. https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq
MAX_CONCURRENT: Final = 5
MAX_PER_SECOND: Final = 20
# As long as MSAL answers from memory after IMDS has refused with some statuses, here with all. MSAL
# heeds a Retry-After of up to 1 h, and so do we.
FAILURE_SECONDS: Final = 5
TOO_MANY_REQUESTS: Final = 429
TOKEN: Final = re.compile(r"[!-~]+")
MAX_CREDENTIALS: Final = 1000  # about 50 KiB each


@dataclass(frozen=True, slots=True)
class _Failure:
    outcome: MintFailed
    at: float  # an instant of `time.monotonic`

    def lasts(self) -> bool:
        asked = min(self.outcome.retry_after_seconds or 0, MAX_RETRY_SECONDS)
        return time.monotonic() < self.at + max(FAILURE_SECONDS, asked)

    def answer(self) -> MintFailed:
        """Return the outcome; of a wait that IMDS asked for, what is left."""
        if self.outcome.retry_after_seconds is None:
            return self.outcome
        left = self.at + self.outcome.retry_after_seconds - time.monotonic()
        return replace(self.outcome, retry_after_seconds=max(0.0, left))


@dataclass(frozen=True, slots=True)
class _Answer:
    """The status of IMDS's answer, 0 where there was none, and the wait that it asks for."""

    status: int = 0
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _Slot:
    """An identity's credential; the lock makes one request of several at once."""

    credential: ManagedIdentityCredential
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: dict[str, _Failure] = field(default_factory=dict)


class _Transport(RequestsTransport):  # type: ignore[misc]  # it has no types
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
        self._local.answer = _Answer()

    @property
    def answer(self) -> "_Answer":
        """What this thread's last request got: azure-identity's errors do not tell."""
        answer: _Answer = self._local.answer
        return answer

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401  as in the base class
        """Send *request* in its turn. Raises `TimeoutError`: that did not come in time."""
        with self._turnstile.turn(self._local.latest), cutoff(ANSWER_SECONDS):
            response = super().send(request, **options)
        asked = retry_after(response.headers.get("Retry-After"))
        self._local.answer = _Answer(response.status_code, asked)
        return response


class Entra:
    """Gets Entra tokens; safe for threads."""

    def __init__(self) -> None:
        self._transport = _Transport()
        self._slots: OrderedDict[Identity, _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def token(self, request: TokenRequest, deadline: float) -> str | MintFailed:
        """Return an Entra token of *request*'s identity for its audience, or why there is none.

        Over by *deadline*, an instant of `time.monotonic`.
        """
        slot = self._slot(request.identity)
        scope = f"{request.audience.removesuffix('/.default')}/.default"
        latest = deadline - ANSWER_SECONDS
        try:
            with _turn(slot.lock, latest):
                self._transport.wait_until(latest)
                return self._ask(slot, request, scope)
        except TimeoutError:
            text = "the node's metadata service (IMDS) is slow; it will be asked again"
            return MintFailed(Reason.TIMEOUT, text)

    def _ask(self, slot: _Slot, request: TokenRequest, scope: str) -> str | MintFailed:
        """Return IMDS's answer; a failure for all bindings of the identity that ask soon after."""
        failure = slot.failures.get(scope)
        if failure is not None and failure.lasts():
            return failure.answer()
        try:
            token = slot.credential.get_token(scope).token
            if isinstance(token, str) and TOKEN.fullmatch(token):
                return token
            raise ValueError("no token")  # noqa: TRY301  as where msal finds none
        except (AzureError, ValueError) as error:  # ValueError: an answer that msal can't read
            answer = self._transport.answer
            reason, message = _sort(request, answer.status, str(error))
            asked = answer.retry_after_seconds
            outcome = MintFailed(reason, message, asked)
            slot.failures[scope] = _Failure(outcome, time.monotonic())
            return outcome

    def _slot(self, identity: Identity) -> _Slot:
        with self._lock:
            slot = self._slots.pop(identity, None) or _Slot(self._credential(identity))
            self._slots[identity] = slot
            if len(self._slots) > MAX_CREDENTIALS:
                self._slots.popitem(last=False)
            return slot

    def _credential(self, identity: Identity) -> ManagedIdentityCredential:
        """Return a credential that asks once: Metacontroller asks again, with a growing wait.

        An unknown key in `identity_config` would be ignored, and give the token of the node itself.
        azure-sdk-for-python@azure-identity_1.27.0:azure/identity/_credentials/managed_identity.py
        """
        chosen: dict[str, Any] = (
            {"client_id": identity.client_id}
            if identity.client_id
            else {"identity_config": {"resource_id": identity.resource_id}}
        )
        return ManagedIdentityCredential(
            **chosen,
            transport=self._transport,
            retry_total=0,
            # Else the workload identity webhook's variables would silently choose another source.
            _exclude_workload_identity_credential=True,
        )


@contextmanager
def _turn(lock: threading.Lock, latest: float) -> Iterator[None]:
    """Hold *lock*; raises `TimeoutError` where it is not to be had by *latest*."""
    if not lock.acquire(timeout=max(0.0, latest - time.monotonic())):
        raise TimeoutError
    try:
        yield
    finally:
        lock.release()


def _sort(request: TokenRequest, status: int, text: str) -> tuple[Reason, str]:
    """Sort a failure by IMDS's *status* and azure-identity's *text*, which quotes its answer.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling
    """
    who = request.identity
    if "Identity not found" in text:
        message = f"identity {who} is not assigned to this node; assign it to the node pool's VMSS"
        return Reason.IDENTITY_NOT_FOUND, message
    if status == TOO_MANY_REQUESTS:
        message = (
            "the node's metadata service (IMDS) is throttling requests; it will be asked again"
        )
        return Reason.THROTTLED, message
    if "invalid_resource" in text or "AADSTS50001" in text:
        message = f"Entra refuses the audience {request.audience}; set TOKEN_AUDIENCE to another"
        return Reason.AUDIENCE_REFUSED, message
    message = (
        f"the node's metadata service (IMDS) gave no token for identity {who}; is it reachable "
        "from pods (AKS can block it), and is the node an Azure VM?"
    )
    return Reason.IDENTITY_UNAVAILABLE, message
