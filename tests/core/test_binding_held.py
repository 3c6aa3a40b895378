"""A binding without a token request, while the token in its Secret works."""

from dataclasses import replace

import pytest

from hooks.core.model.binding import Condition, Spec, Status
from hooks.core.model.identity import WorkloadIdentity
from hooks.core.observed import Observed
from tests.core.builders import (
    BINDING,
    EXPIRED,
    NOW,
    OBSERVED,
    POLICY,
    SECRET,
    SERVER,
    decide,
    finalize,
    sync,
)

WORKLOAD = Spec(SERVER, WorkloadIdentity(None, None, None), None)


def held(status: str = "True", generation: int = 2, spec: Spec | str = WORKLOAD) -> Observed:
    """Return the observation of a binding after its ServiceAccount was deleted."""
    condition = Condition("TokenFresh", status, "TokenValid", "", generation)
    binding = replace(BINDING, spec=spec, status=Status((condition,)))
    return replace(OBSERVED, binding=binding, accounts=(), related=())


WORKS = "True/RefreshFailing"


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(held(), True, id="works"),
        pytest.param(held("False"), False, id="did-not-work"),
        pytest.param(held(generation=1), False, id="spec-changed"),
        pytest.param(held(spec=replace(WORKLOAD, server="x.azurecr.io")), False, id="moved"),
        pytest.param(held(spec="spec is wrong"), False, id="invalid"),
        pytest.param(replace(held(), secret=replace(SECRET, token=EXPIRED)), False, id="expired"),
        pytest.param(
            replace(held(), secret=replace(SECRET, unmodified=False)), False, id="changed"
        ),
        pytest.param(replace(held(), secret=None), False, id="no-secret"),
    ],
)
def test_held(observed: Observed, *, expected: bool) -> None:
    """A working token stays fresh after the ServiceAccount was deleted."""
    result = sync(observed, decide(observed, POLICY, NOW), None, POLICY, NOW)
    found = result.status.condition("TokenFresh")
    assert found is not None
    assert (found.status == "True") == expected
    assert expected == (f"{found.status}/{found.reason}" == WORKS)
    going = replace(observed, binding=replace(observed.binding, deleting=True))
    last = finalize(going, POLICY, NOW).status.condition("TokenFresh")
    assert last is not None
    assert (last.status == "True") == expected
