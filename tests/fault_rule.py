"""The expected answer to a failure, derived from the row and from the state of the Secret.

The rules are written independently of the hooks: the module imports none of their decisions.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from hooks.core.model.reason import Reason
from tests.fault_row import NONE, Calls, Effect, Row

REFRESH_BEFORE_SECONDS: Final = 1800
FIRST_WAIT_SECONDS: Final = 5
LONGEST_WAIT_SECONDS: Final = 300
SETTINGS_WAIT_SECONDS: Final = 300  # a changed setting causes no event
# Only a change by a person ends these failures.
STALLED: Final = {
    Reason.INVALID_SPEC,
    Reason.SERVER_NOT_ALLOWED,
    Reason.AUDIENCE_REFUSED,
    Reason.SCOPE_REFUSED,
}
VALID: Final = {Effect.MINT_FAILS, Effect.INCOMPLETE}  # the spec matches its schema
OWNERS: Final = ("ACRPullBinding", "Namespace")  # the Namespace protects from garbage collection
MINT_SECONDS: Final = 12  # the longest failed mint, 7.5 s, on a busy machine


class SecretState(NamedTuple):
    """The seconds *left* until the token expires, and the seconds since renewal began *failing*."""

    left: int
    failing: int


class State(Enum):
    """The Secret of a binding at the time of the failure."""

    MISSING = None
    FRESH = SecretState(left=3600, failing=0)
    DUE = SecretState(left=120, failing=600)
    EXPIRED = SecretState(left=-60, failing=1860)

    @property
    def works(self) -> bool:
        """True if a registry accepts the Secret's token."""
        return self.value is not None and self.value.left > 0


class Span(NamedTuple):
    """Whole seconds, from *least* to *most*."""

    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The content of an answer, and the requests that reached Azure.

    Attributes:
        conditions: "status/reason" by type.
        secret: The Secret in the answer: "none", "empty", "kept" (with the old token) or "new".
        accounts: For each ServiceAccount in the answer, the kinds of its owners and its
            imagePullSecrets.
        calls: The requests that reached Azure.
    """

    conditions: dict[str, str]
    secret: str
    accounts: dict[str, list[str]]
    calls: Calls


def is_met(row: Row, state: State) -> bool:
    """True if the failure has an effect. With a fresh Secret the service requests no token."""
    return row.effect is not Effect.MINT_FAILS or state is not State.FRESH


def stays(row: Row, state: State) -> bool:
    """True if the Secret stays; a denial by a setting waits until the token expires."""
    return state is not State.MISSING and (row.effect is not Effect.DENIED or state.works)


def expected_outcome(row: Row, state: State, secret: str) -> Outcome:
    """Return the outcome of *row* for the binding whose Secret has the name *secret*."""
    listed = row.effect is not Effect.DENIED or state.works
    # A Secret without a token attaches a binding with a valid spec.
    missing = "empty" if row.effect in VALID else "none"
    kept = "kept" if stays(row, state) else missing
    return Outcome(
        conditions=expected_conditions(row, state),
        secret="new" if row.partial and not state.works else kept,
        accounts={
            "default": [*OWNERS, "zeta", "alpha", *([secret] if listed else [])],
            "build": [*OWNERS, "zeta"],
        },
        calls=row.calls if is_met(row, state) else NONE,
    )


def expected_conditions(row: Row, state: State) -> dict[str, str]:
    """Return the conditions, which describe the observed Secret and ServiceAccount."""
    reason = (
        row.reason
        if row.pending_if_new is None or state is not State.MISSING
        else row.pending_if_new
    )
    failed = f"False/{reason}"
    fresh, renewal_healthy, attached = failed, failed, f"True/{Reason.ATTACHED}"
    if row.effect is not Effect.MINT_FAILS:
        renewal_healthy = f"Unknown/{row.reason}"
    if row.effect is Effect.DENIED and state.works:
        fresh, renewal_healthy = f"True/{Reason.REFRESH_FAILING}", failed
    if row.effect is Effect.MINT_FAILS and state is State.FRESH:
        fresh, renewal_healthy = f"True/{Reason.TOKEN_VALID}", f"True/{Reason.ON_SCHEDULE}"
    elif row.effect is Effect.MINT_FAILS and state.works:
        fresh = f"True/{Reason.REFRESH_FAILING}"
    if state is State.MISSING:  # the ServiceAccount does not list the Secret yet
        attached = f"False/{Reason.ATTACHING}" if row.effect in VALID else failed
    ready = fresh if fresh != f"True/{Reason.TOKEN_VALID}" else f"True/{Reason.READY}"
    if row.effect is Effect.DENIED:
        ready = failed
    stalled = ready == failed and row.reason in STALLED
    return {
        "Ready": ready,
        "TokenFresh": fresh,
        "Attached": attached,
        "RenewalHealthy": renewal_healthy,
        **({"Stalled": f"True/{row.reason}"} if stalled else {}),
    }


def expected_wait(row: Row, state: State) -> Span:
    """Return the seconds until the next attempt.

    The wait equals the time since the first failure, within 5 to 300 s. While the token works, the
    wait is at most a quarter of the token's remaining life. Azure's `Retry-After` is respected, but
    at most for half of the token's remaining life.
    """
    if row.effect is Effect.DENIED and state is State.DUE:
        return Span(state.value.left - MINT_SECONDS, state.value.left)
    if row.effect is not Effect.MINT_FAILS:
        return Span(SETTINGS_WAIT_SECONDS, SETTINGS_WAIT_SECONDS)
    if state is State.FRESH:
        due = state.value.left - REFRESH_BEFORE_SECONDS
        return Span(due - MINT_SECONDS, due)
    failing = 0 if state.value is None else state.value.failing
    most = min(max(failing, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
    least = most
    if state.works:
        most = min(most, state.value.left // 4)
        least = min(least, (state.value.left - MINT_SECONDS) // 4)
    asked = row.retry_after
    if state.works:
        asked = min(asked, (state.value.left - MINT_SECONDS) // 2)
        most = max(most, min(row.retry_after, state.value.left // 2))
    return Span(max(least, asked), max(most, asked))
