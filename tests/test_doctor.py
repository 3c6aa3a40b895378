"""The doctor offline: its verdicts, its exit codes, what it prints; all in one process a test."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hooks.core.names import NULL_GUID
from hooks.doctor.diagnosis import diagnose
from hooks.doctor.report import Finding, Report, new_report
from hooks.doctor.selection import select
from hooks.doctor.text import render
from hooks.settings import Settings
from tests.doctor import COMMAND, manifest, run
from tests.service import ROOT, clean_environment
from tests.test_crds import ACCEPTED, REJECTED, SPEC, field_in_name

GUID: Final = "11111111-2222-3333-4444-555555555555"
SERVER: Final = "myregistry.azurecr.io"
RESOURCE_ID: Final = (
    f"/subscriptions/{GUID}/resourceGroups/rg(1)/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
UNSEEN: Final = (
    "the annotations of Namespace team-a are not looked at: give its manifest in the same file"
)
# With these, the service serves all that the API server accepts.
GENEROUS: Final = {
    "ACR_SERVER": SERVER,
    "MANAGED_IDENTITY_CLIENT_ID": GUID,
    "ALLOWED_ACR_SERVER_SUFFIXES": "azurecr.io,azurecr.cn,127.0.0.1:5000",
    "WORKLOAD_IDENTITY": "enabled",
}


def judge(text: str, **environ: str) -> dict[str, Any]:
    """Return what the doctor says of the one binding in *text*."""
    done = run("--output", "json", "-", stdin=text, environ=environ)
    assert done.err == ""
    assert done.report["ok"] == (done.code == 0)
    (found,) = done.report["bindings"]
    return dict(found)


def test_accepts_every_sample_that_the_crd_accepts() -> None:
    """All in one file, each by its name, none with a problem."""
    text = "---\n".join(path.read_text("utf-8") for path in ACCEPTED)
    done = run("-", "--output", "json", stdin=text, environ=GENEROUS)
    names = [binding["name"] for binding in done.report["bindings"]]
    assert names == [path.stem for path in ACCEPTED]
    assert [b["problems"] for b in done.report["bindings"]] == [[] for _ in ACCEPTED]
    assert done.code == 0


def test_refuses_every_sample_that_the_crd_rejects() -> None:
    """Each for the field in its file name, in one line, and for no other field."""
    text = "---\n".join(path.read_text("utf-8") for path in REJECTED)
    done = run("-", "--output", "json", stdin=text, environ=GENEROUS)
    assert len(done.report["bindings"]) == len(REJECTED)
    for sample, found in zip(REJECTED, done.report["bindings"], strict=True):
        assert not found["accepted"], sample
        (problem,) = found["problems"]
        field = field_in_name(sample)
        where = {"object": "spec: missing", "spec": "spec: "}.get(field, f"spec.{field}: ")
        assert problem.startswith(where), sample
        assert found["secretName"] is None
    assert done.code == 1


def test_tells_all_problems_at_once() -> None:
    """Each has its field, and an example that is valid in its place."""
    body = yaml.safe_load(
        manifest(acrServer="X", scope="a", managedIdentityClientID=5, acrserver="")
    )
    body |= {"apiVersion": "acrpull.dev/v1", "sepc": {}}
    body["metadata"] = {"name": "App", "labels": {"a b": "x", "c": True}, "nmae": "x"}
    found = judge(yaml.safe_dump(body))
    fields = [line.partition(": ")[0] for line in found["problems"]]
    assert fields == [
        "unknown field \"sepc\"; known are apiVersion, kind, metadata, spec, status",
        "apiVersion", "metadata", "metadata.name", "metadata.labels", "metadata.labels.c",
        "spec", "spec.acrServer", "spec.managedIdentityClientID", "spec.scope",
    ]  # fmt: skip
    examples = [line.rpartition("; e.g. ")[2] for line in found["problems"]]
    assert examples[1] == "acrpull.dev/v1beta1"
    assert examples[-3:] == [SERVER, GUID, "repository:app:pull"]


def test_says_what_would_come_of_a_binding() -> None:
    """The whole object that programs get."""
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
            "spec.scope asks for more than pull: give the identity a role that has it",
            UNSEEN,
        ],
        "secretName": "acr-pull-app",
        "serviceAccountName": "default",
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
    """They are told as such; without them, both that lack are named at once."""
    found = judge(manifest(), **GENEROUS)
    assert found["server"] == {"name": SERVER, "default": True}
    assert found["identity"] == {"clientID": GUID, "resourceID": None, "default": True}
    found = judge(manifest())
    assert found["accepted"]
    assert [line[:40] for line in found["problems"]] == [
        "spec.acrServer is missing and the servic",
        "spec names no managed identity and the s",
    ]
    assert found["notes"] == [
        "judged by the settings in this environment: give it those of the service"
    ]


def test_server_that_is_not_allowed() -> None:
    """The API server stores it, the service would not mint for it, and nothing is planned."""
    found = judge(manifest(acrServer="registry.example.com", managedIdentityClientID=GUID))
    assert (found["accepted"], found["ok"], found["requests"]) == (True, False, None)
    assert "ALLOWED_ACR_SERVER_SUFFIXES" in found["problems"][0]


def namespace(name: str = "team-a", **listed: str) -> str:
    """Return a Namespace's YAML, a document; *listed* are `identities` and `servers`."""
    keys = {"identities": "allowed-identities", "servers": "allowed-acr-servers"}
    annotations = {f"acrpull.dev/{keys[key]}": value for key, value in listed.items()}
    meta = {"name": name, "annotations": annotations}
    return f"---\n{yaml.safe_dump({'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': meta})}"


