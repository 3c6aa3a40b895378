"""`/sync` by the front door: HTTP, gunicorn, azure-identity, and an emulated Azure."""

import base64
import threading
import time

import jwt
import pytest

from hooks.mint.minter import SHARED_WAITING
from tests.client import (
    LIFE_SECONDS,
    NULL_GUID,
    Client,
    Object,
    aged,
    child,
    docker_config,
    observed,
    reason,
    service_account,
    token,
)
from tests.emulator import Emulator, Fault, identity_not_found

OLD_SECONDS = 300  # a token of this age is replaced if another client deletes its Secret
WRITE_GRACE_SECONDS = 10  # how long Metacontroller may take to write a Secret
RESOURCE_ID = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)


def test_first_sync(client: Client) -> None:
    """The answer has Secret and ServiceAccounts, and waits for Metacontroller to write them."""
    accounts = [service_account(name, "zeta", owner="app") for name in ("default", "build")]
    answer = client.sync(observed(client.parent(), *accounts))
    secret = child(answer, "Secret")
    password = token(answer)
    auth = base64.b64encode(f"{NULL_GUID}:{password}".encode()).decode()
    entry = {"username": NULL_GUID, "password": password, "auth": auth}
    assert docker_config(secret) == {"auths": {client.server: entry}}
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    assert secret["metadata"]["name"] == "acr-pull-app"
    assert [c["metadata"]["name"] for c in answer["children"]] == [
        "acr-pull-app", "default", "build"
    ]  # fmt: skip
    assert answer["resyncAfterSeconds"] == WRITE_GRACE_SECONDS
    assert reason(answer) == "False/WritingSecret"
    assert not {"secretName", "tokenIssueTime", "tokenExpirationTime"} & answer["status"].keys()


def test_written_secret(client: Client) -> None:
    """With the Secret observed, the status shows its token, whose renewal is the next call."""
    answer = client.settle(observed(client.parent()))
    expiry = jwt.decode(token(answer), options={"verify_signature": False})["exp"]
    assert abs(answer["resyncAfterSeconds"] - (expiry - 1800 - time.time())) < 2  # noqa: TID251
    assert abs(answer["resyncAfterSeconds"] - 9000) < 5
    assert reason(answer, "TokenFresh") == "True/TokenValid"
    assert answer["status"]["secretName"] == "acr-pull-app"


def test_recreated_identity(client: Client, emulator: Emulator) -> None:
    """An identity deleted and created under its name shows as assigned, and is not.

    https://github.com/Azure/aad-pod-identity/issues/681
    """
    emulator.faults.add("imds", identity_not_found())
    recreated = f"{RESOURCE_ID}-2"
    answer = client.sync(observed(client.parent(managedIdentityResourceID=recreated)))
    assert reason(answer) == "False/IdentityNotFound"
    message = answer["status"]["conditions"][0]["message"]
    assert message == (
        f'Identity "{recreated}" is not assigned to the node of acrpull\'s Pod. Assign it to the '
        "node pool's scale set. If the identity is assigned, detach and assign it again: it may "
        "have been recreated."
    )


def test_sent_again(client: Client, emulator: Emulator) -> None:
    """With its Secret and status observed, nothing changes and Azure is not asked."""
    account = service_account("default", "zeta", "acr-pull-app", owner="app")
    first = client.settle(observed(client.parent(), account))
    emulator.reset()
    second = client.sync(observed(client.parent(), account, answer=first))
    assert second["children"] == first["children"]
    assert second["status"] == first["status"]
    assert reason(second) == "True/Ready"
    assert emulator.requests == []


def test_curl(client: Client) -> None:
    """A body with a parent alone, typed by hand, gets Secret and ServiceAccount."""
    parent = client.parent()
    parent["metadata"] = {"name": "app"}
    answer = client.sync({"parent": parent})
    assert token(answer)
    assert child(answer, "ServiceAccount")["imagePullSecrets"] == [{"name": "acr-pull-app"}]


@pytest.mark.parametrize(("minutes_left", "renewed"), [(31, False), (29, True), (-1, True)])
def test_renewal(client: Client, emulator: Emulator, minutes_left: int, renewed: bool) -> None:
    """The token is renewed from 30 minutes before its expiry on, and works until its expiry."""
    first = client.old(minutes_left * 60)
    second = client.sync(observed(client.parent(), answer=first))
    assert (token(second) != token(first)) is renewed
    assert emulator.count("exchange") == renewed
    works = minutes_left > 0
    assert reason(second, "TokenFresh") == ("True/TokenValid" if works else "False/WritingSecret")


