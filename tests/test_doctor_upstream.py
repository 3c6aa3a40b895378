"""The doctor's verdict on a binding of msi-acrpull."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.doctor import GUID, SERVER, judge, listed, manifest, run, thing, upstream
from tests.service import ROOT
from tests.test_crds import ACCEPTED

UPSTREAMS: Final = sorted((ROOT / "crds/samples/upstream").iterdir())
MORE: Final = (
    "spec.acr.scope has other actions than pull. The role of the identity must allow them."
)


def v1beta2() -> dict[str, Any]:
    """Return the sample of v1beta2 with a managed identity."""
    (sample,) = (path for path in UPSTREAMS if path.stem == "v1beta2-managed-identity")
    body: dict[str, Any] = yaml.safe_load(sample.read_text("utf-8"))
    return body


@pytest.mark.parametrize(
    "sample", [s for s in UPSTREAMS if "workload" not in s.stem], ids=lambda path: path.stem
)
def test_sample(sample: Path) -> None:
    """A sample has no problem. The Secret of a v1beta1 binding has msi-acrpull's name."""
    audience = "https://management.example.com"
    found = judge(sample.read_text("utf-8"), TOKEN_AUDIENCE=audience)
    body = yaml.safe_load(sample.read_text("utf-8"))
    assert (found["kind"], found["problems"]) == ("AcrPullBinding", [])
    name = body["metadata"]["name"]
    expected = f"{name}-msi-acrpull-secret" if "v1beta1" in sample.stem else f"acr-pull-{name}"
    assert found["secretName"] == expected
    assert found["serviceAccountName"] == body["spec"].get("serviceAccountName", "default")
    assert found["server"]["name"] == SERVER


def test_as_stored() -> None:
    """A List of `kubectl get -o json` may hold several kinds, with finalizers and status."""
    items = [yaml.safe_load(path.read_text("utf-8")) for path in (UPSTREAMS[0], ACCEPTED[0])]
    items[0]["metadata"] |= {"finalizers": ["msi-acrpull.microsoft.com"], "uid": "x"}
    items[0]["status"] = {"lastTokenRefreshTime": "2026-11-23T12:00:00Z"}
    items[0]["spec"] |= {"serviceAccountName": ""}
    done = run("-", stdin=listed(*items))
    assert done.code == 0
    assert "AcrPullBinding default/first: OK\n" in done.out
    assert "\nACRPullBinding " in done.out


@pytest.mark.parametrize(
    ("change", "accepted", "problem"),
    [
        pytest.param(
            {"acrServer": "X"}, True, 'spec.acrServer: "X" is not a registry\'s login', id="value"
        ),
        pytest.param({"acrserver": "x"}, False, 'spec: unknown field "acrserver"', id="field"),
        pytest.param({"scope": 5}, False, "spec.scope: 5 is not one or several", id="type"),
        pytest.param({"scope": "x" * 17000}, False, "spec has over 4096 characters", id="length"),
    ],
)
def test_problem(change: dict[str, Any], *, accepted: bool, problem: str) -> None:
    """The report shows whether msi-acrpull's CRD accepts a spec acrpull cannot serve."""
    body = yaml.safe_load(UPSTREAMS[0].read_text("utf-8"))
    body["spec"] |= change
    found = judge(yaml.safe_dump(body))
    assert found["accepted"] is accepted
    (line,) = found["problems"]
    assert line.startswith(problem)


@pytest.mark.parametrize(
    ("server", "accepted"),
    [
        ("X.azurecr.io", True),
        ("<server>", True),
        ("repository:app:pull", False),
        ("x.azurecr.io:443", False),
        ("https://x.azurecr.io", False),
        ("{{ .Values.server }}", False),
    ],
)
def test_server(server: str, *, accepted: bool) -> None:
    """The CRD of v1beta2 rejects a server that can't be a URL's host."""
    found = judge(upstream(acr={"server": server, "scope": "repository:app:pull"}))
    assert found["accepted"] is accepted
    (line,) = found["problems"]
    assert line.startswith(f'spec.acr.server: "{server}" is not a registry\'s login server')


