"""Requests of Metacontroller for each kind of binding, before any damage."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hooks.core.account.relation import ATTACH, target_label
from hooks.core.names import PULL_SECRETS_ANNOTATION, UID_LABEL
from tests import golden
from tests.client import Client, docker_config, observed, service_account
from tests.damage import Object
from tests.emulator import Emulator, FederatedCredential
from tests.emulator.imds import TENANT
from tests.model.objects import controller_ref
from tests.properties.inheritance import labelled, left_secret
from tests.properties.kinds import SECOND, new_binding, secret_name

NAMES: Final = ("app", "v1beta1/app", "v1beta2/app")
SUBJECT: Final = "system:serviceaccount:team-a:default"
TRUSTED: Final = ("azure.workload.identity/client-id", "azure.workload.identity/tenant-id")


@dataclass(frozen=True)
class Sent:
    """A body from Metacontroller for the hook at *path*."""

    path: str
    body: Object


def captured(client: Client, emulator: Emulator) -> list[Sent]:
    """Return captured and simulated requests of Metacontroller, for *client*'s registry.

    The tokens in the captured requests have expired. The simulated bindings have working tokens.
    """
    found = []
    for case in golden.cases():
        text = json.dumps({k: v for k, v in case.request.items() if k != "controller"})
        body = json.loads(text.replace("myregistry.azurecr.io", client.server))
        found.append(Sent(case.facts["path"], body))
    emulator.federated = [FederatedCredential(client.client_id, SUBJECT)]
    parents = _parents(client)
    for parent in parents:
        found += _life(client, parent)
    return [*found, *_inherited(client, parents), *_decorated(parents)]


def _parents(client: Client) -> list[Object]:
    """Return bindings of each kind, with each supported sort of identity and with scopes."""
    spec: Object = {"acrServer": client.server, "serviceAccountName": "default"}
    node: Object = {**spec, **client.identity}
    trusting: Object = {**spec, "workloadIdentity": {}}
    ids = {"clientID": client.client_id, "tenantID": TENANT}
    specs = [(name, node) for name in NAMES]
    specs += [("app", {**node, "scope": "repository:a:pull"}), ("app", trusting)]
    specs += [("v1beta2/app", {**trusting, "workloadIdentity": ids})]
    made = [new_binding("team-a", name, said) for name, said in specs]
    for number, parent in enumerate(made):
        parent["metadata"] |= {"uid": f"uid-{number}", "generation": 1}
    return made


def _life(client: Client, parent: Object) -> Iterator[Sent]:
    """Yield the calls about *parent* before its Secret exists, with the Secret, and at the end."""
    accounts = [service_account(name, "zeta", owner="app") for name in ("default", "build")]
    annotations = dict(zip(TRUSTED, (client.client_id, TENANT), strict=True))
    for account in accounts:
        meta = account["metadata"]
        meta |= {"uid": f"uid-{meta['name']}", "annotations": annotations}
        meta["ownerReferences"][0] |= {
            "apiVersion": parent["apiVersion"],
            "kind": parent["kind"],
            "uid": parent["metadata"]["uid"],
        }
    first = observed(parent, *accounts)
    answer = client.sync(first)
    yield Sent("/sync", first)
    yield Sent("/customize", {"parent": parent})
    for path in ("/sync", "/finalize"):
        yield Sent(path, observed(parent, *accounts, answer=answer))


def _inherited(client: Client, parents: list[Object]) -> Iterator[Sent]:
    """Yield the calls about msi-acrpull's bindings with its Secrets: fresh and expired."""
    now = datetime.now(UTC)  # noqa: TID251  a controller has a clock
    for parent, name in zip(parents[1:], NAMES[1:], strict=False):
        for issued in (now, now - timedelta(hours=4)):
            secret = left_secret(parent, name, client.server, issued, timedelta(hours=3))
            yield Sent("/sync", observed(parent, labelled(secret, parent)))


def _decorated(parents: list[Object]) -> Iterator[Sent]:
    """Yield the calls about a ServiceAccount with the Secrets of bindings of all kinds."""
    account = service_account("default", "zeta", SECOND.secret.format("app"))
    secrets = {f"team-a/{parent['metadata']['uid']}": _secret(parent) for parent in parents}
    related = {"Secret.v1": secrets}
    yield Sent("/serviceaccount/sync", {"object": account, "related": related})
    account["metadata"]["annotations"] = {PULL_SECRETS_ANNOTATION: "acr-pull-app"}
    yield Sent("/serviceaccount/customize", {"parent": account})


def _secret(parent: Object) -> Object:
    """Return the Secret of *parent* without its data."""
    labels = {UID_LABEL: parent["metadata"]["uid"], target_label("default"): ATTACH}
    meta = {
        "name": secret_name(parent),
        "namespace": "team-a",
        "labels": labels,
        "ownerReferences": [controller_ref(parent)],
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta}


def tokens_in(captured: list[Sent]) -> frozenset[str]:
    """Return the tokens in the Secrets of *captured*, in each form in the Secrets."""
    found: set[str] = set()
    for sent in captured:
        for groups in (sent.body.get("children", {}), sent.body.get("related", {})):
            for secret in groups.get("Secret.v1", {}).values():
                if ".dockerconfigjson" in secret.get("data", {}):
                    found |= set(_forms(secret))
    return frozenset(found)


def _forms(secret: Object) -> Iterator[str]:
    yield secret["data"][".dockerconfigjson"]
    for entry in docker_config(secret)["auths"].values():
        yield entry["password"]
        yield entry["auth"]
