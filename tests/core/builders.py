"""A cluster at rest, which each case changes with `dataclasses.replace` or by a key.

Binding "app" in Namespace "team-a" holds ServiceAccount "default", whose user listed "zeta" and
"alpha" before; its token is an hour old and has two to go.
"""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from hooks.core import finalize as core_finalize
from hooks.core import sync as core_sync
from hooks.core.fields import JSON
from hooks.core.model.binding import Binding, Spec, Status
from hooks.core.model.cluster import Namespace, OwnedSecret, Owner, PullSecret, ServiceAccount
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.targets import one_target
from hooks.core.model.token import AcrToken, MintFailed, Outcome, TokenRequest
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.renewal import decision as core_decision
from hooks.core.renewal.decision import Decision, inputs_hash
from hooks.core.renewal.resolve import resolve
from hooks.core.sync import Answer

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)

SERVER: Final = "myregistry.azurecr.io"
AUDIENCE: Final = "https://containerregistry.azure.net"
CLIENT_ID: Final = "11111111-2222-3333-4444-555555555555"
SECRET_NAME: Final = "acr-pull-app"
WANTED: Final = "acrpull.dev/pull-secrets"
ATTACHED: Final = "acrpull.dev/attached"
LAST_APPLIED: Final = "metacontroller.k8s.io/last-applied-configuration"
TARGET: Final = "serviceaccount.acrpull.dev/default"
TARGETS: Final = {TARGET: "attach"}


def new_jwt(claims: object) -> str:
    """Return an unsigned JWT with the payload *claims*, JSON or any text."""
    text = claims if isinstance(claims, str) else json.dumps(claims)
    parts = ('{"alg":"RS256"}', text, "signature")
    return ".".join(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts)


def new_token(issued_at: datetime, expires_at: datetime) -> AcrToken:
    """Return a token that lives from *issued_at* to *expires_at*."""
    claims = {"iat": int(issued_at.timestamp()), "exp": int(expires_at.timestamp())}
    return AcrToken(new_jwt(claims), issued_at, expires_at)


def new_last_applied(*names: str | None) -> str:
    """Return the last applied configuration of dynamic-apply after an answer with *names*."""
    return json.dumps({"imagePullSecrets": [{} if n is None else {"name": n} for n in names]})


IDENTITY: Final = Identity(client_id=CLIENT_ID)
REQUEST: Final = TokenRequest(IDENTITY, SERVER, None, AUDIENCE)
POLICY: Final = Policy(
    acr_server_suffixes=("azurecr.io", "localhost:5000"),
    audience=AUDIENCE,
    server=None,
    identity=None,
    refresh_before=timedelta(minutes=30),
)
TOKEN: Final = new_token(NOW - HOUR, NOW + 2 * HOUR)
EXPIRED: Final = new_token(NOW - 3 * HOUR, NOW - SECOND)
NEW_TOKEN: Final = new_token(NOW, NOW + 3 * HOUR)
FAILED: Final = MintFailed(Reason.REGISTRY_ERROR, "the registry is down")

NAMESPACE: Final = Namespace("uid-team-a", name="team-a")
GUARD: Final = Owner("v1", "Namespace", "team-a", "uid-team-a")
BINDING: Final = Binding(
    name="app",
    namespace="team-a",
    uid="uid-app",
    api_version="acrpull.dev/v1beta1",
    kind="ACRPullBinding",
    generation=2,
    created_at=NOW - HOUR,
    deleting=False,
    deleted_at=None,
    other_finalizers=frozenset(),
    secret_name=SECRET_NAME,
    targets=one_target("default"),
    spec=Spec(SERVER, IDENTITY, None),
    status=Status(),
)
HOLDER: Final = Owner("acrpull.dev/v1beta1", "ACRPullBinding", "app", "uid-app", controller=True)
FOREIGN: Final = Owner("apps/v1", "Deployment", "web", "uid-web", controller=True)
UNTOUCHED: Final = ServiceAccount("default", "team-a", pull_secrets=("zeta", "alpha"))
ACCOUNT: Final = ServiceAccount(
    name="default",
    namespace="team-a",
    pull_secrets=("zeta", "alpha", SECRET_NAME),
    wanted=(SECRET_NAME,),
    attached=(SECRET_NAME,),
    owners=(HOLDER, GUARD),
    annotations=frozenset({WANTED, ATTACHED, LAST_APPLIED}),
    last_applied=new_last_applied("zeta", "alpha", SECRET_NAME),
    uid_label="uid-app",
)
SECRET: Final = PullSecret(
    SECRET_NAME, SERVER, TOKEN, inputs_hash(REQUEST), dynamic_apply=True, targets=TARGETS
)
# The same Secret, as the decorator sees it; and the Secret of a deleted binding.
RELATED: Final = OwnedSecret(
    SECRET_NAME,
    "team-a",
    (HOLDER,),
    uid_label="uid-app",
    made_here=True,
    created_at=NOW - HOUR,
    targets=TARGETS,
)
DELETED: Final = replace(RELATED, targets={TARGET: "deleted"})
OBSERVED: Final = Observed(
    binding=BINDING,
    secret=SECRET,
    secret_taken=False,
    accounts=(ACCOUNT,),
    related=(ACCOUNT,),
    namespace=NAMESPACE,
    dynamic_apply=True,
)
NO_SECRET: Final = replace(OBSERVED, secret=None)
TAKEN: Final = replace(NO_SECRET, secret_taken=True)
LEFT: Final = replace(NO_SECRET, secret_left=True)
GOING: Final = replace(OBSERVED, binding=replace(BINDING, deleting=True))


def asking(spec: Spec | str, observed: Observed = OBSERVED) -> Observed:
    """Return *observed* with *spec* in its binding."""
    return replace(observed, binding=replace(observed.binding, spec=spec))


def decide(observed: Observed, policy: Policy, now: datetime) -> Decision:
    """Return the decision that the hook `sync` makes."""
    return core_decision.decide(observed, resolve(observed, policy), policy, now)


def sync(
    observed: Observed,
    decision: Decision,
    outcome: Outcome | None,
    policy: Policy,
    now: datetime,
) -> Answer:
    """Return the answer of the hook `sync`."""
    wanted = resolve(observed, policy)
    return core_sync.sync(observed, wanted, decision, outcome, policy, now)


def finalize(observed: Observed, policy: Policy, now: datetime) -> Answer:
    """Return the answer of the hook `finalize`."""
    return core_finalize.finalize(observed, resolve(observed, policy), policy, now)


DENIED: Final = asking(Spec("x.evil.io", IDENTITY, None))
INVALID: Final = asking("spec is wrong")

PARENT: Final[JSON] = {
    "apiVersion": "acrpull.dev/v1beta1",
    "kind": "ACRPullBinding",
    "metadata": {"name": "app", "namespace": "team-a", "uid": "uid-app", "generation": 2},
    "spec": {"acrServer": SERVER, "managedIdentityClientID": CLIENT_ID},
}


def secret_of(binding: str, age: timedelta) -> OwnedSecret:
    """Return the related Secret of *binding*, which targets "default" and is *age* old."""
    uid = f"uid-{binding}"
    owner = replace(HOLDER, name=binding, uid=uid)
    name, created = f"acr-pull-{binding}", NOW - age
    return replace(RELATED, name=name, owners=(owner,), uid_label=uid, created_at=created)


def changed(obj: JSON, path: str, value: object) -> JSON:
    """Return a copy of *obj* with *value* at *path*, e.g. "metadata/name"."""
    key, _, rest = path.partition("/")
    return {**obj, key: changed(obj.get(key, {}), rest, value) if rest else value}
