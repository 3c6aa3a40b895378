"""The modelled admission policy has the results of the real policy."""

from collections.abc import Callable
from itertools import count
from typing import Any, Final

import pytest

from hooks.core.names import PULL_SECRETS_ANNOTATION
from tests.admission_cases import CASES, New, entries, listed
from tests.merge_patch import patched
from tests.model import policy, service_account
from tests.model.objects import Object
from tests.model_world import cluster_with_namespace

NUMBERS: Final = count(1)


class ModelAccount:
    """A new ServiceAccount in a modelled cluster; see tests/admission_cases.py."""

    def __init__(self, *names: str) -> None:
        self._cluster = cluster_with_namespace()
        self._cluster.admit = policy.admit
        self._name = f"app-{next(NUMBERS)}"
        self._cluster.create(service_account("team-a", self._name, pull_secrets=names))

    @property
    def namespace(self) -> Object:
        """An owner reference to the Namespace."""
        uid = self._cluster.read("Namespace", "", "team-a")["metadata"]["uid"]
        return {"apiVersion": "v1", "kind": "Namespace", "name": "team-a", "uid": uid}

    @property
    def metadata(self) -> Object:
        """The stored metadata."""
        stored: Object = self._read()["metadata"]
        return stored

    def merge(self, **fields: Any) -> list[str]:  # noqa: ANN401  any JSON
        """Merge *fields* into the ServiceAccount."""
        return listed(self._cluster.update(patched(self._read(), fields)))

    def replace(self, *names: str) -> list[str]:
        """Replace the ServiceAccount by one without labels and annotations."""
        new = service_account("team-a", self._name)
        return listed(self._cluster.update({**new, "imagePullSecrets": entries(*names)}))

    def annotate(self, names: str | None, **metadata: Any) -> list[str]:  # noqa: ANN401  any JSON
        """Set the annotation to *names*; None removes the annotation."""
        return self.merge(metadata={**metadata, "annotations": {PULL_SECRETS_ANNOTATION: names}})

    def _read(self) -> Object:
        return self._cluster.read("ServiceAccount", "team-a", self._name)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_policy(case: Callable[[New], None]) -> None:
    """Each case of the real policy holds for the model."""
    case(ModelAccount)