GOOD: Final = manifest(acrServer=SERVER, managedIdentityClientID=GUID)


@pytest.mark.parametrize(
    ("given", "policy", "denied"),
    [
        pytest.param(namespace(), "optional", [], id="lists-nothing"),
        pytest.param(namespace(), "required", ["spec.acrServer", "identity"], id="required"),
        pytest.param(namespace(identities=GUID, servers=SERVER), "required", [], id="listed"),
        pytest.param(namespace(identities="*", servers="*"), "required", [], id="all"),
        pytest.param(
            namespace(servers="x.azurecr.io"), "optional", ["spec.acrServer"], id="server"
        ),
        pytest.param(namespace(identities="x"), "optional", ["identity"], id="identity"),
        pytest.param(
            namespace(identities="", servers=""),
            "optional",
            ["spec.acrServer", "identity"],
            id="none",
        ),
    ],
)
def test_namespace(given: str, policy: str, denied: list[str]) -> None:
    """What it lists counts, wherever it is in the file; all that it denies is told at once."""
    for text in (given + GOOD, GOOD + given):
        found = judge(text, NAMESPACE_POLICY=policy)
        assert [line.partition(":")[0].partition(" ")[0] for line in found["problems"]] == denied
        remedy = "of Namespace team-a; correct it, or ask the cl"
        assert all(remedy in line for line in found["problems"])
        assert (found["accepted"], found["ok"]) == (True, not denied)
        assert UNSEEN not in found["notes"]


def test_namespace_that_is_not_there() -> None:
    """What is not known of it is told; another one does not matter."""
    other = namespace("team-b", identities="", servers="")
    found = judge(other + GOOD)
    assert (found["problems"], found["notes"]) == ([], [UNSEEN])
    found = judge(other + GOOD, NAMESPACE_POLICY="required")
    assert found["problems"] == []
    assert found["notes"] == [
        UNSEEN,
        "NAMESPACE_POLICY=required: on Namespace team-a, acrpull.dev/allowed-identities must list "
        f"{GUID}, and acrpull.dev/allowed-acr-servers must list {SERVER}",
    ]


def test_namespace_as_it_is() -> None:
    """One from a cluster, be it going, is judged by its annotations; and it is not passed over."""
    body = yaml.safe_load(namespace(identities="x"))
    body["metadata"] |= {"uid": "u", "deletionTimestamp": "2026-11-23T12:00:00Z"}
    items = [yaml.safe_load(GOOD), body]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    report = run("--output", "json", "-", stdin=text).report
    assert report["passedOver"] == []
    assert report["bindings"][0]["problems"][0].startswith(f"identity {GUID} is not in the")
    body["metadata"]["annotations"] = None
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    assert judge(text)["ok"]


def test_same_bytes() -> None:
    """The same file gives the same bytes, whenever it is read."""
    text = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
    runs = {run("--output", output, "-", stdin=text).out for output in ("json", "json", "text")}
    assert len(runs) == 2


def test_other_kinds_are_passed_over_by_name() -> None:
    """And lists, as kubectl gives them, are opened."""
    others = "kind: ConfigMap\nmetadata: {name: a, namespace: b}\n---\nkind: Thing\n---\n"
    items = [
        yaml.safe_load(manifest(n, acrServer=SERVER, managedIdentityClientID=GUID)) for n in "xy"
    ]
    text = others + json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    report = run("--output", "json", "-", stdin=text).report
    assert report["passedOver"] == ["ConfigMap b/a", "Thing"]
    assert [binding["name"] for binding in report["bindings"]] == ["x", "y"]
    assert run("-", stdin=text).out.endswith("\npassed over: ConfigMap b/a, Thing\n")


