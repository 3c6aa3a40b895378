"""A row of the fault table played for one binding: its request made, its answers, who was asked.

Knows the Azure and the services that rows speak of; nothing of what is expected.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import jwt

from hooks.core.decision import inputs_hash
from hooks.core.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.names import ACR_AUDIENCE
from hooks.core.token import TokenRequest
from tests.client import Client, Object, new_secret, observed, service_account
from tests.emulator import Emulator, FederatedCredential, RequestRecord, refusing, silent
from tests.emulator.imds import TENANT
from tests.fault_row import Calls, Place, Row
from tests.fault_rule import State
from tests.service import Service

SECRET: Final = "acr-pull-app"
LIFE_SECONDS: Final = 10800


Places = tuple[Place, Place, Place]


@dataclass(frozen=True)
class World:
    """An Azure, where else registries are said to be, and a service for each place of the rest.

    That is of IMDS, of the API server and of Entra.
    """

    azure: Emulator
    servers: Mapping[Place, str]
    services: Mapping[Places, Service]

    def client(self, row: Row) -> Client:
        """Return a caller with an identity of its own, for bindings to the row's registry."""
        return Client(self.services[places(row)].url, self.servers[row.registry])


def places(row: Row) -> Places:
    """Return where those are whom the row's service asks first."""
    return row.imds, row.api_server, row.entra


@contextmanager
def running_world(azure: Emulator, rows: Iterable[Row]) -> Iterator[World]:
    """Start what *rows* need besides *azure*."""
    with ExitStack() as stack:
        stranger = stack.enter_context(Emulator())
        dead, quiet = stack.enter_context(refusing()), stack.enter_context(silent())
        servers = {
            Place.EMULATED: azure.acr_server,
            Place.REFUSING: dead,
            Place.SILENT: quiet,
            Place.STRANGER: stranger.acr_server,
            Place.PLAIN: azure.imds_url.removeprefix("http://"),
        }
        allowed = {"ALLOWED_ACR_SERVER_SUFFIXES": ",".join((*servers.values(), "invalid"))}
        hosts = {Place.REFUSING: dead, Place.SILENT: quiet,
                 Place.STRANGER: stranger.acr_server}  # fmt: skip
        usual = azure.environment() | azure.federation() | allowed
        services = {
            known: Service(usual | environment(hosts, *known)) for known in set(map(places, rows))
        }
        with ThreadPoolExecutor() as pool:
            started = [pool.submit(stack.enter_context, s) for s in services.values()]
        for future in started:
            future.result()
        yield World(azure, servers, services)


def environment(hosts: Mapping[Place, str], imds: Place, api: Place, entra: Place) -> Object:
    """Return what points a service at those of the three that are not where they should be."""
    found = {}
    if imds in hosts:
        found["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = f"http://{hosts[imds]}"
    if entra in hosts:
        found["AZURE_AUTHORITY_HOST"] = f"https://{hosts[entra]}"
    if api in hosts:
        host, _, port = hosts[api].rpartition(":")
        found |= {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    return found


@dataclass(frozen=True)
class Played:
    """What became of a row for one binding.

    Attributes:
        client: The caller; its identity is the binding's.
        token: The one in the binding's Secret, empty if there is none.
        answer: That of the hooks.
        again: That to the same request once more, with the first answer applied.
        calls: What reached Azure for both.
        strays: The requests to no endpoint that there is.
    """

    client: Client
    token: str
    answer: Object
    again: Object
    calls: Calls
    strays: list[RequestRecord]


def play(world: World, row: Row) -> dict[State, Played]:
    """Play *row* for a binding in each state, all at once: some rows wait for a timeout."""
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
        parent["status"] = new_status(state, now, str(row.young or "RegistryError"))
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
    """Return the binding. Its scope's repository is named like its identity: see `count`."""
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
    """Return the client's identity, which trusts a ServiceAccount that is named like it."""
    name = client.client_id
    return FederatedIdentity(TENANT, name, TrustedAccount("team-a", name, f"uid-{name}"))


def related(client: Client, body: Object) -> Object:
    """Return *body* with that ServiceAccount, which is no child."""
    name = client.client_id
    account = {"metadata": {"name": name, "namespace": "team-a", "uid": f"uid-{name}"}}
    known = body["related"]["ServiceAccount.v1"] | {f"team-a/{name}": account}
    return {**body, "related": {**body["related"], "ServiceAccount.v1": known}}


def accounts(*, listed: bool) -> list[Object]:
    """Return the binding's ServiceAccount, and one that it has moved away from."""
    entry = [SECRET] if listed else []
    return [
        service_account("default", "zeta", "alpha", *entry, owner="app"),
        service_account("build", "zeta", *entry, owner="app"),
    ]


def _held(state: State, now: datetime, access: Object) -> str | None:
    """Return the token in the Secret, good for *access*."""
    if state.value is None:
        return None
    expiry = int(now.timestamp()) + state.value.left
    issued = expiry - LIFE_SECONDS
    claims = {"iat": issued, "nbf": issued, "exp": expiry, "access": [access]}
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


def new_status(state: State, now: datetime, reason: str) -> Object:
    """Return the status that an earlier answer left, with the *reason* of its failure."""
    failing = state.value.failing if state.value else 0
    since = (now - timedelta(seconds=failing)).strftime("%Y-%m-%dT%H:%M:%SZ")
    renewal_healthy = ("False", reason) if failing else ("True", "OnSchedule")
    fresh = ("True", "TokenValid") if state.works else ("False", reason)
    kinds = {"Ready": fresh, "TokenFresh": fresh, "Attached": ("True", "Attached"),
             "RenewalHealthy": renewal_healthy}  # fmt: skip
    conditions = [
        {"type": kind, "status": status, "reason": reason, "lastTransitionTime": since}
        for kind, (status, reason) in kinds.items()
    ]
    return {"conditions": conditions, "tokenIssueTime": since, "serviceAccountName": "default"}


def count(records: list[RequestRecord], client_id: str) -> Calls:
    """Return how many of *records* are an identity's; that of a scope is in its repository."""
    owned = [
        record.endpoint
        for record in records
        if client_id in {*record.identity.split("/"), *record.form.get("scope", "").split(":")}
    ]
    tally = Counter[str](owned)
    return Calls(**{name: tally[name] for name in Calls._fields})
