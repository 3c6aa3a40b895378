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
from dataclasses import dataclass, field
from typing import Any, Final

from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential

from hooks.core.model import Identity, MintFailed, Reason, TokenRequest
from hooks.core.refresh import memory_seconds, told_later
from hooks.imds import ANSWER_SECONDS, Transport

TOO_MANY_REQUESTS: Final = 429
TOKEN: Final = re.compile(r"[!-~]+")
MAX_CREDENTIALS: Final = 1000  # about 50 KiB each


@dataclass(frozen=True, slots=True)
class _Failure:
    outcome: MintFailed
    at: float  # an instant of `time.monotonic`

    def answer(self) -> MintFailed | None:
        """Return the outcome as long as it answers for all."""
        age = time.monotonic() - self.at
        return told_later(self.outcome, age) if age < memory_seconds(self.outcome) else None


@dataclass(frozen=True, slots=True)
class _Slot:
    """An identity's credential; the lock makes one request of several at once."""

    credential: ManagedIdentityCredential
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: dict[str, _Failure] = field(default_factory=dict)


class Entra:
    """Gets Entra tokens; safe for threads."""

    def __init__(self) -> None:
        self._transport = Transport()
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
        known = failure.answer() if failure is not None else None
        if known is not None:
            return known
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
        message = (
            f"identity {who} is not assigned to this node; assign it to the node pool's VMSS, or "
            "correct it: a client ID is not the object (principal) ID"
        )
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
