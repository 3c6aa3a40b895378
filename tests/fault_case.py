"""Plays a row of the fault table: starts Azure and the service, syncs bindings, records the result.

The module does not know which result is expected.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import jwt

from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.model.token import TokenRequest
from hooks.core.names import ACR_AUDIENCE
from hooks.core.renewal.decision import inputs_hash
from tests.client import Client, Object, new_secret, observed, service_account
from tests.emulator import Emulator, FederatedCredential, RequestRecord, refusing, silent
from tests.emulator.imds import TENANT
from tests.fault_row import Calls, Effect, Place, Row
from tests.fault_rule import State
from tests.service import Service

SECRET: Final = "acr-pull-app"
LIFE_SECONDS: Final = 10800

Addresses = Mapping[Place, str]


@dataclass(frozen=True)
class World:
    """An Azure, a registry's `host:port` in each place, and a service for each `Row.places`."""

    azure: Emulator
    servers: Addresses
    services: Mapping[tuple[Place, Place, Place], Service]

    def client(self, row: Row) -> Client:
        """Return a caller with its own identity, for bindings to the registry of *row*."""
        return Client(self.services[row.places].url, self.servers[row.registry])


@contextmanager
def other_addresses() -> Iterator[Addresses]:
    """Start the peers that all worlds share; return each `host:port`."""
    with Emulator() as stranger, refusing() as dead, silent() as quiet:
        yield {Place.REFUSING: dead, Place.SILENT: quiet, Place.STRANGER: stranger.acr_server}


@contextmanager
def running_world(azure: Emulator, others: Addresses, rows: Iterable[Row]) -> Iterator[World]:
    """Start the services for *rows*; return them with *azure* and *others*."""
    plain = azure.imds_url.removeprefix("http://")
    servers = {**others, Place.EMULATED: azure.acr_server, Place.PLAIN: plain}
    allowed = {
        "ALLOWED_ACR_SERVER_SUFFIXES": ",".join((*servers.values(), "no-such-registry.invalid"))
    }
    usual = azure.environment() | azure.federation() | allowed
    services = {
        places: Service(usual | environment(others, *places))
        for places in dict.fromkeys(row.places for row in rows)
    }
    with ExitStack() as stack:
        with ThreadPoolExecutor() as pool:
            started = [pool.submit(stack.enter_context, s) for s in services.values()]
        for future in started:
            future.result()
        yield World(azure, servers, services)


