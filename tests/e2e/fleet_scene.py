"""Namespaces for a ClusterACRPullBinding: actions of its administrator, and expected results."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from hooks.core.names import API_VERSION, CLUSTER_KIND
from tests.e2e.api import BINDING, Api, Object
from tests.e2e.eventually import WAIT_SECONDS, eventually
from tests.e2e.ground import Ground
from tests.e2e.killer import Killer
from tests.e2e.scene import USERS, Scene
from tests.model.objects import owners_of


def cluster_binding(name: str, label: str, spec: dict[str, Any]) -> Object:
    """Return a ClusterACRPullBinding that selects the Namespaces with *label*."""
    selector = {"matchExpressions": [{"key": label, "operator": "Exists"}]}
    return {
        "apiVersion": API_VERSION,
        "kind": CLUSTER_KIND,
        "metadata": {"name": name},
        "spec": {"namespaceSelector": selector, "template": {"spec": spec}},
    }


@dataclass
class FleetScene:
    """The Namespaces *scenes*, and a ClusterACRPullBinding of the name *name*.

    The ClusterACRPullBinding selects the Namespaces with the label `name`.
    """

    api: Api
    name: str
    scenes: list[Scene]
    disturb: Callable[[], None]

    @property
    def secret(self) -> str:
        """The name of the Secret in each selected Namespace."""
        return f"acr-pull-{self.name}"

    def create(self) -> Object:
        """Create the ClusterACRPullBinding."""
        made = self.api.create(cluster_binding(self.name, self.name, self.scenes[0].spec))
        self.disturb()
        return made

    def create_everywhere(self) -> None:
        """Select each Namespace, create the ClusterACRPullBinding, and expect it to be Ready."""
        for scene in self.scenes:
            self.select(scene)
        self.create()
        number = len(self.scenes)
        self.says("True/Ready", (number, number, number))

    def edit(self, **fields: Any) -> None:  # noqa: ANN401  any JSON
        """Merge *fields* into the ClusterACRPullBinding."""
        self.api.merge(CLUSTER_KIND, "", self.name, fields)
        self.disturb()

    def delete(self, propagation: str = "Background") -> None:
        """Delete the ClusterACRPullBinding."""
        self.api.delete(CLUSTER_KIND, "", self.name, propagation)
        self.disturb()

    def select(self, scene: Scene, *, selected: bool = True) -> None:
        """Add the label to the Namespace of *scene*, or remove the label."""
        labels = {self.name: "on" if selected else None}
        self.api.merge("Namespace", "", scene.name, {"metadata": {"labels": labels}})
        self.disturb()

    def says(
        self,
        expected: str,
        counts: tuple[int, int, int],
        failing: dict[str, str] | None = None,
        seconds: float = WAIT_SECONDS,
    ) -> Object:
        """Expect Ready, the counts and the reasons of Namespaces, soon; return the status."""

        def check() -> Object:
            observed = self.api.get(CLUSTER_KIND, "", self.name)
            status: Object = observed["status"]
            assert status["observedGeneration"] == observed["metadata"]["generation"]
            ready = status["conditions"][0]
            assert f"{ready['status']}/{ready['reason']}" == expected, status
            assert (status["selected"], status["created"], status["ready"]) == counts, status
            assert {f["namespace"]: f["reason"] for f in status["failing"]} == (failing or {})
            return status

        return eventually(check, seconds)

    def attached(self, *scenes: Scene) -> None:
        """Expect the ServiceAccount `default` of each Namespace to list the Secret, soon."""
        for scene in scenes:
            scene.listed("default", *USERS, self.secret)

    def released(self, *scenes: Scene) -> None:
        """Expect no binding in each Namespace, and the ServiceAccount as before, soon."""
        for scene in scenes:
            scene.gone(BINDING, self.name)
            scene.gone("Secret", self.secret)
            scene.released("default", *USERS)


@contextmanager
def play_fleet(ground: Ground, killer: Killer, number: int = 2) -> Iterator[FleetScene]:
    """Open *number* Namespaces; at the end delete the ClusterACRPullBinding, if it is left."""
    with ExitStack() as stack:
        scenes = [stack.enter_context(ground.play(killer)) for _ in range(number)]
        name = f"fleet-{uuid4().hex[:8]}"
        fleet = FleetScene(ground.api, name, scenes, killer.after_write)
        try:
            yield fleet
        finally:
            if ground.api.find(CLUSTER_KIND, "", name) is not None:
                ground.api.delete(CLUSTER_KIND, "", name)
                eventually(partial(no_binding, ground.api, name))


def no_binding(api: Api, name: str) -> None:
    """Expect no binding of the ClusterACRPullBinding *name* in any Namespace."""
    owners = [owner for found in api.list(BINDING) for owner in owners_of(found)]
    assert (CLUSTER_KIND, name) not in {(owner["kind"], owner["name"]) for owner in owners}