def test_renewal_leaves_the_service_account(client: Client) -> None:
    """A renewal changes the Secret only, so Metacontroller does not write the ServiceAccount."""
    account = service_account("default", "zeta", "acr-pull-app", owner="app")
    kept, renewed = (
        client.sync(observed(client.parent(), account, answer=client.old(seconds)))
        for seconds in (LIFE_SECONDS - 60, 60)
    )
    assert token(kept) != token(renewed)
    assert child(kept, "ServiceAccount") == child(renewed, "ServiceAccount")


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "repository:app:pull"},
        {"managedIdentityClientID": "99999999-2222-3333-4444-555555555555"},
        {"managedIdentityResourceID": RESOURCE_ID},
        {"acrServer": "127.0.0.2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_changed_inputs(client: Client, emulator: Emulator, change: dict[str, str]) -> None:
    """Another server, identity or scope gets a token of its own at once."""
    if "acrServer" in change:
        change = {"acrServer": emulator.acr_servers[1]}
    first = client.sync(observed(client.parent()))
    emulator.reset()
    second = client.sync(observed(client.parent(**change), answer=first))
    assert token(second) != token(first)
    assert emulator.count("exchange") == 1
    assert emulator.count("token") == ("scope" in change)
    assert list(docker_config(child(second, "Secret"))["auths"]) == [
        change.get("acrServer", client.server)
    ]


@pytest.mark.parametrize("names", [["app"], ["app", "base"]], ids=["one", "several"])
def test_scope(client: Client, names: list[str]) -> None:
    """With a scope, the Secret holds an access token limited to it, for 75 minutes."""
    scope = " ".join(f"repository:{name}:pull" for name in names)
    answer = client.settle(observed(client.parent(scope=scope)))
    claims = jwt.decode(token(answer), options={"verify_signature": False})
    granted = [{"type": "repository", "name": name, "actions": ["pull"]} for name in names]
    assert claims["access"] == granted
    assert abs(answer["resyncAfterSeconds"] - (4500 - 1800)) < 5


def lasted(answer: Object) -> Object:
    """Return *answer* as if its conditions had not changed for a long time."""
    since = {"lastTransitionTime": "2026-01-01T00:00:00Z"}
    conditions = [condition | since for condition in answer["status"]["conditions"]]
    return {**answer, "status": {**answer["status"], "conditions": conditions}}


@pytest.mark.parametrize(
    "data", ["", "e30=", "bm90IGpzb24=", "!", "eyJhdXRocyI6e319"], ids=lambda data: data or "none"
)
def test_tampered_secret(client: Client, emulator: Emulator, data: str) -> None:
    """A Secret whose docker config was altered gets a new token, not the remembered token."""
    emulator.token_age = OLD_SECONDS
    first = lasted(client.settle(observed(client.parent())))
    time.sleep(1.1)  # a token says when it was issued in whole seconds
    broken = {**child(first, "Secret"), "data": {".dockerconfigjson": data}}
    second = client.sync(observed(client.parent(), answer={**first, "children": [broken]}))
    assert token(second) != token(first)
    assert reason(second, "TokenFresh") == "False/WritingSecret"


@pytest.mark.parametrize("age", [OLD_SECONDS - 10, OLD_SECONDS], ids=["young", "old"])
def test_deleted_secret(client: Client, emulator: Emulator, age: int) -> None:
    """A deleted Secret is recreated with a new token, unless the last token is young.

    Another client may delete the Secret every minute, and must not cause as many token requests.
    """
    emulator.token_age = age
    first = lasted(client.settle(observed(client.parent())))
    time.sleep(1.1)  # as above
    second = client.sync(observed(client.parent(), answer={**first, "children": []}))
    assert (token(second) == token(first)) == (age < OLD_SECONDS)


def test_refused_write(client: Client, emulator: Emulator) -> None:
    """The status shows that a Secret is not written, and retries slow down with the same token."""
    first = answer = client.sync(observed(client.parent()))
    answer["status"]["secretPendingTime"] = "2026-01-01T00:00:00Z"
    for retries in (True, True, True, False, False):
        answer = client.sync(observed(client.parent(), answer={**answer, "children": []}))
        assert reason(answer) == "False/SecretNotWritten"
        assert reason(answer, "RenewalHealthy") == "False/SecretNotWritten"
        assert (answer["children"] != []) == retries
        assert not retries or token(answer) == token(first)
    assert emulator.count("exchange") == 1


def test_one_exchange_for_many(client: Client, emulator: Emulator) -> None:
    """As many bindings as one Namespace gets places for share one exchange."""
    emulator.faults.add("exchange", Fault(delay=0.3))
    answers: list[Object] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(client.sync(observed(client.parent(n)))))
        for n in map(str, range(SHARED_WAITING))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({token(answer) for answer in answers}) == 1
    assert (emulator.count("imds"), emulator.count("exchange")) == (1, 1)


