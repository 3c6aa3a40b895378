"""Bindings of all kinds beside each other, and what upstream's controller left."""

from datetime import timedelta
from itertools import product

import pytest

from hooks.core.account.relation import ATTACH, target_label
from hooks.core.names import UPSTREAM_LABEL
from tests.model.objects import labels_of, owners_of, uid_of
from tests.properties.accounts import UPSTREAM
from tests.properties.identities import ANNOTATIONS, FEDERATED, IDS
from tests.properties.inheritance import WHO
from tests.properties.kinds import name_in, secret_of
from tests.properties.rest import check_fixpoint, come_to_rest
from tests.properties.scene import Scene
from tests.properties.specs import OTHERS, SPEC
from tests.properties.world import NAMESPACE, STRATEGIES

SHARING = [("app", "v1beta2/app"), ("v1beta2/app", "app")]
FRESH, DUE, EXPIRED = (timedelta(minutes=minutes) for minutes in (170, 20, -10))


@pytest.mark.parametrize("name", ["app", NAMESPACE])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_name_in_three_kinds(strategy: str, name: str) -> None:
    """All but the last are Ready, and each takes the ServiceAccount over from the one before."""
    for seed in range(2):
        scene = Scene(strategy, seed)
        names = [name, f"v1beta1/{name}", f"v1beta2/{name}"]
        for each in names:
            scene.bindings.create(each, "default")
            scene.settle()
            scene.world.clock.advance(1)
        reasons = [scene.conditions(each)["Ready"] for each in names]
        assert reasons == ["True Ready", "True Ready", "False SecretNameTaken"]
        assert scene.listed() == ["zeta", "alpha", secret_of(names[0]), secret_of(names[1])]
        for at, each in enumerate(names):
            scene.bindings.delete(each)
            come_to_rest(scene.world)
            scene.settle()
            assert [scene.conditions(e)["Ready"] for e in names[at + 1 :]] == ["True Ready"] * (
                2 - at
            )
        assert scene.listed() == ["zeta", "alpha"]


def test_two_owners_of_one_name(scene: Scene) -> None:
    """One that somebody else's finalizer keeps lets go, and is not taken for the other."""
    for name in ("app", "v1beta1/app"):
        scene.bindings.create(name, "default")
        scene.settle()
        scene.world.clock.advance(1)
    scene.bindings.hold("app", "example.com/hold")
    scene.bindings.delete("app")
    scene.world.advance(60)
    assert scene.listed() == ["zeta", "alpha", secret_of("v1beta1/app")]
    owners = owners_of(scene.world.read("ServiceAccount", "default"))
    assert sorted((ref["kind"], ref["controller"]) for ref in owners) == [
        ("AcrPullBinding", True),
        ("Namespace", False),
    ]
    scene.bindings.release("example.com/hold")
    come_to_rest(scene.world)
    scene.settle()


@pytest.mark.parametrize(("first", "second"), SHARING)
@pytest.mark.parametrize("account", ["default", "build"])
def test_two_kinds_want_one_secret(scene: Scene, first: str, second: str, account: str) -> None:
    """Whose Secret is there has it, whatever the other does; once it goes, the other's comes."""
    scene.accounts.create("build", [])
    scene.bindings.create(first, "default")
    scene.settle()
    secret = scene.bindings.secret(first)
    scene.bindings.create(second, account)
    scene.settle()
    assert scene.conditions(second)["Ready"] == "False SecretNameTaken"
    assert scene.bindings.secret(first) == secret
    scene.bindings.delete(first)
    come_to_rest(scene.world)
    scene.settle()
    assert scene.conditions(second)["Ready"] == "True Ready"
    assert secret_of(second) in scene.listed(account)


