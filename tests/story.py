"""A story about the user of a Namespace, played on a real cluster and on the model.

`make capture` plays the story on the real cluster. A step begins when the previous step is at rest.
The story knows neither cluster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.user import NAMESPACE, User

REGISTRY: Final = "myregistry.azurecr.io"
HEADERS: Final = {"content-type": "application/json; charset=utf-8"}  # of the emulated registry
USERS: Final = ("zeta", "alpha")  # the user's entries, not in alphabetical order
CLIENT_ID: Final = "11111111-2222-3333-4444-555555555555"
# acrpull caches tokens by identity: this identity has no token when Azure goes down.
OTHER_CLIENT_ID: Final = "66666666-7777-8888-9999-000000000000"
THIRD_CLIENT_ID: Final = "77777777-8888-9999-0000-111111111111"
RESOURCE_ID: Final = (
    "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers"
    "/Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
TOKEN_SECONDS: Final = 10800  # 3 h, as ACR's
SHORT_TOKEN_SECONDS: Final = 10  # renewed after half of it
# A step does not wait for calls due later than the horizon. The short horizon is longer than any
# wait for a write, and shorter than the first retry after a failure, 5 s. The long one is longer.
HORIZON_SECONDS: Final = 2
LONG_HORIZON_SECONDS: Final = 6
PAUSE_SECONDS: Final = 3
REST_SECONDS: Final = 30  # limit for a step to come to rest
STEP_SECONDS: Final = 60  # in the story's time, from one step to the next
START: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """An action of the user, and the state afterwards.

    Attributes:
        deed: The action.
        ready: By binding, the reason of the condition Ready at rest.
        horizon: Seconds. At rest, no call is due within the horizon.
        continues: Whether the step begins `PAUSE_SECONDS` after the previous step, or at rest if
            the rest is later.
        lasts: Whether a deletion may still be under way at rest.
        hooks: The paths whose calls a capture keeps; empty: all paths.
        registry: The HTTP status of the registry, from the begin of the step.
        token_seconds: The lifetime of new tokens.
    """

    name: str
    deed: Callable[[User], None]
    ready: Mapping[str, str] = field(default_factory=dict)
    horizon: int = HORIZON_SECONDS
    continues: bool = False
    lasts: bool = False
    hooks: tuple[str, ...] = ()
    registry: int = 200
    token_seconds: int = TOKEN_SECONDS


def wait(_: User) -> None:
    """Do nothing, and wait for due calls."""


def bind_to_taken_name(user: User) -> None:
    """Create a Secret of the user, and a binding with the same Secret name."""
    user.make_secret("acr-pull-web")
    user.bind("web", managedIdentityClientID=CLIENT_ID)


STORY: Final = (
    Step("the Namespace is made", lambda user: user.make_namespace()),
    Step("its user lists two Secrets", lambda user: user.list_entries("default", *USERS)),
    Step(
        "app is bound",
        lambda user: user.bind("app", managedIdentityClientID=CLIENT_ID),
        {"app": "Ready"},
    ),
    Step(
        "jobs is bound, to the same ServiceAccount",
        lambda user: user.bind("jobs", managedIdentityResourceID=RESOURCE_ID),
        {"app": "Ready", "jobs": "Ready"},
    ),
    Step("ServiceAccount build is made", lambda user: user.make_account("build")),
    Step(
        "app moves to build",
        lambda user: user.respec("app", serviceAccountName="build"),
        {"app": "Ready", "jobs": "Ready"},
    ),
    Step(
        "app moves to a ServiceAccount that is not there",
        lambda user: user.respec("app", serviceAccountName="absent"),
        {"app": "ServiceAccountNotFound", "jobs": "Ready"},
    ),
    Step(
        "app moves back to build",
        lambda user: user.respec("app", serviceAccountName="build"),
        {"app": "Ready", "jobs": "Ready"},
    ),
    Step("jobs is deleted", lambda user: user.unbind("jobs"), {"app": "Ready"}),
    Step("app is deleted, foreground", lambda user: user.unbind("app", "Foreground")),
    Step(
        "a binding named like its Namespace",
        lambda user: user.bind(
            NAMESPACE, managedIdentityClientID=CLIENT_ID, serviceAccountName="build"
        ),
        {NAMESPACE: "Ready"},
    ),
    Step(
        "its identity changes, tokens are short",
        lambda user: user.respec(
            NAMESPACE, managedIdentityClientID=THIRD_CLIENT_ID, serviceAccountName="build"
        ),
        {NAMESPACE: "Ready"},
        continues=True,
        token_seconds=SHORT_TOKEN_SECONDS,
    ),
    Step("its token is renewed", wait, {NAMESPACE: "Ready"}, LONG_HORIZON_SECONDS, continues=True),
    Step("labels are stripped", lambda user: user.strip("build", "labels"), {NAMESPACE: "Ready"}),
    Step(
        "annotations are stripped",
        lambda user: user.strip("build", "annotations"),
        {NAMESPACE: "Ready"},
    ),
    Step(
        "app is bound to the same ServiceAccount while Azure is down",
        lambda user: user.bind(
            "app", managedIdentityClientID=OTHER_CLIENT_ID, serviceAccountName="build"
        ),
        {"app": "RegistryUnavailable"},
        registry=503,
    ),
    Step("Azure is back", wait, {"app": "Ready"}, LONG_HORIZON_SECONDS, continues=True),
    Step("the older of the two is deleted", lambda user: user.unbind(NAMESPACE), {"app": "Ready"}),
    Step(
        "a ServiceAccount of another controller's",
        lambda user: user.make_account("owned", owned=True),
    ),
    Step(
        "app moves to it",
        lambda user: user.respec("app", serviceAccountName="owned"),
        {"app": "ServiceAccountOwned"},
    ),
    Step("web is bound, its Secret's name taken", bind_to_taken_name, {"web": "SecretNameTaken"}),
    Step("the Namespace is deleted", lambda user: user.drop_namespace(), lasts=True),
    # The order of deletions in a Namespace is random, and so are the calls of other hooks.
    Step("it is gone", wait, horizon=LONG_HORIZON_SECONDS, continues=True, hooks=("/finalize",)),
)
