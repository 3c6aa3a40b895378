"""The user of tests/story.py on a modelled cluster with acrpull's hooks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hooks.core.exchange.registry_protocol import exchange, parse_registry_response
from hooks.core.model.token import AcrToken, Outcome, TokenRequest
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests.core.builders import new_token
from tests.model import Clock, Cluster, Metacontroller, binding, namespace, service_account
from tests.model.objects import Object
from tests.story import (
    HEADERS,
    PAUSE_SECONDS,
    REGISTRY,
    REST_SECONDS,
    START,
    STEP_SECONDS,
    STORY,
    Step,
)
from tests.traffic import Heard
from tests.user import NAMESPACE

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "u-owner"}


@dataclass(frozen=True)
class ModelUser:
    """Acts on *cluster*."""

    cluster: Cluster

    def make_namespace(self) -> None:
        """Create the Namespace and its ServiceAccount `default`."""
        self.cluster.create(namespace(NAMESPACE))
        self.cluster.create(service_account(NAMESPACE, "default"))

    def drop_namespace(self) -> None:
        """Delete the Namespace."""
        self.cluster.delete("Namespace", "", NAMESPACE)

    def make_account(self, name: str, *, owned: bool = False) -> None:
        """Create a ServiceAccount, *owned* by a ConfigMap."""
        account = service_account(NAMESPACE, name)
        if owned:
            account["metadata"]["ownerReferences"] = [{**OWNER, "controller": True}]
        self.cluster.create(account)

    def list_entries(self, account: str, *entries: str) -> None:
        """Set the `imagePullSecrets` of a ServiceAccount to *entries*."""
        listed = [{"name": name} for name in entries]
        self._edit("ServiceAccount", account, {"imagePullSecrets": listed})

    def strip(self, account: str, section: str) -> None:
        """Remove all `labels`, or all `annotations`, of a ServiceAccount."""
        self.cluster.edit(
            "ServiceAccount", NAMESPACE, account, lambda obj: obj["metadata"].pop(section, None)
        )

    def bind(self, name: str, **spec: str) -> None:
        """Create a binding."""
        self.cluster.create(binding(NAMESPACE, name, acrServer=REGISTRY, **spec))

    def respec(self, name: str, **spec: str) -> None:
        """Change fields of a binding's spec."""
        self.cluster.edit("ACRPullBinding", NAMESPACE, name, lambda obj: obj["spec"].update(spec))

    def unbind(self, name: str, propagation: str = "Background") -> None:
        """Delete a binding."""
        self.cluster.delete("ACRPullBinding", NAMESPACE, name, propagation=propagation)

    def make_secret(self, name: str) -> None:
        """Create a Secret of the user."""
        meta = {"namespace": NAMESPACE, "name": name}
        self.cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta})

    def _edit(self, kind: str, name: str, fields: Object) -> None:
        self.cluster.edit(kind, NAMESPACE, name, lambda obj: obj.update(fields))


class ModelTelling:
    """The story on a modelled cluster; *seed* and *stale* are arguments of `Metacontroller`.

    Attributes:
        heard: The calls of the hooks.
    """

    def __init__(self, strategy: str, seed: int = 0, stale: float = 0) -> None:
        self.heard: list[Heard] = []
        self._clock = Clock(START)
        self._step = STORY[0]
        self._tokens: dict[object, AcrToken] = {}
        self._cluster = Cluster(self._clock)
        self._client = create_app(Settings.from_env({}), self._mint, self._clock.now).test_client()
        self._mc = Metacontroller(self._cluster, self._post, strategy, seed, stale)
        self._mc.namespaces.grace = self._mc.namespaces.GRACE

    def tell(self) -> None:
        """Play all steps. Raises `AssertionError`: a step does not come to rest as declared."""
        user = ModelUser(self._cluster)
        for number, step in enumerate(STORY):
            self._step = step
            self._clock.advance(PAUSE_SECONDS if step.continues else STEP_SECONDS)
            before = len(self._mc.calls)
            step.deed(user)
            self._rest(step)
            self.heard += [
                Heard(number, call.path, call.request, call.answer, call.at.timestamp())
                for call in self._mc.calls[before:]
            ]

    def _rest(self, step: Step) -> None:
        self._mc.settle()
        latest = self._clock.now() + timedelta(seconds=REST_SECONDS)
        while self._mc.next_due() < self._clock.now() + timedelta(seconds=step.horizon):
            assert self._mc.next_due() < latest, f"{step.name}: it does not come to rest"
            self._clock.advance_to(self._mc.next_due())
            self._mc.settle()
        for name, reason in step.ready.items():
            conditions = self._cluster.read("ACRPullBinding", NAMESPACE, name)["status"][
                "conditions"
            ]
            found = [c["reason"] for c in conditions if c["type"] == "Ready"]
            assert found == [reason], f"{step.name}: {name} is {found}"

    def _post(self, path: str, body: Object) -> tuple[int, Mapping[str, str], Any]:
        response = self._client.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.status_code, {}, response.json

    def _mint(self, request: TokenRequest, newer_than: datetime | None, _namespace: str) -> Outcome:
        """Return a cached token, as hooks/mint/minter.py does, or a new token."""
        if self._step.registry != 200:
            return parse_registry_response(
                request, exchange(request, ""), self._step.registry, HEADERS, b""
            )
        known = self._tokens.get(request.identity)
        if known is None or (newer_than is not None and known.issued_at <= newer_than):
            now = self._clock.now().replace(microsecond=0)
            life = timedelta(seconds=self._step.token_seconds)
            known = self._tokens[request.identity] = new_token(now, now + life)
        return known
