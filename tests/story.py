"""One story of a Namespace's user, told to a real cluster by `make capture`, and to the modelled.

A step is told when all that came of the one before is at rest. Knows neither cluster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.user import NAMESPACE, User

REGISTRY: Final = "myregistry.azurecr.io"
HEADERS: Final = {"content-type": "application/json; charset=utf-8"}  # of the emulated registry
USERS: Final = ("zeta", "alpha")  # entries of the user's own, not in any order that sorts
CLIENT_ID: Final = "11111111-2222-3333-4444-555555555555"
# The service remembers a token by its identity: this one has none when Azure goes down.
OTHER_CLIENT_ID: Final = "66666666-7777-8888-9999-000000000000"
THIRD_CLIENT_ID: Final = "77777777-8888-9999-0000-111111111111"
RESOURCE_ID: Final = (
    "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers"
    "/Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
TOKEN_SECONDS: Final = 10800  # 3 h, as ACR's
SHORT_TOKEN_SECONDS: Final = 10  # renewed after half of it
# What is due later than that is not waited for: it is longer than any wait for something to come
# about, and shorter than the first one after a failure, 5 s. The long one is longer than that.
HORIZON_SECONDS: Final = 2
LONG_HORIZON_SECONDS: Final = 6
PAUSE_SECONDS: Final = 3
REST_SECONDS: Final = 30  # until which rest has come
STEP_SECONDS: Final = 60  # in the story's own time, from one deed to the next
START: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """One deed. Once at rest, each binding named in *ready* has that reason for being Ready or not.

    From its begin on the registry answers with the HTTP status *registry*, and with tokens that
    live for *token_seconds*. At rest nothing is due in *horizon* seconds, and nothing is being
    deleted, unless that *lasts*. Where the time from one step to the next counts, that *continues*
    it, and begins `PAUSE_SECONDS` after it, or at rest if that is later. What is asked of *hooks*
    alone is worth keeping, of all where none is named.
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
    """Do nothing: what is due comes by itself."""


def bind_to_taken_name(user: User) -> None:
    """Make a binding whose Secret's name is a Secret of the user's."""
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
    # In which order a Namespace is emptied is random, and so is who is asked of what there is left.
    Step("it is gone", wait, horizon=LONG_HORIZON_SECONDS, continues=True, hooks=("/finalize",)),
)