def test_two_bindings_on_one_service_account(client: Client) -> None:
    """The owner lists the other's Secret too, after the user's entries, which keep their order."""
    account = service_account("default", "zeta", "alpha", owner="app")
    account["metadata"]["annotations"] = {"acrpull.dev/pull-secrets": "acr-pull-app,acr-pull-jobs"}
    answer = child(client.sync(observed(client.parent(), account)), "ServiceAccount")
    listed = [entry["name"] for entry in answer["imagePullSecrets"]]
    assert listed == ["zeta", "alpha", "acr-pull-app", "acr-pull-jobs"]


@pytest.mark.parametrize(
    "server",
    [
        "evil.azurecr.io.attacker.com",
        "xazurecr.io",
        "user@x.azurecr.io",
        "x.azurecr.io/..",
        "x.azurecr.io:443@evil",
        "x.azurecr.io:443",
        "X.azurecr.io",
        "x.azurecr.io.",
        "x.azurecr.io\n",
        "https://x.azurecr.io",
        "127.0.0.1:1",
    ],
)
def test_refused_server(client: Client, emulator: Emulator, server: str) -> None:
    """No token is even asked for where the server is not one that is allowed."""
    account = service_account("default", owner="app")
    answer = client.sync(observed(client.parent(acrServer=server), account))
    assert reason(answer) in {"False/InvalidSpec", "False/ServerNotAllowed"}
    assert [c["kind"] for c in answer["children"]] == ["ServiceAccount"]
    assert emulator.requests == []


def test_no_identity(client: Client, emulator: Emulator) -> None:
    """IMDS is not asked where nobody is named: it would answer for the node's own identity."""
    parent = client.parent()
    del parent["spec"]["managedIdentityClientID"]
    assert reason(client.sync(observed(parent))) == "False/InvalidSpec"
    assert emulator.requests == []


def test_server_no_longer_allowed(client: Client) -> None:
    """A denied binding keeps its Secret until the token expires; an invalid binding keeps it."""
    first = client.sync(observed(client.parent()))
    denied = client.parent(acrServer="x.example.com")
    kept = client.sync(observed(denied, answer=first))
    assert token(kept) == token(first)
    assert reason(kept) == "False/ServerNotAllowed"
    assert reason(kept, "TokenFresh") == "False/ServerNotAllowed"
    old = observed(denied, answer=aged(first, LIFE_SECONDS + 60))
    assert client.sync(old)["children"] == []
    invalid = client.sync(observed(client.parent(acrServer="not valid"), answer=first))
    assert token(invalid) == token(first)
    assert reason(invalid) == "False/InvalidSpec"


def test_azure_down_at_renewal(client: Client, emulator: Emulator) -> None:
    """While a token works it stays, whatever Azure says, and the status tells why."""
    first = client.old(1200)
    emulator.faults.add("exchange", Fault(status=500))
    answer = client.sync(observed(client.parent(), answer=first))
    assert token(answer) == token(first)
    assert reason(answer, "TokenFresh") == "True/RefreshFailing"
    assert reason(answer, "RenewalHealthy") == "False/RegistryUnavailable"
    assert answer["resyncAfterSeconds"] == 5


def test_azure_down_past_expiry(client: Client, emulator: Emulator) -> None:
    """The Secret of an expired token stays: a Secret created again would break cached images."""
    first = client.old(-60)
    emulator.faults.add("exchange", Fault(status=500))
    answer = client.sync(observed(client.parent(), answer=first))
    assert token(answer) == token(first)
    assert reason(answer) == "False/RegistryUnavailable"


@pytest.mark.slow
def test_slow_azure(client: Client, emulator: Emulator) -> None:
    """An answer comes within 8 s, however slow Azure is."""
    emulator.faults.add("exchange", Fault(delay=20, times=1))
    answer = client.sync(observed(client.parent(scope="repository:slow:pull")))
    assert reason(answer) == "False/Timeout"
    assert answer["resyncAfterSeconds"] == 5