def environment(others: Addresses, imds: Place, api_server: Place, entra: Place) -> Object:
    """Return the service's settings for peers at addresses in *others*."""
    found = {}
    if imds in others:
        found["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = f"http://{others[imds]}"
    if entra in others:
        found["AZURE_AUTHORITY_HOST"] = f"https://{others[entra]}"
    if api_server in others:
        host, _, port = others[api_server].rpartition(":")
        found |= {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    return found


@dataclass(frozen=True)
class Played:
    """What happened to one binding.

    Attributes:
        client: The caller, with the binding's identity.
        token: The token in the binding's Secret; empty without a Secret.
        answer: The first answer of the hook.
        again: The answer to the same request after Metacontroller applied the first answer.
        calls: The requests that reached Azure for both answers.
        strays: Requests to an endpoint that Azure does not have.
    """

    client: Client
    token: str
    answer: Object
    again: Object
    calls: Calls
    strays: list[RequestRecord]


def play_apart(others: Addresses, row: Row) -> dict[State, Played]:
    """Return the result of `play` in a separate `World`.

    The faults of an emulator and the limits of a service hold for all bindings. Rows in
    separate worlds can be played at the same time.
    """
    with Emulator() as azure, running_world(azure, others, [row]) as world:
        return play(world, row)


def play(world: World, row: Row) -> dict[State, Played]:
    """Return what happens in *row* to a binding in each state; all bindings are synced at once."""
    world.azure.reset()
    for endpoint, fault in row.faults.items():
        world.azure.faults.add(endpoint, fault)
    clients = [world.client(row) for _ in State]
    world.azure.federated = [
        FederatedCredential(c.client_id, f"system:serviceaccount:team-a:{c.client_id}")
        for c in clients
    ]
    for name, value in row.settings.items():
        setattr(world.azure, name, value)
    with ThreadPoolExecutor(len(State)) as pool:
        played = pool.map(lambda *case: _play(world, row, *case), State, clients)
        return dict(zip(State, played, strict=True))


def _play(world: World, row: Row, state: State, client: Client) -> Played:
    now = world.azure.clock()
    parent = new_parent(client, row)
    held = _held(state, now, {"type": "repository", "name": client.client_id,
                              "actions": row.actions.split(",")})  # fmt: skip
    children = accounts(listed=held is not None)
    if held is not None:
        parent["status"] = new_status(state, now, str(row.pending_if_new or "RegistryError"))
        if row.effect in {Effect.INVALID, Effect.INCOMPLETE}:  # the spec was valid before
            parent["metadata"]["generation"] += 1
        spec = parent["spec"]
        server = spec.get("acrServer", client.server)
        identity = trusting(client) if row.workload else Identity(client.client_id)
        request = TokenRequest(identity, server, spec.get("scope"), ACR_AUDIENCE)
        children.append(new_secret(SECRET, server, held, inputs_hash(request)))
    answer = client.sync(related(client, observed(parent, *children)))
    again = client.sync(related(client, observed(parent, *children[:2], answer=answer)))
    records = world.azure.requests
    strays = [record for record in records if record.endpoint == "other"]
    return Played(client, held or "", answer, again, count(records, client.client_id), strays)


def new_parent(client: Client, row: Row) -> Object:
    """Return the binding. The repository in its scope has the identity's name: see `count`."""
    parent = client.parent()
    scope = {"scope": f"repository:{client.client_id}:{row.actions}"} if row.actions else {}
    spec = {**parent["spec"], **scope, **row.spec}
    if row.workload:
        name = client.client_id
        ids = {"serviceAccountName": name, "clientID": name, "tenantID": TENANT}
        spec |= {"managedIdentityClientID": None, "workloadIdentity": ids}
    parent["spec"] = {name: value for name, value in spec.items() if value is not None}
    return parent


def trusting(client: Client) -> FederatedIdentity:
    """Return the client's identity, which trusts the ServiceAccount of the same name."""
    name = client.client_id
    return FederatedIdentity(TENANT, name, TrustedAccount("team-a", name, f"uid-{name}"))


def related(client: Client, body: Object) -> Object:
    """Return *body* with the trusted ServiceAccount as a related object."""
    name = client.client_id
    account = {"metadata": {"name": name, "namespace": "team-a", "uid": f"uid-{name}"}}
    known = body["related"]["ServiceAccount.v1"] | {f"team-a/{name}": account}
    return {**body, "related": {**body["related"], "ServiceAccount.v1": known}}


def accounts(*, listed: bool) -> list[Object]:
    """Return the binding's ServiceAccount and its former ServiceAccount."""
    entry = [SECRET] if listed else []
    return [
        service_account("default", "zeta", "alpha", *entry, owner="app"),
        service_account("build", "zeta", *entry, owner="app"),
    ]


def _held(state: State, now: datetime, access: Object) -> str | None:
    """Return the token in the Secret, with the claim *access*."""
    if state.value is None:
        return None
    expiry = int(now.timestamp()) + state.value.left
    issued = expiry - LIFE_SECONDS
    claims = {"iat": issued, "nbf": issued, "exp": expiry, "access": [access]}
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


def new_status(state: State, now: datetime, reason: str) -> Object:
    """Return the status of an earlier answer; *reason* is the reason of its failure."""
    failing = state.value.failing if state.value else 0
    since = (now - timedelta(seconds=failing)).strftime("%Y-%m-%dT%H:%M:%SZ")
    renewal_healthy = ("False", reason) if failing else ("True", "OnSchedule")
    fresh = ("True", "TokenValid") if state.works else ("False", reason)
    kinds = {"Ready": fresh, "TokenFresh": fresh, "Attached": ("True", "Attached"),
             "RenewalHealthy": renewal_healthy}  # fmt: skip
    conditions = [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "observedGeneration": 1,
            "lastTransitionTime": since,
        }
        for kind, (status, reason) in kinds.items()
    ]
    return {"conditions": conditions, "tokenIssueTime": since, "serviceAccountName": "default"}


def count(records: list[RequestRecord], client_id: str) -> Calls:
    """Return the number of *records* of the identity *client_id*, by endpoint.

    A request for a scope names no identity, but the repository with the identity's name.
    """
    owned = [
        record.endpoint
        for record in records
        if client_id in {*record.identity.split("/"), *record.form.get("scope", "").split(":")}
    ]
    tally = Counter[str](owned)
    return Calls(**{name: tally[name] for name in Calls._fields})
