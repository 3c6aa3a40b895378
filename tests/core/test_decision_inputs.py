"""The inputs of a token, and whether the observed token has these inputs."""

from dataclasses import replace

import pytest

from hooks.core.model.binding import Spec
from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.model.token import AcrToken, TokenRequest
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.renewal.decision import inputs_hash, usable_token
from hooks.core.renewal.resolve import resolve
from tests.core.builders import (
    AUDIENCE,
    BINDING,
    CLIENT_ID,
    EXPIRED,
    HOUR,
    IDENTITY,
    NO_SECRET,
    NOW,
    OBSERVED,
    POLICY,
    REQUEST,
    SECRET,
    SERVER,
    TOKEN,
    new_token,
)

RESOURCE = Identity(resource_id="/subscriptions/x")


def with_token(token: AcrToken | None) -> Observed:
    """Return an observation with *token* in the Secret."""
    return replace(OBSERVED, secret=replace(SECRET, token=token))


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, server="other.azurecr.io"),
        replace(REQUEST, identity=Identity(client_id="x")),
        replace(REQUEST, identity=Identity(resource_id=CLIENT_ID)),
        replace(REQUEST, scope="repository:app:pull"),
        replace(REQUEST, scope=AUDIENCE, audience=""),
        replace(REQUEST, audience="https://management.azure.com"),
        replace(REQUEST, server=f'{SERVER}","{CLIENT_ID}'),
    ],
    ids=[
        "server",
        "client",
        "kind-of-identity",
        "scope",
        "scope-or-audience",
        "audience",
        "quotes",
    ],
)
def test_inputs_hash_differs(request_: TokenRequest) -> None:
    """U3: every input of a token changes the hash, and the hash keeps the inputs apart."""
    assert inputs_hash(request_) != inputs_hash(REQUEST)


def test_inputs_hash_of_recreated_account() -> None:
    """The hash stays the same if the trusted ServiceAccount is recreated with another uid."""
    accounts = [TrustedAccount("team-a", "default", uid) for uid in ("uid-1", "uid-2")]
    hashes = {
        inputs_hash(replace(REQUEST, identity=FederatedIdentity("tenant", CLIENT_ID, account)))
        for account in accounts
    }
    assert len(hashes) == 1


def test_inputs_hash_is_stable() -> None:
    """The hash is the same in every process and release; otherwise all tokens are renewed."""
    expected = "45515ce571a936ae17a6b0b3e1e1a40b7f14ff73167fcab6ebaac4c955addee5"
    assert inputs_hash(REQUEST) == expected


@pytest.mark.parametrize(
    ("spec", "policy", "request_"),
    [
        pytest.param(BINDING.spec, POLICY, REQUEST, id="all-in-the-spec"),
        pytest.param(
            Spec(SERVER, IDENTITY, "repository:app:pull"),
            POLICY,
            replace(REQUEST, scope="repository:app:pull"),
            id="scope",
        ),
        pytest.param(
            Spec(None, None, None),
            replace(POLICY, server=SERVER, identity=RESOURCE, audience="api://x"),
            TokenRequest(RESOURCE, SERVER, None, "api://x"),
            id="all-by-default",
        ),
        pytest.param(
            Spec(SERVER, IDENTITY, None),
            replace(POLICY, server="default.azurecr.io", identity=RESOURCE),
            REQUEST,
            id="spec-before-default",
        ),
    ],
)
def test_resolve(spec: Spec, policy: Policy, request_: TokenRequest) -> None:
    """Fields missing from the spec have the service's defaults."""
    binding = replace(BINDING, spec=spec)
    assert resolve(replace(OBSERVED, binding=binding), policy) == request_


@pytest.mark.parametrize(
    ("observed", "token"),
    [
        pytest.param(OBSERVED, TOKEN, id="usable"),
        pytest.param(
            replace(OBSERVED, secret=replace(SECRET, unmodified=False)),
            TOKEN,
            id="tampered-token-left",
        ),
        pytest.param(NO_SECRET, None, id="no-secret"),
        pytest.param(with_token(None), None, id="tampered"),
        pytest.param(with_token(EXPIRED), None, id="expired"),
        pytest.param(with_token(new_token(NOW - HOUR, NOW)), None, id="expires-now"),
        pytest.param(replace(OBSERVED, secret=replace(SECRET, server="b.io")), None, id="server"),
        pytest.param(replace(OBSERVED, secret=replace(SECRET, inputs="x")), None, id="inputs"),
        pytest.param(replace(OBSERVED, secret=replace(SECRET, inputs=None)), None, id="no-inputs"),
    ],
)
def test_usable_token(observed: Observed, token: AcrToken | None) -> None:
    """A token is usable until the expiry, if issued for this server and these inputs."""
    assert usable_token(observed, REQUEST, NOW) == token
