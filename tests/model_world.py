"""A small world to test the model: a simple hook, a Secret and a ServiceAccount."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.model import Clock, Cluster, Metacontroller, binding, namespace, service_account
from tests.model.objects import Object, controller_ref

START = datetime(2026, 1, 1, tzinfo=UTC)
STRATEGIES = ["dynamic-apply", "server-side-apply"]
BINDING = ("ACRPullBinding", "team-a", "app")
SECRET = ("Secret", "team-a", "acr-pull-app")
ACCOUNT = ("ServiceAccount", "team-a", "default")


class FakeHook:
    """Answers like a working hook, except for paths in `answers`.

    Attributes:
        answers: Status, headers and body by path, in place of the usual answer.
        finalized: The field `finalized` in the answer of `/finalize`.
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Mapping[str, str], Any]] = {}
        self.finalized = True

    def __call__(self, path: str, body: Object) -> tuple[int, Mapping[str, str], Any]:
        """Return the answer to a request: status, headers, body."""
        if path in self.answers:
            return self.answers[path]
        answer = {
            "/customize": self.customize,
            "/sync": self.sync,
            "/finalize": self.finalize,
            "/serviceaccount/customize": self.customize_account,
            "/serviceaccount/sync": self.sync_account,
        }[path](body)
        return 200, {}, answer

    def customize(self, body: Object) -> Object:
        """Return rules for the Namespace and all its ServiceAccounts."""
        name = body["parent"]["metadata"]["namespace"]
        return {
            "relatedResources": [
                {"apiVersion": "v1", "resource": "namespaces", "names": [name]},
                {"apiVersion": "v1", "resource": "serviceaccounts", "namespace": name},
            ]
        }

    def customize_account(self, body: Object) -> Object:
        """Return a rule for all bindings of the Namespace."""
        name = body["parent"]["metadata"]["namespace"]
        rule = {"apiVersion": "acrpull.dev/v1beta1", "resource": "acrpullbindings"}
        return {"relatedResources": [{**rule, "namespace": name}]}

    def sync(self, body: Object) -> Object:
        """Return the Secret, every observed ServiceAccount protected, and a resync in an hour."""
        parent = body["parent"]
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"acr-pull-{parent['metadata']['name']}"},
            "data": {"server": "cg=="},
        }
        accounts = [
            self.guarded(body, account)
            for account in body["children"]["ServiceAccount.v1"].values()
        ]
        status = {"attached": len(accounts)}
        return {"children": [secret, *accounts], "status": status, "resyncAfterSeconds": 3600}

    def guarded(self, body: Object, account: Object) -> Object:
        """Return the ServiceAccount with the Secret, and references to binding and Namespace."""
        (space,) = body["related"]["Namespace.v1"].values()
        guard = controller_ref(space) | {"controller": False, "blockOwnerDeletion": False}
        name = f"acr-pull-{body['parent']['metadata']['name']}"
        others = [entry for entry in account.get("imagePullSecrets", []) if entry["name"] != name]
        return {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "name": account["metadata"]["name"],
                "ownerReferences": [controller_ref(body["parent"]), guard],
            },
            "imagePullSecrets": [*others, {"name": name}],
        }

    def finalize(self, body: Object) -> Object:
        """Return the observed children, and `finalized`."""
        accounts = [
            self.guarded(body, account)
            for account in body["children"]["ServiceAccount.v1"].values()
        ]
        return {"children": accounts, "finalized": self.finalized}

    def sync_account(self, body: Object) -> Object:
        """Return the label of the first live binding for the ServiceAccount `default`."""
        bindings = body["related"]["ACRPullBinding.acrpull.dev/v1beta1"].values()
        live = [b for b in bindings if "deletionTimestamp" not in b["metadata"]]
        chosen = body["object"]["metadata"]["name"] == "default" and live
        uid = live[0]["metadata"]["uid"] if chosen else None
        return {"labels": {"controller-uid": uid}, "annotations": {}}


class World:
    """A cluster with a Namespace, its ServiceAccount, a hook and a Metacontroller."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Metacontroller's own
        self.clock = Clock(START)
        self.cluster = Cluster(self.clock)
        self.hook = FakeHook()
        self.cluster.create(namespace("team-a"))
        self.cluster.create(service_account("team-a", "default", pull_secrets=["zeta"]))
        self.mc = Metacontroller(self.cluster, self.hook, **options)
        self.mc.settle()

    def bind(self) -> Object:
        """Create the binding `app`, settle, and return the binding."""
        self.cluster.create(binding("team-a", "app", acrServer="r.azurecr.io"))
        self.mc.settle()
        return self.cluster.read(*BINDING)

    def paths(self, since: int = 0) -> list[str]:
        """Return the paths of the calls from number *since* on."""
        return [call.path for call in self.mc.calls[since:]]

    def edit_account(self, **fields: object) -> None:
        """Set top-level *fields* of the ServiceAccount, as a user."""
        self.cluster.edit(*ACCOUNT, lambda account: account.update(fields))


def pull_secrets(obj: Object | None) -> list[str]:
    """Return the names in the `imagePullSecrets` of a ServiceAccount."""
    assert obj is not None
    return [entry["name"] for entry in obj.get("imagePullSecrets", [])]


def owners(obj: Object | None) -> list[str]:
    """Return the kinds that own *obj*, by name."""
    assert obj is not None
    return sorted(ref["kind"] for ref in obj["metadata"].get("ownerReferences", []))


def cluster_with_namespace() -> Cluster:
    """Return a cluster with the Namespace team-a, without controllers."""
    cluster = Cluster(Clock(START))
    cluster.create(namespace("team-a"))
    return cluster


def owned_by(*refs: Object, name: str = "owned") -> Object:
    """Return a ServiceAccount with ownerReferences."""
    account = service_account("team-a", name)
    account["metadata"]["ownerReferences"] = list(refs)
    return account