@pytest.mark.parametrize("name", ["app", "v1beta2/app", NAMESPACE, f"v1beta2/{NAMESPACE}"])
def test_a_service_account_that_an_identity_trusts(scene: Scene, name: str) -> None:
    """It comes, says whose it is, changes its mind, goes and comes: a token that works stays."""
    scene.bindings.create(name, "default")
    scene.bindings.specify(name, workloadIdentity=FEDERATED[1])
    scene.settle()
    assert scene.conditions(name)["Ready"] == "False ServiceAccountNotFound"
    scene.accounts.create("build", [])
    scene.settle()
    assert scene.conditions(name)["Ready"] == "False InvalidSpec"
    for annotations, client in ((ANNOTATIONS[0], IDS[0]), (ANNOTATIONS[1], IDS[1])):
        scene.accounts.annotate("build", annotations)
        scene.settle()
        assert scene.conditions(name)["Ready"] == "True Ready"
        assert client in scene.subject(name)
    before = scene.token(name)
    scene.accounts.delete("build")
    scene.settle()
    assert scene.conditions(name)["Ready"] == "True RefreshFailing"
    assert scene.conditions(name)["RenewalHealthy"].endswith(" ServiceAccountNotFound")
    assert scene.token(name) == before
    scene.accounts.create("build", [])
    for annotations in ANNOTATIONS[:2]:  # as it was, but another ServiceAccount
        scene.accounts.annotate("build", annotations)
    scene.settle()
    assert scene.token(name) == before  # Entra trusts the name
    scene.accounts.annotate("default", ANNOTATIONS[0])
    scene.bindings.specify(name, workloadIdentity=FEDERATED[3])
    scene.settle()
    assert IDS[1] in scene.subject(name)


def test_no_identity_and_no_service_account_to_list_the_secret(scene: Scene) -> None:
    """The token works on, so Ready shows that no ServiceAccount lists the Secret."""
    scene.accounts.create("build", [])
    scene.accounts.annotate("build", ANNOTATIONS[0])
    scene.bindings.create("app", "absent")
    scene.bindings.specify("app", workloadIdentity=FEDERATED[1])
    scene.settle()
    scene.accounts.annotate("build", ANNOTATIONS[3])
    scene.settle()
    assert scene.conditions() == {
        "Ready": "False ServiceAccountNotFound",
        "TokenFresh": "True RefreshFailing",
        "Attached": "False ServiceAccountNotFound",
        "RenewalHealthy": "Unknown InvalidSpec",
    }


def test_no_identity_and_the_name_is_taken(scene: Scene) -> None:
    """RenewalHealthy shows that the name is taken, which the decorator must know."""
    scene.bindings.squat("app")
    scene.bindings.create("app", "default")
    scene.bindings.specify("app", workloadIdentity=FEDERATED[1])
    scene.settle()
    assert scene.conditions()["Ready"] == "False ServiceAccountNotFound"
    assert scene.conditions()["RenewalHealthy"] == "Unknown SecretNameTaken"


@pytest.mark.parametrize(
    ("strategy", "name", "left"), [*product(STRATEGIES, UPSTREAM, (FRESH, DUE, EXPIRED))]
)
def test_what_upstream_left(strategy: str, name: str, left: timedelta) -> None:
    """Its Secret is taken over as it is, its token used until it is due; its entry is ours."""
    scene = Scene(strategy)
    entry = secret_of(name)
    scene.accounts.relist("default", lambda listed: [*listed, entry])
    scene.bindings.inherit(name, "default", left, label=True)
    before = scene.bindings.secret(name) or {}
    scene.settle()
    after = scene.bindings.secret(name) or {}
    assert uid_of(after) == uid_of(before)
    assert labels_of(after) == {**labels_of(before), target_label("default"): ATTACH}
    assert labels_of(after)[UPSTREAM_LABEL] == name_in(name)
    assert (scene.subject(name) == WHO) == (left == FRESH)
    assert scene.listed() == ["zeta", "alpha", entry]
    scene.world.advance(3 * 3600)
    scene.settle()
    assert scene.subject(name) != WHO
    scene.bindings.delete(name)
    scene.settle()
    assert scene.listed() == ["zeta", "alpha"]
    check_fixpoint(scene.world)


@pytest.mark.parametrize("name", UPSTREAM)
def test_what_upstream_left_for_one_identity(scene: Scene, name: str) -> None:
    """Once taken over, its token is for the identity that was asked for then, and for no other."""
    scene.bindings.inherit(name, "default", FRESH, label=True)
    scene.settle()
    assert scene.subject(name) == WHO
    for fields in (OTHERS[2], {}):
        scene.bindings.specify(name, **fields)
        scene.settle()
        assert (SPEC | fields)["managedIdentityClientID"] in scene.subject(name)


@pytest.mark.parametrize("name", UPSTREAM)
def test_what_upstream_left_without_the_label(scene: Scene, name: str) -> None:
    """Metacontroller lets go of it; it is left alone, and taken over once it has the label."""
    scene.bindings.inherit(name, "default", FRESH, label=False)
    scene.settle()
    assert scene.conditions(name)["Ready"] == "False SecretNameTaken"
    before = scene.token(name)
    scene.bindings.relabel(name)
    come_to_rest(scene.world)
    scene.settle()
    assert scene.conditions(name)["Ready"] == "True Ready"
    assert scene.token(name) == before
