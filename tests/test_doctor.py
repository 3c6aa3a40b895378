"""The doctor's verdict on a binding: problems, notes and the resulting objects."""

import base64
import json
import re
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hooks.core.apis import APIS
from hooks.core.names import NULL_GUID
from tests.doctor import GUID, SERVER, examine, judge, listed, manifest, namespace, run
from tests.test_crds import ACCEPTED, REJECTED, SPEC, field_in_name

UNREAD: Final = "Namespace team-a is not in this file, so its allow-lists were not checked."
# With these settings, acrpull serves every binding that the API server accepts.
GENEROUS: Final = {
    "ACR_SERVER": SERVER,
    "MANAGED_IDENTITY_CLIENT_ID": GUID,
    "ALLOWED_ACR_SERVER_SUFFIXES": "azurecr.io,azurecr.cn,127.0.0.1:5000",
    "WORKLOAD_IDENTITY": "enabled",
}
GOOD: Final = manifest(acrServer=SERVER, managedIdentityClientID=GUID)


def test_accepts_every_sample_that_the_crd_accepts() -> None:
    """The report names each binding in the file, and no binding has a problem."""
    text = "---\n".join(path.read_text("utf-8") for path in ACCEPTED)
    done = run("-", "--output", "json", stdin=text, environ=GENEROUS)
    found = [(binding["name"], binding["problems"]) for binding in done.report["bindings"]]
    assert found == [(path.stem, []) for path in ACCEPTED]
    assert done.code == 0


def test_rejects_every_sample_that_the_crd_rejects() -> None:
    """Each binding has a single problem, on the field in the sample's file name."""
    text = "---\n".join(path.read_text("utf-8") for path in REJECTED)
    done = run("-", "--output", "json", stdin=text, environ=GENEROUS)
    assert len(done.report["bindings"]) == len(REJECTED)
    for sample, found in zip(REJECTED, done.report["bindings"], strict=True):
        assert not found["accepted"], sample
        (problem,) = found["problems"]
        field = field_in_name(sample)
        where = {"object": "spec is missing.", "spec": "spec"}.get(field, f"spec.{field}")
        assert problem.startswith(where), sample
        assert found["secretName"] is None
    assert done.code == 1


def test_all_problems() -> None:
    """The report has every problem of a binding, with the field and a valid example."""
    body = yaml.safe_load(
        manifest(acrServer="X", scope="a", managedIdentityClientID=5, acrserver="")
    )
    body |= {"apiVersion": "acrpull.dev/v1", "sepc": {}}
    body["metadata"] = {"name": "App", "labels": {"a b": "x", "c": True}, "nmae": "x"}
    found = judge(yaml.safe_dump(body))
    fields = [line.partition(": ")[0] for line in found["problems"]]
    assert fields == [
        "unknown field \"sepc\". Known fields are apiVersion, kind, metadata, spec, status.",
        "apiVersion", "metadata", "metadata.name", "metadata.labels", "metadata.labels.c",
        "spec", "spec.acrServer", "spec.managedIdentityClientID", "spec.scope",
    ]  # fmt: skip
    examples = [line.rpartition(" Use, for example, ")[2] for line in found["problems"]]
    assert examples[1] == "acrpull.dev/v1beta1"
    assert examples[-3:] == [SERVER, GUID, "repository:app:pull"]


