"""The doctor's hints on common mistakes in a binding's values."""

import pytest

from tests.doctor import GUID, SERVER, document, examine, judge, manifest, upstream

SCOPE = "repository:app:pull"
REGIONAL = "myregistry.eastus2.geo.azurecr.io"


def test_swapped() -> None:
    """Swapped server and scope are a single problem, in each API."""
    text = manifest(acrServer=SCOPE, scope=SERVER, managedIdentityClientID=GUID)
    swapped = (
        f"spec.acrServer and spec.scope are swapped. Set spec.acrServer to {SERVER} and spec.scope "
        f"to {SCOPE}."
    )
    assert judge(text)["problems"] == [swapped]
    found = judge(upstream(acr={"server": SCOPE, "scope": SERVER}))
    assert not found["accepted"]
    assert found["problems"] == [
        swapped.replace("acrServer", "acr.server").replace("spec.scope", "spec.acr.scope")
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            manifest(acrServer=SCOPE),
            f"spec.acrServer: {SCOPE} is a scope, not a login server. Move it to spec.scope.",
        ),
        (
            manifest(scope=SERVER),
            f"spec.scope: {SERVER} is a login server, not a scope. Move it to spec.acrServer.",
        ),
        (
            upstream(acr={"server": SCOPE}),
            f"spec.acr.server: {SCOPE} is a scope, not a login server. Move it to spec.acr.scope.",
        ),
    ],
    ids=["server", "scope", "v1beta2"],
)
def test_other_field(text: str, problem: str) -> None:
    """A value in the wrong field is a single problem if the right field is empty."""
    assert judge(text)["problems"] == [problem]


def test_other_problems() -> None:
    """Problems with other fields remain. So do problems with server and scope without a swap."""
    first, second = judge(manifest(acrServer=SCOPE, scope=SERVER, serviceAccountName="X"))[
        "problems"
    ]
    assert "are swapped" in first
    assert second.startswith("spec.serviceAccountName: ")
    problems = judge(manifest(acrServer="X", scope=SERVER))["problems"]
    assert [line.partition(": ")[0] for line in problems] == ["spec.acrServer", "spec.scope"]


def test_fork() -> None:
    """A note explains the effect of fields from a fork of msi-acrpull."""
    spec = {"workloadIdentityClientID": GUID, "workloadIdentityTenantID": GUID}
    found = judge(
        document(
            {
                "apiVersion": "msi-acrpull.microsoft.com/v1beta1",
                "kind": "AcrPullBinding",
                "metadata": {"name": "test", "namespace": "team-a"},
                "spec": {"acrServer": SERVER, **spec},
            }
        )
    )
    assert not found["accepted"]
    (note,) = found["notes"]
    assert note.startswith("workloadIdentityClientID and workloadIdentityTenantID: only a fork of")
    assert "the binding then uses the service's default identity" in note
    assert note.endswith(f"with spec.workloadIdentity: {{clientID: {GUID}, tenantID: {GUID}}}")


@pytest.mark.parametrize(
    ("server", "other"),
    [(REGIONAL, SERVER), ("my-a1b2c3.chinaeast2.geo.azurecr.cn", "my-a1b2c3.azurecr.cn")],
)
def test_regional_endpoint(server: str, other: str) -> None:
    """A note warns of images of the registry's global endpoint: the Secret does not match them."""
    found = judge(manifest(acrServer=server, managedIdentityClientID=GUID))
    assert found["notes"] == [
        f"{server} is a regional endpoint. The Secret does not match images of {other}. Create a "
        "binding for each host that image names begin with."
    ]


def test_regional_endpoint_beside_the_global_one() -> None:
    """Only the binding for the regional endpoint has the note. The file has no problem."""
    text = "".join(
        manifest(name, acrServer=server, managedIdentityClientID=GUID)
        for name, server in (("global", SERVER), ("regional", REGIONAL))
    )
    report = examine(text)
    assert report["ok"]
    assert [len(binding["notes"]) for binding in report["bindings"]] == [0, 1]


@pytest.mark.parametrize(
    ("name", "names"),
    [
        pytest.param("*", '["*"]', id="every"),
        pytest.param("a, b", '["a", "b"]', id="commas"),
        pytest.param(["a", "b"], '["a", "b"]', id="list"),
        pytest.param("A", None, id="another-mistake"),
        pytest.param(5, None, id="no-name"),
    ],
)
def test_several_accounts_in_one_name(name: object, names: str | None) -> None:
    """A note names the field for several ServiceAccounts."""
    found = judge(manifest(acrServer=SERVER, serviceAccountName=name))
    note = "spec.serviceAccountName takes a single name. For several, set serviceAccountNames: "
    assert found["notes"] == ([] if names is None else [f"{note}{names}"])
    assert len(found["problems"]) == 1
