"""Which requests wait for each other, with fake Entra tokens and a fake registry."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from hooks import budget
from hooks.core.errors import Busy
from hooks.core.exchange.registry_protocol import Post
from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, Hop, MintFailed, TokenRequest
from hooks.limits import SlowPeerLimit
from hooks.mint import chain
from hooks.mint.chain import TokenChain
from hooks.mint.credentials import EntraTokens
from hooks.mint.managed_identity import ManagedIdentities
from hooks.mint.registry import Registry
from hooks.mint.workload_identity import WorkloadIdentities
from tests.core.builders import NEW_TOKEN, REQUEST
from tests.e2e.eventually import eventually

DEAD, ALIVE = REQUEST, replace(REQUEST, server="alive.azurecr.io")
BROKEN_NAME = "broken"
BROKEN = Identity(client_id=BROKEN_NAME)
THROTTLED = MintFailed(Reason.THROTTLED, "later", hop=Hop.IMDS)


@dataclass
class Azure:
    """Entra tokens and a registry. One registry and one identity hang until the gate opens."""

    calls: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    refuses: bool = False

    def get(self, request: TokenRequest, deadline: float) -> str | MintFailed:
        """Return an Entra token or a failure, as `EntraTokens` does."""
        self._call(
            str(request.identity), hangs=str(request.identity) == BROKEN_NAME, deadline=deadline
        )
        return THROTTLED if self.refuses else "entra"

    def send(self, request: TokenRequest, post: Post, deadline: float) -> AcrToken:
        """Return a registry token, as `Registry` does."""
        assert "entra" in post.form.values() or NEW_TOKEN.value in post.form.values()
        self._call(request.server, hangs=request.server == DEAD.server, deadline=deadline)
        return NEW_TOKEN

    def _call(self, name: str, *, hangs: bool, deadline: float) -> None:
        assert deadline > 0
        self.calls.append(name)
        if hangs:
            assert self.gate.wait(30)

    def chain(self) -> TokenChain:
        """Return a chain of both."""
        return TokenChain(cast("EntraTokens", self), cast("Registry", self))


@pytest.fixture(autouse=True)
def slow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat each peer as slow at once."""
    monkeypatch.setattr(chain, "IDENTITY_SLOW_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(chain, "REGISTRY_SLOW_AFTER_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("slow", "name", "other"),
    [
        (DEAD, DEAD.server, ALIVE),
        (replace(ALIVE, identity=BROKEN), str(BROKEN), ALIVE),
        (replace(ALIVE, identity=BROKEN), str(BROKEN), replace(ALIVE, scope="repository:a:pull")),
    ],
    ids=["registry", "identity", "identity-at-the-same-registry"],
)
def test_few_wait_for_a_slow_peer(slow: TokenRequest, name: str, other: TokenRequest) -> None:
    """A registry or an identity that hangs holds few threads; other requests get tokens."""
    azure = Azure()
    mint = azure.chain()

    def all_wait() -> None:
        assert azure.calls.count(name) == SlowPeerLimit.MAX_CALLERS

    with ThreadPoolExecutor(SlowPeerLimit.MAX_CALLERS) as pool:
        waiting = [pool.submit(mint, slow) for _ in range(SlowPeerLimit.MAX_CALLERS)]
        eventually(all_wait)
        with pytest.raises(Busy, match=name):
            mint(slow)
        assert mint(other) == NEW_TOKEN
        azure.gate.set()
        assert {future.result() for future in waiting} == {NEW_TOKEN}
    assert mint(slow) == NEW_TOKEN


def test_few_wait_for_entra() -> None:
    """All workload identities share one limit; managed identities have their own."""
    azure = Azure()
    mint = azure.chain()
    trusting = [
        replace(
            ALIVE, identity=FederatedIdentity("tenant", BROKEN_NAME, TrustedAccount("a", n, ""))
        )
        for n in "abcde"
    ]

    def all_wait() -> None:
        assert azure.calls.count(BROKEN_NAME) == SlowPeerLimit.MAX_CALLERS

    with ThreadPoolExecutor(SlowPeerLimit.MAX_CALLERS) as pool:
        waiting = [pool.submit(mint, request) for request in trusting[:-1]]
        eventually(all_wait)
        with pytest.raises(Busy, match="workload identity"):
            mint(trusting[-1])
        assert mint(ALIVE) == NEW_TOKEN
        azure.gate.set()
        assert {future.result() for future in waiting} == {NEW_TOKEN}


def test_hop() -> None:
    """Without an Entra token, the failure is the outcome, and no registry is called."""
    azure = Azure(refuses=True)
    assert azure.chain()(ALIVE) == THROTTLED
    assert azure.calls == [str(ALIVE.identity)]


def test_time_budget() -> None:
    """The parts of the time budget fit into the whole."""
    steps = (ManagedIdentities.max_seconds, WorkloadIdentities.max_seconds)
    assert max(steps) + budget.REGISTRY_CONNECT_SECONDS <= budget.MINT_SECONDS
    assert budget.MINT_SECONDS < budget.TOKEN_WAIT_SECONDS < budget.HOOK_TIMEOUT_SECONDS
    assert budget.ENTRA_CONNECT_SECONDS < budget.ENTRA_SECONDS
    assert min(steps) > budget.IDENTITY_SLOW_AFTER_SECONDS
    assert budget.REGISTRY_SLOW_AFTER_SECONDS < budget.REGISTRY_READ_SECONDS