def test_good_binding() -> None:
    """The report has identity, registry, requests and children of a binding without problems."""
    scope = "repository:a:pull,push repository:b:pull"
    found = judge(manifest(acrServer=SERVER, managedIdentityClientID=GUID, scope=scope))
    exchanged = {"grant_type": "access_token", "service": SERVER, "access_token": "<Entra token>"}
    assert found.pop("commands")["rbac"].startswith("az role assignment create --role AcrPull ")
    secret, account = found.pop("children")
    imds, exchange, scoped = found.pop("requests")
    assert found == {
        "kind": "ACRPullBinding",
        "name": "app",
        "namespace": "team-a",
        "accepted": True,
        "ok": True,
        "problems": [],
        "notes": [
            "spec.scope has other actions than pull. The role of the identity must allow them."
        ],
        "secretName": "acr-pull-app",
        "serviceAccountName": "default",
        "serviceAccountNames": None,
        "server": {"name": SERVER, "default": False},
        "identity": {"clientID": GUID, "resourceID": None, "default": False},
        "live": None,
    }
    assert imds["url"].startswith("http://169.254.169.254/metadata/identity/oauth2/token?")
    assert exchange == {
        "name": "exchange",
        "method": "POST",
        "url": f"https://{SERVER}/oauth2/exchange",
        "headers": {},
        "form": exchanged,
    }
    assert scoped["form"]["scope"] == scope
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    auth = base64.b64encode(f"{NULL_GUID}:<token>".encode()).decode()
    entry = {"username": NULL_GUID, "password": "<token>", "auth": auth}
    assert config == {"auths": {SERVER: entry}}
    assert account["imagePullSecrets"] == [{"name": "acr-pull-app"}]


def test_defaults_of_the_service() -> None:
    """The report marks a default; without defaults, the report has a problem for each field."""
    found = judge(manifest(), **GENEROUS)
    assert found["server"] == {"name": SERVER, "default": True}
    assert found["identity"] == {"clientID": GUID, "resourceID": None, "default": True}
    found = judge(manifest())
    assert found["accepted"]
    assert [line[:40] for line in found["problems"]] == [
        "spec.acrServer is missing and the servic",
        "spec names no managed identity and the s",
    ]


def test_denied_server() -> None:
    """The API server would accept the binding. acrpull would send no request."""
    found = judge(manifest(acrServer="registry.example.com", managedIdentityClientID=GUID))
    assert (found["accepted"], found["ok"], found["requests"]) == (True, False, None)
    assert "ALLOWED_ACR_SERVER_SUFFIXES" in found["problems"][0]


@pytest.mark.parametrize(
    ("annotated", "policy", "denied"),
    [
        pytest.param(namespace(), "optional", [], id="lists-nothing"),
        pytest.param(namespace(), "required", ["Registry", "Identity"], id="required"),
        pytest.param(namespace(identities=GUID, servers=SERVER), "required", [], id="listed"),
        pytest.param(namespace(identities="*", servers="*"), "required", [], id="all"),
        pytest.param(namespace(servers="x.azurecr.io"), "optional", ["Registry"], id="server"),
        pytest.param(namespace(identities="x"), "optional", ["Identity"], id="identity"),
        pytest.param(
            namespace(identities="", servers=""),
            "optional",
            ["Registry", "Identity"],
            id="none",
        ),
    ],
)
def test_namespace(annotated: str, policy: str, denied: list[str]) -> None:
    """The annotations of a Namespace before or after the binding count; each denial is shown."""
    for text in (annotated + GOOD, GOOD + annotated):
        report = examine(text, NAMESPACE_POLICY=policy)
        (found,) = report["bindings"]
        assert [line.partition(":")[0].partition(" ")[0] for line in found["problems"]] == denied
        remedy = 'of Namespace "team-a". Fix the spec, or ask a cluster administrator'
        assert all(remedy in line for line in found["problems"])
        assert (found["accepted"], found["ok"]) == (True, not denied)
        assert UNREAD not in report["notes"]


def test_namespace_that_is_not_in_the_file() -> None:
    """A note says that the lists were not checked. Another Namespace in the file does not count."""
    other = namespace("team-b", identities="", servers="")
    report = examine(other + GOOD)
    assert (report["ok"], report["notes"]) == (True, [UNREAD])
    report = examine(other + GOOD, NAMESPACE_POLICY="required")
    assert (report["ok"], report["notes"]) == (
        True,
        [
            UNREAD,
            "NAMESPACE_POLICY=required: Namespace team-a needs "
            f"acrpull.dev/allowed-identities={GUID} and acrpull.dev/allowed-acr-servers={SERVER}",
        ],
    )


