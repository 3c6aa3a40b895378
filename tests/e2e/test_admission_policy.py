"""The component metacontroller/admission: one annotation becomes imagePullSecrets in one request.

No Metacontroller runs, so nothing but the policy changes a ServiceAccount.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, Final

import pytest

from hooks.core.names import PULL_SECRETS_ANNOTATION
from tests.admission_cases import CASES, New, entries, listed
from tests.e2e.api import Object
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.stage import Stage, open_stage
from tests.model import namespace as new_namespace
from tests.model import service_account

NAMESPACE: Final = "admission"
NUMBERS: Final = count(1)
MANY: Final = 200


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start a control plane with the component, and wait until the policy is in force."""
    directory = tmp_path_factory.mktemp("admission")
    with open_stage(directory, given_crds(request), "metacontroller/admission") as running:
        running.api.create(new_namespace(NAMESPACE))

        def in_force() -> None:
            assert Account(running).annotate("acr-pull-app") == ["acr-pull-app"]

        eventually(in_force)
        yield running


class Account:
    """A new ServiceAccount; see tests/admission_cases.py."""

    def __init__(self, stage: Stage, *names: str) -> None:
        self.api, self.name = stage.api, f"app-{next(NUMBERS)}"
        self.api.create(service_account(NAMESPACE, self.name, pull_secrets=names))

    @property
    def namespace(self) -> Object:
        """An owner reference to the Namespace."""
        uid = self.api.get("Namespace", "", NAMESPACE)["metadata"]["uid"]
        return {"apiVersion": "v1", "kind": "Namespace", "name": NAMESPACE, "uid": uid}

    def replace(self, *names: str) -> list[str]:
        """Replace the ServiceAccount by one without labels and annotations."""
        return listed(self.api.replace(service_account(NAMESPACE, self.name, pull_secrets=names)))

    def merge(self, **fields: Any) -> list[str]:  # noqa: ANN401  any JSON
        """Merge *fields* into the ServiceAccount."""
        return listed(self.api.merge("ServiceAccount", NAMESPACE, self.name, fields))

    def annotate(self, names: str | None, **metadata: Any) -> list[str]:  # noqa: ANN401  any JSON
        """Set the annotation to *names*; None removes the annotation."""
        metadata.setdefault("annotations", {})[PULL_SECRETS_ANNOTATION] = names
        return self.merge(metadata=metadata)

    @property
    def metadata(self) -> Object:
        """The stored metadata."""
        stored: Object = self.api.get("ServiceAccount", NAMESPACE, self.name)["metadata"]
        return stored


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_policy(stage: Stage, case: Callable[[New], None]) -> None:
    """Each case holds on a real API server."""
    case(partial(Account, stage))


def test_server_side_apply(stage: Stage) -> None:
    """A user who applies the ServiceAccount, with or without a list, keeps the entry."""
    account = Account(stage)
    account.annotate("acr-pull-app")
    mine = service_account(NAMESPACE, account.name, pull_secrets=("zeta",))
    assert listed(stage.api.apply(mine, "user", force="true")) == ["zeta", "acr-pull-app"]
    del mine["imagePullSecrets"]
    assert listed(stage.api.apply(mine, "another")) == ["zeta", "acr-pull-app"]


def test_created_with_annotation(stage: Stage) -> None:
    """A restored ServiceAccount has its entries at once."""
    made = service_account(NAMESPACE, "restored", pull_secrets=("zeta",))
    made["metadata"]["annotations"] = {PULL_SECRETS_ANNOTATION: "acr-pull-app"}
    assert listed(stage.api.create(made)) == ["zeta", "acr-pull-app"]


def test_hundreds_of_names(stage: Stage, tally: Counter[str]) -> None:
    """Hundreds of names work; the policy leaves a far larger ServiceAccount alone, and quickly."""
    account = Account(stage, "zeta")
    names = [f"acr-pull-application-{number}" for number in range(MANY)]
    begin = time.perf_counter()
    assert account.annotate(",".join(names)) == ["zeta", *names]
    tally[f"microseconds to add {MANY} entries"] = int(1e6 * (time.perf_counter() - begin))
    large = Account(stage)
    large.annotate("acr-pull-app")
    users = [f"user-{number}" for number in range(10_000)]
    assert large.merge(imagePullSecrets=entries(*users)) == users