def test_nulls_are_absent_fields() -> None:
    """As kubectl writes them: `creationTimestamp: null`, `serviceAccountName:`."""
    text = manifest(acrServer=SERVER, managedIdentityClientID=GUID, serviceAccountName=None)
    found = judge(text.replace("metadata:", "metadata:\n  creationTimestamp:\n  labels: {a: }"))
    assert (found["problems"], found["serviceAccountName"]) == ([], "default")


@pytest.mark.parametrize(
    ("arguments", "stdin", "environ", "said"),
    [
        (["no/such/file"], "", {}, "no/such/file: No such file or directory"),
        (["hooks"], "", {}, "hooks: Is a directory"),
        (["-"], "", {}, "-: no ACRPullBinding in it, nothing"),
        (["-"], "kind: Pod", {}, "-: no ACRPullBinding in it, only Pod"),
        (["-"], namespace(), {}, "-: no ACRPullBinding in it, only Namespace team-a"),
        (["-"], manifest(), {"TOKEN_AUDIENCE": "x"}, "TOKEN_AUDIENCE: 'x' is no resource URI"),
        (["--output", "xml", "-"], "", {}, "invalid choice: 'xml'"),
        ([], "", {}, "the following arguments are required: BINDING.yaml"),
    ],
)
def test_usage(arguments: list[str], stdin: str, environ: dict[str, str], said: str) -> None:
    """What the caller has to change is told on stderr, without a traceback."""
    done = run(*arguments, stdin=stdin, environ=environ)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b: c\n", "line 1, column 5: mapping values are not allowed in this context"),
        ("5\n", "document 1: not an object; e.g. kind: ACRPullBinding"),
        ("a: 1\n", "document 1: kind: missing; e.g. ACRPullBinding"),
        (
            "{apiVersion: v1, kind: Namespace}",
            "document 1: Namespace.metadata: expected an object, e.g. {}",
        ),
        (
            namespace().replace("{}", "{acrpull.dev/allowed-identities: 1}"),
            "document 1: Namespace.metadata.annotations.acrpull.dev/allowed-identities: "
            'expected a string, e.g. "app"',
        ),
    ],
)
def test_problems_of_the_file(text: str, said: str) -> None:
    """They are told in both forms, and are no usage error."""
    done = run("-", stdin=text)
    assert (done.code, done.out) == (1, f"-: {said}\n")
    report = run("-", "--output", "json", stdin=text).report
    assert (report["ok"], report["problems"], report["bindings"]) == (False, [said], [])


def test_nothing_steers_the_terminal() -> None:
    """A name with an escape sequence is shown, not obeyed; and one that is no character."""
    done = run("-", stdin=json.dumps({"kind": "\x1b[31mPod"}) + "\n")
    assert "\x1b" not in done.err
    text = json.dumps({"kind": "ACRPullBinding", "metadata": {"name": "\x1b[31m\ud800"}})
    done = run("-", stdin=text)
    assert done.out.startswith("ACRPullBinding \\u001b[31m\\ud800: would be refused\n")


def test_other_sources_of_tokens_are_noted() -> None:
    """What makes azure-identity ask something else than IMDS is named."""
    text = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
    done = run("-", stdin=text, environ={"IDENTITY_ENDPOINT": "http://x"})
    assert done.code == 0
    assert done.out.startswith("note: IDENTITY_ENDPOINT is set, so azure-identity asks that")


def test_help_has_an_example_and_the_keys() -> None:
    """The keys that it lists are those that are there."""
    done = run("--help")
    assert done.code == 0
    assert "\n  python -m hooks.doctor binding.yaml\n" in done.out
    report = run("crds/samples/accepted/client-id.yaml", "--output", "json").report
    for key in (*report, *report["bindings"][0], *report["bindings"][0]["commands"]):
        assert key in done.out.partition("keys of --output json")[2], key