def test_namespace_from_a_cluster() -> None:
    """The annotations of a Namespace in deletion count. The Namespace is not ignored."""
    body = yaml.safe_load(namespace(identities="x"))
    body["metadata"] |= {"uid": "u", "deletionTimestamp": "2026-11-23T12:00:00Z"}
    items = [yaml.safe_load(GOOD), body]
    report = examine(listed(*items))
    assert report["ignored"] == []
    assert report["bindings"][0]["problems"][0].startswith(f'Identity "{GUID}" is not listed')
    body["metadata"]["annotations"] = None
    assert judge(listed(*items))["ok"]


def test_nulls_are_absent_fields() -> None:
    """A null is an absent field, as in the output of kubectl: `creationTimestamp: null`."""
    text = manifest(acrServer=SERVER, managedIdentityClientID=GUID, serviceAccountName=None)
    found = judge(text.replace("metadata:", "metadata:\n  creationTimestamp:\n  labels: {a: }"))
    assert (found["problems"], found["serviceAccountName"]) == ([], "default")
    template = {"metadata": {"labels": {"team": None}, "annotations": None}}
    text = manifest(acrServer=SERVER, managedIdentityClientID=GUID, secretTemplate=template)
    assert judge(text)["problems"] == []


def test_secret_template() -> None:
    """The Secret has the template, and a problem names a reserved key."""
    labels = {"team": "shop"}
    fields = {"acrServer": SERVER, "managedIdentityClientID": GUID}
    found = judge(manifest(**fields, secretTemplate={"metadata": {"labels": labels}}))
    assert found["children"][0]["metadata"]["labels"].items() >= labels.items()
    labels = {"app.kubernetes.io/name": "shop"}
    found = judge(manifest(**fields, secretTemplate={"metadata": {"labels": labels}}))
    assert [
        p for p in found["problems"] if '"app.kubernetes.io/name" is not a key of your own' in p
    ]


def test_token_in_the_wrong_field() -> None:
    """A problem never shows a token from the manifest."""
    token = "eyJ" + "x" * 60
    done = run("-", stdin=manifest(acrServer=token))
    assert "spec.acrServer: " in done.out
    assert "xxx" not in done.out


VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=9,
)
META: Final = st.fixed_dictionaries(
    {"name": st.just("app") | VALUES},
    optional={
        "namespace": st.just("team-a") | VALUES,
        "annotations": st.dictionaries(st.just("acrpull.dev/allowed") | st.text(), VALUES) | VALUES,
        "labels": VALUES,
        "ownerReferences": VALUES,
    },
)
KINDS: Final = ("ACRPullBinding", "AcrPullBinding", "Namespace", "ServiceAccount", "Secret", "List")
NEAR: Final = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from(["v1", *APIS]) | VALUES,
        "kind": st.sampled_from(KINDS) | VALUES,
        "metadata": META | VALUES,
        "spec": st.dictionaries(st.sampled_from([*SPEC["properties"], "acr", "auth"]), VALUES)
        | VALUES,
        "items": VALUES,
    },
)


@given(st.lists(NEAR | VALUES, max_size=3))
def test_any_documents(documents: list[Any]) -> None:
    """The output for any documents has an entry for each binding, or is a usage error."""
    text = listed(*documents)
    done = run("--output", "json", "-", stdin=text)
    shown = run("--verbose", "-", stdin=text)
    assert done.code == shown.code
    if done.code == 2:
        assert (done.out, shown.out) == ("", "")
    else:
        bindings = done.report["bindings"]
        assert done.code == (not done.report["ok"])
        assert len(re.findall("(?mi)^acrpullbinding .*: (?:OK|invalid|not)", shown.out)) == len(
            bindings
        )
