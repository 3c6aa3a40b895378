"""metacontroller/dedicated/ with metacontroller/workload-identity/: one account, two containers."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.api import ApiError, Object
from tests.e2e.conftest import given_crds
from tests.e2e.dedicated import ACCOUNT, LEASE, OVERLAY, as_metacontroller
from tests.e2e.eventually import eventually
from tests.e2e.federated import OVERLAY as FEDERATED
from tests.e2e.federated import holders, open_federated, play, trust, workload
from tests.e2e.install import render
from tests.e2e.rights import granted, refused
from tests.e2e.stage import Stage
from tests.e2e.test_workload_identity import ask

# The API server of these tests enforces rights to set owner references.
DEDICATED: Final = f"{OVERLAY},{OVERLAY}/owner-references"
BOTH: Final = f"{DEDICATED},{FEDERATED}"
TOKENS: Final = ("", "serviceaccounts/token", "create")


@pytest.fixture(scope="module")
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start all but Metacontroller, and wait until the API server knows the roles."""
    directory = tmp_path_factory.mktemp("both")
    with open_federated(directory, given_crds(request), BOTH) as stage:
        rights = granted(render(stage.plane, BOTH), ACCOUNT)
        assert rights == granted(render(stage.plane, DEDICATED), ACCOUNT) | {TOKENS}

        def in_force() -> None:
            assert refused(stage.api, ACCOUNT, rights) == set()

        eventually(in_force)
        yield stage


def token_secret() -> Object:
    """Return a Secret for which the API server would create a token of a ServiceAccount."""
    annotations = {"kubernetes.io/service-account.name": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"namespace": "default", "name": "acr-pull-app", "annotations": annotations},
    }


def test_no_token_for_the_api_server(both: Stage) -> None:
    """The account, so each container, gets tokens for Entra only."""
    api = as_metacontroller(both)
    attempts = {
        "for the audience": partial(ask, api, audiences=["https://kubernetes.default.svc"]),
        "for 600 seconds": partial(ask, api, expirationSeconds=3600),
        "may write and delete only pull Secrets": partial(api.create, token_secret(), dryRun="All"),
    }
    for message, act in attempts.items():
        eventually(partial(rejected, message, act))
    assert ask(api)["status"]["token"]


def rejected(message: str, act: partial[Object]) -> None:
    """Expect a policy to reject *act* with *message*."""
    with pytest.raises(ApiError, match=message):
        act()


def test_pull(both: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """A binding with a workload identity becomes Ready under the dedicated Metacontroller."""
    with both.run_metacontroller(metacontroller_binary, strategy), play(both) as scene:
        credential = trust(scene.name, "default")
        both.emulator.federated = [credential]
        scene.bind("app", **workload(credential.client_id))
        scene.ready("app")
        assert holders(scene.secret("acr-pull-app")) == [credential.client_id]
    both.api.call("DELETE", LEASE)