def test_offline_loads_nothing_that_could_ask() -> None:
    """Without --live the libraries that speak to Azure are not even there."""
    code = (
        "import sys; sys.argv[1:] = ['crds/samples/accepted/client-id.yaml'];"
        "from hooks.doctor.__main__ import main; main();"
        "print(sorted({'azure', 'requests', 'urllib3', 'flask'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603  the command is our own
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == b"[]"


def test_needs_nothing_but_its_package(tmp_path: Path) -> None:
    """It runs where the image has it: in a folder with `hooks` alone."""
    shutil.copytree(ROOT / "hooks", tmp_path / "hooks")
    done = subprocess.run(  # noqa: S603  the command is our own
        [*COMMAND, "-"],
        cwd=tmp_path,
        env=clean_environment(),
        input=manifest(acrServer=SERVER, managedIdentityClientID=GUID).encode(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"ACRPullBinding team-a/app: good\n")


def test_token_in_the_wrong_place() -> None:
    """A token that somebody took for a field's value is not repeated."""
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
NEAR: Final = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.just("acrpull.dev/v1beta1") | st.just("v1") | VALUES,
        "kind": st.sampled_from(["ACRPullBinding", "Namespace", "ServiceAccount", "List"]) | VALUES,
        "metadata": st.fixed_dictionaries({"name": st.just("app") | VALUES}) | VALUES,
        "spec": st.dictionaries(st.sampled_from(list(SPEC["properties"])), VALUES) | VALUES,
        "items": VALUES,
    },
)


@given(st.lists(NEAR | VALUES, max_size=3))
def test_any_documents(documents: list[Any]) -> None:
    """Whatever a file holds, there is a line to say of each object in it, and no crash."""
    found = select(documents)
    policy = Settings.from_env({}).policy
    around = (found.namespaces, found.accounts)
    findings = tuple(Finding(diagnose(b, policy, *around)) for b in found.bindings)
    report = Report("-", found.problems, (), found.passed_over, findings)
    said = new_report(report, {}, Settings.from_env({}).federation)
    text = render(said)
    assert text.count("ACRPullBinding ") >= len(findings)
    assert said["ok"] == (not found.problems and all(b["ok"] for b in said["bindings"]))
    json.loads(json.dumps(said, allow_nan=False))


def test_readme() -> None:
    """README's command works as it stands, and fits a screen."""
    readme = (Path(ROOT) / "README.md").read_text("utf-8")
    (line,) = (x for x in readme.splitlines() if x.startswith(".venv/bin/python -m hooks.doctor"))
    done = run(*line.split()[3:])
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ACRPullBinding default/client-id: good\n")
    assert len(done.out.splitlines()) <= 40


UPSTREAMS: Final = sorted((ROOT / "crds/samples/upstream").iterdir())
MORE: Final = "spec.acr.scope asks for more than pull: give the identity a role that has it"


@pytest.mark.parametrize(
    "sample", [s for s in UPSTREAMS if "workload" not in s.stem], ids=lambda path: path.stem
)
def test_upstream(sample: Path) -> None:
    """A binding of upstream's is judged by its own rules, and gets the Secret of its own name."""
    audience = "https://management.example.com"
    found = judge(sample.read_text("utf-8"), TOKEN_AUDIENCE=audience)
    body = yaml.safe_load(sample.read_text("utf-8"))
    assert (found["kind"], found["problems"]) == ("AcrPullBinding", [])
    name = body["metadata"]["name"]
    expected = f"{name}-msi-acrpull-secret" if "v1beta1" in sample.stem else f"acr-pull-{name}"
    assert found["secretName"] == expected
    assert found["serviceAccountName"] == body["spec"].get("serviceAccountName", "default")
    assert found["server"]["name"] == SERVER


def test_upstream_as_stored() -> None:
    """As from `kubectl get -o json`: finalizer, status and all, of several kinds in one List."""
    items = [yaml.safe_load(path.read_text("utf-8")) for path in (UPSTREAMS[0], ACCEPTED[0])]
    items[0]["metadata"] |= {"finalizers": ["msi-acrpull.microsoft.com"], "uid": "x"}
    items[0]["status"] = {"lastTokenRefreshTime": "2026-11-23T12:00:00Z"}
    items[0]["spec"] |= {"serviceAccountName": ""}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    done = run("-", stdin=text)
    assert done.code == 0
    assert "AcrPullBinding default/first: good\n" in done.out
    assert "\nACRPullBinding " in done.out