@pytest.mark.parametrize(
    ("change", "line"),
    [
        pytest.param(
            {"environment": "AirgappedCloud"},
            "is not an object with cloudConfig, which an AirgappedCloud has to have. Use, for "
            "example, {..., cloudConfig: {entraAuthorityHost: https://login.example.com, "
            "resourceManagerAudience: https://management.example.com}}",
            id="without",
        ),
        pytest.param(
            {"cloudConfig": {"entraAuthorityHost": "x.y", "resourceManagerAudience": "https://z"}},
            "is not an object without cloudConfig, which is for environment AirgappedCloud alone. "
            "Use, for example, {server: myregistry.azurecr.io, scope: 'repository:app:pull'}",
            id="with",
        ),
    ],
)
def test_cloud_config(change: dict[str, Any], line: str) -> None:
    """The example has the missing field, and does not have the superfluous field."""
    body = v1beta2()
    body["spec"]["acr"] |= change
    found = judge(yaml.safe_dump(body))
    assert not found["accepted"]
    assert [problem.partition("... ")[2] for problem in found["problems"]] == [line]


def test_without_spec() -> None:
    """msi-acrpull's CRDs accept a binding without a spec. The examples suit the binding's kind."""
    for sample in UPSTREAMS:
        body = yaml.safe_load(sample.read_text("utf-8"))
        del body["spec"]
        found = judge(yaml.safe_dump(body))
        assert found["accepted"]
        needed = ["acrServer"] if "v1beta1" in sample.stem else ["acr", "auth"]
        starts = [f"spec.{name} is missing. Set it, for example {name}: " for name in needed]
        assert [
            start for start, line in zip(starts, found["problems"], strict=False)
            if line.startswith(start)
        ] == starts  # fmt: skip
    assert not judge(manifest().replace("spec: {}\n", ""))["accepted"]


def test_version() -> None:
    """The examples for an unknown version and kind are of the same group."""
    body = yaml.safe_load(UPSTREAMS[0].read_text("utf-8"))
    body |= {"apiVersion": "msi-acrpull.microsoft.com/v1", "kind": "ACRPullBinding"}
    lines = judge(yaml.safe_dump(body))["problems"]
    assert [line.partition(" Use, for example, ")[2] for line in lines] == [
        "msi-acrpull.microsoft.com/v1beta1", "AcrPullBinding"
    ]  # fmt: skip


def test_identity_of_the_binding() -> None:
    """The IDs and the scopes of the binding count. The Pods' own identity stays in the annotation.

    ARO-HCP@c3f02f9, the binding of Velero
    """
    scope = "repository:oadp/velero:pull repository:oadp/plugin-for-azure/v1:pull"
    workload = {"serviceAccountRef": "velero", "clientID": GUID, "tenantID": GUID}
    own = {"azure.workload.identity/client-id": GUID.replace("1", "3")}
    found = judge(
        upstream(acr={"server": SERVER, "scope": scope}, auth={"workloadIdentity": workload})
        + thing("ServiceAccount", "velero", annotations=own),
        WORKLOAD_IDENTITY="enabled",
    )
    assert found["problems"] == []
    assert found["identity"]["clientID"] == GUID
    assert found["requests"][-1]["form"]["scope"] == scope


def test_names_of_fields() -> None:
    """Problems and notes name the fields of v1beta2."""
    text = yaml.safe_dump(v1beta2())
    (line,) = judge(text, ALLOWED_ACR_SERVER_SUFFIXES="azurecr.cn")["problems"]
    assert "Fix spec.acr.server, or ask" in line
    assert MORE in judge(text)["notes"]


def test_nulls_are_absent_fields() -> None:
    """The API server removes a null at any depth."""
    body = v1beta2()
    body["spec"]["auth"]["managedIdentity"]["resourceID"] = None
    body["spec"]["acr"]["cloudConfig"] = None
    assert judge(yaml.safe_dump(body))["problems"] == []
