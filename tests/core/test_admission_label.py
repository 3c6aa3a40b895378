"""The mode `admission` leaves the label of another CompositeController alone."""

from dataclasses import replace

from hooks.core.account.admission import annotate
from hooks.core.model.cluster import Owner, ServiceAccount
from tests.core.builders import NOW

PARENT = Owner("example.com/v1", "Thing", "mine", "uid-thing", controller=True)
WANTED = "acrpull.dev/pull-secrets"


def test_label_of_another_controller() -> None:
    """The label stays beside acrpull's annotation."""
    account = ServiceAccount(
        "build",
        "team-a",
        pull_secrets=("acr-pull-app",),
        wanted=("acr-pull-app",),
        owners=(PARENT,),
        annotations=frozenset({WANTED}),
        uid_label=PARENT.uid,
    )
    assert annotate(account, (), NOW).labels == {}
    assert annotate(replace(account, owners=()), (), NOW).labels == {"controller-uid": None}