@pytest.mark.parametrize(
    ("change", "accepted", "problem"),
    [
        pytest.param(
            {"acrServer": "X"}, True, 'spec.acrServer: "X" is not a registry\'s login', id="value"
        ),
        pytest.param({"acrserver": "x"}, False, 'spec: unknown field "acrserver"', id="field"),
        pytest.param({"scope": 5}, False, "spec.scope: 5 is not one or several", id="type"),
        pytest.param({"scope": "x" * 5000}, False, "spec: over 4096 characters", id="length"),
    ],
)
def test_upstream_problem(change: dict[str, Any], *, accepted: bool, problem: str) -> None:
    """What upstream's CRD lets through and the service can't serve is told apart."""
    body = yaml.safe_load(UPSTREAMS[0].read_text("utf-8"))
    body["spec"] |= change
    found = judge(yaml.safe_dump(body))
    assert found["accepted"] is accepted
    (line,) = found["problems"]
    assert line.startswith(problem)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        pytest.param(
            {"environment": "AirgappedCloud"},
            "is not an object with cloudConfig, which an AirgappedCloud has to have; e.g. "
            "{..., cloudConfig: {entraAuthorityHost: https://login.example.com, "
            "resourceManagerAudience: https://management.example.com}}",
            id="without",
        ),
        pytest.param(
            {"cloudConfig": {"entraAuthorityHost": "x.y", "resourceManagerAudience": "https://z"}},
            "is not an object without cloudConfig, which is for environment AirgappedCloud alone; "
            "e.g. {server: myregistry.azurecr.io, scope: 'repository:app:pull'}",
            id="with",
        ),
    ],
)
def test_upstream_cloud_config(change: dict[str, Any], line: str) -> None:
    """What is missing is shown, and what is too much is not."""
    (sample,) = (path for path in UPSTREAMS if path.stem == "v1beta2-managed-identity")
    body = yaml.safe_load(sample.read_text("utf-8"))
    body["spec"]["acr"] |= change
    found = judge(yaml.safe_dump(body))
    assert not found["accepted"]
    assert [problem.partition("... ")[2] for problem in found["problems"]] == [line]


def test_upstream_without_spec() -> None:
    """Upstream's CRDs let that through; of each kind the examples are its own."""
    for sample in UPSTREAMS:
        body = yaml.safe_load(sample.read_text("utf-8"))
        del body["spec"]
        found = judge(yaml.safe_dump(body))
        assert found["accepted"]
        needed = ["acrServer"] if "v1beta1" in sample.stem else ["acr", "auth"]
        starts = [f"spec.{name}: missing; e.g. " for name in needed]
        assert [
            start for start, line in zip(starts, found["problems"], strict=False)
            if line.startswith(start)
        ] == starts  # fmt: skip
    assert not judge(manifest().replace("spec: {}\n", ""))["accepted"]


def test_upstream_that_is_not_served() -> None:
    """That the service is not told of upstream's bindings is noted, where there is one."""
    said = "note: UPSTREAM_APIS=disabled: nobody serves msi-acrpull's bindings"
    text = UPSTREAMS[0].read_text("utf-8")
    assert run("-", stdin=text).out.startswith(said)
    assert said not in run("-", stdin=text, environ={"UPSTREAM_APIS": "enabled"}).out
    assert said not in run("-", stdin=manifest()).out


def test_upstream_version() -> None:
    """A version that there is not is told with that of its group; so is another kind's name."""
    body = yaml.safe_load(UPSTREAMS[0].read_text("utf-8"))
    body |= {"apiVersion": "msi-acrpull.microsoft.com/v1", "kind": "ACRPullBinding"}
    lines = judge(yaml.safe_dump(body))["problems"]
    assert [line.partition("; e.g. ")[2] for line in lines] == [
        "msi-acrpull.microsoft.com/v1beta1", "AcrPullBinding"
    ]  # fmt: skip


def test_upstream_words() -> None:
    """A refusal of v1beta2 names its own fields, and so does a note."""
    (sample,) = (path for path in UPSTREAMS if path.stem == "v1beta2-managed-identity")
    found = judge(sample.read_text("utf-8"), ALLOWED_ACR_SERVER_SUFFIXES="azurecr.cn")
    (line,) = found["problems"]
    assert line.startswith("spec.acr.server: 'myregistry.azurecr.io' is not in")
    assert MORE in judge(sample.read_text("utf-8"))["notes"]


def test_upstream_nulls() -> None:
    """What is null is absent, at any depth, as it is to the API server."""
    (sample,) = (path for path in UPSTREAMS if path.stem == "v1beta2-managed-identity")
    body = yaml.safe_load(sample.read_text("utf-8"))
    body["spec"]["auth"]["managedIdentity"]["resourceID"] = None
    body["spec"]["acr"]["cloudConfig"] = None
    assert judge(yaml.safe_dump(body))["problems"] == []
