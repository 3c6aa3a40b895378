"""The audience of Entra tokens: the registry's own, or ARM's where the operator says so."""

from collections.abc import Iterator

import pytest

from hooks.core.names import ACR_AUDIENCE
from tests.client import Client, observed, reason
from tests.emulator import Emulator
from tests.service import Service

pytestmark = pytest.mark.process

ARM = "https://management.azure.com"


@pytest.fixture(scope="module", params=["", ARM, f"{ARM}/"])
def audience(request: pytest.FixtureRequest) -> str:
    """Return what TOKEN_AUDIENCE says; nothing is the default."""
    return str(request.param)


@pytest.fixture(scope="module")
def asking(running_emulator: Emulator, audience: str) -> Iterator[Service]:
    """Start a service that asks Entra for tokens for *audience*."""
    environ = running_emulator.environment() | {"TOKEN_AUDIENCE": audience}
    with Service(environ) as running:
        yield running


@pytest.mark.parametrize("arm_allowed", [True, False], ids=["arm-allowed", "arm-denied"])
def test_audience(asking: Service, emulator: Emulator, audience: str, *, arm_allowed: bool) -> None:
    """By default a registry that refuses ARM's tokens is pulled from, too."""
    emulator.arm_audience_allowed = arm_allowed
    caller = Client(asking.url, emulator.acr_server)
    answer = caller.settle(observed(caller.parent()))
    fresh = not audience or arm_allowed
    assert reason(answer, "TokenFresh") == ("True/TokenValid" if fresh else "False/RegistryDenied")
    told = "authentication-as-arm" in answer["status"]["conditions"][0]["message"]
    assert told is not fresh
    asked = [r.query["resource"] for r in emulator.requests if r.endpoint == "imds"]
    assert asked == [audience or ACR_AUDIENCE]
