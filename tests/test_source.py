"""Who waits for whom on the two hops; Entra and the registry are the test's."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from hooks.core.errors import Busy
from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, Hop, MintFailed, TokenRequest
from hooks.limits import SlowPeerLimit
from hooks.mint import chain as source
from hooks.mint.chain import Source
from hooks.mint.credentials import Entra
from hooks.mint.registry import Registry
from tests.core.builders import NEW_TOKEN, REQUEST
from tests.e2e.eventually import eventually

DEAD, ALIVE = REQUEST, replace(REQUEST, server="alive.azurecr.io")
BROKEN_NAME = "broken"
BROKEN = Identity(client_id=BROKEN_NAME)
THROTTLED = MintFailed(Reason.THROTTLED, "later", hop=Hop.IMDS)


@dataclass
class Azure:
    """Both hops: one registry and one identity hang until the gate opens; calls are counted."""

    calls: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    refuses: bool = False

    def token(self, request: TokenRequest, deadline: float) -> str | MintFailed:
        """Stand for Entra's."""
        self._call(
            str(request.identity), hangs=str(request.identity) == BROKEN_NAME, deadline=deadline
        )
        return THROTTLED if self.refuses else "entra"

    def mint(self, request: TokenRequest, entra_token: str, deadline: float) -> AcrToken:
        """Stand for the registry's."""
        assert entra_token == "entra"
        self._call(request.server, hangs=request.server == DEAD.server, deadline=deadline)
        return NEW_TOKEN

    def _call(self, name: str, *, hangs: bool, deadline: float) -> None:
        assert deadline > 0
        self.calls.append(name)
        if hangs:
            assert self.gate.wait(30)

    def source(self) -> Source:
        """Return the way through both."""
        return Source(cast("Entra", self), cast("Registry", self))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call slow whoever takes any time."""
    monkeypatch.setattr(source, "IMDS_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(source, "REGISTRY_PATIENCE_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("slow", "name", "other"),
    [
        (DEAD, DEAD.server, ALIVE),
        (replace(ALIVE, identity=BROKEN), str(BROKEN), ALIVE),
        (replace(ALIVE, identity=BROKEN), str(BROKEN), replace(ALIVE, scope="repository:a:pull")),
    ],
    ids=["registry", "identity", "identity-at-the-same-registry"],
)
def test_few_wait_for_who_is_slow(slow: TokenRequest, name: str, other: TokenRequest) -> None:
    """A registry or an identity that hangs holds few threads; others that share the rest go on."""
    azure = Azure()
    mint = azure.source()

    def all_wait() -> None:
        assert azure.calls.count(name) == SlowPeerLimit.FEW

    with ThreadPoolExecutor(SlowPeerLimit.FEW) as pool:
        waiting = [pool.submit(mint, slow) for _ in range(SlowPeerLimit.FEW)]
        eventually(all_wait)
        with pytest.raises(Busy, match=name):
            mint(slow)
        assert mint(other) == NEW_TOKEN
        azure.gate.set()
        assert {future.result() for future in waiting} == {NEW_TOKEN}
    assert mint(slow) == NEW_TOKEN


def test_few_wait_for_entra() -> None:
    """All that ask Entra itself share its few places, whoever they are; IMDS has its own."""
    azure = Azure()
    mint = azure.source()
    trusting = [
        replace(
            ALIVE, identity=FederatedIdentity("tenant", BROKEN_NAME, TrustedAccount("a", n, ""))
        )
        for n in "abcde"
    ]

    def all_wait() -> None:
        assert azure.calls.count(BROKEN_NAME) == SlowPeerLimit.FEW

    with ThreadPoolExecutor(SlowPeerLimit.FEW) as pool:
        waiting = [pool.submit(mint, request) for request in trusting[:-1]]
        eventually(all_wait)
        with pytest.raises(Busy, match="workload identity"):
            mint(trusting[-1])
        assert mint(ALIVE) == NEW_TOKEN
        azure.gate.set()
        assert {future.result() for future in waiting} == {NEW_TOKEN}


def test_hop() -> None:
    """A failure on the first hop is the outcome, and no registry is asked."""
    azure = Azure(refuses=True)
    assert azure.source()(ALIVE) == THROTTLED
    assert azure.calls == [str(ALIVE.identity)]
